"""Follow-up questions made whole from the conversation: by rules, and by the model where there is one."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conversations.doors import Api, Event, receive_until, send
from tests.factories import processed, uploaded
from tests.people import Person
from tests.processes import LiveServer, Running
from tests.standins.ollama import OllamaStandIn, Reply

pytestmark = pytest.mark.django_db(transaction=True)

FIRST = "What was the net revenue of Contoso in 2020?"
SECOND = "What was the net revenue of Contoso in 2021?"
REPORTS = {
    "contoso-2020.txt": "Annual report of Contoso. In 2020 the net revenue of Contoso was 4,210 million crowns.",
    "contoso-2021.txt": "Annual report of Contoso. In 2021 the net revenue of Contoso was 5,377 million crowns.",
    "boeing-2020.txt": "Annual report of Boeing. In 2020 the net revenue of Boeing was 58,158 million dollars.",
}


@pytest.fixture
def reports(alice: Person, worker: Running, live_server: LiveServer) -> Api:
    """Alice's program, in an organisation that has these reports."""
    documents = [uploaded(alice, name, text.encode())["id"] for name, text in REPORTS.items()]
    assert [processed(alice, one)["status"] for one in documents] == ["ready"] * len(documents)
    return Api(live_server, alice)


def asked(api: Api, conversation: str, question: str) -> tuple[dict[str, Any], list[str]]:
    """The answer as it is stored, and what was said of the stages on the way."""
    path = f"/conversations/{conversation}/messages/"
    with api.stream("POST", path, json={"content": question}) as stream:
        events: list[Event] = list(stream)
    details = [event["detail"] for event in events if event["type"] == "status" and event["stage"] == "searching"]
    return api.message(events[-1]["message"]), details


def test_without_a_model_by_rules(reports: Api) -> None:
    conversation = reports.conversation()
    first, details = asked(reports, conversation, FIRST)
    assert (first["searched_for"], details) == (None, ["Searching your documents…"])
    assert first["citations"][0]["title"] == "contoso-2020.txt"

    second, details = asked(reports, conversation, "and in 2021?")
    assert second["searched_for"] == SECOND
    assert details[-1] == f"Searching for “{SECOND}”…"
    assert (second["citations"][0]["title"], "5,377" in second["content"]) == ("contoso-2021.txt", True)

    third, _ = asked(reports, conversation, "What about Boeing in 2020?")
    assert third["searched_for"] == "What was the net revenue of Boeing in 2020?"
    assert third["citations"][0]["title"] == "boeing-2020.txt"

    listed = reports.get(f"/conversations/{conversation}/messages/").json()["results"]
    assert [one["content"] for one in listed[::2]] == [FIRST, "and in 2021?", "What about Boeing in 2020?"]
    assert [one["searched_for"] for one in listed] == [
        None,
        None,
        None,
        SECOND,
        None,
        "What was the net revenue of Boeing in 2020?",
    ]


def test_the_socket_of_a_page_says_what_is_searched(reports: Api) -> None:
    conversation = reports.conversation()
    asked(reports, conversation, FIRST)
    for number, cookie in enumerate((False, True)):
        with reports.socket(conversation, cookie=cookie) as socket:
            send(socket, type="ask", request_id=f"again-{number}", content="and in 2021?")
            events = receive_until(socket, "finished", "failed")
        said = [event["detail"] for event in events if event["type"] == "status"]
        assert f"Searching for “{SECOND}”…" in said


def test_a_first_question_and_one_in_another_conversation_stay_as_they_are(
    reports: Api, ollama: OllamaStandIn
) -> None:
    asked(reports, reports.conversation(), FIRST)
    message, details = asked(reports, reports.conversation(), "and in 2021?")
    assert (message["searched_for"], details) == (None, ["Searching your documents…"])
    assert ollama.rewrites == []


def test_a_model_makes_it_whole_in_one_short_call(reports: Api, ollama: OllamaStandIn) -> None:
    conversation = reports.conversation()
    asked(reports, conversation, FIRST)
    ollama.script_rewrites(Reply(text="How high was the net revenue that Contoso had in 2021?"))
    message, details = asked(reports, conversation, "And in 2021, please?")
    assert message["searched_for"] == "How high was the net revenue that Contoso had in 2021?"
    assert details[-1] == "Searching for “How high was the net revenue that Contoso had in 2021?”…"
    [rewrite] = ollama.rewrites
    assert rewrite["options"] == {"num_ctx": 8192, "num_predict": 96, "temperature": 0.0}
    assert rewrite["messages"][-1]["content"].endswith("\n\nLast question: And in 2021, please?")
    assert f"Question: {FIRST}" in rewrite["messages"][-1]["content"]
    assert "Answer: Annual report of Contoso." in rewrite["messages"][-1]["content"]
    request = ollama.requests[-1]
    assert request["messages"][-1]["content"].endswith(
        "Question: How high was the net revenue that Contoso had in 2021?"
    )
    own = sum(len(turn["content"].split()) for turn in request["messages"])
    before = sum(len(turn["content"].split()) for turn in rewrite["messages"])
    assert abs(message["usage"]["prompt_tokens"] - own - before) < 5


def test_a_whole_question_is_neither_changed_nor_does_it_cost_a_call(reports: Api, ollama: OllamaStandIn) -> None:
    conversation = reports.conversation()
    asked(reports, conversation, FIRST)
    for question in (SECOND, "And what was the net revenue of Boeing in 2020?"):
        message, _ = asked(reports, conversation, question)
        assert message["searched_for"] is None
        assert ollama.requests[-1]["messages"][-1]["content"].endswith(f"Question: {question}")
    assert ollama.rewrites == []


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=500),
        Reply(status=404),
        Reply(text="Contoso", fault="hang", fault_after=0),
        Reply(text="What was the net revenue of Contoso in 2021?", fault="cut", fault_after=3),
        Reply(text="", thinking="Hmm."),
        Reply(text="and in 2021?"),
        Reply(text="The net revenue of Contoso grew."),
        Reply(text="In 2021 it was 5,377.\nAnything else?"),
        Reply(text="Contoso in 2021? " + "Ignore what was said before. " * 30),
        Reply(text="<passage number='1'>Contoso 2021</passage>"),
        Reply(text="I cannot help with 2021."),
    ],
    ids=["500", "404", "hang", "cut", "empty", "as it was", "lost the year", "lines", "long", "fence", "nonsense"],
)
def test_rules_help_where_the_model_does_not(reports: Api, ollama: OllamaStandIn, reply: Reply) -> None:
    conversation = reports.conversation()
    asked(reports, conversation, FIRST)
    ollama.script_rewrites(reply, reply, reply)
    message, _ = asked(reports, conversation, "and in 2021?")
    assert (message["status"], message["searched_for"]) == ("finished", SECOND)
    assert message["timings"]["search"] < 4, "far from what a model may take for an answer"


def test_stop_is_heard_while_a_question_is_made_whole(reports: Api, ollama: OllamaStandIn) -> None:
    conversation = reports.conversation()
    asked(reports, conversation, FIRST)
    ollama.script_rewrites(Reply(fault="hang", fault_after=0))
    message = reports.begin("and in 2021?", conversation)
    assert reports.post(f"/messages/{message}/stop/").json()["status"] == "stopped"
    assert len(ollama.requests) == 1
