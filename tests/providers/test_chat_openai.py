"""What is OpenAI's own: the request, its many dialects, the end of a stream, and what servers refuse."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from providers.chat.openai import OpenAIChat
from providers.errors import PromptTooLong, ProviderError
from tests.providers.chatting import KEY, PROMPT, asked, broken, chat_with, collect, joined, stand_in
from tests.standins.openai import OpenAIStandIn, Reply
from tests.standins.openai_wire import Flavour


@pytest.fixture
def server() -> Iterator[OpenAIStandIn]:
    with stand_in("openai") as running:
        assert isinstance(running, OpenAIStandIn)
        yield running


@pytest.fixture
async def chat(server: OpenAIStandIn) -> AsyncIterator[OpenAIChat]:
    model = chat_with(server)
    assert isinstance(model, OpenAIChat)
    yield model
    await model.aclose()


def question(model: str) -> Any:
    return asked(model=model, temperature=0.0, max_tokens=300)


BODY = {
    "model": "stand-in:latest",
    "messages": [{"role": "system", "content": "Cite like [1]."}, {"role": "user", "content": PROMPT}],
    "stream": True,
    "stream_options": {"include_usage": True},
}


async def test_the_request_has_what_was_asked_for_and_the_key(server: OpenAIStandIn, chat: OpenAIChat) -> None:
    await collect(chat, question("stand-in:latest"))
    await collect(chat)
    assert server.requests == [BODY | {"temperature": 0.0, "max_tokens": 300}, BODY]
    assert server.keys == [KEY, KEY]


async def test_nothing_of_the_environment_is_sent(server: OpenAIStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_ADMIN_KEY"):
        monkeypatch.setenv(name, "somebody-elses")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9")
    chat = chat_with(server)
    await collect(chat)
    await chat.aclose()
    assert server.keys == [KEY]
    assert not [value for value in server.headers[0].values() if "somebody" in value]


async def test_without_a_key_none_of_the_environment_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "somebody-elses")
    with OpenAIStandIn() as server:
        chat = OpenAIChat(server.base_url)
        await collect(chat, asked(model="stand-in-chat"))
        await chat.aclose()
        assert server.keys == ["none"]


@pytest.mark.parametrize("usage_in", ["usage", "x_groq"])
async def test_numbers_of_tokens_are_read_where_they_are(
    server: OpenAIStandIn, chat: OpenAIChat, usage_in: str
) -> None:
    server.usage_in = usage_in
    last = (await collect(chat))[-1]
    assert (last.prompt_tokens, last.completion_tokens) == (26, 7)


async def test_a_server_without_numbers_of_tokens_has_none(server: OpenAIStandIn, chat: OpenAIChat) -> None:
    server.usage_in = ""
    last = (await collect(chat))[-1]
    assert (last.finish_reason, last.prompt_tokens, last.completion_tokens) == ("stop", None, None)


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
async def test_thoughts_come_under_either_name(server: OpenAIStandIn, chat: OpenAIChat, field: str) -> None:
    server.thinks_in = field
    server.script(Reply(text="Thirty.", thinking="It says so."))
    deltas = await collect(chat)
    assert ("".join(delta.thinking for delta in deltas), joined(deltas)) == ("It says so.", "Thirty.")


# F21: what ends an answer. Events: two tokens, the reason, the numbers of tokens, [DONE].
@pytest.mark.parametrize("after", [3, 4])
@pytest.mark.parametrize("fault", ["cut", "close", "reset", "garbage", "error"])
async def test_after_the_reason_for_its_end_an_answer_is_whole(
    server: OpenAIStandIn, chat: OpenAIChat, after: int, fault: Any
) -> None:
    server.script(Reply(text="Thirty days.", fault=fault, fault_after=after, tokens_per_second=50))
    deltas = await collect(chat)
    assert (joined(deltas), deltas[-1].finish_reason) == ("Thirty days.", "stop")
    assert deltas[-1].completion_tokens == (2 if after == 4 else None)


async def test_a_server_that_falls_silent_after_the_reason_keeps_nobody_waiting(
    server: OpenAIStandIn, chat: OpenAIChat
) -> None:
    # Its patience is 20 seconds, that of the test's run is shorter.
    server.script(Reply(text="Thirty days.", fault="hang", fault_after=3))
    assert (await collect(chat))[-1].finish_reason == "stop"
    assert server.wait_aborted(1)


async def test_a_server_that_gives_no_reason_but_says_that_it_is_done_is(
    server: OpenAIStandIn, chat: OpenAIChat
) -> None:
    server.script(Reply(text="Thirty days.", done_reason=""))
    deltas = await collect(chat)
    assert (joined(deltas), deltas[-1].finish_reason) == ("Thirty days.", "stop")


async def test_without_a_reason_and_without_its_end_an_answer_is_incomplete(
    server: OpenAIStandIn, chat: OpenAIChat
) -> None:
    server.script(Reply(text="Thirty days.", done_reason="", fault="cut", fault_after=2))
    text, error = await broken(chat)
    assert (text, error.code) == ("Thirty days.", "model_incomplete")


@pytest.mark.parametrize(
    ("reason", "finish"), [("stop", "stop"), ("eos_token", "stop"), ("length", "length"), ("max_tokens", "length")]
)
async def test_reasons_have_many_names(server: OpenAIStandIn, chat: OpenAIChat, reason: str, finish: str) -> None:
    server.script(Reply(text="Thirty days.", done_reason=reason))
    assert (await collect(chat))[-1].finish_reason == finish


@pytest.mark.parametrize(
    ("reason", "code", "permanent"),
    [
        ("abort", "model_incomplete", False),
        ("error", "model_incomplete", False),
        ("content_filter", "model_error", True),
    ],
)
async def test_some_reasons_are_failures(
    server: OpenAIStandIn, chat: OpenAIChat, reason: str, code: str, permanent: bool
) -> None:
    server.script(Reply(text="Thirty days.", done_reason=reason))
    text, error = await broken(chat)
    assert (text, error.code, error.permanent) == ("Thirty days.", code, permanent)


@pytest.mark.parametrize("is_curt", [False, True])
async def test_a_server_that_does_not_know_how_to_count_is_asked_without(
    server: OpenAIStandIn, chat: OpenAIChat, is_curt: bool
) -> None:
    server.refuses, server.is_curt = frozenset({"stream_options"}), is_curt
    for _ in range(2):
        assert joined(await collect(chat))
    # The second question knows.
    assert ["stream_options" in body for body in server.requests] == [True, False, False]


async def test_options_are_renamed_or_left_out_as_the_server_says(server: OpenAIStandIn, chat: OpenAIChat) -> None:
    server.models += ("thinker",)
    server.refuses = frozenset({"max_tokens", "temperature"})
    for _ in range(2):
        assert joined(await collect(chat, question("thinker")))
    told = [body.keys() - {"model", "messages", "stream", "stream_options"} for body in server.requests]
    assert told == [
        {"max_tokens", "temperature"},
        {"max_completion_tokens", "temperature"},
        {"max_completion_tokens"},
        {"max_completion_tokens"},
    ]
    assert server.requests[-1]["max_completion_tokens"] == 300
    server.refuses = frozenset()
    await collect(chat, question("stand-in:latest"))
    assert server.requests[-1]["max_tokens"] == 300, "what one model refuses others may take"


async def test_a_server_that_knows_no_limit_is_asked_without(server: OpenAIStandIn, chat: OpenAIChat) -> None:
    server.refuses = frozenset({"max_tokens", "max_completion_tokens"})
    assert joined(await collect(chat, question("stand-in:latest")))
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("status", "message", "detail"),
    [
        (
            400,
            "This model's maximum context length is 8192 tokens, your max_tokens are too many.",
            "The question, with what belongs to it, is longer than the model takes.",
        ),
        (413, "Request too large", "The question, with what belongs to it, is longer than the model takes."),
        (400, "model_decommissioned", "The model server does not have the model that was asked for."),
        (429, "insufficient_quota", "The account that belongs to the model server's key has no credit left."),
    ],
)
async def test_what_will_not_pass_is_said_plainly_and_once(
    server: OpenAIStandIn, chat: OpenAIChat, status: int, message: str, detail: str
) -> None:
    server.script(Reply(status=status, text=message))
    _, error = await broken(chat, question("stand-in:latest"))
    assert (error.detail, error.permanent) == (detail, True)
    assert len(server.requests) == 1


@pytest.mark.parametrize(("flavour", "window"), [("llamacpp", 20), ("vllm", 20), ("openai", 20), ("groq", None)])
async def test_a_prompt_longer_than_the_window_is_told_with_the_servers_numbers(
    server: OpenAIStandIn, chat: OpenAIChat, flavour: Flavour, window: int | None
) -> None:
    server.flavour, server.longest = flavour, 20
    _, error = await broken(chat, question("stand-in:latest"))
    assert isinstance(error, PromptTooLong)
    assert error.permanent is True
    length = sum(len(turn["content"]) for turn in server.requests[0]["messages"])
    assert (error.window, error.prompt_tokens) == (window, length if window else None)
    assert len(server.requests) == 1


async def test_a_model_that_is_still_being_loaded_is_said_to_be(server: OpenAIStandIn, chat: OpenAIChat) -> None:
    server.script(Reply(status=503, text="Loading model"), times=3)
    _, error = await broken(chat)
    assert (error.detail, error.permanent) == (
        "The model is still being loaded; try again in a moment.",
        False,
    )
    assert len(server.requests) == 3


async def test_a_wrong_key_is_said_to_be_and_not_shown(server: OpenAIStandIn) -> None:
    chat = OpenAIChat(server.base_url, api_key="sk-docent-wrong")
    _, error = await broken(chat)
    assert (error.detail, error.permanent) == ("The model server does not accept Docent's key.", True)
    assert "wrong" not in str(error)
    with pytest.raises(ProviderError) as failure:
        await chat.list_models()
    assert failure.value.detail == error.detail
    await chat.aclose()


async def test_a_failure_of_any_length_is_read_no_further_than_needed(
    server: OpenAIStandIn, chat: OpenAIChat
) -> None:
    server.script(Reply(status=500, text="x" * 50_000_000), times=3)
    _, error = await broken(chat)
    assert error.detail == "The model server is overloaded or failing; try again in a moment."


@pytest.mark.parametrize(
    ("base_url", "key", "detail"),
    [
        ("", "", "No server that speaks OpenAI's API is set up in this installation."),
        ("box:8080/v1", "", "The address of the model server is none."),
        ("http://", "", "The address of the model server is none."),
        ("http://box:port/v1", "", "The address of the model server is none."),
        ("http://127.0.0.1:9/v1", "sk-docent\nkey", "The key for the model server is none."),
        ("http://127.0.0.1:9/v1", "sk-schlüssel", "The key for the model server is none."),
    ],
)
async def test_settings_that_cannot_be_used_are_a_plain_failure(base_url: str, key: str, detail: str) -> None:
    chat = OpenAIChat(base_url, api_key=key)
    _, error = await broken(chat)
    assert (error.detail, error.permanent) == (detail, True)
    assert await chat.probe() is None


async def test_a_redirect_is_not_followed(server: OpenAIStandIn, chat: OpenAIChat) -> None:
    server.script(Reply(status=307))
    _, error = await broken(chat)
    assert error.detail == "The model server refused to answer."
    assert len(server.requests) == 1
