"""Asynchronous methods beside synchronous ones on one path, under DRF's rules; and server-sent events.

DRF has no asynchronous views. A `TenantView` whose handler is a coroutine is called here directly, with
the same permission table and the same problem+json; its other methods go through DRF in a tenant unit.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from functools import partial
from io import BytesIO
from typing import Any, TypeVar

from asgiref.sync import iscoroutinefunction
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.http.request import RawPostDataException
from django.views.decorators.csrf import csrf_exempt
from rest_framework.serializers import Serializer

from tenants.access import Access
from tenants.api import preconditions
from tenants.api.problems import error_of, problem_response
from tenants.api.serializers import StrictJSONParser
from tenants.api.views import TenantView
from tenants.db import run_in_tenant
from tenants.errors import NotAuthenticated, TooLarge, UnsupportedType
from tenants.revocable_work import each_while_allowed

V = TypeVar("V", bound=TenantView)
KEEP_ALIVE_SECONDS = 15.0


def as_async_view(cls: type[TenantView]) -> Callable[..., Coroutine[Any, Any, HttpResponseBase]]:
    """The Django view of a `TenantView` some of whose handlers are coroutines."""
    # Django wants all handlers alike; the coroutines among these never reach this view.
    synchronous = type(cls.__name__, (cls,), {"view_is_async": False}).as_view()  # type: ignore[attr-defined]

    async def view(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        access: Access | None = request.access  # type: ignore[attr-defined]
        method = "GET" if request.method == "HEAD" else request.method or ""
        handler = getattr(cls, method.lower(), None)
        if access is None:
            return problem_response(NotAuthenticated(), request)
        try:
            if not iscoroutinefunction(handler):
                return await run_in_tenant(access.tenant_id, _rendered, synchronous, request, kwargs)
            access.require(cls.actions_by_method[method])
            request.require_match = partial(_require_match, cls, request, access, kwargs)  # type: ignore[attr-defined]
            response: HttpResponseBase = await handler(cls(), request, access, **kwargs)
        except Exception as error:  # noqa: BLE001 - `error_of` logs what is no refusal
            return problem_response(error_of(error, request), request)
        response.headers.setdefault("Cache-Control", "no-store")
        preconditions.tag(request, response)
        return response

    view.cls = cls  # type: ignore[attr-defined]
    view.initkwargs = {}  # type: ignore[attr-defined]
    return csrf_exempt(view)


async def _require_match(
    cls: type[TenantView], request: HttpRequest, access: Access, kwargs: dict[str, Any]
) -> None:
    """Compare `If-Match` with what GET would answer, which is a coroutine's work too."""
    if request.method not in preconditions.CHANGING or "If-Match" not in request.headers:
        return
    current, read = None, getattr(cls, "get", None)
    if iscoroutinefunction(read):
        access.require(cls.actions_by_method["GET"])
        current = preconditions.tag_of(await read(cls(), request, access, **kwargs))
    preconditions.require_match(request, current)


def _rendered(view: Callable[..., Any], request: HttpRequest, kwargs: dict[str, Any]) -> HttpResponseBase:
    response: HttpResponseBase = view(request, **kwargs).render()
    return response


def json_body(
    request: HttpRequest, serializer: type[Serializer[Any]], *, is_optional: bool = False
) -> dict[str, Any]:
    """The validated body of a request, which may be left out if it `is_optional`.

    Raises `InvalidInput` with pointers, 413 and 415.
    """
    try:
        body = request.body
    except (RequestDataTooBig, RawPostDataException) as error:
        raise TooLarge("The request's body is too large.") from error
    if not body and is_optional:
        body = b"{}"
    elif request.content_type != "application/json":
        raise UnsupportedType("Send the body as application/json.")
    checked = serializer(data=StrictJSONParser().parse(BytesIO(body or b"null")))
    checked.is_valid(raise_exception=True)
    validated: dict[str, Any] = checked.validated_data
    return validated


def json_response(data: Any, *, status: int = 200) -> JsonResponse:
    return JsonResponse(data, status=status, json_dumps_params={"ensure_ascii": False})


def event_stream(access: Access, frames: AsyncIterator[str]) -> StreamingHttpResponse:
    """Server-sent events, kept alive by comments, never buffered or stored; they end with the authority."""
    return StreamingHttpResponse(
        _kept_alive(each_while_allowed(access, frames)),
        content_type="text/event-stream; charset=utf-8",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def event_frame(payload: dict[str, Any], *, number: int) -> str:
    """One event: `event` is its type, `id` the number by which a client says what it has."""
    return f"id: {number}\nevent: {payload['type']}\ndata: {json.dumps(payload, ensure_ascii=False)}\n\n"


async def _kept_alive(frames: AsyncIterator[str]) -> AsyncIterator[bytes]:
    pending = asyncio.ensure_future(anext(frames, None))
    try:
        while True:
            done, _ = await asyncio.wait([pending], timeout=KEEP_ALIVE_SECONDS)
            if not done:
                yield b": still here\n\n"
                continue
            frame = pending.result()
            if frame is None:
                return
            yield frame.encode()
            pending = asyncio.ensure_future(anext(frames, None))
    finally:
        pending.cancel()
