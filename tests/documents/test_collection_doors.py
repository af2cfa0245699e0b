"""To whom does not see it a collection, and what is in it, is missing at every door."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tenants.services.groups import add_to_group, create_group, remove_from_group
from tenants.services.tokens import create_token
from tests.documents.shelves import PATH, changed, made, names_seen
from tests.factories import handbook, processed, uploaded
from tests.people import ApiClient, Person
from tests.processes import Running
from tests.refusals import pointers, refusal

pytestmark = pytest.mark.django_db(transaction=True)

API, PORTAL = "/api/v1/", "/o/acme/"
SCRIPT = {"Accept": "application/json"}
Door = Callable[[Person, str], Any]


def limited(person: Person, *collections: str) -> ApiClient:
    """A program that reaches these collections alone."""
    return ApiClient(
        create_token(access=person.access, name="some", collections=list(map(UUID, collections))).value
    )


def _sent_file(person: Person, collection: str) -> Any:
    return person.api.upload(("note.txt", f"A note, {uuid4()}".encode()), collection=collection)


def _read(rest: str) -> Door:
    return lambda person, one: person.api.get(f"{API}documents/{one}/{rest}")


def _show(rest: str) -> Door:
    return lambda person, one: person.client.get(f"{PORTAL}d/{one}/v/1/{rest}", headers=SCRIPT)


def _act(verb: str) -> Door:
    return lambda person, one: person.client.post(f"{PORTAL}documents/{one}/{verb}/", headers=SCRIPT)


# Doors that name a document, and those that name a collection: in the path.
READING_DOORS: dict[str, Door] = {
    **{
        rest: _read(rest)
        for rest in ("", "file/", "chunks/", "versions/", "events/", "pages/1/", "pages/1/image/")
    },
    **{f"portal {rest}": _show(rest) for rest in ("p/1", "p/1.json", "p/1.png", "original")},
}
CHANGING_DOORS: dict[str, Door] = {
    "PATCH": lambda person, one: person.api.patch(f"{API}documents/{one}/", {"title": "Mine"}),
    "reprocess": lambda person, one: person.api.post(f"{API}documents/{one}/reprocess/", {}),
    "cancel": lambda person, one: person.api.post(f"{API}documents/{one}/cancel/", {}),
    "DELETE": lambda person, one: person.api.delete(f"{API}documents/{one}/"),
    **{f"portal {verb}": _act(verb) for verb in ("retry", "delete")},
}
COLLECTION_DOORS: dict[str, Door] = {
    "GET": lambda person, one: person.api.get(f"{PATH}{one}/"),
    "stats": lambda person, one: person.api.get(f"{PATH}{one}/stats/"),
    "PATCH": lambda person, one: person.api.patch(f"{PATH}{one}/", {"name": "Mine"}),
    "DELETE": lambda person, one: person.api.delete(f"{PATH}{one}/"),
    "portal": lambda person, one: person.client.get(f"{PORTAL}collections/{one}/access/", headers=SCRIPT),
    "portal POST": lambda person, one: person.client.post(
        f"{PORTAL}collections/{one}/access/", {"everyone": "true"}, headers=SCRIPT
    ),
}
# In a body, a form or a query.
NAMED_DOCUMENT: dict[str, Door] = {
    "conversation": lambda person, one: person.api.post(f"{API}conversations/", {"documents": [one]}),
    "search": lambda person, one: person.api.post(f"{API}search/", {"query": "holiday", "documents": [one]}),
}
NAMED_COLLECTION: dict[str, Door] = {
    "conversation": lambda person, one: person.api.post(f"{API}conversations/", {"collections": [one]}),
    "search": lambda person, one: person.api.post(f"{API}search/", {"query": "holiday", "collections": [one]}),
    "query": lambda person, one: person.api.post(f"{API}query/", {"query": "holiday?", "collection": one}),
    "upload": _sent_file,
    "list": lambda person, one: person.api.get(f"{API}documents/?collection={one}"),
}


def _differing(doors: dict[str, Door], person: Person, one: str, status: int) -> list[str]:
    """Doors at which `one` is told apart from what does not exist."""
    wrong = []
    for name, door in doors.items():
        hidden, missing = refusal(door(person, one)), refusal(door(person, str(uuid4())))
        if hidden != missing or hidden[0] != status:
            wrong.append(f"{person.user.name}: {name}: {hidden} instead of {missing}")
    return wrong


def test_I3_I13_what_one_does_not_see_is_missing_at_every_door(
    alice: Person, bob: Person, dana: Person, worker: Running
) -> None:
    collection = made(alice, people=[str(dana.user.pk)])["id"]
    document = uploaded(alice, "salaries.pdf", handbook(), collection=collection)["id"]
    assert processed(alice, document)["status"] == "ready"
    wrong = [
        *_differing({**READING_DOORS, **CHANGING_DOORS}, bob, document, 404),
        *_differing(COLLECTION_DOORS, bob, collection, 404),
        *_differing(NAMED_DOCUMENT, bob, document, 400),
        *_differing(NAMED_COLLECTION, bob, collection, 400),
    ]
    own = uploaded(bob, "own.txt", b"Of bob's own.")["id"]
    moved = [bob.api.patch(f"{API}documents/{own}/", {"collection": one}) for one in (collection, str(uuid4()))]
    assert pointers(moved[0]) == [("/collection", "unknown_id")]
    assert refusal(moved[0]) == refusal(moved[1])
    assert wrong == []
    # The doors are there: whoever sees the collection passes those that only read.
    for name, door in {**READING_DOORS, **NAMED_DOCUMENT}.items():
        assert door(dana, document).status_code in {200, 201}, name
    for name, door in NAMED_COLLECTION.items():
        assert door(dana, collection).status_code == {"conversation": 201, "upload": 403}.get(name, 200), name
    for name in ("GET", "stats"):
        assert COLLECTION_DOORS[name](dana, collection).status_code == 200


def test_I14_lists_counts_and_searches_do_not_know_it(
    alice: Person, bob: Person, dana: Person, worker: Running
) -> None:
    collection = made(alice, "Salaries", people=[str(dana.user.pk)])["id"]
    document = uploaded(alice, "salaries.txt", b"The director earns ninety thousand.", collection=collection)["id"]
    assert processed(alice, document)["status"] == "ready"

    def found(person: Person) -> set[str]:
        listed = {one["id"] for one in person.api.get(f"{API}documents/").json()["results"]}
        for mode in ("hybrid", "vector", "lexical"):
            hits = person.api.post(f"{API}search/", {"query": "director", "mode": mode}).json()["results"]
            assert {one["document"] for one in hits} == listed
        return listed

    assert found(dana) == found(alice) == {document}
    assert found(bob) == set()
    assert names_seen(bob.api) == ["Documents"]
    for page in ("documents/", ""):
        shown = bob.client.get(f"{PORTAL}{page}").content.decode().lower()
        assert "salaries" not in shown
        assert collection not in shown
        assert "salaries" in dana.client.get(f"{PORTAL}{page}").content.decode().lower()
    refused = bob.api.post(f"{API}query/", {"query": "What does the director earn?"}).json()
    assert refused["sources"] == []
    assert "salaries" not in refused["response"].lower()
    answered = dana.api.post(f"{API}query/", {"query": "What does the director earn?"}).json()
    assert [one["document"] for one in answered["sources"]] == [document]


def test_the_same_bytes_in_an_unseen_collection_are_no_duplicate(alice: Person, bob: Person) -> None:
    hidden = made(alice)["id"]
    content = b"The director earns ninety thousand."
    first = uploaded(alice, "salaries.txt", content, collection=hidden)
    again = uploaded(bob, "salaries.txt", content)
    assert "duplicate_of" not in again
    assert again["id"] != first["id"]


def test_the_default_collection_may_be_restricted_too(alice: Person, bob: Person) -> None:
    [default] = alice.api.get(PATH).json()["results"]
    changed(alice, default["id"])
    assert names_seen(bob.api) == []
    assert pointers(bob.api.upload(("note.txt", b"A note."))) == [("/collection", "required")]
    by_form = bob.client.post(
        f"{PORTAL}documents/upload/", {"files": SimpleUploadedFile("note.txt", b"A note.")}, headers=SCRIPT
    )
    assert pointers(by_form) == [("/collection", "required")]
    asked = bob.api.post(f"{API}query/", {"query": "What is there?"}).json()
    assert asked["response"].startswith("There is no collection that I may search for you.")
    own = made(bob, "Bob's own")["id"]
    assert bob.api.upload(("note.txt", b"A note."), collection=own).status_code == 202


def test_a_limited_token_sees_of_what_its_person_sees_its_collections_alone(alice: Person, bob: Person) -> None:
    [default] = alice.api.get(PATH).json()["results"]
    group = create_group(access=alice.access, name="Payroll")
    add_to_group(access=alice.access, group=group, user_id=bob.user.pk)
    shared = made(alice, "Shared", groups=[str(group.id)])["id"]
    own = made(bob, "Own")["id"]
    program = limited(bob, shared, own)
    assert names_seen(program) == ["Shared", "Own"]
    assert pointers(program.upload(("note.txt", b"A note."))) == [("/collection", "required")]
    for unreached in (default["id"], str(uuid4())):
        refused = program.upload(("note.txt", b"A note."), collection=unreached)
        assert pointers(refused) == [("/collection", "unknown_id")]
        assert program.get(f"{PATH}{unreached}/").status_code == 404
    document = program.upload(("note.txt", b"A note."), collection=own).json()["results"][0]["id"]
    elsewhere = uploaded(bob, "elsewhere.txt", b"Something else.")["id"]
    assert program.get(f"{API}documents/{document}/").status_code == 200
    assert program.get(f"{API}documents/{elsewhere}/").status_code == 404
    # What it made it could not reach.
    assert refusal(program.post(PATH, {"name": "New"}))[0] == 403
    remove_from_group(access=alice.access, group=group, user_id=bob.user.pk)
    assert names_seen(program) == ["Own"]
    # Not even an admin's token reaches past its list.
    assert names_seen(limited(alice, default["id"])) == ["Documents"]
