"""How much of a conversation is told with its next question: by its kind of memory, within the model's window."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from conversations.models import MemoryKind, Mode
from conversations.prompting.budget import count_tokens
from conversations.services.messages import ask
from tests.conversations.doors import Api
from tests.conversations.talks import Talk, talk_of
from tests.environment import Environment
from tests.people import Person
from tests.processes import LiveServer, web_server
from tests.refusals import pointers
from tests.standins.ollama import OllamaStandIn, Reply

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = "And now?"
KINDS = list(MemoryKind)


@pytest.fixture
def api(alice: Person, live_server: LiveServer) -> Api:
    return Api(live_server, alice)


@pytest.fixture(scope="module")
def small_server(
    run_environment: Environment, logs: Path, style_and_scripts: None, _stand_in: OllamaStandIn
) -> Iterator[LiveServer]:
    """The web server with a model of which it uses 2,048 tokens."""
    variables = {**run_environment.variables, "OLLAMA_HOST": _stand_in.url, "DOCENT_MODEL_CONTEXT": "2048"}
    with web_server(variables, logs / "web-small.log") as running:
        yield running


@pytest.fixture
def small_api(alice: Person, small_server: LiveServer, ollama: OllamaStandIn) -> Api:
    return Api(small_server, alice)


def asked(api: Api, talk: Talk, question: str = QUESTION, **fields: Any) -> dict[str, Any]:
    path = f"/conversations/{talk.id}/messages/"
    response = api.post(path, json={"content": question, **fields})
    assert response.status_code == 201, response.text
    return dict(response.json())


def told(ollama: OllamaStandIn) -> list[str]:
    """What stood between instructions and question in the last prompt."""
    return [turn["content"] for turn in ollama.requests[-1]["messages"][1:-1]]


def turns(first: int, last: int) -> list[str]:
    return [said for number in range(first, last + 1) for said in (f"Question {number}?", f"Answer {number}.")]


def test_a_window_tells_the_last_turns_and_a_buffer_all_of_them(api: Api, ollama: OllamaStandIn) -> None:
    talk = talk_of(api.person, turns=20, mode=Mode.OPEN)
    asked(api, talk)
    assert told(ollama) == turns(15, 20), "six by default"
    changed = api.person.api.patch(talk.path, {"memory_turns": 2}).json()
    assert (changed["memory"], changed["memory_turns"]) == ("window", 2)
    asked(api, talk)
    assert told(ollama)[:2] == turns(20, 20)
    assert told(ollama)[2] == QUESTION
    changed = api.person.api.patch(talk.path, {"memory": "buffer"}).json()
    assert (changed["memory"], changed["memory_turns"]) == ("buffer", 2)
    asked(api, talk)
    assert told(ollama)[:40] == turns(1, 20)
    assert api.person.api.patch(talk.path, {"memory_turns": None}).json()["memory_turns"] is None
    made = api.post("/conversations/", json={"memory": "buffer", "memory_turns": 50}).json()
    assert (made["memory"], made["memory_turns"]) == ("buffer", 50)
    assert pointers(api.person.api.patch(talk.path, {"memory": "elephant"})) == [("/memory", "invalid_choice")]


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_said_on_another_branch_is_not_told(api: Api, ollama: OllamaStandIn, kind: MemoryKind) -> None:
    talk = talk_of(api.person, turns=4, mode=Mode.OPEN, memory=kind)
    asked(api, talk, parent=str(talk.answers[1]))
    assert told(ollama) == turns(1, 2)


@pytest.mark.parametrize("kind", KINDS)
def test_failed_answers_are_not_told_and_questions_are(api: Api, ollama: OllamaStandIn, kind: MemoryKind) -> None:
    talk = talk_of(api.person, turns=1, mode=Mode.OPEN, memory=kind)
    talk.say("What fails?", "Half an ans", status="failed")
    asked(api, talk)
    assert told(ollama) == [*turns(1, 1), "What fails?"]


HUGE = {
    "prose": "The ferry leaves at noon, rain or shine. " * 780,
    "Chinese": "渡轮每天从四号码头开往岛上，中午返回。" * 560,
    "code": "    if (a[i] != b[j]) { return f(x)(y); }\n" * 700,
    "figures": "1,234.56 | 7,890.12 | 2020\n" * 1_100,
}


@pytest.mark.parametrize("text", HUGE.values(), ids=HUGE)
@pytest.mark.parametrize("kind", KINDS)
def test_no_prompt_passes_a_small_window(
    small_api: Api, ollama: OllamaStandIn, kind: MemoryKind, text: str
) -> None:
    talk = talk_of(small_api.person, mode=Mode.OPEN, memory=kind)
    talk.say("What did we agree on?", "Noon.")
    talk.say(text[:31_000], text[:9_000])
    talk.say("Who was there?", "Ann.")
    message = asked(small_api, talk)
    assert message["status"] == "finished"
    request = ollama.requests[-1]
    assert request["options"]["num_ctx"] == 2048
    assert sum(count_tokens(turn["content"]) for turn in request["messages"]) <= 2048 - 512
    assert told(ollama)[-2:] == ["Who was there?", "Ann."], "the latest turn is whole"
    assert any(one.endswith(" […]") for one in told(ollama)), "what is cut says so"
    assert told(ollama)[0] != "Noon."


def test_a_question_that_fills_the_window_is_refused_in_words(small_api: Api, ollama: OllamaStandIn) -> None:
    talk = talk_of(small_api.person, mode=Mode.OPEN)
    message = asked(small_api, talk, HUGE["prose"][:31_900])
    assert (message["status"], message["error"]["code"]) == ("failed", "question_too_long")
    assert re.fullmatch(
        r"The model stand-in:latest reads 2,048 tokens at once: this question alone takes about \d+,\d{3}, and its"
        r" answer needs room too\. Shorten it, or upload it as a document\.",
        message["error"]["detail"],
    )
    assert ollama.requests == []
    assert asked(small_api, talk)["status"] == "finished"


def test_a_server_that_cut_the_prompt_is_noticed_and_said(api: Api, ollama: OllamaStandIn) -> None:
    talk = talk_of(api.person, mode=Mode.OPEN)
    talk.say("What is the rule?", HUGE["prose"][:12_000])
    path = f"/conversations/{talk.id}/messages/"

    def events() -> list[dict[str, Any]]:
        with api.stream("POST", path, json={"content": QUESTION}) as stream:
            return list(stream)

    *_, finished = events()
    context = finished["timings"]["context"]
    assert set(context) == {"window", "estimated", "reported", "was_cut"}
    assert (context["window"], context["was_cut"]) == (8192, False)
    sent = sum(len(turn["content"].split()) for turn in ollama.requests[-1]["messages"])
    assert abs(context["reported"] - sent) < 5
    assert 0.3 < context["reported"] / context["estimated"] < 2

    ollama.script(Reply(text="Noon.", prompt_tokens=512))
    *before, finished = events()
    status = [event for event in before if event["type"] == "status"][-1]
    assert status["stage"] == "writing"
    assert status["detail"].startswith("The model could read only the end of what it was given")
    assert finished["timings"]["context"] | {"estimated": 0} == {
        "window": 8192, "estimated": 0, "reported": 512, "was_cut": True,
    }  # fmt: skip
    assert api.message(finished["message"])["timings"]["context"] == finished["timings"]["context"]
    logged = "The server of the model stand-in:latest cut a prompt"
    assert api.server.log.read_text().count(logged) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_the_queries_of_a_question_do_not_grow_with_the_conversation(alice: Person, kind: MemoryKind) -> None:
    def queries_of(turns: int) -> int:
        talk = talk_of(alice, turns=turns, mode=Mode.OPEN, memory=kind)
        if kind is MemoryKind.SUMMARY:
            talk.summarise()
        with CaptureQueriesContext(connection) as queries:
            ask(access=alice.access, conversation_id=talk.id, content=QUESTION, process_id=uuid4())
        return len(queries)

    few, many = queries_of(9), queries_of(150)
    assert many == few <= 40


def context_of(person: Person, talk: Talk) -> dict[str, Any]:
    response = person.api.get(f"{talk.path}context/")
    assert response.status_code == 200, response.content
    return dict(response.json())


def test_it_says_what_the_next_question_would_be_told(
    api: Api, ollama: OllamaStandIn, bob: Person, charlie: Person
) -> None:
    talk = talk_of(api.person, turns=20, mode=Mode.OPEN, memory_turns=3)
    path = f"/conversations/{talk.id}/context/"
    context = api.get(path).json()
    estimated = context["estimated_tokens"]
    assert 6_500 < context["room"] <= 8192 - 1024 - 64
    assert context == {
        "memory": "window",
        "memory_turns": 3,
        "model": "stand-in:latest",
        "window": 8192,
        "answer_tokens": 1024,
        "estimated_tokens": estimated,
        "room": context["room"],
        "questions": 20,
        "questions_told": 3,
        "answers_withheld": 0,
        "messages": context["messages"],
        "summary": None,
    }
    assert [one["role"] for one in context["messages"]] == ["user", "assistant"] * 3
    assert [one["id"] for one in context["messages"]][1::2] == [str(one) for one in talk.answers[-3:]]
    assert all(5 < one["tokens"] < 30 and not one["is_cut"] for one in context["messages"])
    assert 0 < estimated < 250
    asked(api, talk)
    assert told(ollama) == turns(18, 20)
    for stranger in (bob, charlie):
        assert stranger.api.get(f"{talk.path}context/").status_code == 404


def test_it_says_that_a_huge_message_is_cut(alice: Person) -> None:
    talk = talk_of(alice, mode=Mode.OPEN)
    talk.say(HUGE["figures"], "Noted.")
    first, second = context_of(alice, talk)["messages"]
    assert (first["is_cut"], second["is_cut"]) == (True, False)
    assert first["tokens"] < 8192
