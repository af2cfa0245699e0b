"""Files, page images and progress as HTTP answers, alike for programs and for the portal.

What is sent is private: a browser may keep it but asks each time, so that every view is authorised.
"""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from http import HTTPStatus
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.http import quote_etag
from django.utils.translation import gettext

from documents.events import document_event
from documents.extraction import ExtractionError
from documents.malware_scanning import REFUSED_BY_SCANNER
from documents.models import TERMINAL, DocumentVersion, Status
from documents.pages import PageView, page_image
from documents.selectors import access_document, access_version
from documents.services.damage import FILE_ERRORS, FileUnusable, clear_file_error, note_file_error
from documents.storage import open_verified
from tenants.access import Access
from tenants.api.asynchronous import event_frame, event_stream
from tenants.api.downloads import PRIVATE, Download, conditional, file_response
from tenants.db import run_in_tenant
from tenants.errors import Conflict, NotFound

_POLL_SECONDS = 0.4
# Why processing failed, where the scanner may not have been asked, or not have answered.
_BEFORE_ANY_ANSWER = frozenset({"scan_failed", "worker_died", "processing_failed", "storage_full", *FILE_ERRORS})


async def original_response(
    request: HttpRequest, access: Access, document_id: UUID, version: int | None = None
) -> HttpResponseBase:
    """A version's file as it was uploaded, never shown by the browser itself; 304 to who has it already.

    Before the first byte this raises `FileUnusable` where it cannot be had, `Conflict` where a scanner refused it
    or has yet to look at it.
    """
    found: DocumentVersion = await run_in_tenant(access.tenant_id, access_version, access, document_id, version)
    if found.error_code == REFUSED_BY_SCANNER:
        raise Conflict(found.error_detail, code=found.error_code)
    if settings.DOCENT_SCANNER and not _was_scanned(found):
        detail = gettext(
            "The malware scanner has not looked at this file. It can be had as soon as it is processed."
        )
        raise Conflict(detail, code="not_scanned")
    download = Download(
        open=partial(open_verified, found.storage_key, found.sha256, found.size),
        name=found.name or found.document.name,
        size=found.size,
        media_type=found.media_type,
        etag=found.sha256,
    )
    try:
        response = await file_response(request, access, download)
    except ExtractionError as error:
        raise await _noted(access, found.id, error) from error
    if found.error_code in FILE_ERRORS and response.status_code == HTTPStatus.OK:
        await run_in_tenant(access.tenant_id, clear_file_error, found.id)
    return response


def _was_scanned(version: DocumentVersion) -> bool:
    """Whether it was read, or refused for what stands in it: both come after the scanner's answer."""
    if version.status == Status.FAILED:
        return version.error_code not in _BEFORE_ANY_ANSWER
    return bool(version.page_count)


async def image_response(request: HttpRequest, access: Access, page: PageView) -> HttpResponseBase:
    """The page as a PNG; 304 to who has it already. Raises `NotFound` where there is none, and `FileUnusable`."""
    try:
        image = await asyncio.to_thread(page_image, page)
    except ExtractionError as error:
        raise await _noted(access, page.version_id, error) from error
    etag = quote_etag(f"{page.version_id}-{page.number}")
    return conditional(request, HttpResponse(image, content_type="image/png", headers={**PRIVATE, "ETag": etag}))


async def _noted(access: Access, version_id: UUID, error: ExtractionError) -> FileUnusable:
    """Said on the document, too: whoever looks at the list can put it right."""
    await run_in_tenant(access.tenant_id, note_file_error, version_id, error)
    return FileUnusable(error.detail, code=error.code)


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
