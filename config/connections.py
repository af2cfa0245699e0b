"""The web server's connections: who is let go, and how a process that goes down takes leave of who stays.

An application sees only that a `send` does not return. Its server alone can give up what is unsent: a closed
connection that nobody reads would keep that until the kernel loses patience.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from typing import ClassVar

from django.conf import settings
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

# A socket is told first (1013): so long it may take to read up to there.
_TOLD_SECONDS = 10.0
# Of one connection, besides what the kernel has.
_UNSENT_BYTES = 32 * 1024
_AT_ONCE = struct.pack("ii", 1, 0)
_leaving = threading.Event()


def leave() -> None:
    """The process goes down: from now on each answer says that its connection is the last one's."""
    _leaving.set()


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
    """Pages, APIs, files, server-sent events.

    A request may be on its way while its server decides to close: whoever sent it cannot know whether it was
    carried out, and nobody may send it again for them. So a connection is not closed under a client. When the
    process goes down, the next answer says `Connection: close`; only who asks nothing more for a while is let go.
    """

    _head: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if _leaving.is_set():  # taken just before, and seen by nobody when the others were told
            self._leave_later()
        else:
            self._await_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        is_still_http = self.transport.get_protocol() is self  # and has not become a socket
        if is_still_http and self._is_idle() and self._head is None and not self.transport.is_closing():
            self._await_head()

    def on_headers_complete(self) -> None:
        self._end_head()
        super().on_headers_complete()
        if _leaving.is_set() and self.cycle is not None:
            self.cycle.keep_alive = False

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if _leaving.is_set() and not self.transport.is_closing():
            self._leave_later()

    def shutdown(self) -> None:
        leave()
        if self.cycle is not None and not self._is_idle() and not self.cycle.response_started:
            self.cycle.keep_alive = False
        else:
            self._leave_later()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_head()
        super().connection_lost(exc)

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _leave_later(self) -> None:
        asyncio.get_running_loop().call_later(settings.DOCENT_LINGER_SECONDS, self._close_if_idle)

    def _await_head(self) -> None:
        """One who begins a request and does not go on is not waited for, whether gone or up to no good."""
        patience = settings.DOCENT_BODY_IDLE_SECONDS
        self._head = asyncio.get_running_loop().call_later(patience, self._close_if_idle)

    def _end_head(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _close_if_idle(self) -> None:
        if self._is_idle():
            self.transport.close()


class SocketConnection(_Watched, WebSocketsSansIOProtocol):
    """A socket, which its consumer closes when a frame is not taken in time."""

    more_seconds = _TOLD_SECONDS
