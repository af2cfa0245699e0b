"""Attached files beside personas, branches, cut answers and memory."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conversations.doors import Api, receive_until, send
from tests.conversations.test_attachments import NOTE, QUESTION, attached, conversation_of, path_of, places
from tests.conversations.test_persona_voices import made
from tests.conversations.test_turns import QUESTION as OF_LEAVE
from tests.conversations.test_turns import ask, told, turn
from tests.factories import processed, uploaded
from tests.people import Person
from tests.processes import Running
from tests.refusals import refusal
from tests.standins.ollama import OllamaStandIn, Reply
from tests.tenants.test_exports import PATH as EXPORTS
from tests.tenants.test_exports import body_of, entries, finished, rows

pytestmark = pytest.mark.django_db(transaction=True)

OTHER = "And what colour are they?"


def readable(person: Person, conversation: str, name: str = "note.txt", content: bytes = NOTE) -> str:
    """A file that is attached to the conversation, and read. Needs the `worker`."""
    document = attached(person, conversation, name, content)
    assert processed(person, document)["status"] == "ready"
    return document


def framed(api: Api, conversation: str, **fields: Any) -> dict[str, Any]:
    """The answer to the question by a socket, which can narrow it; the frame that refuses it."""
    with api.socket(conversation) as socket:
        send(socket, type="ask", content=QUESTION, **fields)
        last = receive_until(socket, "finished", "failed")[-1]
    return api.message(last["message"]) if last["type"] == "finished" else last


def test_it_is_asked_beside_a_personas_collections(api: Api, alice: Person) -> None:
    visits = alice.api.post("/api/v1/collections/", {"name": "Visits"}).json()["id"]
    hours = uploaded(alice, "hours.txt", b"The reading room opens at nine in the morning.", collection=visits)
    assert processed(alice, hours["id"])["status"] == "ready"
    made(alice, "Porter", collections=[visits])
    conversation = api.conversation(persona="porter")
    readable(alice, conversation)
    assert "note.txt" in places(ask(api, conversation, QUESTION))
    assert places(ask(api, conversation, "When does the reading room open?")) <= {"hours.txt", "note.txt"}
    assert "handbook.pdf" not in places(ask(api, conversation, OF_LEAVE)), "which is not its business"


def test_another_answer_and_an_edited_question_are_asked_of_it_too(
    api: Api, alice: Person, handbook_of_alice: dict[str, Any]
) -> None:
    conversation, other = api.conversation(), api.conversation()
    document = readable(alice, conversation)
    narrowed = framed(api, conversation, collections=[handbook_of_alice["collection"]])
    again = turn(api, narrowed["id"], "regenerate")
    edited = turn(api, narrowed["parent"], "edit", content="Where exactly are the bicycles of the mill kept?")
    assert ["note.txt" in places(one) for one in (narrowed, again, edited)] == [True] * 3
    # A question of the conversation may name it, and is asked of nothing else then.
    by_name = framed(api, conversation, documents=[document])
    assert places(by_name) == places(turn(api, by_name["id"], "regenerate")) == {"note.txt"}
    assert framed(api, other, documents=[document])["detail"] == "There is no such document."


def test_what_went_without_a_file_goes_on_where_it_stopped(
    alice: Person, live_server: Any, ollama: OllamaStandIn
) -> None:
    """No worker runs here: the file is never read. It is waited for once."""
    api = Api(live_server, alice)
    conversation = api.conversation(mode="open", title="Mill")
    attached(alice, conversation)
    note = "*I could not read note.txt in time: this answer goes without.*\n\n"
    ollama.script(Reply(text="Once upon ", done_reason="length"))
    answer = ask(api, conversation, "Tell me a story.")
    assert answer["content"] == f"{note}Once upon "
    ollama.script(Reply(text="a time."))
    with api.stream("POST", f"/messages/{answer['id']}/continue/", json={}) as stream:
        events = list(stream)
    assert api.message(answer["id"])["content"] == f"{note}Once upon a time."
    deltas = [(one["offset"], one["text"]) for one in events if one["type"] == "delta"]
    assert "".join(text for _, text in deltas) == "a time."
    assert deltas[0][0] == len(f"{note}Once upon ")
    assert not [one for one in events if one["type"] == "status" and "note.txt" in one["detail"]]


def test_L6_what_was_answered_from_a_file_is_told_until_it_is_taken_away(
    api: Api, alice: Person, ollama: OllamaStandIn
) -> None:
    conversation = api.conversation(mode="open", title="Mill")
    document = readable(alice, conversation)
    ollama.script(Reply(text="In the yard behind the old weir [1]", done_reason="length"), Reply(text="Green."))
    answer = ask(api, conversation, QUESTION)
    assert places(answer) == {"note.txt"}
    ask(api, conversation, OTHER)
    assert ("assistant", answer["content"]) in told(ollama)
    assert alice.api.delete(path_of(conversation, document)).status_code == 204
    status, body = refusal(api.post(f"/messages/{answer['id']}/continue/"))
    assert (status, body["code"]) == (409, "sources_gone")
    ollama.script(Reply(text="I do not know."))
    ask(api, conversation, "And how many?")
    assert "weir" not in str(told(ollama))


def test_P1_it_leaves_with_its_persons_export_and_with_no_other(
    alice: Person, adam: Person, worker: Running
) -> None:
    conversation = conversation_of(adam)
    document = attached(adam, conversation)
    held = {}
    for person in (alice, adam):
        export = person.full_api.post(EXPORTS, {"of": "me"}).json()["id"]
        assert finished(person.full_api, export)["status"] == "ready"
        held[person.user.name] = entries(body_of(person.full_api.get(f"{EXPORTS}{export}/file/")))
    whole = json.loads(held["Adam"][f"conversations/{conversation}.json"])
    assert [(one["id"], one["name"]) for one in whole["attachments"]] == [(document, "note.txt")]
    assert [one["id"] for one in rows(held["Adam"]["documents.jsonl"])] == [document]
    assert held["Adam"][f"files/{document}/1/note.txt"] == NOTE
    assert rows(held["Alice"]["documents.jsonl"]) == []
    assert not any(name.startswith(("files/", "conversations/")) for name in held["Alice"])
