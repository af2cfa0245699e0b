"""What a conversation remembers, and forgets with the sight of what it rests on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conversations.doors import Api, receive_until
from tests.conversations.doors import send as send_frame
from tests.conversations.test_sight import HOLIDAY, QUESTION, Shelf, shelf
from tests.factories import processed, uploaded
from tests.people import Person
from tests.processes import LiveServer, Running
from tests.standins.ollama import OllamaStandIn, Reply

__all__ = ["shelf"]

pytestmark = pytest.mark.django_db(transaction=True)

TRAINS = b"Night trains are refunded like any other connection when the receipt is kept."
TRAIN_QUESTION = "Are night trains refunded like any other connection?"


@pytest.fixture
def api(bob: Person, shelf: Shelf, live_server: LiveServer) -> Api:
    """Bob's program; beside the shelf there is a document that everyone sees."""
    public = uploaded(shelf.owner, "trains.txt", TRAINS)["id"]
    assert processed(shelf.owner, public)["status"] == "ready"
    return Api(live_server, bob)


def ask(api: Api, conversation: str, question: str) -> dict[str, Any]:
    response = api.post(f"/conversations/{conversation}/messages/", json={"content": question})
    assert response.status_code == 201, response.text
    return dict(response.json())


def told(ollama: OllamaStandIn) -> str:
    """All that the model was told for the last answer."""
    return str([turn["content"] for turn in ollama.requests[-1]["messages"]])


def test_L6_an_answer_whose_sources_are_out_of_sight_reaches_no_model(
    api: Api, shelf: Shelf, ollama: OllamaStandIn
) -> None:
    conversation = api.conversation()
    ollama.script(Reply(text="It is twenty-eight days, as the salaries say [1]."))
    ask(api, conversation, QUESTION)
    ask(api, conversation, TRAIN_QUESTION)
    assert "as the salaries say" in told(ollama)

    shelf.open_to()
    ask(api, conversation, TRAIN_QUESTION)
    assert "as the salaries say" not in told(ollama)
    assert HOLIDAY not in told(ollama)
    assert QUESTION in told(ollama), "the person's own words"
    shelf.open_to(api.person)
    ask(api, conversation, TRAIN_QUESTION)
    assert "as the salaries say" in told(ollama)


def test_L6_nor_the_call_that_makes_a_follow_up_whole(api: Api, shelf: Shelf, ollama: OllamaStandIn) -> None:
    conversation = api.conversation()
    ollama.script(Reply(text="It is twenty-eight days, as the salaries say [1]."))
    ask(api, conversation, QUESTION)
    ask(api, conversation, "why?")
    assert "as the salaries say" in str(ollama.rewrites)
    shelf.open_to()
    ask(api, conversation, "And on Sundays?")
    assert "as the salaries say" not in str(ollama.rewrites[-1])
    assert QUESTION in str(ollama.rewrites[-1])


def test_L6_nor_does_an_answer_that_was_written_from_such_an_answer(
    api: Api, shelf: Shelf, ollama: OllamaStandIn
) -> None:
    conversation = api.conversation()
    ollama.script(Reply(text="It is twenty-eight days [1]."), Reply(text="Trains, and the eight-and-twenty days."))
    ask(api, conversation, QUESTION)
    shelf.open_to()
    fresh = api.conversation()
    shelf.open_to(api.person)
    collections = shelf.owner.api.get("/api/v1/collections/").json()["results"]
    [public] = [one["id"] for one in collections if one["id"] != shelf.collection]
    send = {"type": "ask", "request_id": "narrowed", "content": TRAIN_QUESTION, "collections": [public]}
    second = _by_socket(api, conversation, send)
    assert {one["document"] for one in second["sources"]} != set()
    assert shelf.document not in {one["document"] for one in second["sources"]}

    shelf.open_to()
    ask(api, conversation, TRAIN_QUESTION)
    assert "eight-and-twenty" not in told(ollama)
    ollama.script(Reply(text="They are refunded, says the rule [1]."))
    ask(api, fresh, TRAIN_QUESTION)
    ask(api, fresh, TRAIN_QUESTION)
    assert "says the rule" in told(ollama), "others are told on"


def _by_socket(api: Api, conversation: str, frame: dict[str, Any]) -> dict[str, Any]:
    with api.socket(conversation) as socket:
        send_frame(socket, **frame)
        [*_, finished] = receive_until(socket, "finished", "failed")
    return api.message(finished["message"])


def test_L6_what_a_deleted_document_said_is_told_no_more(api: Api, shelf: Shelf, ollama: OllamaStandIn) -> None:
    conversation = api.conversation()
    ollama.script(Reply(text="It is twenty-eight days, as the salaries say [1]."))
    ask(api, conversation, QUESTION)
    assert shelf.owner.api.delete(f"/api/v1/documents/{shelf.document}/").status_code == 204
    ask(api, conversation, TRAIN_QUESTION)
    assert "as the salaries say" not in told(ollama)


def test_L6_a_refusal_is_remembered_without_the_names_that_it_told(
    api: Api, shelf: Shelf, ollama: OllamaStandIn
) -> None:
    conversation = api.conversation()
    refused = ask(api, conversation, "Which glacier did Zorblatt ski down with Quimby?")
    assert (refused["status"], "Salaries" in refused["content"]) == ("refused", True)
    ask(api, conversation, TRAIN_QUESTION)
    assert "I found no answer to this in the documents." in told(ollama)
    assert "Salaries" not in told(ollama)


def test_a_passage_that_the_conversation_cited_goes_first_among_near_ties(
    alice: Person, worker: Running, live_server: LiveServer
) -> None:
    rule = "The ferry to the island leaves from pier four in the {}, on every day of the week."
    texts = {"early.txt": rule.format("morning"), "late.txt": rule.format("evening")}
    texts |= {f"other-{number}.txt": f"Kiln {number} is fired on Fridays by team {number}." for number in range(3)}
    for name, text in texts.items():
        processed(alice, uploaded(alice, name, text.encode())["id"])
    api = Api(live_server, alice)

    def first_sources(*questions: str) -> list[str]:
        conversation = api.conversation()
        return [ask(api, conversation, question)["sources"][0]["title"] for question in questions]

    ambiguous = "When does the ferry to the island leave from pier four?"
    morning, evening = f"{ambiguous[:-1]} in the morning?", f"{ambiguous[:-1]} in the evening?"
    assert first_sources(morning, ambiguous) == ["early.txt", "early.txt"]
    assert first_sources(evening, ambiguous) == ["late.txt", "late.txt"]
    assert first_sources(morning, evening) == ["early.txt", "late.txt"], "what fits better stays first"
