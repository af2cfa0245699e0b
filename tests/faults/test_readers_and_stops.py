"""Replies live apart from their readers: F25, and the end of a process in the middle of an answer."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.config.polling import wait_for
from tests.conversations.doors import Api, receive_until, send
from tests.environment import Environment
from tests.people import Person
from tests.processes import LiveServer, web_server
from tests.standins.ollama import OllamaStandIn, Reply

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = "How many days of paid holiday does a full-time employee have?"
WORDS = [f"word{number} " for number in range(40)]
ANSWER = "".join(WORDS).strip()
# Nearly three seconds for the whole answer: long enough to leave or to stop in its middle.
SLOW = Reply(text=ANSWER, tokens_per_second=15)
# Nobody waits for the end of this one.
ENDLESS = Reply(text=ANSWER * 100, tokens_per_second=20)
STOPPED_WITHIN = 1.0


@pytest.fixture
def second_server(
    run_environment: Environment, logs: Path, ollama: OllamaStandIn, api: Api
) -> Iterator[LiveServer]:
    """Another web process beside the one of `api`."""
    with web_server({**run_environment.variables, "OLLAMA_HOST": ollama.url}, logs / "web-2.log") as running:
        yield running


def finished(api: Api, message: str) -> dict[str, object]:
    """The message when it is over."""
    wait_for(f"reply {message} is over", lambda: api.message(message)["status"] not in {"pending", "streaming"})
    return api.message(message)


def leave_sse(api: Api) -> str:
    path = f"/conversations/{api.conversation()}/messages/"
    with api.stream("POST", path, json={"content": QUESTION}) as events:
        return next(str(event["message"]) for event in events if event["type"] == "delta")


def leave_resumed(api: Api) -> str:
    message = api.begin(QUESTION)
    with api.stream("GET", f"/messages/{message}/events/") as events:
        return next(str(event["message"]) for event in events if event["type"] == "delta")


def leave_socket(api: Api) -> str:
    with api.socket(api.conversation()) as socket:
        send(socket, type="ask", content=QUESTION)
        return str(receive_until(socket, "delta")[-1]["message"])


def leave_page(api: Api) -> str:
    with api.socket(api.conversation(), cookie=True) as socket:
        send(socket, type="ask", content=QUESTION)
        return str(receive_until(socket, "block")[-1]["message"])


def leave_rest(api: Api) -> str:
    """The POST that waits for the whole answer is given up."""
    conversation = api.conversation()
    with pytest.raises(httpx.ReadTimeout):
        api.post(f"/conversations/{conversation}/messages/", json={"content": QUESTION}, timeout=0.8)
    return str(api.get(f"/conversations/{conversation}/messages/").json()["results"][1]["id"])


def test_F25_an_answer_is_finished_and_stored_though_its_reader_left(api: Api, ollama: OllamaStandIn) -> None:
    leavers = (leave_rest, leave_sse, leave_resumed, leave_socket, leave_page)
    ollama.script(SLOW, times=len(leavers))
    with ThreadPoolExecutor(len(leavers)) as pool:
        messages = list(pool.map(lambda leave: leave(api), leavers))
    assert {api.message(message)["status"] for message in messages} <= {"pending", "streaming"}
    for message in messages:
        stored = finished(api, message)
        assert (stored["status"], stored["content"]) == ("finished", ANSWER)
    assert ollama.aborted_streams == 0


def test_F25_a_reader_that_comes_back_reads_on_where_it_was(api: Api, ollama: OllamaStandIn) -> None:
    ollama.script(SLOW)
    message = api.begin(QUESTION)
    with api.stream("GET", f"/messages/{message}/events/") as events:
        first = next(event for event in events if event["type"] == "delta")
    assert first["_id"] == len(first["text"])
    rest = api.follow(message, last_event_id=first["_id"])
    deltas = [event for event in rest if event["type"] == "delta"]
    assert deltas[0]["offset"] == first["_id"]
    assert first["text"] + "".join(event["text"] for event in deltas) == ANSWER
    assert [event["type"] for event in rest][:2] == ["status", "sources"]
    assert rest[-1]["type"] == "finished"


@pytest.mark.parametrize("is_begun", [True, False])
@pytest.mark.parametrize("door", ["rest", "socket", "page"])
def test_F25_stop_reaches_the_model_within_a_second(
    api: Api, ollama: OllamaStandIn, door: str, *, is_begun: bool
) -> None:
    ollama.script(ENDLESS if is_begun else Reply(fault="hang"))
    conversation = api.conversation()
    with api.socket(conversation, cookie=door == "page") as socket:
        send(socket, type="ask", content=QUESTION)
        message = receive_until(socket, ("block" if door == "page" else "delta") if is_begun else "sources")[-1][
            "message"
        ]
        assert ollama.wait_requests(5)
        asked_to_stop = time.monotonic()
        if door == "rest":
            response = api.post(f"/messages/{message}/stop/")
            assert (response.status_code, response.json()["status"]) == (200, "stopped")
        else:
            send(socket, type="stop", message=message)
        assert ollama.wait_aborted(STOPPED_WITHIN - (time.monotonic() - asked_to_stop))
        end = receive_until(socket, "finished", "failed")[-1]
    assert (end["type"], end["finish_reason"]) == ("finished", "stopped")
    stored = api.message(message)
    assert (stored["status"], stored["finish_reason"], stored["error"]) == ("stopped", "stopped", None)
    assert str(ENDLESS.text).startswith(stored["content"])
    assert bool(stored["content"]) == is_begun
    again = api.post(f"/messages/{message}/stop/")
    assert (again.status_code, again.json()["code"]) == (409, "already_over")


def test_F25_stop_at_another_process_reaches_the_model_within_a_second(
    api: Api, ollama: OllamaStandIn, second_server: LiveServer
) -> None:
    other = Api(second_server, api.person)
    for asking, stopping in ((api, other), (other, api)):
        ollama.reset()
        ollama.script(ENDLESS)
        message = asking.begin(QUESTION)
        assert ollama.wait_requests(5)
        assert stopping.post(f"/messages/{message}/stop/").status_code == 200
        assert ollama.wait_aborted(STOPPED_WITHIN)
        assert finished(stopping, message)["status"] == "stopped"


def test_a_reader_at_another_process_reads_the_whole_answer(
    api: Api, ollama: OllamaStandIn, second_server: LiveServer
) -> None:
    ollama.script(SLOW)
    message = api.begin(QUESTION)
    events = Api(second_server, api.person).follow(message)
    deltas = [event for event in events if event["type"] == "delta"]
    assert "".join(event["text"] for event in deltas) == ANSWER
    assert len(deltas) > 1, "it was read while it was written"
    assert events[-1]["type"] == "finished"


def test_nobody_else_stops_a_reply(api: Api, ollama: OllamaStandIn, bob: Person, charlie: Person) -> None:
    ollama.script(SLOW)
    message = api.begin(QUESTION)
    for person in (bob, charlie):
        response = Api(api.server, person).post(f"/messages/{message}/stop/")
        assert (response.status_code, response.json()["detail"]) == (404, "There is no such message.")
        with Api(api.server, person).socket(Api(api.server, person).conversation()) as socket:
            send(socket, type="stop", message=message)
            refusal = receive_until(socket, "failed")[-1]
            assert (refusal["message"], refusal["code"]) == (None, "not_found")
    assert finished(api, message)["content"] == ANSWER


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM])
def test_F4_an_answer_whose_process_dies_is_found_interrupted_with_its_text(
    api: Api,
    ollama: OllamaStandIn,
    run_environment: Environment,
    logs: Path,
    signum: int,
) -> None:
    variables = {**run_environment.variables, "OLLAMA_HOST": ollama.url}
    with ExitStack() as stack:
        dying = stack.enter_context(web_server(variables, logs / f"web-{signum}.log"))
        ollama.script(ENDLESS)
        message = Api(dying, api.person).begin(QUESTION)
        wait_for("a part is stored", lambda: api.message(message)["content"])
        os.kill(dying.process.pid, signum)
        killed = time.monotonic()
        survivor = Api(stack.enter_context(web_server(variables, logs / "web-after.log")), api.person)
        stored = finished(survivor, message)
        # The lease is 3 s here and looked at three times in its length; the rest is the new process's start.
        assert time.monotonic() - killed < 30
    assert (stored["status"], stored["finish_reason"]) == ("interrupted", None)
    assert stored["error"]["code"] == "interrupted"  # type: ignore[index]
    text = str(stored["content"])
    assert text
    assert str(ENDLESS.text).startswith(text)
    events = api.follow(message, offset=3)
    assert [event["type"] for event in events if event["type"] != "status"] == ["sources", "delta", "failed"]
    assert (events[-2]["offset"], events[-2]["text"]) == (3, text[3:])
    assert events[-1]["code"] == "interrupted"
    assert ollama.wait_aborted(STOPPED_WITHIN)


def test_F4_a_living_process_finds_it_within_the_lease(
    api: Api, ollama: OllamaStandIn, second_server: LiveServer
) -> None:
    ollama.script(ENDLESS)
    message = Api(second_server, api.person).begin(QUESTION)
    wait_for("a part is stored", lambda: api.message(message)["content"])
    reader = api.stream("GET", f"/messages/{message}/events/")
    with reader as events:
        assert next(event for event in events if event["type"] == "delta")
        os.kill(second_server.process.pid, signal.SIGKILL)
        killed = time.monotonic()
        assert list(events)[-1]["code"] == "interrupted"
        assert time.monotonic() - killed < 10
