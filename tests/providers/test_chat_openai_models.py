"""Which models a server of OpenAI's protocol has: what Groq, vLLM and llama.cpp tell of them, each in its way."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from providers.chat import ModelInfo
from providers.chat.openai import OpenAIChat
from providers.errors import ProviderError
from tests.standins.openai import OpenAIStandIn


@asynccontextmanager
async def serving(**options: object) -> AsyncIterator[tuple[OpenAIStandIn, OpenAIChat]]:
    with OpenAIStandIn(key="a-key", **options) as server:  # type: ignore[arg-type]
        chat = OpenAIChat(server.base_url, api_key="a-key")
        yield server, chat
        await chat.aclose()


@pytest.mark.parametrize(
    ("flavour", "listed", "described"),
    [
        ("openai", {}, {}),
        ("groq", {"context_tokens": 8192}, {"context_tokens": 8192}),
        (
            "vllm",
            {"context_tokens": 8192, "is_loaded": True},
            {"context_tokens": 8192, "is_loaded": True},
        ),
        # The list has the window that the model was made with, the server that which it was started with.
        (
            "llamacpp",
            {"context_tokens": 131072, "is_loaded": True, "size_bytes": 2011539456, "parameters": "3.2B"},
            {"context_tokens": 8192, "is_loaded": True, "size_bytes": 2011539456, "parameters": "3.2B"},
        ),
    ],
)
async def test_what_servers_tell_of_a_model(
    flavour: str, listed: dict[str, object], described: dict[str, object]
) -> None:
    async with serving(flavour=flavour, models=("small",)) as (server, chat):
        server.context_tokens = 8192
        assert await chat.list_models() == await chat.probe() == [ModelInfo(name="small", **listed)]  # type: ignore[arg-type]
        assert await chat.describe("small") == ModelInfo(name="small", **described)  # type: ignore[arg-type]
        assert ("/props" in server.looked_up) == (flavour == "llamacpp")


async def test_models_that_do_not_chat_are_not_listed_but_known() -> None:
    models = ("llama-3.3-70b", "whisper-large-v3", "text-embedding-3-small", "Playai-TTS")
    async with serving(models=models) as (_, chat):
        assert [model.name for model in await chat.list_models()] == ["llama-3.3-70b"]
        assert (await chat.describe("whisper-large-v3")).name == "whisper-large-v3"
        with pytest.raises(ProviderError) as failure:
            await chat.describe("absent")
        assert failure.value.detail == "The model server does not have the model that was asked for."


async def test_models_are_neither_got_nor_removed() -> None:
    async with serving() as (server, chat):
        for doing in (chat.delete("stand-in-chat"), anext(aiter(chat_pull(chat)))):
            with pytest.raises(ProviderError) as failure:
                await doing
            assert failure.value.permanent is True
            assert failure.value.detail == (
                "This server's models are set up where it runs: none can be added or removed from here."
            )
        assert server.looked_up == []


async def chat_pull(chat: OpenAIChat) -> AsyncIterator[object]:
    async for progress in chat.pull("small"):
        yield progress


@pytest.mark.parametrize(
    ("body", "models"),
    [
        (b'{"data": [{"id": "small"}, {"id": ""}, {"id": 7}, 8]}', ["small"]),
        (b'{"data": [{"id": "off", "active": false}, {"id": "small", "meta": 3, "status": "x"}]}', ["small"]),
        (b'{"data": []}', []),
        (b'{"data": null}', None),
        (b"[]", None),
        (b"<html>", None),
    ],
)
async def test_other_servers_lists_are_read_or_refused(body: bytes, models: list[str] | None) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as other:
        chat = OpenAIChat(f"http://127.0.0.1:{other.sockets[0].getsockname()[1]}/v1")
        found = await chat.probe()
        assert (None if found is None else [model.name for model in found]) == models
        await chat.aclose()


async def test_an_address_without_the_apis_path_is_said_to_have_no_list() -> None:
    async with serving() as (server, _):
        chat = OpenAIChat(server.url, api_key="a-key")
        with pytest.raises(ProviderError) as failure:
            await chat.list_models()
        assert failure.value.detail == "The model server has no list of models where OpenAI's API has it."
        await chat.aclose()


async def test_the_probe_waits_no_longer_than_it_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        chat = OpenAIChat(f"http://127.0.0.1:{silent.getsockname()[1]}/v1")
        started = time.monotonic()
        assert await chat.probe(timeout=0.2) is None
        assert time.monotonic() - started < 3
        await chat.aclose()
