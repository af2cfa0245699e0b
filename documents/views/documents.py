"""The list of documents: finding them, and adding more."""

from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from documents.api.uploads import REJECTED, receive_upload
from documents.extraction import ACCEPTED_EXTENSIONS
from documents.models import Collection, Document
from documents.selectors import (
    list_collections,
    list_documents,
    may_change,
    with_totals,
)
from documents.views.bulk import ROWS, UNDO
from documents.views.filters import Filter, choices
from documents.views.forms import back, form_view, tell
from documents.views.rows import document_row
from documents.views.sources import refresh_choices
from tenants.access import Access
from tenants.limits.words import OF_UPLOADING, tight_limits
from tenants.permissions import Action
from tenants.web.portal_views import is_navigation, portal_view

# As many as stand in a line or two; more are chosen from a menu.
_COLLECTIONS_AS_LINKS = 8


@require_safe
@portal_view(Action.READ_DOCUMENTS)
def documents(request: HttpRequest, access: Access) -> HttpResponse:
    """Documents, newest first, a page of them at a time, and where to drop more."""
    wanted = Filter.of(request.GET)
    everything = list_documents(access)
    found = wanted.apply(everything).select_related("collection").order_by("-created_at", "-id")
    page = Paginator(found, ROWS).get_page(request.GET.get("page"))
    collections = list(with_totals(list_collections(access)).order_by("created_at", "id"))
    context = {
        "section": "documents",
        "tight_limits": tight_limits(access, OF_UPLOADING) if access.allows(Action.WRITE_DOCUMENTS) else [],
        "collections": [_collection(access, one, wanted) for one in collections],
        "collections_as_links": len(collections) <= _COLLECTIONS_AS_LINKS,
        "documents": (rows := [document_row(access, document) for document in page]),
        "is_processing": any(not one["is_over"] for one in rows),
        "filter": wanted,
        "all_path": wanted.path(collection=""),
        "document_total": sum(one.document_total for one in collections),  # type: ignore[attr-defined]
        "choices": choices(everything, wanted),
        "page": page,
        "turns": _turns(page, wanted),
        "refresh_choices": refresh_choices(),
        "undo": request.session.pop(UNDO, None),
        "limits": {"max_file_bytes": settings.DOCENT_MAX_FILE_BYTES, "accept": ",".join(ACCEPTED_EXTENSIONS)},
    }
    return render(request, "documents.html", context)


def _collection(access: Access, collection: Collection, wanted: Filter) -> dict[str, Any]:
    return {
        "id": collection.id,
        "name": collection.name,
        "documents": collection.document_total,  # type: ignore[attr-defined]
        "is_restricted": collection.is_restricted,
        "is_chosen": wanted.collection == str(collection.id),
        "path": wanted.path(collection=collection.id),
        "access_url": reverse("portal:collection-access", args=[collection.id])
        if may_change(access, collection)
        else None,
    }


def _turns(page: "Page[Document]", wanted: Filter) -> dict[str, str | None]:
    """Addresses of the pages of the list before and after this one."""
    path = wanted.path()
    link = "&page={}" if wanted.is_set else "page={}"
    return {
        "previous": path + link.format(page.number - 1) if page.has_previous() else None,
        "next": path + link.format(page.number + 1) if page.has_next() else None,
    }


@form_view(Action.WRITE_DOCUMENTS)
def upload(request: HttpRequest, access: Access) -> HttpResponse:
    """Files from the page's script, or from its form where scripts do not run."""
    form = request.POST.copy()
    form.pop("csrfmiddlewaretoken", None)
    form.update(request.FILES)  # type: ignore[arg-type]
    received = receive_upload(access, form)
    if not is_navigation(request):
        return JsonResponse(received, status=HTTPStatus.ACCEPTED)
    for result in received["results"]:
        if result["status"] == REJECTED:
            tell(request, result["error"]["detail"], messages.ERROR)
        elif "duplicate_of" in result:
            words = _("“{name}” is here already: nothing was added.").format(name=result["name"])
            tell(request, words, messages.INFO)
    return back(request)
