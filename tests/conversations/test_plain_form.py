"""Asking by the chat page's plain form, and a chat about one document: who may, what is refused, and only once."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.people import Person
from tests.processes import LiveServer, Running
from tests.shelving import shelved

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = "How many days of paid holiday do employees have?"
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
ANEW = "/o/acme/c/ask/"
_HIDDEN = ("csrfmiddlewaretoken", "attempt")


def send(person: Person, path: str, **fields: Any) -> Any:
    return person.client.post(path, {"content": QUESTION, "attempt": str(uuid4())} | fields, headers=BROWSER)


def conversation_of(person: Person) -> str:
    return str(person.api.post("/api/v1/conversations/", {}).json()["id"])


def titles(person: Person) -> list[str]:
    return [one["title"] for one in person.api.get("/api/v1/conversations/").json()["results"]]


def test_a_question_begins_a_conversation_and_another_goes_on_with_it(alice: Person) -> None:
    begun = send(alice, ANEW)
    assert begun.status_code == 302
    [path] = re.findall(r"^(/o/acme/c/[0-9a-f-]{36}/)#latest$", begun["Location"])
    assert titles(alice) == [QUESTION]
    again = send(alice, f"{path}ask/", content="And of\r\nsick leave?")
    assert again["Location"] == f"{path}#latest"
    messages = alice.api.get(f"/api/v1/conversations/{path.split('/')[4]}/messages/").json()["results"]
    assert [one["content"] for one in messages if one["role"] == "user"] == [QUESTION, "And of\nsick leave?"]


def test_a_refused_question_comes_back_with_its_words_and_begins_nothing(alice: Person) -> None:
    for refused, status in (("  ", 400), ("w" * 33_000, 413)):
        answer = send(alice, ANEW, content=refused)
        assert (answer.status_code, titles(alice)) == (status, [])
        assert 'role="alert"' in answer.content.decode()
    kept = send(alice, ANEW, content="Where is it?", collections=str(uuid4()))
    assert kept.status_code == 400
    assert ">Where is it?</textarea>" in kept.content.decode()


def test_what_is_foreign_is_refused_like_what_is_missing(
    alice: Person, bob: Person, charlie: Person, worker: Running
) -> None:
    foreign = shelved(charlie)
    theirs = charlie.api.get("/api/v1/collections/").json()["results"][0]["id"]
    for place in (conversation_of(charlie), conversation_of(bob), str(uuid4())):
        assert send(alice, f"/o/acme/c/{place}/ask/").status_code == 404
    for one in (foreign["id"], str(uuid4()), "nonsense"):
        assert alice.client.get(f"/o/acme/?document={one}", headers=BROWSER).status_code == 404
        assert send(alice, ANEW, documents=one).status_code == 400
        body = {"documents": [one]}
        made = alice.client.post("/o/acme/c/", body, content_type="application/json")
        assert made.status_code == 400
    for one in (theirs, str(uuid4()), "nonsense"):
        assert send(alice, ANEW, collections=one).status_code == 400
    assert titles(alice) == []


def test_40_a_chat_about_one_document_searches_that_one_alone(bob: Person, alice: Person, worker: Running) -> None:
    handbook = shelved(alice)
    page = bob.client.get(f"/o/acme/?document={handbook['id']}", headers=BROWSER).content.decode()
    assert "What would you like to know from “handbook.pdf”?" in page
    made = bob.client.post("/o/acme/c/", {"documents": [handbook["id"]]}, content_type="application/json").json()
    conversation = bob.api.get(f"/api/v1/conversations/{made['id']}/").json()
    assert conversation["documents"] == [handbook["id"]]
    begun = send(bob, ANEW, documents=handbook["id"])["Location"].split("/")[4]
    assert bob.api.get(f"/api/v1/conversations/{begun}/").json()["documents"] == [handbook["id"]]


def test_a_form_that_is_sent_ten_times_at_once_asks_once(extractive_server: LiveServer, bob: Person) -> None:
    cookies = {"sessionid": bob.client.cookies["sessionid"].value}
    with httpx.Client(
        base_url=extractive_server.url, cookies=cookies, headers=BROWSER, trust_env=False
    ) as browser:
        page = browser.get("/o/acme/").text
        token, attempt = (re.search(rf'name="{name}" value="([^"]+)"', page) for name in _HIDDEN)
        assert token
        assert attempt
        form = {"csrfmiddlewaretoken": token[1], "attempt": attempt[1], "content": QUESTION}
        with ThreadPoolExecutor(10) as pool:
            answers = list(pool.map(lambda _: browser.post(ANEW, data=form), range(10)))
        assert [one.status_code for one in answers] == [302] * 10
        places = [one.headers["Location"] for one in answers]
        assert len(set(places)) == 1
        assert titles(bob) == [QUESTION]
