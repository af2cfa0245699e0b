"""F20: a model that fails and fails is left alone, then probed, while others are asked as ever."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

import pytest

from providers.chat.breaker import Breakers, Guarded
from providers.errors import ProviderError
from tests.providers.chatting import Server, asked, broken, chat_with, collect, joined, stand_in
from tests.standins.scripted import Reply

# Fails at the first attempt, without a second: what is broken mid-stream is not tried again.
FAILS = Reply(fault="error")
ANSWER = Reply(text="Thirty days.")
LEFT_ALONE = "The model server has failed several times and is left alone; try again in {}."


class Clock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["ollama", "openai"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with stand_in(request.param, models=("stand-in:latest", "other")) as running:
        yield running


@pytest.fixture
async def guarded(server: Server, clock: Clock) -> AsyncIterator[Guarded]:
    chat = chat_with(server)
    yield Guarded(chat, breakers=Breakers(clock=clock))
    await chat.aclose()


async def fail(guarded: Guarded, server: Server, *, times: int) -> None:
    server.script(FAILS, times=times)
    for _ in range(times):
        await broken(guarded)


async def test_after_five_failures_it_is_told_at_once_that_the_server_is_left_alone(
    guarded: Guarded, server: Server, clock: Clock
) -> None:
    await fail(guarded, server, times=5)
    clock.now += 4.5
    _, error = await broken(guarded)
    assert error.detail == LEFT_ALONE.format("11 seconds")
    assert (error.code, error.permanent) == ("model_error", False)
    assert guarded.seconds_left("stand-in:latest") == 10.5
    assert len(server.requests) == 5, "the sixth question was not sent"


async def test_four_failures_are_no_reason(guarded: Guarded, server: Server) -> None:
    await fail(guarded, server, times=4)
    server.script(ANSWER)
    assert joined(await collect(guarded)) == "Thirty days."


async def test_failures_are_forgotten_after_half_a_minute(guarded: Guarded, server: Server, clock: Clock) -> None:
    await fail(guarded, server, times=4)
    clock.now += 30
    await fail(guarded, server, times=4)
    assert guarded.seconds_left("stand-in:latest") == 0


async def test_a_few_failures_among_many_answers_shut_nobody_out(guarded: Guarded, server: Server) -> None:
    for _ in range(6):
        await collect(guarded)
    await fail(guarded, server, times=5)
    assert guarded.seconds_left("stand-in:latest") == 0
    await fail(guarded, server, times=1)
    assert guarded.seconds_left("stand-in:latest") == 15


async def test_another_model_of_the_server_is_asked_as_ever(guarded: Guarded, server: Server) -> None:
    await fail(guarded, server, times=5)
    server.script(ANSWER)
    assert joined(await collect(guarded, asked(model="other"))) == "Thirty days."


async def test_those_who_share_breakers_share_what_is_known_of_a_server(server: Server, clock: Clock) -> None:
    breakers = Breakers(clock=clock)
    chat = chat_with(server)
    one, same, other = (Guarded(chat, server=name, breakers=breakers) for name in ("a", "a", "b"))
    await fail(one, server, times=5)
    assert [guarded.seconds_left("stand-in:latest") for guarded in (one, same, other)] == [15, 15, 0]
    await chat.aclose()


async def test_a_probe_that_is_answered_ends_it(guarded: Guarded, server: Server, clock: Clock) -> None:
    await fail(guarded, server, times=5)
    clock.now += 15
    server.script(ANSWER, ANSWER)
    assert joined(await collect(guarded)) == "Thirty days."
    assert joined(await collect(guarded)) == "Thirty days."


async def test_a_probe_that_fails_begins_it_anew(guarded: Guarded, server: Server, clock: Clock) -> None:
    await fail(guarded, server, times=5)
    clock.now += 15
    await fail(guarded, server, times=1)
    _, error = await broken(guarded)
    assert error.detail == LEFT_ALONE.format("15 seconds")
    assert len(server.requests) == 6


async def test_only_one_probes_at_a_time(guarded: Guarded, server: Server, clock: Clock) -> None:
    await fail(guarded, server, times=5)
    clock.now += 15
    server.script(Reply(text="Thirty days.", first_token_after=0.5))
    probe = asyncio.create_task(collect(guarded))
    assert await asyncio.to_thread(server.wait_requests, 5, count=6)
    _, error = await broken(guarded)
    assert error.detail == LEFT_ALONE.format("a second")
    assert joined(await probe) == "Thirty days."
    assert len(server.requests) == 6


async def test_a_probe_that_is_given_up_leaves_its_place_to_another(
    guarded: Guarded, server: Server, clock: Clock
) -> None:
    await fail(guarded, server, times=5)
    clock.now += 15
    server.script(Reply(fault="hang"), ANSWER)
    probe = asyncio.create_task(collect(guarded))
    assert await asyncio.to_thread(server.wait_requests, 5, count=6)
    probe.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probe
    assert joined(await collect(guarded)) == "Thirty days."


async def test_what_is_not_the_servers_fault_is_not_counted(guarded: Guarded, server: Server) -> None:
    for _ in range(6):
        await broken(guarded, asked(model="absent"))
        server.script(Reply(text=""))
        await broken(guarded)
    assert guarded.seconds_left("absent") == guarded.seconds_left("stand-in:latest") == 0


async def test_a_server_that_refuses_a_probe_lives(guarded: Guarded, server: Server, clock: Clock) -> None:
    await fail(guarded, server, times=5)
    clock.now += 15
    server.script(Reply(status=401), ANSWER)
    await broken(guarded)
    assert joined(await collect(guarded)) == "Thirty days."


async def test_a_silent_server_and_one_that_breaks_off_count(server: Server, clock: Clock) -> None:
    chat = chat_with(server, first_token_timeout=0.2)
    guarded = Guarded(chat, breakers=Breakers(clock=clock))
    server.script(Reply(fault="hang"), times=3)
    server.script(Reply(text="one two", fault="cut", fault_after=1), times=3)
    for _ in range(5):
        await broken(guarded)
    with pytest.raises(ProviderError) as failure:
        await collect(guarded)
    assert failure.value.code == "model_incomplete"
    assert len(server.requests) == 5
    await chat.aclose()


async def test_what_was_asked_before_it_opened_changes_nothing(
    guarded: Guarded, server: Server, clock: Clock
) -> None:
    server.script(Reply(text="late", first_token_after=0.5))
    late = asyncio.create_task(collect(guarded))
    assert await asyncio.to_thread(server.wait_requests, 5)
    await fail(guarded, server, times=5)
    assert joined(await late) == "late"
    assert guarded.seconds_left("stand-in:latest") == 15


async def test_closing_the_generator_stops_the_model(guarded: Guarded, server: Server) -> None:
    server.script(Reply(text="word " * 1000, tokens_per_second=50))
    async with contextlib.aclosing(guarded.stream(asked())) as deltas:
        assert (await anext(deltas)).text == "word "
    assert await asyncio.to_thread(server.wait_aborted, 1)
