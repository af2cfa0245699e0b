"""HTTP/1.1 as the answers of models need it: many streams of many small pieces, at little cost.

Read by httptools, which is written in C. What comes within a moment is handed on together: whoever reads on is
woken for each piece, and that costs the same for a word as for a line.
"""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, cast

import httptools

# Between two pieces of one answer.
_GATHER_SECONDS = 0.04
_ENOUGH_BYTES, _MOST_BYTES = 64 * 1024, 256 * 1024
_MOST_HEAD_BYTES = 100 * 1024
_KEPT, _KEPT_SECONDS = 20, 60.0
_SWITCHING = 101
_FINAL = 200

Kind = Literal[
    "ConnectError", "ConnectTimeout", "LocalProtocolError", "ReadError", "ReadTimeout", "RemoteProtocolError"
]
Headers = list[tuple[bytes, bytes]]


class StreamError(Exception):
    """`kind` is what HTTP libraries call it."""

    def __init__(self, kind: Kind, told: str) -> None:
        super().__init__(told)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Server:
    """Where requests go; `trusts` is set where they go by TLS."""

    host: str
    port: int
    trusts: ssl.SSLContext | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, and how many seconds of silence are borne: None, any."""

    method: bytes
    target: bytes
    headers: Headers
    body: bytes
    connect: float | None = None
    read: float | None = None

    def told(self) -> bytes:
        """As it is sent. Raises `StreamError` for what would end a line before its time."""
        lines = [b"%b %b HTTP/1.1" % (self.method, self.target), *(b"%b: %b" % one for one in self.headers)]
        if any(sign in line for line in lines for sign in (b"\r", b"\n", b"\0")):
            raise StreamError("LocalProtocolError", "a header has a line break")
        return b"\r\n".join([*lines, b"", self.body])


class Connection(asyncio.Protocol):
    """One connection: one request after the other, each read to its end before the next."""

    _transport: asyncio.Transport

    def __init__(self, left: Callable[["Connection"], None]) -> None:
        self._left = left
        self._failure: StreamError | None = None
        self._arrived = asyncio.Event()
        self.idle_since = 0.0
        self._begin()

    def _begin(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._pieces: list[bytes] = []
        self._size = self._head_size = 0
        self._is_asked = self._is_paused = self._is_final = self._may_stay = False
        self.headers: Headers = []
        self.status = 0
        self.is_over = False

    @property
    def is_open(self) -> bool:
        return self._failure is None and not self._transport.is_closing()

    @property
    def may_stay(self) -> bool:
        """Whether another request may follow: nothing of this one is to come."""
        return self._may_stay and self.is_open

    async def ask(self, asked: Asked) -> None:
        """Send it and wait for the head of the answer. Raises `StreamError`."""
        told = asked.told()
        self._begin()
        self._is_asked = True
        self._transport.write(told)
        while not self._is_final:
            await self._wait(asked.read)

    async def read_on(self, seconds: float | None) -> bytes:
        """What has come of the body since, at least something; nothing at its end. Raises `StreamError`."""
        while not self._pieces:
            if self.is_over:
                return b""
            await self._wait(seconds)
        found, self._pieces, self._size = b"".join(self._pieces), [], 0
        if self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()
        return found

    async def gather(self, until: float) -> None:
        """Let more come until then, unless that was all."""
        left = until - time.monotonic()
        if left > 0 and not self.is_over and self._failure is None and self._size < _ENOUGH_BYTES:
            await asyncio.sleep(left)

    async def _wait(self, seconds: float | None) -> None:
        if self._failure is not None:
            raise self._failure
        self._arrived.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._arrived.wait()
        except TimeoutError:
            raise StreamError("ReadTimeout", "nothing came in time") from None

    async def close(self) -> None:
        """Whatever is under way ends here; the server notices."""
        self._transport.abort()
        # The event loop closes it next.
        await asyncio.sleep(0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if not self._is_asked or self.is_over:
            self._fail("RemoteProtocolError", "something came that nobody asked for")
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail("RemoteProtocolError", f"no HTTP: {type(error).__name__}")

    def connection_lost(self, _error: Exception | None) -> None:
        self._left(self)
        if not self.is_over:
            self._end()

    def _end(self) -> None:
        """It is lost: that is the end of a body whose length nobody has told."""
        names = {name.lower() for name, _value in self.headers}
        if self._is_final and not names & {b"content-length", b"transfer-encoding"}:
            self.on_message_complete()
        elif self._is_final:
            self._fail("RemoteProtocolError", "the connection was closed amid an answer")
        else:
            self._fail("ReadError", "the connection was closed before an answer")

    def _fail(self, kind: Kind, told: str) -> None:
        self._failure = self._failure or StreamError(kind, told)
        self._arrived.set()
        self._transport.abort()

    # What httptools calls.

    def on_message_begin(self) -> None:
        if self.is_over:
            self._fail("RemoteProtocolError", "something came that nobody asked for")
        else:
            self.headers, self._head_size = [], 0

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.is_over:
            return
        self._head_size += len(name) + len(value)
        if self._head_size > _MOST_HEAD_BYTES:
            self._fail("RemoteProtocolError", "the head is too long")
        else:
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self.is_over:
            return
        self.status = self._parser.get_status_code()
        if self.status >= _FINAL or self.status == _SWITCHING:
            self._is_final = True
            self._arrived.set()

    def on_body(self, body: bytes) -> None:
        if self.is_over:
            return
        self._pieces.append(body)
        self._size += len(body)
        if self._size >= _MOST_BYTES and not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()
        self._arrived.set()

    def on_message_complete(self) -> None:
        # Of one that only says that more is to come there is no body.
        if self._is_final and not self.is_over:
            self.is_over = True
            self._may_stay = self._parser.should_keep_alive()
            self._arrived.set()


class Answer:
    """The head of an answer, and its body as it comes."""

    def __init__(
        self, connection: Connection, read: float | None, free: Callable[[Connection], Awaitable[None]]
    ) -> None:
        self.status, self.headers = connection.status, connection.headers
        self._connection: Connection | None = connection
        self._read, self._free = read, free

    async def pieces(self) -> AsyncIterator[bytes]:
        """Raises `StreamError`."""
        while self._connection is not None and (piece := await self._connection.read_on(self._read)):
            came = time.monotonic()
            yield piece
            if self._connection is not None:
                await self._connection.gather(came + _GATHER_SECONDS)

    async def close(self) -> None:
        """Where it was not read to its end the server is left alone with the rest. Closing twice does no harm."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await self._free(connection)


class Connections:
    """Those to one server, of one event loop; as many as are asked for, and a few are kept for what comes next."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._idle: list[Connection] = []
        self._is_closed = False

    async def ask(self, asked: Asked) -> Answer:
        """Raises `StreamError`."""
        kept = await self._kept()
        if kept is not None:
            try:
                return await self._ask(kept, asked)
            except StreamError as error:
                # The server had closed it by then: what is asked does no harm if it is asked again.
                if error.kind != "ReadError":
                    raise
        return await self._ask(await self._made(asked.connect), asked)

    async def _ask(self, connection: Connection, asked: Asked) -> Answer:
        try:
            await connection.ask(asked)
        except BaseException:
            await connection.close()
            raise
        return Answer(connection, asked.read, self._free)

    async def close(self) -> None:
        self._is_closed = True
        idle, self._idle = self._idle, []
        for connection in idle:
            await connection.close()

    async def _kept(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open and time.monotonic() - connection.idle_since < _KEPT_SECONDS:
                return connection
            await connection.close()
        return None

    async def _made(self, seconds: float | None) -> Connection:
        server, loop = self._server, asyncio.get_running_loop()
        try:
            async with asyncio.timeout(seconds):
                _, connection = await loop.create_connection(
                    lambda: Connection(self._forget), server.host, server.port, ssl=server.trusts
                )
        except TimeoutError as error:
            raise StreamError("ConnectTimeout", "nobody answered") from error
        except (OSError, ValueError) as error:
            raise StreamError("ConnectError", "no connection") from error
        return connection

    async def _free(self, connection: Connection) -> None:
        if connection.may_stay and len(self._idle) < _KEPT and not self._is_closed:
            connection.idle_since = time.monotonic()
            self._idle.append(connection)
        else:
            await connection.close()

    def _forget(self, connection: Connection) -> None:
        with suppress(ValueError):
            self._idle.remove(connection)
