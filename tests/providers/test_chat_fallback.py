"""F20: another model answers when the one that was asked for cannot, and only then, and says so."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from providers.chat.fallback import WithFallback
from providers.errors import PromptTooLong, ProviderError
from tests.providers.chatting import Chat, Server, asked, broken, chat_with, collect, joined, stand_in
from tests.standins.openai import OpenAIStandIn
from tests.standins.scripted import Reply

MODEL = "stand-in:latest"


@pytest.fixture
def servers() -> Iterator[tuple[Server, Server]]:
    with stand_in("ollama") as first, stand_in("openai", models=("spare",)) as second:
        second.script(Reply(text="Thirty days, says the other."))
        yield first, second


@pytest.fixture
async def chats(servers: tuple[Server, Server]) -> AsyncIterator[tuple[Chat, Chat]]:
    first, second = chat_with(servers[0], first_token_timeout=0.5), chat_with(servers[1])
    yield first, second
    await first.aclose()
    await second.aclose()


@pytest.fixture
def both(chats: tuple[Chat, Chat]) -> WithFallback:
    return WithFallback(*chats, model="spare")


async def test_the_first_answers_where_it_can_and_says_so(
    both: WithFallback, servers: tuple[Server, Server]
) -> None:
    deltas = await collect(both)
    assert joined(deltas) == "Employees have thirty days of leave. [1]"
    assert [delta.model for delta in deltas] == [MODEL] + [""] * (len(deltas) - 1)
    assert servers[1].requests == []


@pytest.mark.parametrize("fault", ["hang", "cut", "close", "reset", "garbage", "error"])
async def test_the_second_answers_where_the_first_fails_before_it_begins(
    both: WithFallback, servers: tuple[Server, Server], fault: Any
) -> None:
    servers[0].script(Reply(fault=fault))
    deltas = await collect(both)
    assert joined(deltas) == "Thirty days, says the other."
    assert [delta.model for delta in deltas] == ["spare"] + [""] * (len(deltas) - 1)
    assert deltas[-1].finish_reason == "stop"
    assert [body["model"] for body in servers[1].requests] == ["spare"]


async def test_a_model_that_is_gone_has_its_fallback_too(both: WithFallback) -> None:
    assert joined(await collect(both, asked(model="absent"))) == "Thirty days, says the other."


@pytest.mark.parametrize("begun", [Reply(text="one two", fault="cut", fault_after=1)])
async def test_what_has_begun_is_never_begun_again(
    both: WithFallback, servers: tuple[Server, Server], begun: Reply
) -> None:
    servers[0].script(begun)
    text, error = await broken(both)
    assert (text, error.code) == ("one ", "model_incomplete")
    assert servers[1].requests == []


async def test_thoughts_are_a_beginning(both: WithFallback, servers: tuple[Server, Server]) -> None:
    servers[0].script(Reply(text="one", thinking="Hm.", fault="cut", fault_after=1))
    _, error = await broken(both)
    assert error.code == "model_incomplete"
    assert servers[1].requests == []


async def test_when_both_fail_the_failure_of_the_first_is_told(
    both: WithFallback, servers: tuple[Server, Server]
) -> None:
    servers[0].script(Reply(fault="hang"))
    servers[1].reset()
    servers[1].script(Reply(status=401))
    _, error = await broken(both)
    assert error.code == "model_timeout"
    assert len(servers[1].requests) == 1


async def test_when_the_second_breaks_off_its_own_failure_is_told(
    both: WithFallback, servers: tuple[Server, Server]
) -> None:
    servers[0].script(Reply(fault="hang"))
    servers[1].reset()
    servers[1].script(Reply(text="one two", fault="cut", fault_after=1))
    text, error = await broken(both)
    assert (text, error.code) == ("one ", "model_incomplete")


@pytest.mark.parametrize(("window", "answers"), [(40, False), (400, True)])
async def test_a_prompt_that_the_second_has_no_room_for_is_not_sent(
    chats: tuple[Chat, Chat], servers: tuple[Server, Server], window: int, answers: bool
) -> None:
    both = WithFallback(*chats, model="spare", context_tokens=window)
    servers[0].script(Reply(fault="error"))
    if answers:
        assert joined(await collect(both)) == "Thirty days, says the other."
    else:
        with pytest.raises(ProviderError):
            await collect(both)
    assert len(servers[1].requests) == int(answers)


async def test_the_second_is_asked_within_its_own_window() -> None:
    with stand_in("openai") as first, stand_in("ollama", models=("spare",)) as second:
        chats = chat_with(first), chat_with(second)
        first.script(Reply(fault="error"))
        await collect(WithFallback(*chats, model="spare", context_tokens=4096))
        assert second.requests[0]["options"] == {"num_ctx": 4096}
        for chat in chats:
            await chat.aclose()


async def test_closing_the_generator_stops_the_second(both: WithFallback, servers: tuple[Server, Server]) -> None:
    servers[0].script(Reply(fault="error"))
    servers[1].reset()
    servers[1].script(Reply(text="word " * 1000, tokens_per_second=50))
    async with contextlib.aclosing(both.stream(asked())) as deltas:
        assert (await anext(deltas)).model == "spare"
    assert await asyncio.to_thread(servers[1].wait_aborted, 1)


async def test_no_other_answers_for_one_whose_prompt_is_too_long(chats: tuple[Chat, Chat]) -> None:
    with stand_in("openai") as strict:
        assert isinstance(strict, OpenAIStandIn)
        strict.flavour, strict.longest = "llamacpp", 10
        first = chat_with(strict)
        _, error = await broken(WithFallback(first, chats[1], model="spare"))
        await first.aclose()
    assert isinstance(error, PromptTooLong), "a shorter one does"
