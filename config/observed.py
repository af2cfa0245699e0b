"""Every request has an id, and is counted by the name of its route."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

from django.http import HttpRequest

from tenants.metrics import SOCKETS, count_request, on_sample
from tenants.observing.log_context import note, request_id
from tenants.observing.trace_spans import span

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Asgi = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]

_HEADER = b"x-request-id"
# What no route of Django's serves.
_OTHERS = {"static": "static", "mcp": "mcp"}


class Observed:
    """Gives a request and its answer the id that it came with, or a new one; counts it when the answer begins."""

    def __init__(self, app: Asgi) -> None:
        self._app = app

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        known_as = _known_as(scope)
        # For the whole of the request's task, and what it begins.
        note(request=known_as)
        made: list[HttpRequest | None] = []

        async def watched(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                route, status = _route(scope, made), message["status"]
                headers = list(message.get("headers", ()))
                if not any(name.lower() == _HEADER for name, _ in headers):
                    headers.append((_HEADER, known_as.encode()))
                message = {**message, "headers": headers}
                count_request(
                    route=route, method=scope["method"], status=status, seconds=time.perf_counter() - began
                )
                if current is not None:
                    current.update_name(f"{scope['method']} {route}")
                    current.set_attribute("http.route", route)
                    current.set_attribute("http.response.status_code", status)
            await send(message)

        with span("request", {"http.request.method": scope["method"], "docent.request": known_as}) as current:
            await self._app({**scope, "made": made}, receive, watched)


class ObservedSockets:
    """The same for sockets, which are counted while they are open."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self._open = 0
        on_sample(lambda: SOCKETS.set(self._open))

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        note(request=_known_as(scope))
        self._open += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self._open -= 1


def _known_as(scope: dict[str, Any]) -> str:
    given = next((value for name, value in scope["headers"] if name == _HEADER), b"")
    return request_id(given.decode("latin-1"))


def _route(scope: dict[str, Any], made: list[HttpRequest | None]) -> str:
    match = made[0].resolver_match if made and made[0] is not None else None
    if match is not None:
        return match.view_name or "none"
    return _OTHERS.get(scope["path"].split("/", 2)[1], "none")
