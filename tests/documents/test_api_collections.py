"""`/collections/` over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.documents.conftest import Remains
from tests.factories import handbook, processed, uploaded
from tests.people import Person
from tests.processes import Running
from tests.refusals import pointers, refusal

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/api/v1/collections/"


def created(person: Person, name: str) -> dict[str, Any]:
    response = person.api.post(PATH, {"name": name})
    assert response.status_code == 201, response.content
    return dict(response.json())


def test_everyone_in_the_organisation_sees_its_collections_and_nobody_else(
    alice: Person, bob: Person, dana: Person, charlie: Person
) -> None:
    created(bob, "Contracts")
    for person in (alice, bob, dana):
        page = person.api.get(PATH).json()
        assert [one["name"] for one in page["results"]] == ["Documents", "Contracts"]
        assert (page["next"], page["previous"]) == (None, None)
    assert [one["name"] for one in charlie.api.get(PATH).json()["results"]] == ["Documents"]


def test_a_new_collection_has_a_slug_and_nothing_in_it(bob: Person) -> None:
    made = created(bob, "  Board   minutes ")
    assert made == {
        "id": made["id"],
        "name": "Board minutes",
        "slug": "board-minutes",
        "is_default": False,
        "documents": 0,
        "chunks": 0,
        "bytes": 0,
        "chunk_size": None,
        "chunk_overlap": None,
        "access": {"everyone": True, "people": [], "groups": [], "roles": []},
        "created_at": made["created_at"],
        "updated_at": made["updated_at"],
    }
    assert bob.api.get(f"{PATH}{made['id']}/").json() == made
    assert created(bob, "Board minutes")["slug"] == "board-minutes-2"


def test_two_organisations_may_use_the_same_slug(alice: Person, charlie: Person) -> None:
    assert created(alice, "Plans")["slug"] == created(charlie, "Plans")["slug"] == "plans"


def test_renaming_keeps_the_slug(bob: Person) -> None:
    made = created(bob, "Contracts")
    renamed = bob.api.patch(f"{PATH}{made['id']}/", {"name": "Agreements"})
    assert renamed.status_code == 200
    assert (renamed.json()["name"], renamed.json()["slug"]) == ("Agreements", "contracts")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, [("/name", "required")]),
        ({"name": " "}, [("/name", "blank")]),
        ({"name": "n" * 121}, [("/name", "max_length")]),
        ({"name": "Plans", "colour": "red"}, [("/colour", "unknown_field")]),
        (["Plans"], [("", "invalid")]),
    ],
)
def test_a_wrong_body_is_refused_with_a_pointer(bob: Person, body: Any, expected: list[tuple[str, str]]) -> None:
    assert pointers(bob.api.post(PATH, body)) == expected


def test_members_change_what_they_made_admins_all_viewers_nothing(
    alice: Person, bob: Person, dana: Person
) -> None:
    of_alice, of_bob = created(alice, "Hers"), created(bob, "His")
    change = {"name": "Changed"}
    assert bob.api.patch(f"{PATH}{of_alice['id']}/", change).status_code == 403
    assert bob.api.delete(f"{PATH}{of_alice['id']}/").status_code == 403
    assert dana.api.post(PATH, change).status_code == 403
    assert dana.api.patch(f"{PATH}{of_bob['id']}/", change).status_code == 403
    assert dana.api.delete(f"{PATH}{of_bob['id']}/").status_code == 403
    assert alice.api.patch(f"{PATH}{of_bob['id']}/", change).status_code == 200
    assert bob.api.delete(f"{PATH}{of_bob['id']}/").status_code == 204


def test_a_foreign_collection_answers_as_a_missing_one(alice: Person, charlie: Person) -> None:
    own = created(alice, "Contracts")["id"]
    for method, rest in [("get", ""), ("patch", ""), ("delete", ""), ("get", "stats/")]:
        body = {"data": {"name": "Mine now"}} if method == "patch" else {}
        foreign = getattr(charlie.api, method)(f"{PATH}{own}/{rest}", **body)
        missing = getattr(charlie.api, method)(f"{PATH}{uuid4()}/{rest}", **body)
        assert refusal(foreign) == refusal(missing), (method, rest)
        assert foreign.status_code == 404
    assert alice.api.get(f"{PATH}{own}/").json()["name"] == "Contracts"
    assert alice.api.get(f"{PATH}{own}/stats/").status_code == 200


def test_pages_of_a_list_follow_one_another(alice: Person) -> None:
    for number in range(4):
        created(alice, f"Part {number}")
    names: list[str] = []
    path = f"{PATH}?limit=2"
    while path:
        page = alice.api.get(path).json()
        assert len(page["results"]) <= 2
        names += [one["name"] for one in page["results"]]
        path = page["next"]
    assert names == ["Documents", "Part 0", "Part 1", "Part 2", "Part 3"]


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "page=2"])
def test_an_unknown_or_wrong_query_parameter_is_refused(alice: Person, query: str) -> None:
    name = query.partition("=")[0]
    assert [pointer for pointer, _code in pointers(alice.api.get(f"{PATH}?{query}"))] == [f"/{name}"]


def test_statistics_count_documents_passages_and_bytes(alice: Person, worker: Running) -> None:
    made = created(alice, "Contracts")
    before = alice.api.get(f"{PATH}{made['id']}/stats/").json()
    none = dict.fromkeys(("queued", "extracting", "chunking", "embedding", "ready", "failed", "cancelled"), 0)
    assert before == {
        "documents": 0,
        "by_status": none,
        "pages": 0,
        "chunks": 0,
        "bytes": 0,
        "changed_at": made["updated_at"],
    }
    document = uploaded(alice, "handbook.pdf", handbook(), collection=made["id"])
    document = processed(alice, document["id"])
    after = alice.api.get(f"{PATH}{made['id']}/stats/").json()
    assert after == {
        "documents": 1,
        "by_status": {**none, "ready": 1},
        "pages": 3,
        "chunks": document["chunks"],
        "bytes": len(handbook()),
        "changed_at": document["updated_at"],
    }
    shown = alice.api.get(f"{PATH}{made['id']}/").json()
    assert (shown["documents"], shown["chunks"], shown["bytes"]) == (1, document["chunks"], len(handbook()))


def test_deleting_a_collection_leaves_nothing_of_it(alice: Person, worker: Running, remains: Remains) -> None:
    made = created(alice, "Contracts")
    result = uploaded(alice, "handbook.pdf", handbook(), collection=made["id"])
    assert processed(alice, result["id"])["status"] == "ready"
    assert alice.api.get(f"/api/v1/documents/{result['id']}/pages/1/image/").status_code == 200
    assert remains(alice) == {
        "documents_document": 1,
        "documents_documentversion": 1,
        "documents_page": 3,
        "documents_chunk": 3,
        "documents_chunkembedding": 3,
        "files": 2,
    }
    assert alice.api.delete(f"{PATH}{made['id']}/").status_code == 204
    assert remains(alice) == {}
    assert alice.api.get(f"{PATH}{made['id']}/").status_code == 404


def test_the_default_collection_stays(alice: Person) -> None:
    [default] = alice.api.get(PATH).json()["results"]
    assert default["is_default"] is True
    status, body = refusal(alice.api.delete(f"{PATH}{default['id']}/"))
    assert (status, body["code"]) == (400, "default_collection")
