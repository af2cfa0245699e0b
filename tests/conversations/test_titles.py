"""What conversations are called: by their first question, then by the model, and always by whoever names them."""

from __future__ import annotations

from typing import Any

import pytest
from websockets.sync.client import connect

from conversations.prompting.titles import provisional_title, title_of
from tests.config.polling import wait_for
from tests.conversations.doors import Api, receive, receive_until, send
from tests.people import Person
from tests.standins.ollama import OllamaStandIn, Reply

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = "Wie viele Tage bezahlten Urlaub haben Angestellte, die in Vollzeit arbeiten, in jedem Jahr?"
PROVISIONAL = "Wie viele Tage bezahlten Urlaub haben Angestellte, die in…"
TITLE = "Urlaubstage in Vollzeit"
HOLIDAY = "How many days of paid holiday does an employee have?"


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("What is a kiln?", "What is a kiln?"),
        ("  What \n is\ta kiln? ", "What is a kiln?"),
        (QUESTION, PROVISIONAL),
        ("How long is the ferry's way? Please answer in at most ten words.", "How long is the ferry's way?"),
        (
            "Hello! How many days of paid holiday do I  have in a year of 365 days?",
            "Hello! How many days of paid holiday do I have in a year of…",
        ),
        ("年次有給休暇は" * 10, ("年次有給休暇は" * 10)[:59] + "…"),
        ("x" * 100, "x" * 59 + "…"),
    ],
)  # fmt: skip
def test_a_question_is_shortened_in_whole_words(question: str, title: str) -> None:
    assert provisional_title(question) == title
    assert len(title) <= 60


@pytest.mark.parametrize(
    ("said", "title"),
    [
        (TITLE, TITLE),
        (f'  "{TITLE}."\n\nIt says what it is about.', TITLE),
        (f"**Titel: {TITLE}**", TITLE),
        ("Holiday [1]", "Holiday"),
        ("Holi\u200bday\u202e", "Holiday"),
        ("Holiday\x1b[31m", "Holiday [31m"),
        ("x" * 61, ""),
        ("<b>Holiday</b>", ""),
        ("…", ""),
        ("", ""),
    ],
)
def test_of_what_a_model_says_only_a_title_is_taken(said: str, title: str) -> None:
    assert title_of(said) == title


def title_now(api: Api, conversation: str) -> str:
    return str(api.get(f"/conversations/{conversation}/").json()["title"])


def test_after_the_first_answer_the_model_names_the_conversation_and_both_sockets_hear(
    api: Api, ollama: OllamaStandIn
) -> None:
    ollama.script_titles(Reply(text=TITLE))
    conversation = api.conversation()
    url = f"{api.server.ws_url}/o/acme/ws/"
    with api.socket(conversation) as socket, connect(url, additional_headers=api.headers, proxy=None) as person:
        send(socket, type="ask", content=QUESTION)
        first, made = (receive_until(socket, "title")[-1] for _ in range(2))
        assert first["title"] == PROVISIONAL
        assert made == {"type": "title", "message": None, "conversation": conversation, "title": TITLE}
        heard = [receive_until(person, "title")[-1]["title"] for _ in range(2)]
    assert heard == [PROVISIONAL, TITLE]
    assert title_now(api, conversation) == TITLE
    prompt = ollama.titles[0]
    assert prompt["messages"][-1]["content"] == f"Question: {QUESTION}"
    assert prompt["options"]["num_predict"] == 32
    # Once, whatever is asked or answered again.
    path = f"/conversations/{conversation}/messages/"
    answer = api.post(path, json={"content": QUESTION}).json()
    assert api.post(f"/messages/{answer['id']}/regenerate/").status_code == 201
    assert len(ollama.titles) == 1


def used(api: Api) -> int:
    rows: list[dict[str, Any]] = api.get("/usage/", params={"group": "model"}).json()["results"]
    return sum(row["prompt_tokens"] + row["completion_tokens"] for row in rows)


def test_a_name_given_meanwhile_stays_and_the_tokens_count(api: Api, ollama: OllamaStandIn) -> None:
    ollama.script_titles(Reply(text=TITLE, first_token_after=0.7))
    conversation = api.conversation()
    answer = api.post(f"/conversations/{conversation}/messages/", json={"content": QUESTION}).json()
    answered = sum(answer["usage"].values())
    wait_for("a title is wanted", lambda: ollama.titles)
    # Not even the very words that the model would have replaced.
    renamed = api.person.api.patch(f"/api/v1/conversations/{conversation}/", {"title": PROVISIONAL})
    assert renamed.status_code == 200
    wait_for("the title's tokens are counted", lambda: used(api) > answered)
    assert title_now(api, conversation) == PROVISIONAL


def test_no_answer_waits_for_a_title_and_a_slow_one_is_none(api: Api, ollama: OllamaStandIn) -> None:
    ollama.script_titles(Reply(fault="hang"), Reply(status=500), Reply(text=f"{TITLE} " * 9))
    given_up = []
    for _ in range(3):
        conversation = api.conversation()
        path = f"/conversations/{conversation}/messages/"
        assert api.post(path, json={"content": HOLIDAY}).json()["status"] == "finished"
        given_up.append(ollama.wait_aborted(0))
        assert title_now(api, conversation) == HOLIDAY
    assert not given_up[0], "the answer came after its title had been waited for"
    assert ollama.wait_aborted(5), "the first one was given up"
    assert {one["title"] for one in api.get("/conversations/").json()["results"]} == {HOLIDAY}


def test_a_conversation_with_a_name_asks_for_none(api: Api, alice: Person, ollama: OllamaStandIn) -> None:
    named = api.conversation(title="Leave")
    unnamed = api.conversation()
    for conversation in (named, unnamed):
        api.post(f"/conversations/{conversation}/messages/", json={"content": QUESTION})
    wait_for("a title is wanted", lambda: ollama.titles)
    assert (title_now(api, named), len(ollama.titles)) == ("Leave", 1)


def test_without_a_model_the_question_is_the_title(api: Api) -> None:
    conversation = api.conversation()
    with api.socket(conversation) as socket:
        send(socket, type="ask", content=QUESTION)
        assert receive(socket)["type"] == "accepted"
        assert receive(socket)["title"] == PROVISIONAL
        receive_until(socket, "finished")
    assert title_now(api, conversation) == PROVISIONAL
