"""The Ollama provider against a server on a real socket, in health and with every fault."""

import asyncio
import contextlib
import gc
import socket
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import ollama
import pytest

from providers.chat import ChatDelta, ChatMessage, ChatRequest
from providers.chat.ollama import OllamaChat
from providers.errors import ProviderError
from providers.hosts import parse_host
from tests.standins.ollama import MODEL, OllamaStandIn, Reply
from tests.standins.ollama_wire import Fault, Framing

PROMPT = """Passages:
[1] Handbook, page 4
Employees have thirty days of leave. Unused leave expires in March.

Question: how much leave do I have?"""


def asked(**changes: Any) -> ChatRequest:
    messages = (
        ChatMessage(role="system", content="Cite like [1]."),
        ChatMessage(role="user", content=PROMPT),
    )
    return ChatRequest(messages=messages, question="how much leave do I have?", **{"model": MODEL} | changes)


@pytest.fixture
def server() -> Iterator[OllamaStandIn]:
    with OllamaStandIn() as stand_in:
        yield stand_in


@pytest.fixture
async def chat(server: OllamaStandIn) -> AsyncIterator[OllamaChat]:
    """Patient: nothing it does depends on how busy the machine is."""
    model = OllamaChat(server.url, first_token_timeout=20, idle_timeout=20)
    yield model
    await model.aclose()


async def collect(chat: OllamaChat, request: ChatRequest) -> list[ChatDelta]:
    return [delta async for delta in chat.stream(request)]


async def broken(chat: OllamaChat) -> tuple[str, ProviderError]:
    """The text that came before the failure, and the failure."""
    text = ""
    try:
        async for delta in chat.stream(asked()):
            assert delta.finish_reason is None, "a broken answer was shown as complete"
            text += delta.text
    except ProviderError as error:
        return text, error
    pytest.fail("the stream ended as if nothing had been")


def joined(deltas: list[ChatDelta]) -> str:
    return "".join(delta.text for delta in deltas)


async def test_an_answer_arrives_in_pieces_and_says_when_it_is_over(
    server: OllamaStandIn, chat: OllamaChat
) -> None:
    server.script(Reply(text="Thirty days [1].", thinking="The handbook says so."))
    deltas = await collect(chat, asked())

    assert [delta.text for delta in deltas] == ["", "", "", "", "Thirty ", "days ", "[1].", ""]
    assert "".join(delta.thinking for delta in deltas) == "The handbook says so."
    assert deltas[-1] == ChatDelta(finish_reason="stop", prompt_tokens=26, completion_tokens=3)
    assert [delta.finish_reason for delta in deltas[:-1]] == [None] * 7


async def test_the_request_carries_window_length_and_temperature(server: OllamaStandIn, chat: OllamaChat) -> None:
    await collect(chat, asked(temperature=0.0, max_tokens=300, context_tokens=4096))
    await collect(chat, asked())

    assert server.requests[0] == {
        "model": MODEL,
        "messages": [
            {"role": "system", "content": "Cite like [1]."},
            {"role": "user", "content": PROMPT},
        ],
        "stream": True,
        "keep_alive": "10m",
        "options": {"num_ctx": 4096, "num_predict": 300, "temperature": 0.0},
    }
    assert server.requests[1]["options"] == {"num_ctx": 8192}


async def test_an_answer_that_was_cut_at_its_limit_says_so(server: OllamaStandIn, chat: OllamaChat) -> None:
    server.script(Reply(text="Thirty", done_reason="length"))
    deltas = await collect(chat, asked())
    assert deltas[-1].finish_reason == "length"


@pytest.mark.parametrize("framing", ["plain", "bom", "crlf", "blank_lines", "split_utf8", "no_final_newline"])
async def test_harmless_differences_in_framing_change_nothing(
    server: OllamaStandIn, chat: OllamaChat, framing: Framing
) -> None:
    text = "Zürich: 30 Tage Urlaub, 中文, 🏖️ [1].\nDas gilt\u2028immer."
    server.script(Reply(text=text, framing=framing))
    deltas = await collect(chat, asked())
    assert (joined(deltas), deltas[-1].finish_reason) == (text, "stop")


async def test_text_that_no_database_takes_is_cleaned(server: OllamaStandIn, chat: OllamaChat) -> None:
    server.script(Reply(text="a\0b c"))
    assert joined(await collect(chat, asked())) == "ab c"


@pytest.mark.parametrize("fault", ["cut", "close", "reset"])
@pytest.mark.parametrize("after", [2, 4])
async def test_a_stream_that_ends_without_done_is_incomplete(
    server: OllamaStandIn, chat: OllamaChat, fault: Fault, after: int
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
    server: OllamaStandIn, chat: OllamaChat, fault: Fault, code: str
) -> None:
    server.script(Reply(text="one two", fault=fault))
    text, error = await broken(chat)
    assert (text, error.code) == ("", code)
    assert len(server.requests) == 1


async def test_an_error_object_in_the_stream_is_a_failure_without_the_servers_words(
    server: OllamaStandIn, chat: OllamaChat
) -> None:
    server.script(Reply(text="one two three", fault="error", fault_after=2))
    text, error = await broken(chat)
    assert (text, error.code) == ("one two ", "model_error")
    assert "10.0.0.7" not in str(error)


@pytest.mark.parametrize("fault", ["garbage", "huge_line"])
async def test_a_bad_line_is_a_failure(server: OllamaStandIn, chat: OllamaChat, fault: Fault) -> None:
    server.script(Reply(text="one two three", fault=fault, fault_after=2))
    text, error = await broken(chat)
    assert (text, error.code) == ("one two ", "model_error")
    assert error.detail == "The model server sent something that is not Ollama's protocol."


async def test_a_model_that_hangs_before_its_first_token_times_out(
    server: OllamaStandIn,
) -> None:
    chat = OllamaChat(server.url, first_token_timeout=0.6)
    server.script(Reply(fault="hang"))
    started = time.monotonic()
    text, error = await broken(chat)
    assert 0.55 < time.monotonic() - started < 2
    assert (text, error.code) == ("", "model_timeout")
    assert error.detail == "The model did not begin to answer within 0.6 seconds."
    assert server.wait_aborted(2)
    await chat.aclose()


async def test_a_model_that_falls_silent_times_out_and_its_text_is_kept(
    server: OllamaStandIn,
) -> None:
    chat = OllamaChat(server.url, first_token_timeout=20, idle_timeout=0.3)
    server.script(Reply(text="one two three", fault="hang", fault_after=2))
    text, error = await broken(chat)
    assert (text, error.code) == ("one two ", "model_timeout")
    assert error.detail == "The model fell silent for 0.3 seconds in the middle of its answer."
    assert server.wait_aborted(2)
    await chat.aclose()


async def test_a_slow_first_token_and_a_long_answer_are_no_timeout(server: OllamaStandIn) -> None:
    # 0.4 s to the first token, then 1.2 s of tokens: longer than either limit alone.
    chat = OllamaChat(server.url, first_token_timeout=1, idle_timeout=1)
    text = "one two three four five six seven eight nine ten eleven twelve"
    server.script(Reply(text=text, first_token_after=0.4, tokens_per_second=10))
    assert joined(await collect(chat, asked())) == text
    await chat.aclose()


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_passing_failure_is_tried_twice_more(
    server: OllamaStandIn, server_chat: OllamaChat, status: int
) -> None:
    server.script(Reply(status=status), times=2)
    server.script(Reply(text="Thirty days."))
    assert joined(await collect(server_chat, asked())) == "Thirty days."
    assert len(server.requests) == 3


@pytest.fixture
async def server_chat(server: OllamaStandIn) -> AsyncIterator[OllamaChat]:
    """One that is patient enough for its own retries."""
    model = OllamaChat(server.url, first_token_timeout=10)
    yield model
    await model.aclose()


async def test_the_third_failure_is_final(server: OllamaStandIn, server_chat: OllamaChat) -> None:
    server.script(Reply(status=503), times=5)
    text, error = await broken(server_chat)
    assert (text, error.code, error.permanent) == ("", "model_error", False)
    assert len(server.requests) == 3


async def test_retries_end_with_the_time_for_the_first_token(server: OllamaStandIn) -> None:
    # The two pauses take 0.6 s at least: the third attempt, whose failure would be final, is never made.
    chat = OllamaChat(server.url, first_token_timeout=0.5)
    server.script(Reply(status=503), times=5)
    _, error = await broken(chat)
    assert error.code == "model_timeout"
    assert len(server.requests) < 3
    await chat.aclose()


@pytest.mark.parametrize("status", [301, 400, 401, 502])
async def test_another_status_is_final_at_once(server: OllamaStandIn, chat: OllamaChat, status: int) -> None:
    server.script(Reply(status=status))
    _, error = await broken(chat)
    assert (error.code, error.permanent) == ("model_error", True)
    assert server.url not in str(error)
    assert len(server.requests) == 1


async def test_a_model_that_is_not_installed_is_named_as_such(server: OllamaStandIn, chat: OllamaChat) -> None:
    with pytest.raises(ProviderError) as failure:
        await collect(chat, asked(model="absent"))
    assert failure.value.detail == "The model server does not have the model that was asked for."
    assert failure.value.permanent is True


@pytest.mark.parametrize("reply", [Reply(text=""), Reply(text=" \n "), Reply(text="", thinking="Hm.")])
async def test_an_answer_without_text_is_a_failure(server: OllamaStandIn, chat: OllamaChat, reply: Reply) -> None:
    server.script(reply)
    text, error = await broken(chat)
    assert (text.strip(), error.code) == ("", "model_empty")


async def test_no_server_is_unreachable() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        chat = OllamaChat(f"127.0.0.1:{port}")
        _, error = await broken(chat)
        assert (error.code, error.detail) == ("model_unreachable", "The model server cannot be reached.")
        assert await chat.probe() is None
        with pytest.raises(ProviderError) as failure:
            await chat.list_models()
        assert failure.value.code == "model_unreachable"
        await chat.aclose()


async def test_closing_the_generator_stops_the_model(server: OllamaStandIn, chat: OllamaChat) -> None:
    server.script(Reply(text="word " * 1000, tokens_per_second=50))
    async with contextlib.aclosing(chat.stream(asked())) as deltas:
        async for delta in deltas:
            assert delta.text == "word "
            break
    assert server.wait_aborted(1)


@pytest.mark.parametrize("reply", [Reply(text="word " * 1000, tokens_per_second=50), Reply(fault="hang")])
async def test_cancelling_the_task_stops_the_model(server: OllamaStandIn, reply: Reply) -> None:
    chat = OllamaChat(server.url)
    server.script(reply)
    task = asyncio.create_task(collect(chat, asked()))
    assert await asyncio.to_thread(server.wait_requests, 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(server.wait_aborted, 1)
    await chat.aclose()


async def test_answers_one_after_the_other_share_a_connection(server: OllamaStandIn, chat: OllamaChat) -> None:
    for _ in range(5):
        assert joined(await collect(chat, asked())) == "Employees have thirty days of leave. [1]"
    assert server.connections == 1


async def test_many_answers_at_once(server: OllamaStandIn) -> None:
    chat = OllamaChat(server.url)
    texts = [f"answer {number}" for number in range(120)]
    server.script(*(Reply(text=text, first_token_after=0.3) for text in texts))
    answers = await asyncio.gather(*(collect(chat, asked()) for _ in texts))
    assert sorted(joined(deltas) for deltas in answers) == sorted(texts)
    await chat.aclose()


def test_one_provider_serves_several_event_loops(server: OllamaStandIn) -> None:
    chat = OllamaChat(server.url)

    async def ask_once() -> str:
        try:
            return joined(await collect(chat, asked()))
        finally:
            await chat.aclose()

    assert asyncio.run(ask_once()) == asyncio.run(ask_once())
    gc.collect()
    assert server.connections == 2


async def test_a_server_of_another_kind_is_no_model_server() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n<html>hi</html>")
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as other:
        chat = OllamaChat(f"127.0.0.1:{other.sockets[0].getsockname()[1]}")
        assert await chat.probe() is None
        _, error = await broken(chat)
        assert error.code == "model_incomplete"
        await chat.aclose()


async def test_no_proxy_of_the_environment_is_used(server: OllamaStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    chat = OllamaChat(server.url)
    assert await chat.probe() == [MODEL]
    assert joined(await collect(chat, asked()))
    await chat.aclose()


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("", "http://127.0.0.1:11434"),
        ("box", "http://box:11434"),
        (" box:80 ", "http://box:80"),
        (":8080", "http://127.0.0.1:8080"),
        ("10.0.0.7", "http://10.0.0.7:11434"),
        ("[::1]", "http://[::1]:11434"),
        ("[::1]:80", "http://[::1]:80"),
        ("http://box", "http://box:80"),
        ("https://box", "https://box:443"),
        ("https://box:8443/models/", "https://box:8443/models"),
        ("box/models", "http://box:11434/models"),
    ],
)
def test_hosts_are_read_as_ollama_reads_them(host: str, url: str) -> None:
    assert parse_host(host) == url
    # The official client is the reference.
    with ollama.Client(host=host.strip()) as client:
        assert str(client._client.base_url).rstrip("/") == str(httpx.URL(url)).rstrip("/")
