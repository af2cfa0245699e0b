"""`Idempotency-Key` on questions: sent again, in whatever form and to whatever process, it is the same reply."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.conversations.doors import Api, read_events
from tests.people import Person
from tests.plain import NO_TLS
from tests.processes import LiveServer
from tests.standins.ollama import OllamaStandIn, Reply

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = "How many days of paid holiday does a full-time employee have?"
ANSWER = "".join(f"word{number} " for number in range(30)).strip()
SLOW = Reply(text=ANSWER, tokens_per_second=20)
KEY = {"Idempotency-Key": "ask-1"}


@pytest.fixture
def api(alice: Person, live_server: LiveServer, ollama: OllamaStandIn) -> Api:
    return Api(live_server, alice)


@pytest.fixture
def second(api: Api, extractive_server: LiveServer) -> Api:
    """The same person at another web process, which knows of no model."""
    return Api(extractive_server, api.person)


def _open(api: Api) -> str:
    """A conversation that answers without documents."""
    return f"/conversations/{api.conversation(mode='open')}/messages/"


def _pending(api: Api, path: str, **headers: str) -> httpx.Response:
    return api.post(path, json={"content": QUESTION}, headers={**KEY, "Prefer": "respond-async", **headers})


def _streamed(api: Api, path: str) -> tuple[list[dict[str, Any]], httpx.Headers]:
    headers = {**api.headers, **KEY, "Accept": "text/event-stream"}
    url = f"{api.server.url}/api/v1{path}"
    with (
        httpx.Client(timeout=30, trust_env=False, verify=NO_TLS) as client,
        client.stream("POST", url, headers=headers, json={"content": QUESTION}) as response,
    ):
        assert response.status_code == 200, response.read()
        return list(read_events(response.iter_lines())), response.headers


def _text(events: list[dict[str, Any]]) -> str:
    return "".join(event["text"] for event in events if event["type"] == "delta")


def test_F7_a_repeated_question_attaches_to_its_reply_while_it_runs_and_after(
    api: Api, second: Api, ollama: OllamaStandIn
) -> None:
    ollama.script(SLOW)
    path = _open(api)
    first = _pending(api, path)
    assert (first.status_code, "Idempotency-Replayed" in first.headers) == (202, False)
    message = first.json()["message"]
    with ThreadPoolExecutor(4) as pool:
        waits = [pool.submit(one.post, path, json={"content": QUESTION}, headers=KEY) for one in (api, second)]
        reads = [pool.submit(_streamed, one, path) for one in (api, second)]
        for wait in waits:
            response = wait.result()
            assert (response.status_code, response.headers["Idempotency-Replayed"]) == (201, "true")
            assert (response.json()["id"], response.json()["content"]) == (message, ANSWER)
        for read in reads:
            events, headers = read.result()
            assert headers["Idempotency-Replayed"] == "true"
            assert (_text(events), events[-1]["type"], events[-1]["message"]) == (ANSWER, "finished", message)
    # After, in all three forms.
    again = _pending(second, path)
    assert (again.status_code, again.json()["message"]) == (202, message)
    assert second.post(path, json={"content": QUESTION}, headers=KEY).json() == api.message(message)
    assert _text(_streamed(api, path)[0]) == ANSWER
    assert len(api.get(path).json()["results"]) == 2
    assert len(ollama.requests) == 1


def test_F7_of_ten_equal_questions_at_one_instant_one_is_asked(api: Api, ollama: OllamaStandIn) -> None:
    ollama.script(SLOW, times=10)
    path = _open(api)
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: _pending(api, path), range(10)))
    assert {one.status_code for one in answers} == {202}
    assert len({one.json()["message"] for one in answers}) == 1
    assert sum("Idempotency-Replayed" not in one.headers for one in answers) == 1
    assert len(api.get(path).json()["results"]) == 2


def test_F7_a_repeated_query_begins_no_second_session(api: Api, second: Api, ollama: OllamaStandIn) -> None:
    ollama.script(SLOW)
    body = {"query": QUESTION, "mode": "open"}
    with ThreadPoolExecutor(2) as pool:
        asking = pool.submit(api.post, "/query/", json=body, headers=KEY)
        assert ollama.wait_requests(10)
        again, first = second.post("/query/", json=body, headers=KEY), asking.result()
    assert first.json() == again.json()
    assert (first.status_code, first.json()["response"]) == (200, ANSWER)
    assert len(api.get("/conversations/").json()["results"]) == 1


def test_F7_a_key_belongs_to_one_question_of_one_person(
    api: Api, ollama: OllamaStandIn, bob: Person, charlie: Person
) -> None:
    ollama.script(Reply(text="Yes."), times=4)
    path = _open(api)
    assert _pending(api, path).status_code == 202
    other = api.post(path, json={"content": "Another?"}, headers=KEY)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    elsewhere = _pending(api, _open(api))
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (422, "idempotency_key_reused")
    for person in (bob, charlie):
        theirs = Api(api.server, person)
        assert _pending(theirs, path).status_code == 404, "not their conversation"
        mine = _pending(theirs, _open(theirs))
        assert (mine.status_code, "Idempotency-Replayed" in mine.headers) == (202, False)


def test_F7_a_refused_question_may_be_asked_with_the_key_again(api: Api, ollama: OllamaStandIn) -> None:
    ollama.script(Reply(text="Yes."))
    path = _open(api)
    conversation = path.removesuffix("messages/")
    api.post(f"{conversation}end/")
    refused = _pending(api, path)
    assert (refused.status_code, refused.json()["code"]) == (409, "conversation_ended")
    api.post(f"{conversation}reopen/")
    assert _pending(api, path).status_code == 202
    # Ended again, the question that was asked is still answered as it was.
    api.post(f"{conversation}end/")
    assert _pending(api, path).headers["Idempotency-Replayed"] == "true"


def test_F7_stopping_twice_with_a_key_is_stopping_once(api: Api, ollama: OllamaStandIn) -> None:
    ollama.script(Reply(text=ANSWER * 50, tokens_per_second=20))
    message = _pending(api, _open(api)).json()["message"]
    headers = {"Idempotency-Key": "stop-1"}
    first, again = (api.post(f"/messages/{message}/stop/", headers=headers) for _ in range(2))
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()
    assert first.json()["status"] == "stopped"
    assert again.headers["Idempotency-Replayed"] == "true"
    assert api.post(f"/messages/{message}/stop/").status_code == 409
    refused = api.post(f"/messages/{message}/stop/", headers={"Idempotency-Key": "stop-2"})
    assert (refused.status_code, refused.json()["code"]) == (409, "already_over")
