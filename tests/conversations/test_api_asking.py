"""Asking over REST: the shapes, the refusals, resuming, and one call that does it all."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.conversations.doors import Api
from tests.people import Person
from tests.refusals import pointers, refusal
from tests.standins.ollama import OllamaStandIn, Reply

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = "How many days of paid holiday does a full-time employee have?"
ANSWER = "🏖️ Each full-time employee has twenty-eight days of paid holiday [1]. Fe\u0301licitations!"


def messages_path(conversation: str) -> str:
    return f"/conversations/{conversation}/messages/"


def test_what_is_wrong_with_a_question_is_said(api: Api) -> None:
    path = messages_path(api.conversation())
    for body, wrong in (
        ({"content": ""}, ("/content", "required")),
        ({"content": " \n "}, ("/content", "required")),
        ({}, ("/content", "required")),
        ({"content": QUESTION, "model": "x"}, ("/model", "unknown_model")),
        ({"content": QUESTION, "parent": str(uuid4())}, ("/parent", "unknown_id")),
        ({"content": 5.5, "parent": "x"}, ("/parent", "invalid")),
    ):
        assert wrong in pointers(api.post(path, json=body))
    status, body = refusal(api.post(path, json={"content": "x" * 100_000}))
    assert (status, body["code"]) == (413, "question_too_long")
    status, body = refusal(api.post(path, content=b"{", headers={"Content-Type": "application/json"}))
    assert (status, body["code"]) == (400, "parse_error")
    assert api.get(path).json()["results"] == []


def test_missing_and_foreign_are_the_same_404(api: Api, bob: Person, charlie: Person) -> None:
    path = messages_path(api.conversation())
    question = api.post(path, json={"content": QUESTION}).json()["parent"]
    for person in (bob, charlie):
        other = Api(api.server, person)
        for method, place in (("post", messages_path("{}")), ("get", messages_path("{}"))):
            options: dict[str, Any] = {"json": {"content": QUESTION}} if method == "post" else {}
            foreign = getattr(other, method)(path, **options)
            missing = getattr(other, method)(place.format(uuid4()), **options)
            assert refusal(foreign) == refusal(missing)
            assert foreign.status_code == 404
        reply = api.get(path).json()["results"][1]["id"]
        for place in ("/messages/{}/", "/messages/{}/events/"):
            assert refusal(other.get(place.format(reply))) == refusal(other.get(place.format(uuid4())))
    # A question has no events, and nothing to stop.
    assert refusal(api.get(f"/messages/{question}/events/"))[0] == 404
    assert refusal(api.post(f"/messages/{question}/stop/"))[0] == 404


@pytest.mark.parametrize("header", [None, "Bearer dct_x_y", "Bearer", "Basic eDp5"])
def test_without_a_good_token_there_is_no_door(api: Api, header: str | None) -> None:
    conversation = api.conversation()
    cookie = {"Cookie": f"sessionid={api.person.client.cookies['sessionid'].value}"}
    wrong = {"Authorization": header or "", **cookie}
    assert refusal(api.post(messages_path(conversation), json={"content": QUESTION}, headers=wrong))[0] == 401
    assert refusal(api.post("/query/", json={"query": QUESTION}, headers=wrong))[0] == 401


def test_an_ended_conversation_takes_no_question_until_it_is_reopened(api: Api) -> None:
    conversation = api.conversation()
    assert api.post(f"/conversations/{conversation}/end/").json()["status"] == "ended"
    status, body = refusal(api.post(messages_path(conversation), json={"content": QUESTION}))
    assert (status, body["code"]) == (409, "conversation_ended")
    assert api.post(f"/conversations/{conversation}/reopen/").json()["status"] == "active"
    assert api.post(messages_path(conversation), json={"content": QUESTION}).status_code == 201


def test_a_reply_can_be_read_from_any_offset(api: Api, ollama: OllamaStandIn) -> None:
    ollama.script(Reply(text=ANSWER))
    message = api.post(messages_path(api.conversation()), json={"content": QUESTION}).json()["id"]
    for offset in (0, 1, 2, 5, len(ANSWER) - 1, len(ANSWER)):
        for events in (api.follow(message, offset=offset), api.follow(message, last_event_id=offset)):
            deltas = [(event["offset"], event["text"]) for event in events if event["type"] == "delta"]
            assert deltas == ([(offset, ANSWER[offset:])] if offset < len(ANSWER) else [])
            assert [event["type"] for event in events if event["type"] != "delta"] == [
                "status",
                "sources",
                "finished",
            ]
            assert events[-1]["_id"] == len(ANSWER)
    for wrong in (str(len(ANSWER) + 1), "-1", "x", "1.5", "9" * 30):
        assert [pointer for pointer, _ in pointers(api.get(f"/messages/{message}/events/?offset={wrong}"))] == [
            "/offset"
        ]
        by_header = api.get(f"/messages/{message}/events/", headers={"Last-Event-ID": wrong})
        assert [pointer for pointer, _ in pointers(by_header)] == ["/offset"]


def test_one_call_starts_a_session_and_the_next_goes_on_with_it(api: Api, ollama: OllamaStandIn) -> None:
    ollama.script(Reply(text=ANSWER), Reply(text="Yes [1]."))
    first = api.post("/query/", json={"query": QUESTION})
    assert first.status_code == 200
    body = first.json()
    message = api.message(body["message_id"])
    assert body == {
        "session_id": message["conversation"],
        "message_id": message["id"],
        "response": ANSWER,
        "sources": message["sources"],
        "sources_count": 3,
    }
    second = api.post("/query/", json={"query": "Is that paid holiday?", "session_id": body["session_id"]}).json()
    assert (second["session_id"], second["response"]) == (body["session_id"], "Yes [1].")
    assert [turn["content"] for turn in ollama.requests[-1]["messages"]][1:3] == [QUESTION, ANSWER]
    assert len(api.get(messages_path(body["session_id"])).json()["results"]) == 4


def test_a_query_that_fails_says_why_and_is_stored(api: Api, ollama: OllamaStandIn) -> None:
    ollama.script(Reply(text=ANSWER, fault="error"))
    body = api.post("/query/", json={"query": QUESTION}).json()
    assert body["response"] == "The model server reported an error."
    assert api.message(body["message_id"])["status"] == "failed"


def test_a_query_is_checked_like_a_question(api: Api, charlie: Person) -> None:
    foreign = Api(api.server, charlie).conversation()
    [collection] = [one["id"] for one in charlie.api.get("/api/v1/collections/").json()["results"]]
    own = api.conversation()
    for body, wrong in (
        ({"query": " "}, ("/query", "required")),
        ({"query": "x", "session_id": str(uuid4())}, ("/session_id", "unknown_id")),
        ({"query": "x", "session_id": foreign}, ("/session_id", "unknown_id")),
        ({"query": "x", "collection": str(uuid4())}, ("/collection", "unknown_id")),
        ({"query": "x", "collection": collection}, ("/collection", "unknown_id")),
        ({"query": "x", "session_id": own, "mode": "open"}, ("/session_id", "session_exists")),
        ({"query": "x", "mode": "wild"}, ("/mode", "invalid_choice")),
        ({"query": "x", "persona": "p"}, ("/persona", "unknown_id")),
        ({"query": "x", "session_id": own, "persona": "docent"}, ("/session_id", "session_exists")),
    ):
        assert pointers(api.post("/query/", json=body)) == [wrong]
    before = len(api.get("/conversations/").json()["results"])
    status, _ = refusal(api.post("/query/", json={"query": "x" * 100_000}))
    assert status == 413
    assert len(api.get("/conversations/").json()["results"]) == before, "a refused query leaves no conversation"
