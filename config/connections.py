"""The web server's connections: whoever takes nothing of what they are sent is let go.

An application sees only that a `send` does not return. Its server alone can give up what is unsent: a closed
connection that nobody reads would keep that until the kernel loses patience.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import ClassVar

from django.conf import settings
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

# A socket is told first (1013): so long it may take to read up to there.
_TOLD_SECONDS = 10.0
# Of one connection, besides what the kernel has.
_UNSENT_BYTES = 32 * 1024
_AT_ONCE = struct.pack("ii", 1, 0)


class _Watched(asyncio.Protocol):
    """Cuts the connection when the other end takes none of what waits for it; a slow one may go on."""

    transport: asyncio.Transport
    more_seconds: ClassVar[float] = 0.0
    _watch: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(high=_UNSENT_BYTES)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._look_later()

    def resume_writing(self) -> None:
        self._end_watch()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_watch()
        super().connection_lost(exc)

    def _look_later(self) -> None:
        patience = settings.DOCENT_READER_SECONDS + self.more_seconds
        unsent = self.transport.get_write_buffer_size()
        self._watch = asyncio.get_running_loop().call_later(patience, self._look, unsent)

    def _look(self, unsent: int) -> None:
        if self.transport.get_write_buffer_size() < unsent:
            self._look_later()
        else:
            # Else the kernel would go on to offer what it has of it.
            pipe = self.transport.get_extra_info("socket")
            pipe.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
            self.transport.abort()

    def _end_watch(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None


class HttpConnection(_Watched, HttpToolsProtocol):
    """Pages, APIs, files, server-sent events."""


class SocketConnection(_Watched, WebSocketsSansIOProtocol):
    """A socket, which its consumer closes when a frame is not taken in time."""

    more_seconds = _TOLD_SECONDS
