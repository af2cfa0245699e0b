"""Stored files as HTTP answers: whole, as attachments, and only while whoever asked may have them."""

import asyncio
from collections.abc import AsyncIterator

from django.core.files.storage import default_storage
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header, quote_etag

from tenants.access import Access
from tenants.doors import each_while_allowed

_BLOCK = 1024 * 1024
# A browser may keep it but asks each time, so that every view is authorised.
PRIVATE = {"Cache-Control": "private, no-cache"}


def file_response(
    request: HttpRequest, access: Access, *, key: str, name: str, size: int, media_type: str, etag: str
) -> HttpResponseBase:
    """A stored file, never shown by the browser itself; 304 to who has it already. `size` in bytes."""
    response = StreamingHttpResponse(
        each_while_allowed(access, _blocks(key)),
        content_type=media_type,
        headers={
            **PRIVATE,
            "ETag": quote_etag(etag),
            "Content-Length": str(size),
            "Content-Disposition": content_disposition_header(True, name) or "attachment",  # noqa: FBT003
            "Content-Security-Policy": "sandbox",
            "X-Content-Type-Options": "nosniff",
        },
    )
    return conditional(request, response)


def conditional(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """The response, or 304 when the request has what its ETag names."""
    etag = response.headers["ETag"]
    unchanged = get_conditional_response(request, etag=etag)
    if unchanged is None:
        return response
    unchanged.headers["ETag"] = etag
    unchanged.headers["Cache-Control"] = response.headers["Cache-Control"]
    return unchanged


async def _blocks(key: str) -> AsyncIterator[bytes]:
    """The file's bytes, read on threads. Raises FileNotFoundError at the first."""
    with await asyncio.to_thread(default_storage.open, key) as stored:
        while block := await asyncio.to_thread(stored.read, _BLOCK):
            yield block
