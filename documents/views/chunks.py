"""How a document is cut into passages, page by page, and would be with other sizes."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from rest_framework import serializers

from documents.chunking_preview import MAX_PAGES, preview_passages
from documents.document_passages import Passage
from documents.models import Chunk, Document, Page
from documents.selectors import access_document, list_chunks
from documents.services.documents import reprocess_document
from documents.services.sizes import MAX_CHUNK, MIN_CHUNK, Sizes, chosen_sizes
from documents.views.forms import fields_of, form_view, tell
from documents.views.rows import may_change
from tenants.access import Access
from tenants.addresses.links import tenant_url
from tenants.api.problems import as_docent_error
from tenants.api.serializers import StrictSerializer
from tenants.errors import Conflict, InvalidInput
from tenants.permissions import Action
from tenants.web.portal_views import portal_view

_SHOWN_PAGES = 10


class SizesForm(StrictSerializer):
    chunk_size = serializers.IntegerField(required=False)
    chunk_overlap = serializers.IntegerField(required=False)


class PlaceForm(SizesForm):
    """`page` is the first of those shown."""

    page = serializers.IntegerField(required=False, min_value=1, default=1)


@require_safe
@portal_view(Action.READ_DOCUMENTS)
def chunks(request: HttpRequest, access: Access, document: UUID) -> HttpResponse:
    """Ten pages at a time: as they are cut, or, with other sizes in the address, as they would be."""
    found = access_document(access, document)
    present = Sizes(found.chunk_size, found.chunk_overlap)
    first, sizes = _asked_for(request, found)
    is_preview = sizes != present
    pages = _pages(access, found, first)
    try:
        passages = _passages(found, sizes, first, is_preview=is_preview)
    except Conflict as error:
        messages.error(request, error.detail)
        passages, is_preview, sizes = [], False, present
    last = min(found.page_count, MAX_PAGES) if is_preview else found.page_count
    after = first + _SHOWN_PAGES
    context = {
        "section": "documents",
        "document": found,
        "sizes": sizes,
        "present": present,
        "limits": {"least": MIN_CHUNK, "most": MAX_CHUNK, "overlap": MAX_CHUNK // 2},
        "is_preview": is_preview,
        "is_cut_short": is_preview and found.page_count > MAX_PAGES,
        "previewed_pages": MAX_PAGES,
        "may_apply": is_preview and found.is_terminal and may_change(access, found),
        "pages": _by_page(pages, passages),
        "count": len(passages),
        "previous_url": _url(found, max(1, first - _SHOWN_PAGES), sizes, present) if first > 1 else None,
        "next_url": _url(found, after, sizes, present) if after <= last else None,
        "details_url": reverse("portal:document", args=[found.id]),
    }
    return render(request, "document_chunks.html", context)


@form_view(Action.WRITE_DOCUMENTS)
def apply(request: HttpRequest, access: Access, document: UUID) -> HttpResponse:
    """Process the document anew with these sizes."""
    found = access_document(access, document)
    body = SizesForm(data=fields_of(request))
    body.is_valid(raise_exception=True)
    sizes = _sizes(found, body.validated_data)
    reprocess_document(access=access, document=found, sizes=sizes)
    tell(request, _("The document is being cut anew."))
    return HttpResponseRedirect(reverse("portal:document", args=[found.id]))


def _asked_for(request: HttpRequest, document: Document) -> tuple[int, Sizes]:
    """The first page and the sizes; where the address makes no sense, with a notice, how things are."""
    query = PlaceForm(data={name: value for name, value in request.GET.items() if value})
    try:
        query.is_valid(raise_exception=True)
        return query.validated_data["page"], _sizes(document, query.validated_data)
    except Exception as raised:
        error = as_docent_error(raised)
        if not isinstance(error, InvalidInput):
            raise
        messages.error(request, error.errors[0].detail if error.errors else error.detail)
        return 1, Sizes(document.chunk_size, document.chunk_overlap)


def _sizes(document: Document, wanted: Mapping[str, int]) -> Sizes:
    return chosen_sizes(document, size=wanted.get("chunk_size"), overlap=wanted.get("chunk_overlap"))


def _pages(access: Access, document: Document, first: int) -> list[dict[str, Any]]:
    current = {"version__document": document, "version__number": document.current_version}
    pages = Page.objects.filter(**current, number__gte=first, number__lt=first + _SHOWN_PAGES)
    place = (access.tenant_slug, "passage", document.id, document.current_version)
    return [
        {"number": page.number, "label": page.label, "url": tenant_url(*place, page.number)}
        for page in pages.order_by("number").only("number", "label")
    ]


def _passages(document: Document, sizes: Sizes, first: int, *, is_preview: bool) -> Sequence[Chunk | Passage]:
    end = first + _SHOWN_PAGES
    if not is_preview:
        return list(list_chunks(document).filter(page__gte=first, page__lt=end))
    found = []
    for passage in preview_passages(document, sizes):
        if passage.page >= end:
            break
        if passage.page >= first:
            found.append(passage)
    return found


def _by_page(pages: Iterable[dict[str, Any]], passages: Iterable[Chunk | Passage]) -> list[dict[str, Any]]:
    by_number = {page["number"]: {**page, "passages": []} for page in pages}
    for passage in passages:
        if passage.page in by_number:  # it may have been read since the pages were looked up
            shown = {"heading": passage.heading, "text": passage.text, "length": len(passage.text)}
            by_number[passage.page]["passages"].append(shown)
    return list(by_number.values())


def _url(document: Document, page: int, sizes: Sizes, present: Sizes) -> str:
    other = {"chunk_size": sizes.size, "chunk_overlap": sizes.overlap} if sizes != present else {}
    path = reverse("portal:document-chunks", args=[document.id])
    return f"{path}?{urlencode({**other, 'page': page})}"
