"""`/search/` over HTTP, on documents that a real worker indexed."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tenants.permissions import Scope
from tenants.services.tokens import create_token
from tests.factories import HANDBOOK_PAGES, ready
from tests.people import ApiClient, Person
from tests.processes import Running
from tests.refusals import pointers, refusal
from tests.shelving import shelved

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/api/v1/search/"


def hits(person: Person, query: str, **options: Any) -> list[dict[str, Any]]:
    response = person.api.post(PATH, {"query": query, **options})
    assert response.status_code == 200, response.content
    assert set(response.json()) == {"results"}
    return list(response.json()["results"])


@pytest.mark.parametrize("mode", ["hybrid", "vector", "lexical"])
def test_the_page_that_answers_comes_first_in_every_mode(alice: Person, worker: Running, mode: str) -> None:
    document = shelved(alice)
    found = hits(alice, "Are night trains refunded?", mode=mode)
    first = found[0]
    assert set(first) == {"document", "name", "title", "version", "page", "text", "score", "start", "end"}
    assert (first["document"], first["name"], first["version"]) == (document["id"], "handbook.pdf", 1)
    assert (first["page"], first["text"]) == (3, "\n".join(HANDBOOK_PAGES[2]))
    page = alice.api.get(f"/api/v1/documents/{document['id']}/pages/3/").json()
    assert (first["start"], first["end"]) == (page["start"], page["end"])
    assert [one["score"] for one in found] == sorted((one["score"] for one in found), reverse=True)


def test_every_member_finds_it_and_nobody_else(
    alice: Person, bob: Person, dana: Person, charlie: Person, worker: Running
) -> None:
    own = shelved(alice)["id"]
    same_words = shelved(charlie)["id"]
    for person in (alice, bob, dana):
        assert {one["document"] for one in hits(person, "paid holiday")} == {own}
    assert {one["document"] for one in hits(charlie, "paid holiday")} == {same_words}


def test_scope_and_number_of_hits_are_as_asked(alice: Person, worker: Running) -> None:
    handbook = shelved(alice)
    other = ready(alice, "trains.txt", b"Night trains run on Fridays, day trains on all days.")
    collections = [handbook["collection"]]
    empty = alice.api.post("/api/v1/collections/", {"name": "Empty"}).json()["id"]
    assert len(hits(alice, "trains")) == 4
    assert len(hits(alice, "trains", top_k=2)) == 2
    assert {one["document"] for one in hits(alice, "trains", documents=[other["id"]])} == {other["id"]}
    assert len(hits(alice, "trains", collections=collections)) == 4
    assert hits(alice, "trains", collections=[empty]) == []
    assert hits(alice, "trains", collections=[empty], documents=[other["id"]]) == []
    assert hits(alice, "trains", documents=[]) == []


def test_nothing_is_found_before_the_first_document(alice: Person) -> None:
    assert hits(alice, "holiday") == []


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, [("/query", "required")]),
        ({"query": "  "}, [("/query", "blank")]),
        ({"query": "a\x00b"}, [("/query", "null_characters_not_allowed")]),
        ({"query": "holiday", "top_k": 51}, [("/top_k", "max_value")]),
        ({"query": "holiday", "top_k": 0}, [("/top_k", "min_value")]),
        ({"query": "holiday", "mode": "magic"}, [("/mode", "invalid_choice")]),
        ({"query": "holiday", "collections": ["x"]}, [("/collections/0", "invalid")]),
        ({"query": "holiday", "language": "en"}, [("/language", "unknown_field")]),
    ],
)
def test_a_wrong_body_is_refused_with_a_pointer(
    alice: Person, body: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert pointers(alice.api.post(PATH, body)) == expected


def test_what_is_no_json_is_refused(alice: Person) -> None:
    malformed = refusal(alice.api.post(PATH, "{", content_type="application/json"))
    assert (malformed[0], malformed[1]["code"]) == (400, "parse_error")
    form = refusal(alice.api.post(PATH, "query=x", content_type="application/x-www-form-urlencoded"))
    assert form[0] == 415


def test_a_question_of_a_hundred_kilobytes_is_too_large(alice: Person) -> None:
    status, body = refusal(alice.api.post(PATH, {"query": "why " * 25_000}))
    assert (status, body["code"]) == (413, "question_too_large")
    assert body["detail"] == "A question has at most 32,000 bytes."


@pytest.mark.parametrize("field", ["collections", "documents"])
def test_a_foreign_id_answers_as_a_missing_one(
    alice: Person, charlie: Person, worker: Running, field: str
) -> None:
    document = shelved(alice)
    foreign_id = document["collection"] if field == "collections" else document["id"]
    foreign = charlie.api.post(PATH, {"query": "holiday", field: [foreign_id]})
    missing = charlie.api.post(PATH, {"query": "holiday", field: [str(uuid4())]})
    assert pointers(foreign) == [(f"/{field}/0", "unknown_id")]
    assert refusal(foreign) == refusal(missing)
    assert len(hits(alice, "holiday", **{field: [foreign_id]})) == 3


def test_it_needs_the_scope_to_read_documents(alice: Person) -> None:
    token = create_token(access=alice.access, name="chat", scopes=frozenset({Scope.CHAT})).value
    assert refusal(ApiClient(token).post(PATH, {"query": "holiday"}))[0] == 403
    assert refusal(alice.client.post(PATH, {"query": "holiday"}, "application/json"))[0] == 401
