"""A model that answers so many at once: who comes later waits in line, knows their number and gets their turn."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import redis

from tests.config.polling import wait_for
from tests.conversations.doors import Api, Event, receive, receive_until, send
from tests.environment import Environment
from tests.people import Person
from tests.processes import LiveServer, web_server
from tests.shelving import shelved
from tests.standins.ollama import OllamaStandIn, Reply

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = "How many days of paid holiday does a full-time employee have?"
ENDLESS = Reply(text="and more and more " * 500, tokens_per_second=20)
SHORT = Reply(text="Twenty-eight days.")
AWAY = {"REDIS_URL": "redis://127.0.0.1:1/0"}
# A ticket that nobody gives back is forgotten after ten seconds.
GIVEN_BACK_WITHIN = 4.0


@pytest.fixture(scope="module")
def narrow_servers(
    run_environment: Environment, logs: Path, _stand_in: OllamaStandIn
) -> Iterator[list[LiveServer]]:
    """Two web processes at a model that answers one at a time."""
    narrow = {"OLLAMA_HOST": _stand_in.url, "DOCENT_MODEL_STREAMS": "1", "DOCENT_QUEUE_SECONDS": "20"}
    variables = {**run_environment.variables, **narrow}
    with ExitStack() as stack:
        yield [stack.enter_context(web_server(variables, logs / f"web-narrow-{n}.log")) for n in (1, 2)]


@pytest.fixture
def narrow(api: Api, narrow_servers: list[LiveServer]) -> Iterator[Api]:
    yield Api(narrow_servers[0], api.person)
    wait_for("the line is empty", lambda: not _tickets(api), within=30)


@pytest.fixture
def valkey(run_environment: Environment) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(run_environment.redis_url) as client:
        yield client


def _tickets(api: Api) -> bool:
    """Whether Alice has an answer that is not over."""
    listed = api.get("/conversations/").json()["results"]
    messages = [api.get(f"/conversations/{one['id']}/messages/").json()["results"] for one in listed]
    return any(one["status"] in {"pending", "streaming"} for found in messages for one in found)


def stage_of(api: Api, message: str) -> Event:
    """What a reader who comes now is told first."""
    with api.stream("GET", f"/messages/{message}/events/") as events:
        return next(events)


def place_of(api: Api, message: str) -> int | None:
    return stage_of(api, message).get("position")


def wait_for_place(api: Api, message: str, place: int | None) -> None:
    wait_for(f"{message} is number {place}", lambda: place_of(api, message) == place)


def stop(api: Api, *messages: str) -> None:
    for message in messages:
        assert api.post(f"/messages/{message}/stop/").status_code == 200


def test_whoever_waits_sees_their_number_and_how_it_falls(narrow: Api, ollama: OllamaStandIn) -> None:
    ollama.script(ENDLESS, SHORT, SHORT)
    first = narrow.begin(QUESTION)
    assert ollama.wait_requests(5)
    second = narrow.begin(QUESTION)
    wait_for_place(narrow, second, 1)
    with narrow.socket(narrow.conversation()) as socket:
        send(socket, type="ask", content=QUESTION)
        queued = receive_until(socket, "status")[-1]
        while queued["stage"] != "queued":
            queued = receive_until(socket, "status")[-1]
        third = queued["message"]
        assert (queued["position"], queued["detail"]) == (2, "The model is busy: one question is before yours.")
        assert stage_of(narrow, third) | {"_id": 0} == {**queued, "_id": 0}
        assert len(ollama.requests) == 1
        # Who waits may leave the line; those behind move up.
        left = time.monotonic()
        stop(narrow, second)
        assert narrow.message(second)["status"] == "stopped"
        moved = receive_until(socket, "status")[-1]
        assert (moved["stage"], moved["position"]) == ("queued", 1)
        assert moved["detail"] == "The model is busy: you are next."
        assert time.monotonic() - left < GIVEN_BACK_WITHIN
        left = time.monotonic()
        stop(narrow, first)
        turn = receive_until(socket, "status")[-1]
        assert (turn["stage"], "position" in turn) == ("writing", False)
        assert time.monotonic() - left < GIVEN_BACK_WITHIN
        told = receive_until(socket, "finished")
        assert "".join(one["text"] for one in told if one["type"] == "delta") == SHORT.text
    assert len(ollama.requests) == 2, "the one that left the line was never asked"
    assert narrow.message(third)["timings"]["queued"] > 0


def test_one_line_for_all_processes_and_never_more_than_one_at_a_time(
    narrow: Api, narrow_servers: list[LiveServer], ollama: OllamaStandIn
) -> None:
    other = Api(narrow_servers[1], narrow.person)
    ollama.script(Reply(text="word " * 10, tokens_per_second=40, held_from=1), times=8)
    most, is_over = 0, threading.Event()

    def watch() -> None:
        nonlocal most
        while not is_over.wait(0.005):
            most = max(most, ollama.open_streams)

    watcher = threading.Thread(target=watch)
    watcher.start()
    asked = []
    for number in range(8):
        api = (narrow, other)[number % 2]
        asked.append((api, api.begin(QUESTION)))
        if number:
            wait_for_place(*asked[-1], number)
        else:
            assert ollama.wait_requests(60)
    ollama.go_on()
    for api, message in asked:
        assert api.follow(message)[-1]["type"] == "finished"
    is_over.set()
    watcher.join()
    assert most == 1


def test_organisations_take_turns(narrow: Api, charlie: Person, ollama: OllamaStandIn) -> None:
    shelved(charlie)
    theirs = Api(narrow.server, charlie)
    ollama.script(ENDLESS, times=5)
    running = narrow.begin(QUESTION)
    assert ollama.wait_requests(5)
    mine = []
    for place in (1, 2, 3):
        mine.append(narrow.begin(QUESTION))
        wait_for_place(narrow, mine[-1], place)
    others = []
    # By how many of their organisation are before them; then whose was served longest ago.
    for place in (1, 2, 4):
        others.append(theirs.begin(QUESTION))
        wait_for_place(theirs, others[-1], place)
    assert [place_of(narrow, one) for one in mine] == [3, 5, 6]
    stop(narrow, running)
    wait_for_place(theirs, others[0], None)
    # Now one of theirs runs, and was served last.
    wait_for("mine move up", lambda: [place_of(narrow, one) for one in mine] == [1, 2, 4])
    assert [place_of(theirs, one) for one in others[1:]] == [3, 5]
    stop(theirs, *reversed(others))
    wait_for_place(narrow, mine[0], None)
    stop(narrow, *reversed(mine))


@pytest.mark.parametrize("is_valkey_away", [False, True])
def test_an_organisation_has_its_share_of_a_model_and_no_more(
    api: Api,
    charlie: Person,
    ollama: OllamaStandIn,
    run_environment: Environment,
    logs: Path,
    *,
    is_valkey_away: bool,
) -> None:
    shelved(charlie)
    shares = {"OLLAMA_HOST": ollama.url, "DOCENT_MODEL_STREAMS": "3", "DOCENT_TENANT_STREAMS": "1"}
    variables = {**run_environment.variables, **shares, **(AWAY if is_valkey_away else {})}
    with web_server(variables, logs / f"web-shared-{is_valkey_away}.log", health="live") as running:
        mine, theirs = Api(running, api.person), Api(running, charlie)
        ollama.script(ENDLESS, ENDLESS, SHORT)
        first = mine.begin(QUESTION)
        assert ollama.wait_requests(10)
        second = mine.begin(QUESTION)
        wait_for_place(mine, second, 1)
        other = theirs.begin(QUESTION)
        assert ollama.wait_requests(10, count=2)
        assert (place_of(theirs, other), place_of(mine, second)) == (None, 1)
        stop(mine, first)
        assert mine.follow(second)[-1]["type"] == "finished"
        stop(theirs, other)


def test_F8_without_valkey_each_process_keeps_a_line_by_the_same_rule(
    api: Api, charlie: Person, ollama: OllamaStandIn, run_environment: Environment, logs: Path
) -> None:
    shelved(charlie)
    narrow = {"OLLAMA_HOST": ollama.url, "DOCENT_MODEL_STREAMS": "1", **AWAY}
    with web_server({**run_environment.variables, **narrow}, logs / "web-alone.log", health="live") as running:
        mine, theirs = Api(running, api.person), Api(running, charlie)
        ollama.script(ENDLESS, times=3)
        first = mine.begin(QUESTION)
        assert ollama.wait_requests(10)
        waiting = []
        for place in (1, 2):
            waiting.append(mine.begin(QUESTION))
            wait_for_place(mine, waiting[-1], place)
        others = []
        for place in (1, 2, 4):
            others.append(theirs.begin(QUESTION))
            wait_for_place(theirs, others[-1], place)
        assert [place_of(mine, one) for one in waiting] == [3, 5]
        assert len(ollama.requests) == 1
        stop(mine, first)
        wait_for_place(theirs, others[0], None)
        wait_for("mine move up", lambda: [place_of(mine, one) for one in waiting] == [1, 2])
        stop(theirs, *reversed(others))
        wait_for_place(mine, waiting[0], None)
        stop(mine, *reversed(waiting))


def test_whose_turn_does_not_come_is_told_and_can_ask_again(
    api: Api, ollama: OllamaStandIn, run_environment: Environment, logs: Path
) -> None:
    short = {"OLLAMA_HOST": ollama.url, "DOCENT_MODEL_STREAMS": "1", "DOCENT_QUEUE_SECONDS": "1"}
    with web_server({**run_environment.variables, **short}, logs / "web-impatient.log") as running:
        impatient = Api(running, api.person)
        ollama.script(ENDLESS, SHORT)
        first = impatient.begin(QUESTION)
        assert ollama.wait_requests(5)
        begun = time.monotonic()
        events = impatient.follow(impatient.begin(QUESTION))
        assert 0.9 < time.monotonic() - begun < 5
        end = events[-1]
        assert (end["type"], end["code"], end["retryable"]) == ("failed", "model_busy", True)
        assert end["detail"] == "The model is busy: your turn did not come within 1 seconds. Try again."
        stop(impatient, first)
        assert impatient.follow(impatient.begin(QUESTION))[-1]["type"] == "finished"


def test_a_title_waits_for_those_whom_somebody_waits_for(narrow: Api, ollama: OllamaStandIn) -> None:
    ollama.script(Reply(text="word " * 30, tokens_per_second=15), ENDLESS, SHORT)
    ollama.script_titles(Reply(text="Holidays"))
    first = narrow.begin(QUESTION)
    assert ollama.wait_requests(5)
    second = narrow.begin(QUESTION)
    wait_for_place(narrow, second, 1)
    assert narrow.follow(first)[-1]["type"] == "finished"
    assert ollama.wait_requests(5, count=2)
    third = narrow.begin(QUESTION)
    wait_for_place(narrow, third, 1)
    assert ollama.titles == []
    stop(narrow, second)
    assert narrow.follow(third)[-1]["type"] == "finished"
    wait_for("the title is made", lambda: ollama.titles)


def test_the_tickets_of_a_process_that_died_are_forgotten(
    narrow: Api, ollama: OllamaStandIn, run_environment: Environment, logs: Path
) -> None:
    variables = {**run_environment.variables, "OLLAMA_HOST": ollama.url, "DOCENT_MODEL_STREAMS": "1"}
    with web_server(variables, logs / "web-mortal.log") as mortal:
        ollama.script(ENDLESS, SHORT)
        Api(mortal, narrow.person).begin(QUESTION)
        assert ollama.wait_requests(5)
        waiting = narrow.begin(QUESTION)
        wait_for_place(narrow, waiting, 1)
        os.kill(mortal.process.pid, signal.SIGKILL)
        killed = time.monotonic()
        assert narrow.follow(waiting)[-1]["type"] == "finished"
        assert time.monotonic() - killed < 15


def test_F8_a_valkey_that_forgets_everything_lets_nobody_pass_who_waits(
    narrow: Api, ollama: OllamaStandIn, valkey: redis.Redis
) -> None:
    ollama.script(ENDLESS, SHORT)
    first = narrow.begin(QUESTION)
    assert ollama.wait_requests(5)
    with narrow.socket(narrow.conversation()) as socket:
        valkey.flushdb()
        # Those that run are known again within seconds.
        wait_for("the ticket is there again", lambda: valkey.keys("line:*"), within=5)
        send(socket, type="ask", content=QUESTION)
        event = receive(socket)
        while event.get("stage") != "queued":
            event = receive(socket)
        assert event["position"] == 1
        assert len(ollama.requests) == 1
        stop(narrow, first)
        assert receive_until(socket, "finished")
