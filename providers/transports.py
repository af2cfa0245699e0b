"""The HTTP libraries that model servers are asked by, on connections of our own: the SDKs notice nothing.

Ollama is asked by httpx, and OpenAI's SDK stands on httpx2, which has the same names.
"""

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from types import ModuleType

import httpx
import httpx2

from providers.streams import Answer, Asked, Connections, Server, StreamError

_PORTS = {"http": 80, "https": 443}


class _Streams:
    """Of each server that is asked its connections."""

    def __init__(self, trusts: ssl.SSLContext) -> None:
        self._trusts = trusts
        self._of: dict[tuple[str, str, int], Connections] = {}

    async def ask(self, request: httpx.Request | httpx2.Request, body: bytes) -> Answer:
        url, patience = request.url, request.extensions.get("timeout", {})
        asked = Asked(
            request.method.encode(),
            url.raw_path,
            request.headers.raw,
            body,
            connect=patience.get("connect"),
            read=patience.get("read"),
        )
        return await self._to(url.scheme, url.raw_host.decode(), url.port).ask(asked)

    def _to(self, scheme: str, host: str, port: int | None) -> Connections:
        if scheme not in _PORTS:
            raise StreamError("LocalProtocolError", "neither http nor https")
        place = scheme, host, port or _PORTS[scheme]
        if place not in self._of:
            trusts = self._trusts if scheme == "https" else None
            self._of[place] = Connections(Server(host, place[2], trusts))
        return self._of[place]

    async def close(self) -> None:
        for connections in self._of.values():
            await connections.close()


@contextmanager
def _as_in(library: ModuleType) -> Iterator[None]:
    try:
        yield
    except StreamError as error:
        raise getattr(library, error.kind)(str(error)) from error


class _Body(httpx.AsyncByteStream):
    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _as_in(httpx):
            async for piece in self._answer.pieces():
                yield piece

    async def aclose(self) -> None:
        await self._answer.close()


class HttpxTransport(httpx.AsyncBaseTransport):
    """For an `httpx.AsyncClient` of one event loop."""

    def __init__(self, trusts: ssl.SSLContext) -> None:
        self._streams = _Streams(trusts)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        with _as_in(httpx):
            answer = await self._streams.ask(request, await request.aread())
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer))

    async def aclose(self) -> None:
        await self._streams.close()


class _Body2(httpx2.AsyncByteStream):
    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _as_in(httpx2):
            async for piece in self._answer.pieces():
                yield piece

    async def aclose(self) -> None:
        await self._answer.close()


class Httpx2Transport(httpx2.AsyncBaseTransport):
    """For an `httpx2.AsyncClient` of one event loop."""

    def __init__(self, trusts: ssl.SSLContext) -> None:
        self._streams = _Streams(trusts)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        with _as_in(httpx2):
            answer = await self._streams.ask(request, await request.aread())
        return httpx2.Response(answer.status, headers=answer.headers, stream=_Body2(answer))

    async def aclose(self) -> None:
        await self._streams.close()
