"""HTTP/1.1 from servers that do as they like, by way of httpx."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from providers.transports import HttpxTransport
from providers.wire import trusted

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


@asynccontextmanager
async def serving(*answers: bytes, closes: bool = True) -> AsyncIterator[tuple[httpx.AsyncClient, list[bytes]]]:
    """A client of a server that gives these answers, one to a request, and what it was asked."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                asked.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(answers[min(len(asked), len(answers)) - 1])
                await writer.drain()
                if closes:
                    return
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            return
        finally:
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with httpx.AsyncClient(base_url=url, transport=HttpxTransport(trusted()), timeout=5) as client:
            yield client, asked


@pytest.mark.parametrize(
    "answer",
    [
        OK,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nh\r\n1\r\ni\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nhi",
        b"HTTP/1.0 200 OK\r\n\r\nhi",
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK,
    ],
    ids=["length", "chunks", "to the close", "of old", "continue", "hints"],
)
async def test_an_answer_is_read_however_it_ends(answer: bytes) -> None:
    async with serving(answer) as (client, _):
        response = await client.get("/")
        assert (response.status_code, response.text) == (200, "hi")
        assert "link" not in response.headers


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"", httpx.ReadError),
        (b"SSH-2.0-server\r\n\r\n", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\n" + b"X: " + b"x" * 200_000 + b"\r\n\r\n", httpx.RemoteProtocolError),
    ],
    ids=["nothing", "no HTTP", "cut", "cut amid chunks", "endless head"],
)
async def test_what_is_no_whole_answer_is_an_error(answer: bytes, error: type[httpx.TransportError]) -> None:
    async with serving(answer) as (client, _):
        with pytest.raises(error):
            await client.get("/")


async def test_a_connection_that_was_closed_meanwhile_is_replaced() -> None:
    async with serving(OK) as (client, asked):
        for _ in range(3):
            assert (await client.get("/")).text == "hi"
        assert len(asked) == 3


async def test_what_comes_unasked_is_no_answer_to_the_next_question() -> None:
    async with serving(OK + OK.replace(b"hi", b"no"), closes=False) as (client, asked):
        for _ in range(2):
            assert (await client.get("/")).text == "hi"
        assert len(asked) == 2


async def test_a_header_that_ends_its_line_is_not_sent() -> None:
    async with serving(OK) as (client, asked):
        with pytest.raises(httpx.LocalProtocolError):
            await client.get("/", headers={"Authorization": "Bearer a\r\nX-Other: b"})
        assert asked == []


async def test_silence_is_borne_as_long_as_was_said() -> None:
    async with serving(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi", closes=False) as (client, _):
        with pytest.raises(httpx.ReadTimeout):
            await client.get("/", timeout=0.2)
