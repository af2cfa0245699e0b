"""One document: what it is, what can be done with it, and every file that it has had."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.timezone import is_aware, localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from documents.api.serializers.documents import DocumentInput
from documents.api.uploads import incoming
from documents.extraction.types import (
    CSV,
    DOC,
    DOCX,
    EML,
    EPUB,
    HTML,
    MARKDOWN,
    PDF,
    PLAIN_TEXT,
    PPTX,
    XLSX,
)
from documents.failure_messages import told
from documents.models import Document, DocumentVersion, Page, Status
from documents.selectors import (
    access_document,
    access_version,
    list_collections,
    list_versions,
    require_collections,
)
from documents.services.documents import (
    cancel_document,
    delete_document,
    reprocess_document,
    require_change,
    update_document,
)
from documents.services.versions import replace_file, restore_version
from documents.views.filters import language_name
from documents.views.forms import back, form_view, tell, to_list
from documents.views.rows import STAGES, document_row
from tenants.access import Access
from tenants.addresses.links import tenant_url
from tenants.errors import InvalidInput
from tenants.permissions import Action
from tenants.selectors import list_members
from tenants.web.portal_views import is_navigation, portal_view

_KINDS = {
    PDF: "PDF",
    DOCX: gettext_lazy("Word document"),
    DOC: gettext_lazy("Word document, old format"),
    PPTX: gettext_lazy("PowerPoint presentation"),
    XLSX: gettext_lazy("Excel workbook"),
    CSV: gettext_lazy("Table as text (CSV)"),
    PLAIN_TEXT: gettext_lazy("Plain text"),
    MARKDOWN: gettext_lazy("Markdown"),
    HTML: gettext_lazy("Web page"),
    EPUB: gettext_lazy("E-book"),
    EML: gettext_lazy("E-mail"),
}
_DATES = ("sent", "created", "modified")
_PROPERTIES = {
    "title": gettext_lazy("Title in the file"),
    "author": gettext_lazy("Author"),
    "subject": gettext_lazy("Subject"),
    "keywords": gettext_lazy("Keywords"),
    "from": gettext_lazy("From"),
    "to": gettext_lazy("To"),
    "sent": gettext_lazy("Sent"),
    "created": gettext_lazy("Created"),
    "modified": gettext_lazy("Last changed"),
    "attachments": gettext_lazy("Files in it, not read"),
    "pages_without_text": gettext_lazy("Pages that are pictures without text"),
}


@require_safe
@portal_view(Action.READ_DOCUMENTS)
def document(request: HttpRequest, access: Access, document: UUID) -> HttpResponse:
    """Everything about one document."""
    found = access_document(access, document)
    versions = list(list_versions(found).order_by("-number"))
    people = {one.user_id: one.user.name or one.user.email for one in list_members(access)}
    current = next(one for one in versions if one.number == found.current_version)
    shown = next((one for one in versions if one.number == found.pending_version), current)
    context = {
        "section": "documents",
        "document": document_row(access, found),
        "facts": list(_facts(found, current, people)),
        "properties": list(_properties(current.properties)),
        "metadata": sorted(found.metadata.items()),
        "tag_words": ", ".join(found.tags),
        "timings": list(_timings(shown)),
        "versions": [_version(access, found, one, people) for one in versions],
        "pending": found.pending_version,
        "pages": _pages(access, found, current),
        "original_url": tenant_url(access.tenant_slug, "original", found.id, found.current_version),
        "collections": list_collections(access).order_by("name", "id"),
        # Such a file is moved nowhere by the way: others would see it there.
        "is_attached": found.collection.attached_to is not None,
    }
    return render(request, "document.html", context)


def _facts(document: Document, version: DocumentVersion, people: dict[UUID, str]) -> Iterator[tuple[str, object]]:
    yield _("File"), version.name
    yield _("Kind"), _KINDS.get(version.media_type, version.media_type)
    if document.language:
        yield _("Language"), language_name(document.language)
    if document.dated_at and not any(name in version.properties for name in _DATES):
        yield _("Date of the file"), _day(document.dated_at)
    added = _day(document.created_at)
    who = people.get(document.uploaded_by_id) if document.uploaded_by_id else None
    yield _("Added"), _("{day} by {name}").format(day=added, name=who) if who else added
    yield (
        _("Passages"),
        _("{size} characters at most, {overlap} of them shared with the next").format(
            size=document.chunk_size, overlap=document.chunk_overlap
        ),
    )
    hidden = ", ".join(f"{kind}: {count}" for kind, count in sorted(version.masked.items()) if count)
    if hidden:
        yield _("Hidden from search and models"), hidden


def _properties(said: dict[str, str]) -> Iterator[tuple[object, str]]:
    for name, label in _PROPERTIES.items():
        if value := said.get(name):
            yield label, _readable(value) if name in _DATES else value


def _readable(value: str) -> str:
    try:
        when = parse_datetime(value)
        return _day(when) if when else value
    except (ValueError, OverflowError):
        return value


def _day(when: datetime) -> str:
    return date_format(localtime(when) if is_aware(when) else when, "DATETIME_FORMAT")


def _timings(version: DocumentVersion) -> Iterator[dict[str, Any]]:
    """Seconds by stage, each with its share of the whole, 0..1."""
    whole = sum(version.timings.get(stage, 0.0) for stage in STAGES)
    for stage, label in STAGES.items():
        seconds = version.timings.get(stage)
        if seconds is not None:
            yield {"label": label, "seconds": seconds, "share": seconds / whole if whole else 0.0}


def _version(
    access: Access, document: Document, version: DocumentVersion, people: dict[UUID, str]
) -> dict[str, Any]:
    slug, is_current = access.tenant_slug, version.number == document.current_version
    return {
        "number": version.number,
        "name": version.name,
        "size": version.size,
        "created_at": version.created_at,
        "by": people.get(version.uploaded_by_id, "") if version.uploaded_by_id else "",
        "status": version.status,
        "error": told(version.error_detail) if version.error_code else "",
        "pages": version.page_count,
        "is_current": is_current,
        "is_pending": version.number == document.pending_version,
        "url": tenant_url(slug, "passage", document.id, version.number, 1) if version.page_count else None,
        "original_url": tenant_url(slug, "original", document.id, version.number),
        "can_restore": not is_current and version.status == Status.READY and document.is_terminal,
    }


def _pages(access: Access, document: Document, version: DocumentVersion) -> list[dict[str, Any]]:
    found = Page.objects.filter(version=version).order_by("number").only("number", "label", "is_recognised")
    return [
        {
            "number": page.number,
            "label": page.label,
            "is_recognised": page.is_recognised,
            "url": tenant_url(access.tenant_slug, "passage", document.id, version.number, page.number),
        }
        for page in found
    ]


@form_view(Action.WRITE_DOCUMENTS)
def change(request: HttpRequest, access: Access, document: UUID) -> HttpResponse:
    """Title, tags as words with commas between them, and the collection; what is left out stays."""
    found = access_document(access, document)
    sent: dict[str, Any] = {name: value for name, value in request.POST.items() if name != "csrfmiddlewaretoken"}
    if "tags" in sent:
        sent["tags"] = [tag for one in sent["tags"].split(",") if (tag := " ".join(one.split()))]
    if sent.get("title", "x").strip() == "":
        raise InvalidInput.at("/title", _("A document needs a title."), "blank")
    body = DocumentInput(data=sent)
    body.is_valid(raise_exception=True)
    wanted: dict[str, Any] = dict(body.validated_data)
    if "collection" in wanted:
        [wanted["collection"]] = require_collections(access, [wanted["collection"]], pointer="/collection")
    wanted = {name: value for name, value in wanted.items() if getattr(found, name) != value}
    update_document(access=access, document=found, **wanted)
    tell(request, _("Saved."))
    return back(request)


@form_view(Action.WRITE_DOCUMENTS)
def delete(request: HttpRequest, access: Access, document: UUID) -> HttpResponse:
    """A script has asked before; a browser without one is asked by a page."""
    found = access_document(access, document)
    require_change(access, found)
    if is_navigation(request) and request.POST.get("confirmed") != "true":
        return render(request, "documents_delete.html", {"section": "documents", "documents": [found]})
    delete_document(access=access, document=found)
    if not is_navigation(request):
        return back(request)
    tell(request, _("“{title}” is deleted.").format(title=found.title))
    return to_list()


@form_view(Action.WRITE_DOCUMENTS)
def retry(request: HttpRequest, access: Access, document: UUID) -> HttpResponse:
    """Process the current version anew."""
    reprocess_document(access=access, document=access_document(access, document))
    return back(request)


@form_view(Action.WRITE_DOCUMENTS)
def cancel(request: HttpRequest, access: Access, document: UUID) -> HttpResponse:
    """Stop processing; the document keeps its place in the list."""
    cancel_document(access=access, document=access_document(access, document))
    return back(request)


@form_view(Action.WRITE_DOCUMENTS)
def replace(request: HttpRequest, access: Access, document: UUID) -> HttpResponse:
    """A new file for the document."""
    found = access_document(access, document)
    require_change(access, found)
    file = request.FILES.get("file")
    if file is None:
        raise InvalidInput.at("/file", _("Choose a file."), "required")
    before = found.current_version
    version = replace_file(access=access, document=found, file=incoming(file))
    if version.number == before:
        tell(request, _("That is the file which is here already: nothing was changed."), messages.INFO)
    return back(request)


@form_view(Action.WRITE_DOCUMENTS)
def restore(request: HttpRequest, access: Access, document: UUID, number: int) -> HttpResponse:
    """Let questions find an earlier file again."""
    version = access_version(access, document, number)
    restore_version(access=access, document=version.document, version=version)
    tell(request, _("Questions find version {number} again.").format(number=number))
    return back(request)
