"""Why an answer says what it says: for admins, of their own answers, without what they may not see."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conversations.models import Trace
from tenants.db import tenant_atomic
from tests.conversations.doors import Api, by_rest
from tests.conversations.life import delete_for_good
from tests.factories import document_of, ready
from tests.people import Person
from tests.processes import LiveServer, Running
from tests.shelving import shelved
from tests.standins.ollama import OllamaStandIn, Reply
from tests.tenants.belongings import handbook_of, live
from tests.tenants.test_exports import PATH, body_of, entries, finished

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = "How many days of paid holiday does an employee have?"
STAGES = {"embedding", "search", "lists", "ranking", "first_token", "writing", "citing"}


def why(person: Person, message: str) -> dict[str, Any]:
    response = person.api.get(f"/api/v1/messages/{message}/why/")
    assert response.status_code == 200, response.content
    return dict(response.json())


def _place(passage: dict[str, Any]) -> tuple[object, ...]:
    path = passage["url"].partition("/o/")[2]  # this process has another address than the live server
    return passage["marker"], passage["document"], passage["page"], path


def test_it_tells_what_was_searched_found_given_and_cited_and_how_long_each_took(
    alice: Person, worker: Running, live_server: LiveServer, ollama: OllamaStandIn
) -> None:
    document = shelved(alice)["id"]
    ollama.script(Reply(text="Full-time employees have twenty-eight days of paid holiday [1]."))
    message = by_rest(Api(live_server, alice), QUESTION).message
    told = why(alice, message["id"])

    assert set(told) == {
        "message", "searched_for", "by_words_alone", "reranking", "verdict", "passages", "stages",
    }  # fmt: skip
    assert (told["message"], told["searched_for"], told["by_words_alone"]) == (message["id"], QUESTION, False)
    assert told["verdict"]["is_enough"] is True
    assert set(told["stages"]) == STAGES
    assert all(0 <= seconds < 30 for seconds in told["stages"].values())
    assert told["stages"]["search"] >= told["stages"]["lists"]
    assert [_place(one) for one in told["passages"]] == [_place(one) for one in message["sources"]]
    assert {one["document"] for one in told["passages"]} == {document}
    assert [one["is_cited"] for one in told["passages"]] == [True, False, False]
    first = told["passages"][0]
    assert first["page"] == 1
    assert first["ranks"]["meaning"] == first["ranks"]["words"] == 1
    assert first["shares"]["meaning"] > 0
    assert "text" not in first


def test_a_refusal_tells_its_reason_and_what_came_nearest(
    alice: Person, worker: Running, live_server: LiveServer, ollama: OllamaStandIn
) -> None:
    shelved(alice)
    message = by_rest(Api(live_server, alice), "What was the operating margin of Xylotech in 2019?").message
    assert message["status"] == "refused"
    told = why(alice, message["id"])
    assert told["verdict"]["is_enough"] is False
    assert told["verdict"]["reason"] in message["content"]
    assert {one["page"] for one in told["passages"]} == {1, 2, 3}
    assert not any(one["is_cited"] for one in told["passages"])


def test_what_was_not_given_stands_below_what_was(
    alice: Person, worker: Running, live_server: LiveServer, ollama: OllamaStandIn
) -> None:
    for number in range(9):
        ready(
            alice, f"rules-{number}.txt", f"Rule {number} gives employees {number} days of paid holiday.".encode()
        )
    message = by_rest(Api(live_server, alice), QUESTION).message
    told = why(alice, message["id"])
    assert [one["marker"] for one in told["passages"]] == [1, 2, 3, 4, 5, 6, 7, None, None]


def test_a_member_sees_none_and_nobody_that_of_another(  # noqa: PLR0917 - fixtures
    alice: Person, bob: Person, charlie: Person, worker: Running, live_server: LiveServer, ollama: OllamaStandIn
) -> None:
    shelved(alice)
    own = by_rest(Api(live_server, alice), QUESTION).message["id"]
    bobs = by_rest(Api(live_server, bob), QUESTION).message["id"]
    path = "/api/v1/messages/{}/why/"
    assert alice.api.get(path.format(own)).status_code == 200
    assert alice.api.get(path.format(bobs)).status_code == 404
    assert bob.api.get(path.format(bobs)).status_code == 403
    assert bob.api.get(path.format(own)).status_code == 403
    assert charlie.api.get(path.format(own)).status_code == 404
    pages = [
        (person.client, f"/o/acme/c/answers/{message}/why/")
        for person, message in ((alice, own), (alice, bobs), (bob, bobs), (charlie, own))
    ]
    assert [client.get(page).status_code for client, page in pages] == [200, 404, 403, 404]
    assert b"data-why" in alice.client.get("/o/acme/").content
    assert b"data-why" not in bob.client.get("/o/acme/").content


def test_an_open_chat_has_none(alice: Person, live_server: LiveServer, ollama: OllamaStandIn) -> None:
    api = Api(live_server, alice)
    conversation = api.conversation(mode="open")
    message = api.post(f"/conversations/{conversation}/messages/", json={"content": "Hello?"}).json()
    assert message["status"] == "finished"
    assert alice.api.get(f"/api/v1/messages/{message['id']}/why/").status_code == 404


def test_a_document_that_went_is_withheld_like_a_source(
    alice: Person, worker: Running, live_server: LiveServer, ollama: OllamaStandIn
) -> None:
    document = shelved(alice)["id"]
    message = by_rest(Api(live_server, alice), QUESTION).message["id"]
    assert document_of(alice, document)["status"] == "ready"
    assert {one["document"] for one in why(alice, message)["passages"]} == {document}
    assert alice.api.delete(f"/api/v1/documents/{document}/").status_code == 204
    assert {(one["document"], one["url"]) for one in why(alice, message)["passages"]} == {(None, None)}


def test_it_goes_with_its_conversation(
    alice: Person, worker: Running, live_server: LiveServer, ollama: OllamaStandIn
) -> None:
    shelved(alice)
    message = by_rest(Api(live_server, alice), QUESTION).message
    with tenant_atomic(alice.access.tenant_id):
        assert Trace.objects.count() == 1
    delete_for_good(alice, message["conversation"])
    with tenant_atomic(alice.access.tenant_id):
        assert Trace.objects.count() == 0


def test_the_page_shows_places_and_times(
    alice: Person, worker: Running, live_server: LiveServer, ollama: OllamaStandIn
) -> None:
    shelved(alice)
    message = by_rest(Api(live_server, alice), QUESTION).message["id"]
    page = alice.client.get(f"/o/acme/c/answers/{message}/why/")
    text = page.content.decode()
    assert page.headers["Cache-Control"] == "no-store"
    assert QUESTION in text
    for words in ("Enough was found to answer.", "Meaning", "Cited [1]", "Given [2]", "Embedding", "Citing"):
        assert words in text, words
    assert 'href="/o/acme/d/' in text


def test_P1_an_admins_export_has_the_traces_that_admins_see(adam: Person, worker: Running) -> None:
    conversation = live(adam, document=handbook_of(adam))
    export = adam.full_api.post(PATH, {"of": "me"}).json()["id"]
    assert finished(adam.full_api, export)["status"] == "ready"
    held = entries(body_of(adam.full_api.get(f"{PATH}{export}/file/")))
    question, reply = json.loads(held[f"conversations/{conversation}.json"])["messages"]
    assert question["why"] is None
    assert reply["why"]["searched_for"] == "leave"
