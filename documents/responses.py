"""Files, page images and progress as HTTP answers, alike for programs and for the portal.

What is sent is private: a browser may keep it but asks each time, so that every view is authorised.
"""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.http import quote_etag

from documents.events import document_event
from documents.models import TERMINAL, DocumentVersion
from documents.pages import PageView, page_image
from documents.selectors import access_document, access_version
from tenants.access import Access
from tenants.api.asynchronous import event_frame, event_stream
from tenants.api.downloads import PRIVATE, conditional, file_response
from tenants.db import run_in_tenant
from tenants.errors import NotFound

_POLL_SECONDS = 0.4


async def original_response(
    request: HttpRequest, access: Access, document_id: UUID, version: int | None = None
) -> HttpResponseBase:
    """A version's file as it was uploaded, never shown by the browser itself; 304 to who has it already."""
    found: DocumentVersion = await run_in_tenant(access.tenant_id, access_version, access, document_id, version)
    return file_response(
        request,
        access,
        key=found.storage_key,
        name=found.document.name,
        size=found.size,
        media_type=found.media_type,
        etag=found.sha256,
    )


async def image_response(request: HttpRequest, page: PageView) -> HttpResponseBase:
    """The page as a PNG; 304 to who has it already. Raises `NotFound` where there is none."""
    image = await asyncio.to_thread(page_image, page)
    etag = quote_etag(f"{page.version_id}-{page.number}")
    return conditional(request, HttpResponse(image, content_type="image/png", headers={**PRIVATE, "ETag": etag}))


async def events_response(access: Access, document_id: UUID, *, last_id: int) -> StreamingHttpResponse:
    """A document's states as server-sent events, numbered after `last_id`, until processing is over.

    Raises `NotFound` before the first byte.
    """
    first = await run_in_tenant(access.tenant_id, _present_state, access, document_id)
    return event_stream(access, _frames(access, document_id, first, last_id))


async def _frames(access: Access, document_id: UUID, first: dict[str, object], last_id: int) -> AsyncIterator[str]:
    number, event = last_id + 1, first
    while True:
        yield event_frame(event, number=number)
        if event["status"] in TERMINAL:
            return
        known = event
        while event == known:
            await asyncio.sleep(_POLL_SECONDS)
            try:
                event = await run_in_tenant(access.tenant_id, _present_state, access, document_id)
            except NotFound:  # deleted meanwhile
                return
        number += 1


def _present_state(access: Access, document_id: UUID) -> dict[str, object]:
    return document_event(access_document(access, document_id))
