"""F8, F10, F11 for answers: whatever becomes of Valkey while they are written, they are read and stored whole."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from tests.conversations.doors import Api, Event
from tests.environment import Environment
from tests.processes import web_server
from tests.standins.ollama import OllamaStandIn, Reply
from tests.valkeys import Valkey, own_valkey

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = "How many days of paid holiday does a full-time employee have?"
WORDS = "".join(f"word{number} " for number in range(100)).strip()
SLOW = Reply(text=WORDS, tokens_per_second=20)
# What a request may take longer while Valkey is away, and the quiet of a reader at its own process.
SLOWER, QUIET = 1.0, 2.5
ANSWERED = 6.0


@pytest.fixture
def apart(
    api: Api, ollama: OllamaStandIn, run_environment: Environment, logs: Path
) -> Iterator[tuple[Valkey, Api, Api]]:
    """A Valkey of their own, and Alice at two web processes with it."""
    with own_valkey() as valkey:
        own = {"REDIS_URL": valkey.url, "OLLAMA_HOST": ollama.url, "DOCENT_WEB_PROCESSES": "2"}
        variables = {**run_environment.variables, **own}
        with (
            web_server(variables, logs / "web-apart-1.log") as one,
            web_server(variables, logs / "web-apart-2.log") as two,
        ):
            yield valkey, Api(one, api.person), Api(two, api.person)


@contextmanager
def being_written(near: Api, far: Api, ollama: OllamaStandIn) -> Iterator[tuple[str, list[Iterator[Event]]]]:
    """An answer under way, and its readers at both processes, who have had a part."""
    ollama.script(SLOW)
    message = near.begin(QUESTION)
    path = f"/messages/{message}/events/"
    with near.stream("GET", path) as one, far.stream("GET", path) as two:
        for events in (one, two):
            assert next(event for event in events if event["type"] == "delta")["offset"] == 0
        yield message, [one, two]


def read_to_the_end(events: Iterator[Event]) -> tuple[str, float]:
    """The text after the first piece, and the longest quiet in seconds."""
    text, longest, last, end = "", 0.0, time.monotonic(), {}
    for event in events:
        longest, last = max(longest, time.monotonic() - last), time.monotonic()
        text += event["text"] if event["type"] == "delta" else ""
        end = event
    assert end["type"] == "finished"
    return text, longest


def check_requests(*apis: Api) -> None:
    """Ordinary requests are answered, and not much later than otherwise."""
    for api in apis:
        for _ in range(5):
            begun = time.monotonic()
            assert api.get("/me/").status_code == 200
            assert time.monotonic() - begun < SLOWER


def check_answer(near: Api, far: Api, message: str, readers: list[Iterator[Event]]) -> None:
    for events in readers:
        text, longest = read_to_the_end(events)
        assert WORDS.endswith(text)
        assert longest < QUIET
    for api in (near, far):
        assert api.message(message)["content"] == WORDS
        assert api.message(message)["status"] == "finished"


def test_F8_valkey_killed_and_wiped_amid_an_answer(apart: tuple[Valkey, Api, Api], ollama: OllamaStandIn) -> None:
    valkey, near, far = apart
    with being_written(near, far, ollama) as (message, readers):
        with redis.Redis.from_url(valkey.url) as client:
            client.flushall()
        valkey.process.kill()
        check_requests(near, far)
        check_answer(near, far, message, readers)
    # Without it questions are asked and answered.
    ollama.script(Reply(text="Twenty-eight days."))
    assert far.follow(near.begin(QUESTION))[-1]["type"] == "finished"


def test_F8_a_valkey_that_forgot_is_told_all_of_it_again(
    apart: tuple[Valkey, Api, Api], ollama: OllamaStandIn
) -> None:
    valkey, near, far = apart
    with being_written(near, far, ollama) as (message, readers), redis.Redis.from_url(valkey.url) as client:
        client.flushall()
        time_of_wipe = time.monotonic()
        while not (kept := client.keys(f"*{message}")):
            assert time.monotonic() - time_of_wipe < 2
        text: bytes = client.get(kept[0])
        assert text
        assert WORDS.encode().startswith(text)
        check_answer(near, far, message, readers)
        assert client.keys(f"*{message}*") == []


def test_F10_a_full_valkey_refuses_and_answers_go_on(
    apart: tuple[Valkey, Api, Api], ollama: OllamaStandIn
) -> None:
    valkey, near, far = apart
    with redis.Redis.from_url(valkey.url) as client:
        client.config_set("maxmemory-policy", "noeviction")
        with being_written(near, far, ollama) as (message, readers):
            client.config_set("maxmemory", "1mb")
            with pytest.raises(redis.ResponseError, match="maxmemory"):
                client.set("more", "x")
            check_requests(near, far)
            check_answer(near, far, message, readers)
        ollama.script(Reply(text="Twenty-eight days."))
        assert far.follow(near.begin(QUESTION))[-1]["type"] == "finished"


def test_F11_a_valkey_that_hangs_and_comes_back(apart: tuple[Valkey, Api, Api], ollama: OllamaStandIn) -> None:
    valkey, near, far = apart
    with being_written(near, far, ollama) as (message, readers):
        valkey.process.send_signal(signal.SIGSTOP)
        check_requests(near, far)
        valkey.process.send_signal(signal.SIGCONT)
        check_answer(near, far, message, readers)


def test_F11_while_valkey_hangs_answers_are_written_to_their_end_and_questions_are_answered(
    apart: tuple[Valkey, Api, Api], ollama: OllamaStandIn
) -> None:
    valkey, near, far = apart
    with being_written(near, far, ollama) as (message, readers):
        valkey.process.send_signal(signal.SIGSTOP)
        ollama.script(Reply(text="Twenty-eight days."), times=4)
        for asking, reading in ((near, far), (far, near), (near, near), (far, far)):
            begun = time.monotonic()
            events = reading.follow(asking.begin(QUESTION))
            assert (events[-1]["type"], time.monotonic() - begun < ANSWERED) == ("finished", True)
        check_answer(near, far, message, readers)
        check_requests(near, far)
    valkey.process.send_signal(signal.SIGCONT)
    # What was not said meanwhile is not said late: the next answer is read at both as ever.
    with being_written(near, far, ollama) as (message, readers):
        check_answer(near, far, message, readers)
