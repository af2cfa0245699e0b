"""`/documents/`: lists, one document, changing, processing again, stopping, deleting."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tenants.permissions import Scope
from tenants.services.tokens import create_token
from tests.config.polling import wait_for
from tests.documents.conftest import Remains
from tests.factories import LONG_TEXT, document_of, processed, ready, uploaded
from tests.people import ApiClient, Person
from tests.processes import Running
from tests.refusals import pointers, refusal

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/api/v1/documents/"


def nested(depth: int) -> dict[str, Any]:
    return {"a": nested(depth - 1)} if depth > 1 else {}


def ids(person: Person, query: str = "") -> list[str]:
    response = person.api.get(f"{PATH}{query}")
    assert response.status_code == 200, response.content
    return [one["id"] for one in response.json()["results"]]


def test_everyone_in_the_organisation_sees_its_documents_and_nobody_else(
    alice: Person, bob: Person, dana: Person, charlie: Person
) -> None:
    older = uploaded(alice, "lease.txt", b"The lease ends in May.")["id"]
    newer = uploaded(bob, "plan.txt", b"The plan begins in June.")["id"]
    foreign = uploaded(charlie, "plan.txt", b"The plan begins in June.")["id"]
    for person in (alice, bob, dana):
        assert ids(person) == [newer, older]
    assert ids(charlie) == [foreign]


def test_filters_narrow_the_list(alice: Person, worker: Running) -> None:
    other = alice.api.post("/api/v1/collections/", {"name": "Contracts"}).json()["id"]
    lease = uploaded(alice, "lease.txt", b"The lease ends in May.", collection=other, tags=["lease"])["id"]
    plan = uploaded(alice, "plan.txt", b"The plan begins in June.")["id"]
    broken = uploaded(alice, "report.pdf", b"%PDF-1.7\nnothing of a PDF follows")["id"]
    lease_at = processed(alice, lease)["created_at"]
    processed(alice, plan)
    processed(alice, broken)
    assert ids(alice, f"?collection={other}") == [lease]
    assert ids(alice, "?tag=lease") == [lease]
    assert ids(alice, "?tag=leas") == []
    assert ids(alice, "?status=ready") == [plan, lease]
    assert ids(alice, "?status=failed") == [broken]
    assert ids(alice, f"?after={lease_at}") == [broken, plan]
    assert ids(alice, f"?after={lease_at}&status=ready&limit=1") == [plan]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("language=english", [("/language", "max_length")]),
        ("status=done", [("/status", "invalid_choice")]),
        ("collection=x", [("/collection", "invalid")]),
        ("after=yesterday", [("/after", "invalid")]),
        ("limit=1000", [("/limit", "max_value")]),
    ],
)
def test_an_unknown_or_wrong_filter_is_refused(alice: Person, query: str, expected: list[tuple[str, str]]) -> None:
    assert pointers(alice.api.get(f"{PATH}?{query}")) == expected


def test_a_foreign_collection_filters_as_a_missing_one(alice: Person, charlie: Person) -> None:
    [own] = alice.api.get("/api/v1/collections/").json()["results"]
    foreign = charlie.api.get(f"{PATH}?collection={own['id']}")
    missing = charlie.api.get(f"{PATH}?collection={uuid4()}")
    assert pointers(foreign) == [("/collection", "unknown_id")]
    assert refusal(foreign) == refusal(missing)
    assert ids(alice, f"?collection={own['id']}") == []


def test_title_tags_metadata_and_collection_may_be_changed(bob: Person, alice: Person) -> None:
    document = uploaded(bob, "lease.txt", b"The lease ends in May.")["id"]
    other = bob.api.post("/api/v1/collections/", {"name": "Contracts"}).json()["id"]
    changes: dict[str, Any] = {
        "title": "The lease",
        "tags": ["a"],
        "metadata": {"b": nested(31)},
        "collection": other,
    }
    for name, value in changes.items():
        changed = bob.api.patch(f"{PATH}{document}/", {name: value})
        assert (changed.status_code, changed.json()[name]) == (200, value)
    shown = document_of(alice, document)
    assert {name: shown[name] for name in changes} == changes
    assert shown["name"] == "lease.txt"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"name": "x.txt"}, [("/name", "unknown_field")]),
        ({"title": ""}, [("/title", "blank")]),
        ({"title": "t" * 256}, [("/title", "max_length")]),
        ({"title": None}, [("/title", "null")]),
        ({"tags": "lease"}, [("/tags", "not_a_list")]),
        ({"metadata": []}, [("/metadata", "not_object")]),
        ({"metadata": {"a": "\0"}}, [("/metadata", "unstorable")]),
        ({"metadata": {"\0": [1]}}, [("/metadata", "unstorable")]),
        ({"metadata": nested(33)}, [("/metadata", "unstorable")]),
        ({"collection": "x"}, [("/collection", "invalid")]),
    ],
)
def test_a_wrong_change_is_refused_with_a_pointer(
    bob: Person, body: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    document = uploaded(bob, "lease.txt", b"The lease ends in May.")["id"]
    assert pointers(bob.api.patch(f"{PATH}{document}/", body)) == expected


def test_moving_to_a_foreign_collection_answers_as_to_a_missing_one(alice: Person, charlie: Person) -> None:
    [own] = alice.api.get("/api/v1/collections/").json()["results"]
    document = uploaded(charlie, "lease.txt", b"The lease ends in May.")["id"]
    foreign = charlie.api.patch(f"{PATH}{document}/", {"collection": own["id"]})
    missing = charlie.api.patch(f"{PATH}{document}/", {"collection": str(uuid4())})
    assert pointers(foreign) == [("/collection", "unknown_id")]
    assert refusal(foreign) == refusal(missing)


def test_moving_onto_the_same_bytes_is_a_conflict(bob: Person) -> None:
    other = bob.api.post("/api/v1/collections/", {"name": "Contracts"}).json()["id"]
    document = uploaded(bob, "lease.txt", b"The lease ends in May.")["id"]
    uploaded(bob, "lease.txt", b"The lease ends in May.", collection=other)
    status, body = refusal(bob.api.patch(f"{PATH}{document}/", {"collection": other}))
    assert (status, body["code"]) == (409, "duplicate")


def test_a_moved_document_is_found_in_its_new_collection_only(bob: Person, worker: Running) -> None:
    [default] = bob.api.get("/api/v1/collections/").json()["results"]
    other = bob.api.post("/api/v1/collections/", {"name": "Contracts"}).json()["id"]
    document = ready(bob)["id"]
    assert bob.api.patch(f"{PATH}{document}/", {"collection": other}).status_code == 200
    for collection, found in [(default["id"], False), (other, True)]:
        hits = bob.api.post("/api/v1/search/", {"query": "holiday", "collections": [collection]}).json()["results"]
        assert bool(hits) is found


def test_members_change_what_they_uploaded_admins_all_viewers_nothing(
    alice: Person, bob: Person, dana: Person
) -> None:
    of_alice = uploaded(alice, "lease.txt", b"The lease ends in May.")["id"]
    of_bob = uploaded(bob, "plan.txt", b"The plan begins in June.")["id"]
    for person, document in [(bob, of_alice), (dana, of_bob)]:
        path = f"{PATH}{document}/"
        assert person.api.patch(path, {"title": "Mine"}).status_code == 403
        assert person.api.post(f"{path}reprocess/").status_code == 403
        assert person.api.post(f"{path}cancel/").status_code == 403
        assert person.api.delete(path).status_code == 403
        assert person.api.get(path).status_code == 200
    assert alice.api.patch(f"{PATH}{of_bob}/", {"title": "Ours"}).status_code == 200
    assert alice.api.delete(f"{PATH}{of_bob}/").status_code == 204
    assert alice.api.delete(f"{PATH}{of_alice}/").status_code == 204


def test_a_token_reaches_as_far_as_its_scopes(alice: Person) -> None:
    document = uploaded(alice, "lease.txt", b"The lease ends in May.")["id"]
    reader = _client(alice, Scope.DOCUMENTS_READ)
    assert reader.get(f"{PATH}{document}/").status_code == 200
    assert reader.upload(("plan.txt", b"The plan begins in June.")).status_code == 403
    assert reader.delete(f"{PATH}{document}/").status_code == 403
    chatter = _client(alice, Scope.CHAT)
    for path in (PATH, f"{PATH}{document}/", f"{PATH}{document}/file/", f"{PATH}{document}/events/"):
        assert refusal(chatter.get(path))[0] == 403
    writer = _client(alice, Scope.DOCUMENTS_READ, Scope.DOCUMENTS_WRITE)
    assert writer.delete(f"{PATH}{document}/").status_code == 204


def _client(person: Person, *scopes: Scope) -> ApiClient:
    return ApiClient(create_token(access=person.access, name="narrow", scopes=frozenset(scopes)).value)


def test_without_a_token_a_session_opens_nothing(alice: Person) -> None:
    for path in (PATH, "/api/v1/collections/", "/api/v1/me/", f"{PATH}{uuid4()}/events/"):
        status, body = refusal(alice.client.get(path))
        assert (status, body["code"]) == (401, "not_authenticated")


def test_a_foreign_document_answers_as_a_missing_one(alice: Person, charlie: Person, worker: Running) -> None:
    own = ready(alice)["id"]
    routes = [
        ("get", "", 200), ("patch", "", 200), ("get", "file/", 200), ("get", "chunks/", 200),
        ("get", "versions/", 200), ("get", "events/", 200), ("get", "pages/1/", 200),
        ("get", "pages/1/image/", 200), ("post", "cancel/", 409), ("post", "reprocess/", 202),
        ("delete", "", 204),
    ]  # fmt: skip
    for method, rest, status in routes:
        body = {"data": {"title": "Mine now"}} if method == "patch" else {}
        foreign = getattr(charlie.api, method)(f"{PATH}{own}/{rest}", **body)
        missing = getattr(charlie.api, method)(f"{PATH}{uuid4()}/{rest}", **body)
        assert refusal(foreign) == refusal(missing), (method, rest)
        assert foreign.status_code == 404
        assert getattr(alice.api, method)(f"{PATH}{own}/{rest}", **body).status_code == status, (method, rest)


def test_reprocessing_makes_the_same_passages_again(bob: Person, worker: Running) -> None:
    before = ready(bob)
    queued = bob.api.post(f"{PATH}{before['id']}/reprocess/")
    assert (queued.status_code, queued.json()["status"], queued.json()["chunks"]) == (202, "queued", 0)
    after = processed(bob, before["id"])
    assert (after["status"], after["pages"], after["chunks"]) == ("ready", 3, before["chunks"])
    assert pointers(bob.api.post(f"{PATH}{before['id']}/reprocess/", {"hard": True})) == [
        ("/hard", "unknown_field")
    ]


def test_cancelling_stops_the_work_and_keeps_only_the_file(bob: Person, worker: Running, remains: Remains) -> None:
    document = uploaded(bob, "contract.txt", LONG_TEXT)["id"]
    wait_for("embedding", lambda: document_of(bob, document)["status"] == "embedding")
    busy = refusal(bob.api.post(f"{PATH}{document}/reprocess/"))
    assert (busy[0], busy[1]["code"]) == (409, "in_progress")
    cancelled = bob.api.post(f"{PATH}{document}/cancel/")
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    again = refusal(bob.api.post(f"{PATH}{document}/cancel/"))
    assert (again[0], again[1]["code"]) == (409, "already_over")
    assert ready(bob)["status"] == "ready"  # the worker went on to the next file
    assert document_of(bob, document)["status"] == "cancelled"
    assert bob.api.get(f"{PATH}{document}/chunks/").json()["results"] == []
    handbook_only = remains(bob)
    assert (handbook_only["documents_page"], handbook_only["files"]) == (3, 2)
    assert "tenants_job" not in handbook_only


def test_deleting_a_document_leaves_nothing_of_it(bob: Person, worker: Running, remains: Remains) -> None:
    document = ready(bob)["id"]
    assert bob.api.get(f"{PATH}{document}/pages/2/image/").status_code == 200
    assert remains(bob)["files"] == 2
    assert bob.api.delete(f"{PATH}{document}/").status_code == 204
    assert remains(bob) == {}
    assert bob.api.get(f"{PATH}{document}/").status_code == 404
    assert bob.api.post("/api/v1/search/", {"query": "holiday"}).json() == {"results": []}


def test_deleting_while_processing_leaves_nothing_either(bob: Person, worker: Running, remains: Remains) -> None:
    document = uploaded(bob, "contract.txt", LONG_TEXT)["id"]
    wait_for("embedding", lambda: document_of(bob, document)["status"] == "embedding")
    assert bob.api.delete(f"{PATH}{document}/").status_code == 204
    assert ready(bob)["chunks"] == 3  # the one worker is done with what was deleted
    assert remains(bob) == {
        "documents_document": 1,
        "documents_documentversion": 1,
        "documents_page": 3,
        "documents_chunk": 3,
        "documents_chunkembedding": 3,
        "files": 1,
    }
