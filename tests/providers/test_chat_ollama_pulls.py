"""Getting and removing models of an Ollama server: progress, plain failures, and a download that is given up."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from providers.chat import PullProgress
from providers.chat.ollama import OllamaChat
from providers.errors import ProviderError
from tests.standins.ollama import MODEL, OllamaStandIn, PullReply, Reply


@pytest.fixture
def server() -> Iterator[OllamaStandIn]:
    with OllamaStandIn() as running:
        yield running


@pytest.fixture
async def chat(server: OllamaStandIn) -> AsyncIterator[OllamaChat]:
    model = OllamaChat(server.url, pull_timeout=20)
    yield model
    await model.aclose()


async def pulled(chat: OllamaChat, model: str = "qwen3:4b") -> list[PullProgress]:
    return [progress async for progress in chat.pull(model)]


async def failure_of(chat: OllamaChat) -> ProviderError:
    with pytest.raises(ProviderError) as failure:
        await pulled(chat)
    assert not any(secret in str(failure.value) for secret in ("10.0.0.7", "127.0.0.1", "registry"))
    return failure.value


async def test_progress_is_told_in_bytes_of_all_files(server: OllamaStandIn, chat: OllamaChat) -> None:
    server.script_pulls(PullReply(files=(1000, 200), steps=2))
    told = [(one.status, one.completed, one.total) for one in await pulled(chat)]
    assert told == [
        ("starting", None, None),
        ("downloading", 0, 1000),
        ("downloading", 500, 1000),
        ("downloading", 1000, 1000),
        ("downloading", 1000, 1200),
        ("downloading", 1100, 1200),
        ("downloading", 1200, 1200),
        ("verifying", 1200, 1200),
        ("storing", 1200, 1200),
        ("storing", 1200, 1200),
        ("done", 1200, 1200),
    ]
    assert [model.name for model in await chat.list_models()] == [MODEL, "qwen3:4b"]


@pytest.mark.parametrize("framing", ["bom", "crlf", "blank_lines", "split_utf8", "no_final_newline"])
async def test_harmless_differences_in_framing_change_nothing(
    server: OllamaStandIn, chat: OllamaChat, framing: Any
) -> None:
    server.script_pulls(PullReply(reply=Reply(framing=framing)))
    assert (await pulled(chat))[-1] == PullProgress(status="done", completed=1200, total=1200)


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize(
    ("error", "detail"),
    [
        ("pull model manifest: file does not exist", "There is no model of this name to get."),
        ("invalid model name", "There is no model of this name to get."),
        ("write /root/models: no space left on device", "The model server has no room left for this model."),
        (
            "this model requires a newer version of Ollama",
            "This model needs a newer version of Ollama than the model server has.",
        ),
    ],
)
async def test_failures_are_said_plainly_in_the_stream_and_instead_of_it(
    server: OllamaStandIn, chat: OllamaChat, status: int, error: str, detail: str
) -> None:
    server.script_pulls(PullReply(files=(), error=error, status=status))
    failure = await failure_of(chat)
    assert (failure.code, failure.detail, failure.permanent) == ("model_error", detail, True)


async def test_a_failure_that_nobody_knows_may_pass(server: OllamaStandIn, chat: OllamaChat) -> None:
    server.script_pulls(PullReply(error="dial tcp: lookup registry.ollama.ai"))
    failure = await failure_of(chat)
    assert (failure.detail, failure.permanent) == ("The model server could not get the model.", False)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("cut", "model_incomplete"),
        ("close", "model_incomplete"),
        ("reset", "model_incomplete"),
        ("garbage", "model_error"),
        ("huge_line", "model_error"),
        ("error", "model_error"),
    ],
)
async def test_a_download_that_breaks_off_is_not_done(
    server: OllamaStandIn, chat: OllamaChat, fault: Any, code: str
) -> None:
    server.script_pulls(PullReply(reply=Reply(fault=fault, fault_after=4, tokens_per_second=50)))
    failure = await failure_of(chat)
    assert (failure.code, failure.permanent) == (code, False)
    if code == "model_incomplete":
        assert failure.detail == "The download broke off before it was complete."
    assert [model.name for model in await chat.list_models()] == [MODEL]


async def test_a_download_that_stands_still_is_given_up(server: OllamaStandIn) -> None:
    chat = OllamaChat(server.url, pull_timeout=0.3)
    server.script_pulls(PullReply(reply=Reply(fault="hang", fault_after=3)))
    failure = await failure_of(chat)
    assert (failure.code, failure.detail) == ("model_timeout", "The download stood still for 0.3 seconds.")
    assert server.wait_aborted(1)
    await chat.aclose()


async def test_closing_the_generator_stops_the_download(server: OllamaStandIn, chat: OllamaChat) -> None:
    server.script_pulls(PullReply(steps=1000, reply=Reply(tokens_per_second=50)))
    async with contextlib.aclosing(chat.pull("qwen3:4b")) as progress:
        assert (await anext(progress)).status == "starting"
    assert await asyncio.to_thread(server.wait_aborted, 1)


async def test_cancelling_the_task_stops_the_download(server: OllamaStandIn, chat: OllamaChat) -> None:
    server.script_pulls(PullReply(reply=Reply(fault="hang")))
    task = asyncio.create_task(pulled(chat))
    assert await asyncio.to_thread(server.wait_pulled, 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(server.wait_aborted, 1)


async def test_a_model_is_removed_by_either_of_its_names(server: OllamaStandIn, chat: OllamaChat) -> None:
    await chat.delete("stand-in")
    assert (server.deleted, await chat.list_models()) == (["stand-in"], [])
    with pytest.raises(ProviderError) as failure:
        await chat.delete(MODEL)
    assert failure.value.detail == "The model server does not have the model that was asked for."
    assert failure.value.permanent is True


async def test_without_a_server_nothing_is_got_or_removed() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        chat = OllamaChat(f"127.0.0.1:{reserved.getsockname()[1]}")
        assert (await failure_of(chat)).code == "model_unreachable"
        with pytest.raises(ProviderError) as failure:
            await chat.delete(MODEL)
        assert failure.value.code == "model_unreachable"
        await chat.aclose()
