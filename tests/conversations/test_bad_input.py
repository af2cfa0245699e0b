"""What cannot be done is refused in plain words, over REST and over the socket, and nothing of it is kept."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest

from conversations.models import Message
from tenants.db import tenant_atomic
from tests.conversations.doors import DOORS, Api, at_every_door, by_socket, check_consistent, receive
from tests.conversations.talks import talk_of
from tests.people import Person
from tests.refusals import pointers, refusal
from tests.standins.ollama import MODEL, OllamaStandIn, Reply

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = "How many days of paid holiday does a full-time employee have?"
BEGUN = "Each full-time employee has "


def turned_down(api: Api, conversation: str, **frame: Any) -> tuple[str, str]:
    """Code and words by which the socket refuses a frame and stays open, for pages as for programs."""
    said = []
    for cookie in (False, True):
        with api.socket(conversation, cookie=cookie) as socket:
            for request_id in ("first", "second"):
                socket.send(json.dumps({"request_id": request_id, **frame}))
                event = receive(socket)
                assert (event["type"], event["message"], event["retryable"]) == ("failed", None, False), event
                # What is too long is not even read.
                assert event["request_id"] == (None if event["code"] == "frame_too_large" else request_id)
                said.append((event["code"], event["detail"]))
    assert len(set(said)) == 1
    return said[0]


def messages(api: Api, conversation: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get(f"/conversations/{conversation}/messages/").json()["results"]
    return found


def test_an_unknown_model_is_named_and_refused(
    api: Api, bob: Person, charlie: Person, ollama: OllamaStandIn
) -> None:
    for person in (api.person, bob, charlie):
        own = Api(api.server, person)
        conversation = own.conversation(mode="open")
        path = f"/conversations/{conversation}/messages/"
        answer = own.post(path, json={"content": QUESTION}).json()
        asked = len(ollama.requests)
        for url, body in (
            (path, {"content": QUESTION, "model": "unheard-of"}),
            (f"/messages/{answer['id']}/regenerate/", {"model": "unheard-of"}),
        ):
            refused = own.post(url, json=body)
            assert pointers(refused) == [("/model", "unknown_model")]
            assert "“unheard-of”" in refused.json()["detail"]
        for frame in (
            {"type": "ask", "content": QUESTION},
            {"type": "regenerate", "message": answer["id"]},
        ):
            code, detail = turned_down(own, conversation, model="unheard-of", **frame)
            assert (code, "“unheard-of”" in detail) == ("unknown_model", True)
        assert len(messages(own, conversation)) == 2
        assert len(ollama.requests) == asked


def test_F24_a_model_that_is_gone_by_the_time_it_is_asked_is_said_at_every_door(
    api: Api, ollama: OllamaStandIn
) -> None:
    ollama.script(Reply(status=404), times=len(DOORS))
    told = at_every_door(api, QUESTION)
    for one in told.values():
        check_consistent(one)
        assert (one.message["status"], one.message["error"]["code"]) == ("failed", "model_error")
        assert one.message["error"]["detail"] == "The model server does not have the model that was asked for."
    assert len(ollama.requests) == len(DOORS)


def test_an_unknown_assistant_is_refused_wherever_it_is_named(api: Api, bob: Person, charlie: Person) -> None:
    made = charlie.full_api.post("/api/v1/personas/", {"name": "Stranger"}).json()
    for person in (api.person, bob):
        own = Api(api.server, person)
        conversation = own.conversation()
        for persona in ("nobody", str(uuid4()), made["id"], made["slug"]):
            for body in ({"persona": persona}, {"persona": persona, "query": QUESTION}):
                refused = own.post("/query/" if "query" in body else "/conversations/", json=body)
                assert pointers(refused) == [("/persona", "unknown_id")], persona
            changed = person.api.patch(f"/api/v1/conversations/{conversation}/", {"persona": persona})
            assert pointers(changed) == [("/persona", "unknown_id")]
        # It is chosen for the conversation, not for a question.
        code, detail = turned_down(own, conversation, type="ask", content=QUESTION, persona="docent")
        assert (code, detail) == ("unknown_field", "This field is not known.")
        assert [one["id"] for one in own.get("/conversations/").json()["results"]] == [conversation]


def test_a_temperature_of_nine_is_nowhere_taken(api: Api, bob: Person, charlie: Person) -> None:
    for person in (api.person, bob, charlie):
        own = Api(api.server, person)
        refused = person.full_api.post("/api/v1/personas/", {"name": "Hot", "temperature": 9})
        assert pointers(refused) == [("/temperature", "max_value")]
        [error] = refused.json()["errors"]
        assert error["detail"] == "Ensure this value is less than or equal to 2.0."
        conversation = own.conversation()
        for url, body in (
            (f"/conversations/{conversation}/messages/", {"content": QUESTION}),
            ("/query/", {"query": QUESTION}),
        ):
            assert pointers(own.post(url, json={**body, "temperature": 9})) == [("/temperature", "unknown_field")]
        frame = {"type": "ask", "content": QUESTION, "temperature": 9}
        assert turned_down(own, conversation, **frame)[0] == "unknown_field"
        assert messages(own, conversation) == []
        assert "Hot" not in {one["name"] for one in person.api.get("/api/v1/personas/").json()["results"]}


def test_P9_metadata_of_a_megabyte_changes_nothing(api: Api, bob: Person, charlie: Person) -> None:
    huge = {"note": "x" * 1_000_000}
    for person in (api.person, bob, charlie):
        own = Api(api.server, person)
        conversation = own.conversation(metadata={"ticket": 7})
        path = f"/api/v1/conversations/{conversation}/"
        for refused in (
            person.api.patch(path, {"metadata": huge}),
            person.api.post("/api/v1/conversations/", {"metadata": huge}),
        ):
            assert pointers(refused) == [("/metadata", "too_large")]
            assert refused.json()["detail"] == "Metadata may have at most 16,000 characters."
        assert person.api.get(path).json()["metadata"] == {"ticket": 7}
        code, detail = turned_down(own, conversation, type="ask", content=QUESTION, metadata=huge)
        assert (code, detail) == ("frame_too_large", "A frame may have up to 64 kB.")


def test_an_ended_conversation_takes_no_question_by_any_door(api: Api, bob: Person, charlie: Person) -> None:
    conversation = api.conversation()
    api.post(f"/conversations/{conversation}/end/")
    words = "This conversation has ended. Reopen it to go on."
    path = f"/conversations/{conversation}/messages/"
    for refused in (
        api.post(path, json={"content": QUESTION}),
        api.post(path, json={"content": QUESTION}, headers={"Accept": "text/event-stream"}),
        api.post(path, json={"content": QUESTION}, headers={"Prefer": "respond-async"}),
    ):
        status, body = refusal(refused)
        assert (status, body["code"], body["detail"]) == (409, "conversation_ended", words)
    status, body = refusal(api.post("/query/", json={"query": QUESTION, "session_id": conversation}))
    assert (status, body["code"]) == (409, "conversation_ended")
    assert f"POST /api/v1/conversations/{conversation}/reopen/ opens it again" in body["detail"]
    assert turned_down(api, conversation, type="ask", content=QUESTION) == ("conversation_ended", words)
    # To anybody else it is not there, ended or not.
    for person in (bob, charlie):
        assert Api(api.server, person).post(path, json={"content": QUESTION}).status_code == 404
    assert messages(api, conversation) == []


def test_a_finished_reply_cannot_be_stopped(api: Api, bob: Person, charlie: Person, ollama: OllamaStandIn) -> None:
    message = by_socket(api, QUESTION).message
    status, body = refusal(api.post(f"/messages/{message['id']}/stop/"))
    words = "This reply is finished already."
    assert (status, body["code"], body["detail"]) == (409, "already_over", words)
    assert turned_down(api, message["conversation"], type="stop", message=message["id"]) == ("already_over", words)
    for person in (bob, charlie):
        other = Api(api.server, person)
        foreign, missing = (other.post(f"/messages/{one}/stop/") for one in (message["id"], uuid4()))
        assert refusal(foreign) == refusal(missing)
        assert foreign.status_code == 404
    assert api.message(message["id"]) == message


def test_without_a_model_a_cut_answer_stays_as_it_is_and_the_refusal_says_what_to_do(
    api: Api, bob: Person, charlie: Person
) -> None:
    """The server that wrote it is connected no more."""
    talk = talk_of(api.person)
    reply = str(talk.say(QUESTION, BEGUN, status="stopped"))
    with tenant_atomic(api.person.access.tenant_id):
        Message.objects.filter(id=reply).update(model="llama3.2")
    before = api.message(reply)
    status, body = refusal(api.post(f"/messages/{reply}/continue/"))
    assert (status, body["code"]) == (409, "no_model")
    assert body["detail"].startswith("No language model is connected that could go on with this answer. Ask again")
    said = turned_down(api, str(talk.id), type="continue", message=reply)
    assert said == ("no_model", body["detail"])
    for person in (bob, charlie):
        other = Api(api.server, person)
        foreign, missing = (other.post(f"/messages/{one}/continue/") for one in (reply, uuid4()))
        assert refusal(foreign) == refusal(missing)
        assert foreign.status_code == 404
    assert api.message(reply) == before
    # What it says to do works.
    again = api.post(f"/messages/{reply}/regenerate/").json()
    assert (again["status"], again["model"], again["parent"]) == ("finished", "extractive", before["parent"])


def test_what_wrote_the_first_part_goes_on_or_else_whatever_there_is(api: Api, ollama: OllamaStandIn) -> None:
    talk = talk_of(api.person, mode="open")
    for wrote in (MODEL, "gone:latest"):
        reply = str(talk.say(QUESTION, BEGUN, status="stopped"))
        with tenant_atomic(api.person.access.tenant_id):
            Message.objects.filter(id=reply).update(model=wrote)
        ollama.script(Reply(text="holidays."))
        whole = api.post(f"/messages/{reply}/continue/").json()
        assert (whole["status"], whole["model"], whole["content"]) == ("finished", MODEL, f"{BEGUN}holidays.")
