"""What models think before they answer: kept for who asked, bounded, and told to no one else (behaviour 17)."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from conversations.answering.thinking import Thinking
from conversations.models import MAX_THOUGHTS, Thoughts
from providers.chat.base import ChatDelta
from tenants.db import tenant_atomic
from tests.conversations.doors import Api, by_rest
from tests.conversations.openai_clients import body, post
from tests.people import Person
from tests.standins.ollama import OllamaStandIn, Reply

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = "How many days of paid holiday does an employee have?"
THOUGHTS = "Passage one says twenty-eight."
ANSWER = "Full-time employees have twenty-eight days of paid holiday [1]."


def kept(person: Person) -> list[str]:
    with tenant_atomic(person.access.tenant_id):
        return sorted(Thoughts.objects.values_list("text", flat=True))


def read(person: Person, message: object) -> tuple[int, str]:
    response: Any = person.client.get(
        f"/o/{person.slug}/c/answers/{message}/thoughts/", headers={"accept": "application/json"}
    )
    return response.status_code, response.json().get("text", "")


def test_who_asked_reads_them_and_nobody_else(
    api: Api, bob: Person, charlie: Person, ollama: OllamaStandIn
) -> None:
    alice = api.person
    ollama.script(Reply(text=ANSWER, thinking=THOUGHTS), Reply(text=ANSWER))
    told = by_rest(api, QUESTION)
    message = told.message["id"]
    assert kept(alice) == [THOUGHTS]
    assert 0 <= told.message["timings"]["thinking"] < 30
    assert THOUGHTS not in str(told.message)
    assert read(alice, message) == (200, THOUGHTS)
    for person in (bob, charlie):
        assert read(person, message) == read(person, uuid4()) == (404, "")
    plain = by_rest(api, QUESTION).message
    assert "thinking" not in plain["timings"]
    assert read(alice, plain["id"]) == (404, "")
    # Who comes when it is over is told them before the answer.
    events = api.follow(message)
    thought = next(one for one in events if one["type"] == "thinking")
    assert (thought["offset"], thought["text"]) == (0, THOUGHTS)
    kinds = [one["type"] for one in events]
    assert kinds.index("sources") < kinds.index("thinking") < kinds.index("delta")


def test_they_go_with_a_document_that_the_model_was_given(
    api: Api, handbook_of_alice: dict[str, Any], ollama: OllamaStandIn
) -> None:
    alice, document = api.person, handbook_of_alice["id"]
    ollama.script(Reply(text=ANSWER, thinking=THOUGHTS))
    message = by_rest(api, QUESTION).message["id"]
    assert alice.api.delete(f"/api/v1/documents/{document}/").status_code == 204
    assert kept(alice) == []
    assert read(alice, message) == (404, "")
    assert "thinking" not in [one["type"] for one in api.follow(message)]


def test_an_answer_that_was_gone_on_with_keeps_those_of_both_parts(api: Api, ollama: OllamaStandIn) -> None:
    alice = api.person
    ollama.script(
        Reply(text="Full-time employees have", thinking="First.", done_reason="length"),
        Reply(text="twenty-eight days [1].", thinking="Second."),
    )
    message = by_rest(api, QUESTION).message
    whole = api.post(f"/messages/{message['id']}/continue/").json()
    assert read(alice, message["id"]) == (200, "First.\n\nSecond.")
    assert api.message(message["id"])["timings"]["thinking"] >= message["timings"]["thinking"]
    assert "First." not in str(ollama.requests[-1]), whole


def test_nothing_is_kept_of_what_is_asked_in_passing(api: Api, ollama: OllamaStandIn) -> None:
    alice = api.person
    ollama.script(Reply(text=ANSWER, thinking=THOUGHTS))
    response = post(api.server, alice, body())
    assert response.json()["choices"][0]["message"]["reasoning_content"] == THOUGHTS
    assert kept(alice) == []


def test_so_much_of_them_is_kept_and_no_more() -> None:
    thinking = Thinking()
    told = [thinking.take(ChatDelta(thinking="Hm. " * 5_000)) for _ in range(3)]
    assert [event and event.offset for event in told] == [0, 20_000, None]
    assert len(thinking.text) == MAX_THOUGHTS
    assert thinking.text.endswith("…")
    assert "".join(event.text for event in told if event) == thinking.text
