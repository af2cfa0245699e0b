"""What an answer is made of, the same at every door: extractive, and with a model."""

from __future__ import annotations

from typing import Any

import pytest

from conversations.rendering import render_blocks
from tests.conversations.doors import (
    Api,
    Told,
    at_every_door,
    by_page,
    by_rest,
    by_socket,
    by_sse,
    check_consistent,
)
from tests.factories import HANDBOOK_PAGES, ready
from tests.people import Person
from tests.standins.ollama import MODEL, OllamaStandIn, Reply

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = "How many days of paid holiday does a full-time employee have?"
HOLIDAY = HANDBOOK_PAGES[0][1]
LEAD_IN = "No language model is connected, so here are the closest sentences of the documents, word for word:"
OFF_TOPIC = "Which glacier did Zorblatt ski down with Quimby?"
MESSAGE_KEYS = {
    "id", "conversation", "role", "parent", "content", "status", "finish_reason", "model", "citations", "sources",
    "error", "usage", "timings", "created_at", "searched_for", "siblings", "feedback",
}  # fmt: skip
SOURCE_KEYS = {"marker", "document", "name", "title", "version", "page", "text", "score", "start", "end", "url"}
CITATION_KEYS = {"marker", "document", "version", "title", "page", "quote", "start", "end", "url", "verified"}


def check_citations(api: Api, message: dict[str, Any]) -> None:
    """Every quote stands on the page it names, at the offsets it names."""
    for citation in message["citations"]:
        assert set(citation) == CITATION_KEYS
        assert citation["verified"] is True
        page = api.get(f"/documents/{citation['document']}/pages/{citation['page']}/").json()
        assert (
            page["text"][citation["start"] - page["start"] : citation["end"] - page["start"]] == citation["quote"]
        )
        assert citation["url"] == (
            f"{api.server.url}/o/acme/d/{citation['document']}/v/1/p/{citation['page']}"
            f"?start={citation['start']}&end={citation['end']}"
        )


def check_doors(api: Api, told: dict[str, Told]) -> dict[str, Any]:
    """All doors say the same; the message of one of them."""
    for one in told.values():
        check_consistent(one)
        check_citations(api, one.message)
        assert set(one.message) == MESSAGE_KEYS
        assert all(set(source) == SOURCE_KEYS for source in one.message["sources"])
    for door in ("sse", "resumed", "socket", "page"):
        events = told[door].events
        types = [event["type"] for event in events]
        text = "block" if door == "page" else "delta"
        assert set(types) <= {"accepted", "title", "status", "sources", text, "finished"}
        assert types.index("sources") < types.index(text)
        [sources] = [event["items"] for event in events if event["type"] == "sources"]
        assert sources == told[door].message["sources"]
    for door in ("sse", "resumed"):
        ends = [event["offset"] + len(event["text"]) for event in told[door].events if event["type"] == "delta"]
        assert [event["_id"] for event in told[door].events if event["type"] == "delta"] == ends
    own = {"id", "conversation", "parent", "created_at", "timings", "usage"}
    answers = [{name: value for name, value in one.message.items() if name not in own} for one in told.values()]
    assert all(answer == answers[0] for answer in answers)
    message = told["page"].message
    paths = {one["marker"]: one["url"].removeprefix(api.server.url) for one in message["citations"]}
    assert told["page"].blocks == render_blocks(message["content"], paths)
    return message


def test_without_a_model_the_nearest_sentences_are_quoted(api: Api) -> None:
    message = check_doors(api, at_every_door(api, QUESTION))
    assert (message["status"], message["finish_reason"], message["model"]) == ("finished", "stop", "extractive")
    assert message["content"].startswith(f"{LEAD_IN}\n\n- {HOLIDAY} [1]")
    assert (message["citations"][0]["quote"], message["citations"][0]["page"]) == (HOLIDAY, 1)
    assert [source["marker"] for source in message["sources"]] == [1, 2, 3]
    assert {source["text"] for source in message["sources"]} == {"\n".join(page) for page in HANDBOOK_PAGES}


def test_a_server_that_does_not_count_has_its_tokens_estimated(api: Api, ollama: OllamaStandIn) -> None:
    ollama.script(Reply(text="Twenty-eight days [1].", counts=False), times=5)
    for told in at_every_door(api, QUESTION).values():
        # One for four characters, of the prompt with its passages and of the answer.
        assert told.message["usage"]["completion_tokens"] == 6
        assert told.message["usage"]["prompt_tokens"] > 100


def test_with_a_model_its_words_and_checked_citations(api: Api, ollama: OllamaStandIn) -> None:
    # A beach and an accent made of two code points: offsets count neither bytes nor UTF-16.
    text = "🏖️ Each full-time employee has twenty-eight days of paid holiday [1]. Fe\u0301licitations!"
    ollama.script(Reply(text=text), times=5)
    message = check_doors(api, at_every_door(api, QUESTION))
    assert (message["content"], message["model"]) == (text, MODEL)
    assert [(one["marker"], one["quote"]) for one in message["citations"]] == [(1, HOLIDAY)]
    assert message["usage"]["completion_tokens"] == 12
    assert set(message["timings"]) == {"search", "first_token", "model_first_token", "total", "context"}
    for request in ollama.requests:
        assert [turn["role"] for turn in request["messages"]] == ["system", "user"]
        assert request["messages"][1]["content"].endswith(f"\n\nQuestion: {QUESTION}")
        assert (
            f'<passage number="1" title="handbook.pdf" page="1">\nStaff handbook\n{HOLIDAY}\n</passage>'
            in (request["messages"][1]["content"])
        )


def test_a_model_that_lies_is_not_cited(api: Api, ollama: OllamaStandIn) -> None:
    lies = (
        "The handbook says “every employee has ninety days of paid holiday” [1]. "
        "Elephants fly to Mars on Mondays [2]. Night trains are refunded when the receipt is kept [3]."
    )
    ollama.script(Reply(text=lies))
    told = by_page(api, QUESTION)
    markers = {source["marker"]: source["page"] for source in told.message["sources"]}
    train = next(marker for marker, page in markers.items() if page == 3)
    assert told.message["content"] == lies
    assert {one["marker"] for one in told.message["citations"]} <= {train}
    assert "".join(told.blocks).count('class="chip"') == len(told.message["citations"])
    check_citations(api, told.message)


def test_what_a_model_writes_reaches_a_page_as_text(api: Api, ollama: OllamaStandIn) -> None:
    ollama.script(
        Reply(text="<script>alert(1)</script> ![x](https://evil.example/x.png) [y](javascript:alert(1)) [1]")
    )
    told = by_page(api, QUESTION)
    for event in told.events:
        if event["type"] == "block":
            assert "<script" not in event["html"]
            assert "<img" not in event["html"]
            assert 'href="javascript' not in event["html"]


def check_refusal(told: dict[str, Told]) -> None:
    for one in told.values():
        check_consistent(one)
        message = one.message
        assert (message["status"], message["finish_reason"], message["error"]) == ("refused", "refused", None)
        assert (message["citations"], message["sources"]) == ([], [])
        assert message["content"].startswith("I found no answer to this in the documents. ")
    events = told["sse"].events
    assert [event["type"] for event in events if event["type"] != "status"] == ["delta", "finished"]
    assert (events[-1]["finish_reason"], events[-1]["citations"]) == ("refused", [])


def test_what_the_documents_do_not_know_is_refused_without_a_model(api: Api) -> None:
    check_refusal(at_every_door(api, OFF_TOPIC))


def test_a_model_is_not_even_asked_then(api: Api, ollama: OllamaStandIn) -> None:
    check_refusal(at_every_door(api, OFF_TOPIC))
    assert ollama.requests == []


def test_an_organisation_without_documents_gets_a_refusal(charlie: Person, api: Api) -> None:
    message = by_rest(Api(api.server, charlie), QUESTION).message
    assert (message["status"], "Nothing was found." in message["content"]) == ("refused", True)


def test_only_what_the_question_is_narrowed_to_is_given_to_the_model(api: Api, ollama: OllamaStandIn) -> None:
    other = ready(api.person, "trains.txt", b"Full-time employees have five days of paid holiday on trains.")
    conversation = api.conversation(documents=[other["id"]])
    message = api.post(f"/conversations/{conversation}/messages/", json={"content": QUESTION}).json()
    assert {source["document"] for source in message["sources"]} == {other["id"]}
    assert HOLIDAY not in str(ollama.requests)


def test_the_turns_before_go_along_and_failed_ones_do_not(api: Api, ollama: OllamaStandIn) -> None:
    conversation = api.conversation()
    path = f"/conversations/{conversation}/messages/"
    ollama.script(
        Reply(text="Twenty-eight days [1]."), Reply(text="Lost words", fault="cut", fault_after=1), Reply()
    )
    for question in (QUESTION, "And of parental leave?", "And is a night train refunded?"):
        assert api.post(path, json={"content": question}).status_code == 201
    turns = [(turn["role"], turn["content"]) for turn in ollama.requests[-1]["messages"]][1:-1]
    assert turns[:2] == [("user", QUESTION), ("assistant", "Twenty-eight days [1].")]
    assert "Lost" not in str(turns)
    listed = api.get(path).json()["results"]
    assert [one["role"] for one in listed] == ["user", "assistant"] * 3
    assert [one["status"] for one in listed] == [
        "finished",
        "finished",
        "finished",
        "failed",
        "finished",
        "finished",
    ]
    assert [one["parent"] for one in listed[1::2]] == [one["id"] for one in listed[::2]]


def test_an_open_conversation_asks_the_model_alone(api: Api, ollama: OllamaStandIn) -> None:
    conversation = api.conversation(mode="open")
    ollama.script(Reply(text="Paris [1]."))
    message = api.post(
        f"/conversations/{conversation}/messages/", json={"content": "The capital of France?"}
    ).json()
    assert (message["status"], message["content"], message["sources"]) == ("finished", "Paris .", [])
    assert ollama.requests[0]["messages"][-1] == {"role": "user", "content": "The capital of France?"}


def test_a_viewer_asks_and_colleagues_do_not_see_it(api: Api, dana: Person, bob: Person) -> None:
    told = by_sse(Api(api.server, dana), QUESTION)
    assert told.message["status"] == "finished"
    assert bob.api.get(f"/api/v1/messages/{told.message['id']}/").status_code == 404


def test_deleting_a_document_takes_its_words_out_of_old_answers(api: Api, ollama: OllamaStandIn) -> None:
    ollama.script(Reply(text=f"{HOLIDAY} [1]"))
    before = by_socket(api, QUESTION).message
    assert len(before["citations"]) == 1
    response = api.person.api.delete(f"/api/v1/documents/{before['citations'][0]['document']}/")
    assert response.status_code == 204
    after = api.message(before["id"])
    blank = {"document": None, "url": None}
    assert after["citations"] == [{**before["citations"][0], **blank, "quote": ""}]
    assert after["sources"] == [{**source, **blank, "text": ""} for source in before["sources"]]
    assert after["content"] == before["content"]
    assert by_rest(api, QUESTION).message["status"] == "refused"
