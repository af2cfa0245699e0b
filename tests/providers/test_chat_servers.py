"""Chat models on servers of both protocols, on real sockets: what holds for every one of them."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from providers.chat.ollama import OllamaChat
from providers.chat.openai import OpenAIChat
from providers.errors import ProviderError
from tests.providers.chatting import (
    KINDS,
    Chat,
    Server,
    asked,
    broken,
    chat_with,
    collect,
    joined,
    stand_in,
)
from tests.standins.scripted import Fault, Framing, Reply

PROTOCOLS = {"ollama": "Ollama", "openai": "OpenAI"}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    assert isinstance(request.param, str)
    return request.param


@pytest.fixture
def server(kind: str) -> Iterator[Server]:
    with stand_in(kind) as running:
        yield running


@pytest.fixture
async def chat(server: Server) -> AsyncIterator[Chat]:
    model = chat_with(server)
    yield model
    await model.aclose()


async def test_an_answer_arrives_in_pieces_and_says_when_it_is_over(server: Server, chat: Chat) -> None:
    # Slower than what comes together is gathered.
    server.script(Reply(text="Thirty days [1].", thinking="The handbook says so.", tokens_per_second=10))
    deltas = await collect(chat)
    assert [delta.text for delta in deltas] == ["", "", "", "", "Thirty ", "days ", "[1].", ""]
    assert "".join(delta.thinking for delta in deltas) == "The handbook says so."
    assert [delta.finish_reason for delta in deltas] == [None] * 7 + ["stop"]
    assert deltas[-1].prompt_tokens == 26


async def test_what_comes_at_once_is_handed_on_together(server: Server, chat: Chat) -> None:
    server.script(Reply(text="word " * 200, thinking="hm " * 200, tokens_per_second=4000))
    deltas = await collect(chat)
    assert joined(deltas) == "word " * 200
    assert "".join(delta.thinking for delta in deltas) == "hm " * 200
    assert len(deltas) < 100


async def test_an_answer_that_was_cut_at_its_limit_says_so(server: Server, chat: Chat) -> None:
    server.script(Reply(text="Thirty", done_reason="length"))
    deltas = await collect(chat)
    assert deltas[-1].finish_reason == "length"


@pytest.mark.parametrize("framing", ["plain", "bom", "crlf", "blank_lines", "split_utf8", "no_final_newline"])
async def test_harmless_differences_in_framing_change_nothing(
    server: Server, chat: Chat, framing: Framing
) -> None:
    text = "Zürich: 30 Tage Urlaub, 中文, 🏖️ [1].\nDas gilt\u2028immer."
    server.script(Reply(text=text, framing=framing))
    deltas = await collect(chat)
    assert (joined(deltas), deltas[-1].finish_reason) == (text, "stop")


async def test_text_that_no_database_takes_is_cleaned(server: Server, chat: Chat) -> None:
    server.script(Reply(text="a\0b c"))
    assert joined(await collect(chat)) == "ab c"


@pytest.mark.parametrize("fault", ["cut", "close", "reset"])
@pytest.mark.parametrize("after", [2, 4])
async def test_a_stream_that_ends_without_an_end_is_incomplete(
    server: Server, chat: Chat, fault: Fault, after: int
) -> None:
    # At a pace, so that the bytes before a reset are read before it arrives.
    server.script(Reply(text="one two three four", fault=fault, fault_after=after, tokens_per_second=50))
    text, error = await broken(chat)
    assert (error.code, error.permanent) == ("model_incomplete", False)
    assert text == "".join(["one ", "two ", "three ", "four"][:after])


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("cut", "model_incomplete"),
        ("close", "model_unreachable"),
        ("reset", "model_unreachable"),
        ("garbage", "model_error"),
        ("huge_line", "model_error"),
        ("error", "model_error"),
    ],
)
async def test_a_stream_that_breaks_before_the_first_token_has_its_code(
    server: Server, chat: Chat, fault: Fault, code: str
) -> None:
    server.script(Reply(text="one two", fault=fault))
    text, error = await broken(chat)
    assert (text, error.code) == ("", code)
    assert len(server.requests) == 1


async def test_an_error_object_in_the_stream_is_a_failure_without_the_servers_words(
    server: Server, chat: Chat
) -> None:
    server.script(Reply(text="one two three", fault="error", fault_after=2))
    text, error = await broken(chat)
    assert (text, error.code, error.detail) == ("one two ", "model_error", "The model server reported an error.")


@pytest.mark.parametrize("fault", ["garbage", "huge_line"])
async def test_a_bad_line_is_a_failure(server: Server, chat: Chat, fault: Fault, kind: str) -> None:
    server.script(Reply(text="one two three", fault=fault, fault_after=2))
    text, error = await broken(chat)
    assert (text, error.code) == ("one two ", "model_error")
    assert error.detail == f"The model server sent something that is not {PROTOCOLS[kind]}'s protocol."


async def test_a_model_that_hangs_before_its_first_token_times_out(server: Server) -> None:
    chat = chat_with(server, first_token_timeout=0.6)
    server.script(Reply(fault="hang"))
    started = time.monotonic()
    text, error = await broken(chat)
    assert 0.55 < time.monotonic() - started < 5
    assert (text, error.code) == ("", "model_timeout")
    assert error.detail == "The model did not begin to answer within 0.6 seconds."
    assert server.wait_aborted(2)
    await chat.aclose()


async def test_a_model_that_falls_silent_times_out_and_its_text_is_kept(server: Server) -> None:
    chat = chat_with(server, idle_timeout=0.3)
    server.script(Reply(text="one two three", fault="hang", fault_after=2))
    text, error = await broken(chat)
    assert (text, error.code) == ("one two ", "model_timeout")
    assert error.detail == "The model fell silent for 0.3 seconds in the middle of its answer."
    assert server.wait_aborted(2)
    await chat.aclose()


async def test_a_slow_first_token_and_a_long_answer_are_no_timeout(server: Server) -> None:
    # 0.4 s to the first token, then 1.2 s of tokens: longer than either limit alone.
    chat = chat_with(server, first_token_timeout=1, idle_timeout=1)
    text = "one two three four five six seven eight nine ten eleven twelve"
    server.script(Reply(text=text, first_token_after=0.4, tokens_per_second=10))
    assert joined(await collect(chat)) == text
    await chat.aclose()


@pytest.mark.parametrize("status", [429, 500, 502, 503])
async def test_a_passing_failure_is_tried_twice_more(server: Server, chat: Chat, status: int) -> None:
    server.script(Reply(status=status), times=2)
    server.script(Reply(text="Thirty days."))
    assert joined(await collect(chat)) == "Thirty days."
    assert len(server.requests) == 3


async def test_the_third_failure_is_final(server: Server, chat: Chat) -> None:
    server.script(Reply(status=503), times=5)
    text, error = await broken(chat)
    assert (text, error.code, error.permanent) == ("", "model_error", False)
    assert len(server.requests) == 3


async def test_retries_end_with_the_time_for_the_first_token(server: Server) -> None:
    # The two pauses take 0.6 s at least: the third attempt, whose failure would be final, is never made.
    chat = chat_with(server, first_token_timeout=0.5)
    server.script(Reply(status=503), times=5)
    _, error = await broken(chat)
    assert error.code == "model_timeout"
    assert len(server.requests) < 3
    await chat.aclose()


async def test_a_server_that_asks_for_a_short_pause_gets_it(server: Server, chat: Chat) -> None:
    server.script(Reply(status=429, retry_after="1"), Reply(text="Thirty days."))
    started = time.monotonic()
    assert joined(await collect(chat)) == "Thirty days."
    assert time.monotonic() - started > 1
    assert len(server.requests) == 2


@pytest.mark.parametrize("wait", ["40", "40.2"])
async def test_a_server_that_asks_for_a_long_pause_is_not_waited_for(
    server: Server, chat: Chat, wait: str
) -> None:
    server.script(Reply(status=429, retry_after=wait))
    started = time.monotonic()
    _, error = await broken(chat)
    assert time.monotonic() - started < 5
    assert error.detail == "The model server takes no more questions for now; try again in 40 seconds."
    assert (error.permanent, len(server.requests)) == (False, 1)


async def test_a_pause_that_makes_no_sense_is_none(server: Server, chat: Chat) -> None:
    server.script(*(Reply(status=503, retry_after=odd) for odd in ("soon", "nan")), Reply(text="Thirty days."))
    assert joined(await collect(chat)) == "Thirty days."


@pytest.mark.parametrize(
    ("status", "detail"),
    [
        (301, "The model server refused to answer."),
        (400, "The model server refused to answer."),
        (401, "The model server does not accept Docent's key."),
        (403, "The model server does not accept Docent's key."),
        (501, "The model server refused to answer."),
    ],
)
async def test_another_status_is_final_at_once(server: Server, chat: Chat, status: int, detail: str) -> None:
    # OpenAI's protocol has an option that older servers refuse without a word: once more without it.
    attempts = 2 if status == 400 and "/v1" in getattr(server, "base_url", "") else 1
    server.script(Reply(status=status), times=2)
    _, error = await broken(chat)
    assert (error.code, error.permanent, error.detail) == ("model_error", True, detail)
    assert len(server.requests) == attempts


async def test_a_model_that_is_not_installed_is_named_as_such(chat: Chat) -> None:
    _, error = await broken(chat, asked(model="absent"))
    assert error.detail == "The model server does not have the model that was asked for."
    assert error.permanent is True


@pytest.mark.parametrize("reply", [Reply(text=""), Reply(text=" \n "), Reply(text="", thinking="Hm.")])
async def test_an_answer_without_text_is_a_failure(server: Server, chat: Chat, reply: Reply) -> None:
    server.script(reply)
    text, error = await broken(chat)
    assert (text.strip(), error.code) == ("", "model_empty")


@pytest.mark.parametrize("make", [OllamaChat, lambda host: OpenAIChat(f"http://{host}/v1")], ids=KINDS)
async def test_no_server_is_unreachable(make: type[OllamaChat]) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        chat = make(f"127.0.0.1:{reserved.getsockname()[1]}")
        _, error = await broken(chat)
        assert (error.code, error.detail) == ("model_unreachable", "The model server cannot be reached.")
        assert await chat.probe() is None
        with pytest.raises(ProviderError) as failure:
            await chat.list_models()
        assert failure.value.code == "model_unreachable"
        await chat.aclose()


async def test_closing_the_generator_stops_the_model(server: Server, chat: Chat) -> None:
    server.script(Reply(text="word " * 1000, tokens_per_second=50))
    async with contextlib.aclosing(chat.stream(asked())) as deltas:
        async for delta in deltas:
            assert delta.text == "word "
            break
    assert await asyncio.to_thread(server.wait_aborted, 1)


@pytest.mark.parametrize("reply", [Reply(text="word " * 1000, tokens_per_second=50), Reply(fault="hang")])
async def test_cancelling_the_task_stops_the_model(server: Server, chat: Chat, reply: Reply) -> None:
    server.script(reply)
    task = asyncio.create_task(collect(chat))
    assert await asyncio.to_thread(server.wait_requests, 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(server.wait_aborted, 1)


async def test_answers_one_after_the_other_share_a_connection(server: Server, chat: Chat) -> None:
    for _ in range(5):
        assert joined(await collect(chat)) == "Employees have thirty days of leave. [1]"
    assert server.connections == 1


async def test_many_answers_at_once(server: Server, chat: Chat) -> None:
    texts = [f"answer {number}" for number in range(120)]
    server.script(*(Reply(text=text, first_token_after=0.3) for text in texts))
    answers = await asyncio.gather(*(collect(chat) for _ in texts))
    assert sorted(joined(deltas) for deltas in answers) == sorted(texts)


@pytest.mark.parametrize("kind", KINDS)
def test_one_provider_serves_several_event_loops(kind: str) -> None:
    with stand_in(kind) as server:
        chat = chat_with(server)

        async def ask_once() -> str:
            try:
                return joined(await collect(chat))
            finally:
                await chat.aclose()

        assert asyncio.run(ask_once()) == asyncio.run(ask_once())
        gc.collect()
        assert server.connections == 2


async def test_a_server_of_another_kind_is_no_model_server(kind: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n<html>hi</html>")
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as other:
        host = f"127.0.0.1:{other.sockets[0].getsockname()[1]}"
        chat = OllamaChat(host) if kind == "ollama" else OpenAIChat(f"http://{host}/v1")
        assert await chat.probe() is None
        _, error = await broken(chat)
        assert error.code == "model_incomplete"
        await chat.aclose()


async def test_no_proxy_of_the_environment_is_used(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    chat = chat_with(server)
    assert [model.name for model in await chat.probe() or []] == [*server.models]
    assert joined(await collect(chat))
    await chat.aclose()
