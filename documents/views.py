"""The portal's pages about documents, over the same services as the API."""

from dataclasses import asdict
from io import BytesIO
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from documents.api.serializers.collections import CollectionInput, SightInput
from documents.api.serializers.pages import PassageQuery
from documents.api.uploads import receive_upload
from documents.api.views.collections import shown_collection
from documents.extraction import ACCEPTED_EXTENSIONS
from documents.links import passage_path
from documents.models import Collection, Document, Status
from documents.pages import PageView, open_page, read_page
from documents.responses import image_response, original_response
from documents.selectors import (
    access_collection,
    access_document,
    list_collections,
    list_documents,
    may_change,
    sight_of,
    with_totals,
)
from documents.services.collections import create_collection, require_change, set_collection_access
from documents.services.documents import delete_document, reprocess_document
from tenants.access import Access
from tenants.api.serializers import StrictJSONParser
from tenants.db import run_in_tenant
from tenants.limits.words import OF_UPLOADING, tight_limits
from tenants.links import tenant_url
from tenants.permissions import Action, Role
from tenants.portal import is_navigation, portal_view
from tenants.selectors import list_groups, list_members

_ROWS = 500

# Admins and owners see every collection, so the form does not offer them.
_ROLES_TO_NAME = ((Role.VIEWER, _("Viewers and above")), (Role.MEMBER, _("Members and above")))


@require_safe
@portal_view(Action.READ_DOCUMENTS)
def documents(request: HttpRequest, access: Access) -> HttpResponse:
    """All documents, newest first, and where to drop more."""
    rows = list_documents(access).select_related("collection").order_by("-created_at", "-id")[:_ROWS]
    collections = with_totals(list_collections(access)).order_by("created_at", "id")
    context = {
        "section": "documents",
        "tight_limits": tight_limits(access, OF_UPLOADING) if access.allows(Action.WRITE_DOCUMENTS) else [],
        "collections": [_collection(access, one) for one in collections],
        "documents": [_row(access, document) for document in rows],
        "person_socket_url": f"/o/{access.tenant_slug}/ws/",
        "limits": {"max_file_bytes": settings.DOCENT_MAX_FILE_BYTES, "accept": ",".join(ACCEPTED_EXTENSIONS)},
    }
    return render(request, "documents.html", context)


def _collection(access: Access, collection: Collection) -> dict[str, Any]:
    return {
        "id": collection.id,
        "name": collection.name,
        "documents": collection.document_total,  # type: ignore[attr-defined]
        "is_restricted": collection.is_restricted,
        "access_url": reverse("portal:collection-access", args=[collection.id])
        if may_change(access, collection)
        else None,
    }


def _row(access: Access, document: Document) -> dict[str, Any]:
    failed = {"code": document.error_code, "detail": document.error_detail}
    first_page = (access.tenant_slug, "passage", document.id, document.current_version, 1)
    return {
        "id": document.id,
        "name": document.name,
        "title": document.title,
        "status": document.status,
        "progress": document.progress,
        "pages": document.page_count,
        "chunks": document.chunk_count,
        "size": document.size,
        "error": failed if document.error_code else None,
        "collection": {"id": document.collection.id, "name": document.collection.name},
        "created_at": document.created_at,
        "url": tenant_url(*first_page) if document.status == Status.READY else None,
    }


@require_POST
@portal_view(Action.WRITE_DOCUMENTS)
def upload(request: HttpRequest, access: Access) -> HttpResponse:
    """Files from the page's script, or from its form where scripts do not run."""
    form = request.POST.copy()
    form.pop("csrfmiddlewaretoken", None)
    form.update(request.FILES)  # type: ignore[arg-type]
    results = receive_upload(access, form)
    return _back(request) or JsonResponse(results, status=202)


@require_POST
@portal_view(Action.WRITE_DOCUMENTS)
def delete(request: HttpRequest, access: Access, document: UUID) -> HttpResponse:
    delete_document(access=access, document=access_document(access, document))
    return _back(request) or HttpResponse(status=204)


@require_POST
@portal_view(Action.WRITE_DOCUMENTS)
def retry(request: HttpRequest, access: Access, document: UUID) -> HttpResponse:
    reprocess_document(access=access, document=access_document(access, document))
    return _back(request) or HttpResponse(status=204)


@require_POST
@portal_view(Action.WRITE_DOCUMENTS)
def create(request: HttpRequest, access: Access) -> HttpResponse:
    """A new collection, named by a form or by a script's JSON."""
    body = CollectionInput(data=_sent(request))
    body.is_valid(raise_exception=True)
    collection = create_collection(access=access, name=body.validated_data["name"])
    return _back(request) or JsonResponse(shown_collection(access, collection.id), status=201)


@require_http_methods(["GET", "HEAD", "POST"])
@portal_view(Action.WRITE_DOCUMENTS)
def collection_access(request: HttpRequest, access: Access, collection: UUID) -> HttpResponse:
    """Who can see a collection, and changing that."""
    found = access_collection(access, collection)
    require_change(access, found)
    if request.method != "POST":
        return render(request, "collection_access.html", _sight_context(access, found))
    body = SightInput(data=_sent_sight(request))
    body.is_valid(raise_exception=True)
    set_collection_access(access=access, collection=found, **body.validated_data)
    return _back(request) or HttpResponse(status=204)


def _sight_context(access: Access, collection: Collection) -> dict[str, Any]:
    sight = sight_of(collection)
    return {
        "section": "documents",
        "collection": collection,
        "roles": [
            {"value": role, "label": label, "is_named": role in sight.roles} for role, label in _ROLES_TO_NAME
        ],
        "groups": [
            {"value": one.id, "label": one.name, "is_named": one.id in sight.groups}
            for one in list_groups(access).order_by("name")
        ],
        "people": [
            {
                "value": one.user_id,
                "label": one.user.name or one.user.email,
                "email": one.user.email if one.user.name else "",
                "role": Role(one.role),
                "is_named": one.user_id in sight.people,
            }
            for one in list_members(access).order_by("user__email")
        ],
    }


def _sent_sight(request: HttpRequest) -> Any:
    """The form's choice: where everyone sees it, the boxes that were ticked before no longer count."""
    if request.content_type == "application/json":
        return _sent(request)
    everyone = request.POST.get("everyone", "")
    named = (
        {} if everyone == "true" else {name: request.POST.getlist(name) for name in ("people", "groups", "roles")}
    )
    return {"everyone": everyone, **named}


def _sent(request: HttpRequest) -> Any:
    if request.content_type != "application/json":
        return {name: value for name, value in request.POST.items() if name != "csrfmiddlewaretoken"}
    return StrictJSONParser().parse(BytesIO(request.body))


def _back(request: HttpRequest) -> HttpResponse | None:
    """To the list, for a browser that sent a form by itself; None for a script, which stays where it is."""
    return redirect(reverse("portal:documents")) if is_navigation(request) else None


@require_safe
@portal_view(Action.READ_DOCUMENTS)
async def passage(request: HttpRequest, access: Access, document: UUID, number: int, page: int) -> HttpResponse:
    """One page as a page of its own, the passage marked."""
    shown = await _passage(request, access, document, number, page)
    turn = {
        "previous_url": _page_url(access, shown, page - 1) if page > 1 else None,
        "next_url": _page_url(access, shown, page + 1) if page < shown["pages"] else None,
    }
    # The page's frame lists conversations while it renders.
    return await run_in_tenant(access.tenant_id, render, request, "passage.html", {"passage": shown | turn})


@require_safe
@portal_view(Action.READ_DOCUMENTS)
async def passage_data(
    request: HttpRequest, access: Access, document: UUID, number: int, page: int
) -> HttpResponse:
    """The same for the panel beside an answer."""
    shown = await _passage(request, access, document, number, page)
    del shown["document"]
    return JsonResponse(shown, headers={"Cache-Control": "no-store"})


@require_safe
@portal_view(Action.READ_DOCUMENTS)
async def page_picture(
    request: HttpRequest, access: Access, document: UUID, number: int, page: int
) -> HttpResponseBase:
    found = await run_in_tenant(access.tenant_id, read_page, access, document, page, number)
    return await image_response(request, found)


@require_safe
@portal_view(Action.READ_DOCUMENTS)
async def original(request: HttpRequest, access: Access, document: UUID, number: int) -> HttpResponseBase:
    return await original_response(request, access, document, number)


async def _passage(request: HttpRequest, access: Access, document: UUID, number: int, page: int) -> dict[str, Any]:
    """The page as templates and scripts see it; `start` and `end` count in `text`."""
    query = PassageQuery(data={**request.GET.dict(), "version": number})
    query.is_valid(raise_exception=True)
    found, rects = await open_page(access, document, page, **query.validated_data)
    return _shown(access, found) | {"rects": [asdict(rect) for rect in rects]}


def _shown(access: Access, page: PageView) -> dict[str, Any]:
    slug, place = access.tenant_slug, (page.document_id, page.version, page.number)
    marked = (page.start + page.passage_start, page.start + page.passage_end)
    is_marked = page.passage_start != page.passage_end
    return {
        "document": page.document_id,
        "title": page.title,
        "name": page.name,
        "version": page.version,
        "page": page.number,
        "pages": page.pages,
        "text": page.text,
        "start": page.passage_start,
        "end": page.passage_end,
        "image": tenant_url(slug, "page-image", *place) if page.has_image else None,
        "url": passage_path(slug, *place, *marked) if is_marked else tenant_url(slug, "passage", *place),
        "original_url": tenant_url(slug, "original", page.document_id, page.version),
    }


def _page_url(access: Access, shown: dict[str, Any], page: int) -> str:
    return tenant_url(access.tenant_slug, "passage", shown["document"], shown["version"], page)
