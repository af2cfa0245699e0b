"""Stored files as HTTP answers: whole, as attachments, and only while whoever asked may have them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import BinaryIO, cast

from django.core.files.storage import default_storage
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotModified,
    StreamingHttpResponse,
)
from django.utils.http import content_disposition_header, quote_etag

from tenants.access import Access
from tenants.api.preconditions import is_known
from tenants.errors import NotFound
from tenants.revocable_work import each_while_allowed

_BLOCK = 1024 * 1024
# A browser may keep it but asks each time, so that every view is authorised.
PRIVATE = {"Cache-Control": "private, no-cache"}


@dataclass(frozen=True, slots=True)
class Download:
    """A file to be sent. `open` gives it at its start, and raises where it is not what it should be."""

    open: Callable[[], BinaryIO]
    name: str
    size: int
    media_type: str
    etag: str


async def file_response(request: HttpRequest, access: Access, download: Download) -> HttpResponseBase:
    """A file, never shown by the browser itself; 304 to who has it already. Raises what `open` does."""
    headers = {
        **PRIVATE,
        "ETag": quote_etag(download.etag),
        "Content-Length": str(download.size),
        "Content-Disposition": content_disposition_header(True, download.name) or "attachment",  # noqa: FBT003
        "Content-Security-Policy": "sandbox",
        "X-Content-Type-Options": "nosniff",
    }
    answer = conditional(request, HttpResponse(headers=headers))
    if answer.status_code != HTTPStatus.OK:
        return answer
    # Opened before the first byte is sent: what is wrong with it can still be said.
    stored = await asyncio.to_thread(download.open)
    return StreamingHttpResponse(
        each_while_allowed(access, _blocks(stored)), content_type=download.media_type, headers=headers
    )


def open_stored(key: str) -> BinaryIO:
    """A file as it stands in storage; `NotFound` where it is gone."""
    try:
        return cast("BinaryIO", default_storage.open(key))
    except FileNotFoundError as error:
        raise NotFound("The file is gone.", code="file_missing") from error


def conditional(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """The response, or 304 when the request has what its ETag names."""
    etag = response.headers["ETag"]
    if not is_known(request, etag):
        return response
    headers = {"ETag": etag, "Cache-Control": response.headers["Cache-Control"]}
    return HttpResponseNotModified(headers=headers)


async def _blocks(stored: BinaryIO) -> AsyncIterator[bytes]:
    """The file's bytes, read on threads."""
    with stored:
        while block := await asyncio.to_thread(stored.read, _BLOCK):
            yield block
