"""Pages of documents as the portal shows them, with the passage marked."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from documents.api.serializers.pages import PassageQuery
from documents.links import passage_path
from documents.markup import is_marked_up, page_html
from documents.models import Chunk
from documents.pages import PageView, open_page, read_page
from documents.responses import image_response, original_response
from documents.selectors import neighbours_of
from tenants.access import Access
from tenants.addresses.links import tenant_url
from tenants.db import run_in_tenant
from tenants.permissions import Action
from tenants.web.portal_views import portal_view


@require_safe
@portal_view(Action.READ_DOCUMENTS)
async def passage(request: HttpRequest, access: Access, document: UUID, number: int, page: int) -> HttpResponse:
    """One page by itself, the passage marked."""
    _found, shown = await _opened(request, access, document, number, page)
    frame = {
        "details_url": tenant_url(access.tenant_slug, "document", document),
        "previous_url": _page_url(access, shown, page - 1) if page > 1 else None,
        "next_url": _page_url(access, shown, page + 1) if page < shown["pages"] else None,
    }
    # The page's frame lists conversations while it renders.
    context = {"passage": shown | frame, "section": "documents"}
    return await run_in_tenant(access.tenant_id, render, request, "passage.html", context)


@require_safe
@portal_view(Action.READ_DOCUMENTS)
async def passage_data(
    request: HttpRequest, access: Access, document: UUID, number: int, page: int
) -> HttpResponse:
    """The same for the panel beside an answer."""
    found, shown = await _opened(request, access, document, number, page)
    del shown["document"]
    beside = await run_in_tenant(access.tenant_id, _beside, found)
    return JsonResponse(shown | beside, headers={"Cache-Control": "no-store"})


@require_safe
@portal_view(Action.READ_DOCUMENTS)
async def page_picture(
    request: HttpRequest, access: Access, document: UUID, number: int, page: int
) -> HttpResponseBase:
    found = await run_in_tenant(access.tenant_id, read_page, access, document, page, number)
    return await image_response(request, access, found)


@require_safe
@portal_view(Action.READ_DOCUMENTS)
async def original(request: HttpRequest, access: Access, document: UUID, number: int) -> HttpResponseBase:
    return await original_response(request, access, document, number)


async def _opened(
    request: HttpRequest, access: Access, document: UUID, number: int, page: int
) -> tuple[PageView, dict[str, Any]]:
    """The page, and as templates and scripts see it; `start` and `end` count in `text`."""
    query = PassageQuery(data={**request.GET.dict(), "version": number})
    query.is_valid(raise_exception=True)
    found, rects = await open_page(access, document, page, **query.validated_data)
    return found, _shown(access, found) | {"rects": [asdict(rect) for rect in rects]}


def _beside(page: PageView) -> dict[str, Any]:
    """Where the passages before and after the one shown stand, in the caller's unit."""
    before, after = neighbours_of(page.version_id, page.start + page.passage_start)
    return {"before": _place(before), "after": _place(after)}


def _place(passage: Chunk | None) -> dict[str, int] | None:
    return None if passage is None else {"page": passage.page, "start": passage.start, "end": passage.end}


def _shown(access: Access, page: PageView) -> dict[str, Any]:
    """`html` is the page of a format without page images, where its text has a shape to show."""
    slug, place = access.tenant_slug, (page.document_id, page.version, page.number)
    marked = (page.start + page.passage_start, page.start + page.passage_end)
    has_passage = page.passage_start != page.passage_end
    has_shape = not page.has_image and is_marked_up(page.media_type)
    return {
        "document": page.document_id,
        "title": page.title,
        "name": page.name,
        "version": page.version,
        "page": page.number,
        "pages": page.pages,
        "label": page.label,
        "is_recognised": page.is_recognised,
        "text": page.text,
        "start": page.passage_start,
        "end": page.passage_end,
        "html": page_html(page.text, page.media_type, page.passage_start, page.passage_end) if has_shape else None,
        "image": tenant_url(slug, "page-image", *place) if page.has_image else None,
        "url": passage_path(slug, *place, *marked) if has_passage else tenant_url(slug, "passage", *place),
        "original_url": tenant_url(slug, "original", page.document_id, page.version),
        "current": _current(access, page),
    }


def _current(access: Access, page: PageView) -> dict[str, Any] | None:
    """The version that is searched now, where this is another."""
    if page.version == page.current_version:
        return None
    number = max(1, min(page.number, page.current_pages))
    place = (page.document_id, page.current_version, number)
    return {"version": page.current_version, "url": tenant_url(access.tenant_slug, "passage", *place)}


def _page_url(access: Access, shown: dict[str, Any], page: int) -> str:
    return tenant_url(access.tenant_slug, "passage", shown["document"], shown["version"], page)
