"""Which models an Ollama server has: what is read of its list, and how long that may take."""

from __future__ import annotations

import asyncio
import socket
import time
from dataclasses import replace

import pytest

from providers.chat import ModelInfo
from providers.chat.ollama import OllamaChat
from providers.chat.ollama_wire import context_of
from providers.errors import ProviderError
from tests.standins.ollama import OllamaStandIn


async def test_models_that_only_embed_are_not_listed() -> None:
    models = ("llama3.2:1b", "nomic-embed-text:latest", "qwen3:4b")
    with OllamaStandIn(models=models) as server:
        chat = OllamaChat(server.url)
        assert [model.name for model in await chat.list_models()] == ["llama3.2:1b", "qwen3:4b"]
        assert [model.name for model in await chat.probe() or []] == ["llama3.2:1b", "qwen3:4b"]
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
        found = await chat.probe()
        assert (None if found is None else [model.name for model in found]) == models
    await chat.aclose()


async def test_the_probe_waits_no_longer_than_it_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        chat = OllamaChat(f"127.0.0.1:{silent.getsockname()[1]}")
        started = time.monotonic()
        assert await chat.probe(timeout=0.2) is None
        assert time.monotonic() - started < 3
        await chat.aclose()


async def test_what_is_known_of_a_model_is_put_together() -> None:
    with OllamaStandIn(models=("llama3.2:latest", "qwen3:4b")) as server:
        server.loaded = frozenset({"llama3.2:latest"})
        server.context_lengths["llama3.2"] = 131072
        chat = OllamaChat(server.url)
        first, second = (
            ModelInfo(name=name, is_loaded=is_loaded, size_bytes=1_000_000_000, parameters="1B")
            for name, is_loaded in (("llama3.2:latest", True), ("qwen3:4b", False))
        )
        assert await chat.list_models() == [first, second]
        assert await chat.describe("llama3.2") == replace(first, context_tokens=131072)
        assert await chat.describe("qwen3:4b") == replace(second, context_tokens=32768)
        # The probe is to be quick: it does not ask what is loaded.
        assert await chat.probe() == [replace(one, is_loaded=None) for one in (first, second)]
        with pytest.raises(ProviderError) as failure:
            await chat.describe("absent")
        assert failure.value.detail == "The model server does not have the model that was asked for."
        await chat.aclose()


@pytest.mark.parametrize(
    ("info", "length"),
    [
        ({"general.architecture": "llama", "llama.context_length": 131072}, 131072),
        ({"general.architecture": "gemma3", "gemma3.context_length": 8, "vision.context_length": 4}, 8),
        ({"mllama.context_length": 4096}, 4096),
        ({"general.architecture": "llama", "llama.context_length": True}, None),
        ({"general.architecture": "llama", "llama.context_length": "many"}, None),
        ({}, None),
        ([], None),
    ],
)
def test_the_window_is_called_after_the_architecture(info: object, length: int | None) -> None:
    assert context_of({"model_info": info}) == length


async def test_a_server_that_does_not_say_what_is_loaded_is_no_failure() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        is_list = head.startswith(b"GET /api/tags")
        body = b'{"models": [{"name": "llama3.2"}]}' if is_list else b"{}"
        status = 200 if is_list else 404
        writer.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (status, len(body)))
        writer.write(body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as other:
        chat = OllamaChat(f"127.0.0.1:{other.sockets[0].getsockname()[1]}")
        assert await chat.list_models() == [ModelInfo(name="llama3.2")]
        await chat.aclose()
