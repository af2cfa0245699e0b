"""The way in: one path that takes POST and a bearer token, and hands what is asked to the protocol's own SDK.

It is no Django view, because the SDK speaks ASGI and streams by itself. So it does here what middleware does for
the other doors: host, origin, token, rate, the headers of every answer, and refusals as problem+json.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse, JsonResponse
from django.middleware.security import SecurityMiddleware
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from mcp_types import PARSE_ERROR
from rest_framework.exceptions import ParseError

from conversations.mcp.server import REQUEST, mcp_server
from tenants.api.problems import error_of, problem_response, request_id_of
from tenants.api.serializers import StrictJSONParser
from tenants.db import run_unit
from tenants.errors import DocentError, NotAuthenticated, PermissionRefused, Unavailable
from tenants.web.middleware import access_of_program

# The SDK and Docent's own servers say differently what a message is.
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

_PATHS = frozenset({"/mcp", "/mcp/"})
# What a token needs to be of any use here.
_CHALLENGE = 'Bearer realm="docent", scope="chat documents:read"'


class _NotServed(DocentError):
    """Without sessions there is no stream to GET and nothing to DELETE."""

    status, code, title = 405, "method_not_allowed", "Messages to this address are POSTed"


class McpDoor:
    """An ASGI application. It serves while `open` lasts, which is as long as the process does."""

    def __init__(self) -> None:
        self._manager: StreamableHTTPSessionManager | None = None
        # Redirects to TLS and its headers, as for every other door.
        self._security = SecurityMiddleware(lambda _request: HttpResponse())

    @staticmethod
    def serves(scope: Mapping[str, Any]) -> bool:
        """Whether a request comes to this door."""
        return scope["path"] in _PATHS

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """What each request's own tasks belong to: they end with it."""
        manager = StreamableHTTPSessionManager(
            mcp_server(),
            stateless=True,
            max_request_body_size=settings.DOCENT_MAX_JSON_BYTES,
            # Its list of hosts knows no subdomains: `_require_own_site` looks, by the rule of all doors.
            security_settings=TransportSecuritySettings(enable_dns_rebinding_protection=False),
        )
        async with manager.run():
            self._manager = manager
            try:
                yield
            finally:
                self._manager = None

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        # What is too long or too slow raises here, and `config.bodies` answers.
        body = await _whole(receive)
        if body is None:
            return
        request = ASGIRequest(scope, BytesIO())
        has_begun = False

        async def own_send(message: Any) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                message = {**message, "headers": self._own_headers(request, message["headers"])}
            await send(message)

        try:
            answer = await self._admit(request, body)
            if answer is not None:
                await _respond(answer, own_send)
                return
            await self._serving().handle_request({**scope, REQUEST: request}, _replayed(body, receive), own_send)
        except Exception as error:
            if has_begun:
                raise
            await _respond(_refusal(error, request), own_send)

    async def _admit(self, request: ASGIRequest, body: bytes) -> HttpResponse | None:
        """Find out whose request it is: `request.access`. What to answer instead, or raises what is refused."""
        _require_own_site(request)
        redirect = self._security.process_request(request)
        if redirect is not None:
            return redirect
        try:
            message = StrictJSONParser().parse(BytesIO(body))
        except ParseError:
            message = None
        is_counted = request.method == "POST" and not _is_notification(message)
        request.access = await run_unit(  # type: ignore[attr-defined]
            lambda: access_of_program(request, is_counted=is_counted)
        )
        if request.method != "POST":
            raise _NotServed
        if message is None:
            error = {"code": PARSE_ERROR, "message": "The body is not JSON that can be read."}
            return JsonResponse({"jsonrpc": "2.0", "id": None, "error": error}, status=400)
        return None

    def _serving(self) -> StreamableHTTPSessionManager:
        if self._manager is None:
            raise Unavailable
        return self._manager

    def _own_headers(self, request: ASGIRequest, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """An answer's headers: it is one person's, so nothing keeps it and no proxy gathers a stream of it."""
        own = self._security.process_response(request, HttpResponse())
        del own.headers["Content-Type"]
        verdict = getattr(request, "rate", None)
        rate = verdict.headers if verdict is not None else {}
        named = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", "X-Request-ID": request_id_of(request)}
        more = {name.lower().encode(): value.encode() for name, value in {**own.headers, **rate, **named}.items()}
        return [*((name, value) for name, value in headers if name.lower() not in more), *more.items()]


def _is_notification(message: Any) -> bool:
    """What expects no answer is no call: clients send one of their own accord after each handshake."""
    return isinstance(message, dict) and "method" in message and "id" not in message


def _require_own_site(request: ASGIRequest) -> None:
    """Refuse pages of other sites, and names that were made to lead here. Programs send no Origin."""
    host = request.get_host()
    given = request.headers.get("Origin")
    if given is None:
        return
    try:
        origin = urlsplit(given)
    except ValueError:  # no address at all, like http://[
        origin = urlsplit("")
    allowed = {host, urlsplit(settings.DOCENT_PUBLIC_URL).netloc}
    if origin.scheme not in {"http", "https"} or origin.netloc not in allowed:
        raise PermissionRefused("Pages of other sites may not ask here.", code="origin_refused")


async def _whole(receive: Receive) -> bytes | None:
    """The body; None where the client went away before it was here."""
    parts = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """The body once more, then whatever comes."""
    has_body = True

    async def replayed() -> Any:
        nonlocal has_body
        if not has_body:
            return await receive()
        has_body = False
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


def _refusal(error: Exception, request: ASGIRequest) -> HttpResponse:
    refused = error_of(error, request)
    response = problem_response(refused, request)
    if isinstance(refused, NotAuthenticated):
        told = ', error="invalid_token"' if "Authorization" in request.headers else ""
        response["WWW-Authenticate"] = f"{_CHALLENGE}{told}"
    if isinstance(refused, _NotServed):
        response["Allow"] = "POST"
    return response


async def _respond(response: HttpResponse, send: Send) -> None:
    headers = [(name.lower().encode(), value.encode()) for name, value in response.headers.items()]
    headers.append((b"content-length", str(len(response.content)).encode()))
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": response.content})
