"""Which models an Ollama server has: what is read of its list, and how long that may take."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest

from providers.chat.ollama import OllamaChat
from tests.standins.ollama import OllamaStandIn


async def test_models_that_only_embed_are_not_listed() -> None:
    models = ("llama3.2:1b", "nomic-embed-text:latest", "qwen3:4b")
    with OllamaStandIn(models=models) as server:
        chat = OllamaChat(server.url)
        assert await chat.list_models() == ["llama3.2:1b", "qwen3:4b"]
        assert await chat.probe() == ["llama3.2:1b", "qwen3:4b"]
        await chat.aclose()


async def _answer_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(body), body))
    await writer.drain()
    writer.close()


@pytest.mark.parametrize(
    ("body", "models"),
    [
        (b'{"models": [{"name": "llama3.2"}]}', ["llama3.2"]),
        (b'{"models": null}', []),
        (b'{"models": [7]}', None),
        (b'{"error": "no"}', None),
        (b"<html>", None),
    ],
)
async def test_other_servers_lists_are_read_or_refused(body: bytes, models: list[str] | None) -> None:
    server = await asyncio.start_server(lambda reader, writer: _answer_once(reader, writer, body), "127.0.0.1", 0)
    chat = OllamaChat(f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
    async with server:
        assert await chat.probe() == models
    await chat.aclose()


async def test_the_probe_waits_no_longer_than_it_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        chat = OllamaChat(f"127.0.0.1:{silent.getsockname()[1]}")
        started = time.monotonic()
        assert await chat.probe(timeout=0.2) is None
        assert time.monotonic() - started < 1
        await chat.aclose()
