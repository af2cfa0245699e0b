"""Bodies are counted while they arrive, before Django would spool them to disk, and have a length after."""

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from os import SEEK_END
from typing import IO, Any

from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.http import HttpResponseBase

from tenants.api.envelopes import openai_error, speaks_openai
from tenants.errors import StorageFull, is_disk_full

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Asgi = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]

# Bytes a second that a body must keep up on the whole: a byte now and then would hold a place for hours.
_SLOWEST = 8 * 1024
# Of all headers together: more than any client has to say.
_HEADER_BYTES = 64 * 1024
# What is taken of a body that is refused already.
_LINGER_SECONDS, _SILENCE_SECONDS, _LINGER_BYTES = 5.0, 1.0, 64 * 1024 * 1024
# Where files are sent; everything else takes JSON or a form.
_UPLOADS = re.compile(
    r"^/(api/v1/documents/|o/[-a-z0-9]+/documents/"
    r"|(api/v1/conversations|o/[-a-z0-9]+/c)/[0-9a-f-]{36}/attachments/)"
)
# Where an archived conversation is sent: JSON too, but all of it at once.
_RECORDS = re.compile(r"^/api/v1/conversations/archives/$")


class _Refused(Exception):
    def __init__(self, status: int, code: str, title: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.code, self.title, self.detail = status, code, title, detail


class BodyLimits:
    """Cuts a body that is too long with 413, one that trickles with 408; without room for it on the disk, 507.

    `scope["arrived_at"]` is when all of a request was here, on `time.monotonic()`: however long it waits for
    its turn after that, it counts for the moment when it came.
    """

    def __init__(
        self, app: Asgi, *, upload_bytes: int, record_bytes: int, other_bytes: int, idle_seconds: float
    ) -> None:
        self._app = app
        self._upload_bytes = upload_bytes
        self._record_bytes = record_bytes
        self._other_bytes = other_bytes
        self._idle_seconds = idle_seconds

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limit(scope["path"])
        has_begun = False

        async def watched_send(message: dict[str, Any]) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            _check_headers(scope)
            _check_declared(scope, limit)
            await self._app(scope, self._counted(scope, receive, limit), watched_send)
        except _Refused as refusal:
            if has_begun:
                raise
            await _answer(send, refusal, scope["path"], receive)
        except OSError as error:
            # Long bodies are spooled to the folder for temporary files before any view is asked.
            if has_begun or not is_disk_full(error):
                raise
            full = StorageFull()
            await _answer(send, _Refused(full.status, full.code, full.title, full.detail), scope["path"], receive)

    def _limit(self, path: str) -> int:
        if _UPLOADS.match(path):
            return self._upload_bytes
        return self._record_bytes if _RECORDS.match(path) else self._other_bytes

    def _counted(self, scope: dict[str, Any], receive: Receive, limit: int) -> Receive:
        received = 0
        is_whole = False
        started = time.monotonic()

        async def counted() -> dict[str, Any]:
            nonlocal received, is_whole
            if is_whole:
                return await receive()  # waiting for the client to go away
            due = started + self._idle_seconds + received / _SLOWEST
            patience = min(self._idle_seconds, max(0.0, due - time.monotonic()))
            try:
                message = await asyncio.wait_for(receive(), patience)
            except TimeoutError as error:
                raise _Refused(408, "body_timeout", "Too slow", "The request's body came too slowly.") from error
            received += len(message.get("body", b""))
            is_whole = not message.get("more_body", False)
            if received > limit:
                raise _too_large(limit)
            if is_whole:
                scope["arrived_at"] = time.monotonic()
            return message

        return counted


class MeasuredHandler(ASGIHandler):
    """Django, told the length of bodies that came without one (chunked): its parsers read none otherwise."""

    def create_request(
        self, scope: Mapping[str, Any], body_file: IO[bytes]
    ) -> tuple[ASGIRequest, None] | tuple[None, HttpResponseBase]:
        if not any(name == b"content-length" for name, _ in scope["headers"]):
            length = str(body_file.seek(0, SEEK_END)).encode()
            body_file.seek(0)
            scope = {**scope, "headers": [*scope["headers"], (b"content-length", length)]}
        made = super().create_request(scope, body_file)
        # Whoever watches the request (`config.observed`) finds there which view answered it.
        scope.get("made", []).append(made[0])
        return made


def _check_headers(scope: dict[str, Any]) -> None:
    if sum(len(name) + len(value) for name, value in scope["headers"]) > _HEADER_BYTES:
        kilobytes = _HEADER_BYTES // 1024
        raise _Refused(431, "headers_too_large", "Too large", f"The headers are larger than {kilobytes} kB.")


def _check_declared(scope: dict[str, Any], limit: int) -> None:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value) > limit:
            raise _too_large(limit)


def _too_large(limit: int) -> _Refused:
    megabytes = limit // (1024 * 1024)
    return _Refused(413, "too_large", "Too large", f"The request is larger than {megabytes} MB.")


async def _answer(send: Send, refusal: _Refused, path: str, receive: Receive) -> None:
    told: dict[str, Any] = {
        "type": "about:blank",
        "title": refusal.title,
        "status": refusal.status,
        "detail": refusal.detail,
        "code": refusal.code,
    }
    content_type = b"application/problem+json"
    if speaks_openai(path):
        told = openai_error(status=refusal.status, code=refusal.code, detail=refusal.detail)
        content_type = b"application/json"
    body = json.dumps(told).encode()
    headers = [
        (b"content-type", content_type),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    # Whoever is still sending would be cut off, and never read what was said.
    await _let_out(receive)
    await send({"type": "http.response.body", "body": b""})


async def _let_out(receive: Receive) -> None:
    """Take what is still sent and throw it away, for a moment: what is more than that is cut off."""
    passed = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(_LINGER_SECONDS):
            while passed < _LINGER_BYTES:
                message = await asyncio.wait_for(receive(), _SILENCE_SECONDS)
                passed += len(message.get("body", b""))
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return
