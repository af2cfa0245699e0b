"""A server that refuses what is longer than its window, as llama.cpp's does: a shorter prompt, never an error."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from conversations.models import Mode
from tests.conversations.model_servers import QUESTION, _hosted, hosted
from tests.conversations.talks import Talk, talk_of
from tests.people import Person
from tests.standins.openai import OpenAIStandIn
from tests.standins.openai_wire import Flavour

__all__ = ["_hosted", "hosted"]
pytestmark = pytest.mark.django_db(transaction=True)

WINDOW = 6_000
TURN = "The ferry leaves at noon, rain or shine. " * 20


@pytest.fixture
def model(hosted: OpenAIStandIn) -> str:
    """A model that nothing has been learnt of."""
    name = f"model-{uuid4()}"
    hosted.models, hosted.longest = (name,), WINDOW
    return f"groq/{name}"


@pytest.fixture
def talk(alice: Person, hosted: OpenAIStandIn) -> Talk:
    talk = talk_of(alice, mode=Mode.OPEN, memory="buffer")
    for _ in range(9):
        talk.say(f"And then? {TURN}", TURN)
    return talk


def answered(talk: Talk, model: str, question: str = QUESTION) -> dict[str, Any]:
    answer = talk.person.api.post(f"{talk.path}messages/", {"content": question, "model": model})
    assert answer.status_code == 201, answer.content
    return dict(answer.json())


def lengths(server: OpenAIStandIn) -> list[int]:
    return [sum(len(turn["content"]) for turn in request["messages"]) for request in server.requests]


@pytest.mark.parametrize("flavour", ["llamacpp", "vllm", "openai", "groq"])
def test_a_prompt_that_is_refused_as_too_long_is_made_shorter(
    talk: Talk, hosted: OpenAIStandIn, model: str, flavour: Flavour
) -> None:
    hosted.flavour = flavour
    answer = answered(talk, model)
    assert (answer["status"], answer["error"]) == ("finished", None)
    *refused, read = lengths(hosted)
    assert all(length >= WINDOW for length in refused)
    assert refused
    assert WINDOW / 4 < read < WINDOW, "shorter, and no shorter than it must be"
    assert hosted.requests[-1]["messages"][-1]["content"].endswith(QUESTION)
    first, last = (hosted.requests[place]["messages"] for place in (0, -1))
    assert len(last) < len(first), "older turns are left out"

    assert answered(talk, model)["status"] == "finished"
    assert len(lengths(hosted)) == len(refused) + 2, "what was learnt is kept"


def test_a_window_that_shrank_is_learnt_and_told(talk: Talk, hosted: OpenAIStandIn, model: str) -> None:
    hosted.flavour, hosted.longest = "llamacpp", 100_000
    assert answered(talk, model)["timings"]["context"]["window"] == 8192
    for window in (7_000, 5_000):
        hosted.longest = window
        answer = answered(talk, model)
        assert (answer["status"], answer["timings"]["context"]["window"]) == ("finished", window)
        assert lengths(hosted)[-1] < window


def test_a_question_that_is_too_long_by_itself_is_said_to_be(
    talk: Talk, hosted: OpenAIStandIn, model: str
) -> None:
    hosted.flavour = "llamacpp"
    answer = answered(talk, model, "渡轮" * 3_000)
    assert (answer["status"], answer["error"]["code"]) == ("failed", "question_too_long")
    assert "reads 6,000 tokens at once" in answer["error"]["detail"]


def test_no_answer_is_allowed_more_tokens_than_the_window_has_beside_the_prompt(
    alice: Person, hosted: OpenAIStandIn, model: str
) -> None:
    hosted.longest = None
    made = alice.full_api.post("/api/v1/personas/", {"name": "Long", "max_tokens": 8192, "mode": "open"})
    talk = talk_of(alice, mode=Mode.OPEN)
    talk.say(TURN, TURN)
    alice.api.patch(talk.path, {"persona": made.json()["id"]})
    assert answered(talk, model)["status"] == "finished"
    assert 4_096 < hosted.requests[-1]["max_tokens"] < 8192 - 400
