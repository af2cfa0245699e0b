"""The ASGI application: pages, APIs, sockets, static files, and what starts and stops with the process."""

import os
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, cast

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")
django.setup(set_prefix=False)

# Everything below needs the app registry that the line above fills.
from channels.routing import URLRouter  # noqa: E402
from django.conf import settings  # noqa: E402
from django.urls import path  # noqa: E402
from servestatic import ServeStaticASGI  # noqa: E402

from config.bodies import BodyLimits, MeasuredHandler  # noqa: E402
from config.lifespan import platform_process, web_process  # noqa: E402
from config.observed import Observed, ObservedSockets  # noqa: E402
from config.static import HASHED_NAME  # noqa: E402
from conversations.consumers import ConversationConsumer, PersonConsumer  # noqa: E402
from conversations.mcp import McpDoor  # noqa: E402
from tenants.web.socket_middleware import TenantSocketMiddleware  # noqa: E402

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_django = ServeStaticASGI(
    MeasuredHandler(),
    root=settings.STATIC_ROOT,
    prefix=settings.STATIC_URL,
    immutable_file_test=HASHED_NAME,
)
_mcp = McpDoor()


async def _by_path(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    is_mcp = _mcp.serves(scope) and not settings.DOCENT_PLATFORM_ADMIN
    await (_mcp if is_mcp else _django)(scope, receive, send)


_http = Observed(
    BodyLimits(
        _by_path,
        upload_bytes=settings.DOCENT_MAX_REQUEST_BYTES,
        record_bytes=settings.DOCENT_MAX_ARCHIVE_BYTES,
        other_bytes=settings.DOCENT_MAX_JSON_BYTES,
        idle_seconds=settings.DOCENT_BODY_IDLE_SECONDS,
    )
)
# Channels' routes hold ASGI applications where Django's stubs expect views.
_socket_routes: list[Any] = (
    []
    if settings.DOCENT_PLATFORM_ADMIN
    else [
        path("o/<slug:slug>/ws/", cast("Any", PersonConsumer.as_asgi())),
        path("o/<slug:slug>/ws/conversations/<uuid:conversation>/", cast("Any", ConversationConsumer.as_asgi())),
    ]
)
_sockets = ObservedSockets(TenantSocketMiddleware(cast("Any", URLRouter(_socket_routes))))


async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    match scope["type"]:
        case "http":
            await _http(scope, receive, send)
        case "websocket":
            await _sockets(scope, receive, send)
        case "lifespan":
            await _lifespan(receive, send)


async def _lifespan(receive: Receive, send: Send) -> None:
    opened = platform_process if settings.DOCENT_PLATFORM_ADMIN else web_process
    async with AsyncExitStack() as process:
        await receive()
        try:
            if not settings.DOCENT_PLATFORM_ADMIN:
                # Outside of what waits for replies to be stored, some of which are asked for there.
                await process.enter_async_context(_mcp.open())
            await process.enter_async_context(opened())
        except Exception as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            raise
        await send({"type": "lifespan.startup.complete"})
        await receive()
    await send({"type": "lifespan.shutdown.complete"})
