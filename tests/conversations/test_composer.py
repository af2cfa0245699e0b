"""What the portal's question field is offered and keeps: only what its person sees, whatever it names."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from conversations.models import Citation, Message, Status, Trace
from documents.chunking import PATH_SEPARATOR
from documents.models import Chunk
from tenants.db import tenant_atomic
from tenants.models import AuditEvent
from tests.conversations.talks import Talk, talk_of
from tests.factories import uploaded
from tests.people import Person
from tests.processes import Running
from tests.refusals import pointers, refusal
from tests.shelving import shelved

HALF = "The handbook of 50% of the staff"
JSON = {"Accept": "application/json"}

pytestmark = pytest.mark.django_db(transaction=True)


def picked(person: Person, kind: str, words: str = "") -> list[tuple[str, str]]:
    """Kind and name of what is offered."""
    answer = person.client.get(f"/o/{person.slug}/c/pick/", {"kind": kind, "q": words})
    assert answer.status_code == 200, answer.content
    assert answer.headers["Cache-Control"] == "no-store"
    return [(one["kind"], one["name"]) for one in answer.json()["results"]]


def collection(person: Person, name: str, people: list[Person] | None = None) -> str:
    """Everybody's, or that of the people named and the admins."""
    body: dict[str, Any] = {"name": name}
    if people is not None:
        body["access"] = {"everyone": False, "people": [str(one.user.pk) for one in people]}
    made = person.api.post("/api/v1/collections/", body)
    assert made.status_code == 201, made.content
    return str(made.json()["id"])


def told(talk: Talk) -> tuple[list[str], list[str]]:
    """The collections and documents that the conversation asks by itself."""
    found = talk.person.api.get(talk.path).json()
    return found["collections"], found["documents"]


def test_7_places_are_those_within_sight(alice: Person, bob: Person, charlie: Person, worker: Running) -> None:
    shelved(alice)
    secret = collection(alice, "Salaries", [alice])
    shelved(alice, collection=secret)
    shelved(charlie)
    open_to_all = [("collection", "Documents"), ("document", "handbook.pdf")]
    assert picked(bob, "places") == open_to_all
    assert picked(charlie, "places") == open_to_all
    assert picked(alice, "places") == [
        ("collection", "Documents"),
        ("collection", "Salaries"),
        ("document", "handbook.pdf"),
        ("document", "handbook.pdf"),
    ]
    assert picked(bob, "places", "salar") == []
    assert picked(alice, "places", "salar") == [("collection", "Salaries")]


def test_7_names_are_found_by_every_word_and_what_begins_so_comes_first(alice: Person, worker: Running) -> None:
    document = shelved(alice)
    changed = alice.api.patch(f"/api/v1/documents/{document['id']}/", {"title": HALF})
    assert changed.status_code == 200
    collection(alice, "Handbooks")
    collection(alice, "Old handbooks")
    assert picked(alice, "places", "HANDB") == [
        ("collection", "Handbooks"),
        ("collection", "Old handbooks"),
        ("document", HALF),
    ]
    assert picked(alice, "places", "staff handbook") == [("document", HALF)]
    assert picked(alice, "places", "50%") == [("document", HALF)]
    assert picked(alice, "places", "5_") == []


def test_7_a_document_that_nothing_is_found_in_is_not_offered(alice: Person) -> None:
    uploaded(alice, "later.txt", b"It has not been read yet.")
    assert picked(alice, "places", "later") == []


def test_7_prompts_are_ones_own_and_the_shared_ones(alice: Person, bob: Person, charlie: Person) -> None:
    for person, title, is_shared in (
        (bob, "Own", False),
        (bob, "Shared", True),
        (alice, "Hers", False),
        (charlie, "Foreign", True),
    ):
        body = {"title": title, "text": "Sum up {{topic}}.", "is_shared": is_shared}
        assert person.api.post("/api/v1/prompts/", body).status_code == 201
    assert picked(bob, "prompts") == [("prompt", "Own"), ("prompt", "Shared")]
    assert picked(alice, "prompts") == [("prompt", "Hers"), ("prompt", "Shared")]
    assert picked(charlie, "prompts") == [("prompt", "Foreign")]
    [shared] = alice.client.get("/o/acme/c/pick/", {"kind": "prompts", "q": "share"}).json()["results"]
    assert shared["text"] == "Sum up {{topic}}."


def test_7_assistants_are_the_organisations_own(alice: Person, bob: Person, charlie: Person) -> None:
    for person, name in ((alice, "Porter"), (charlie, "Foreigner")):
        assert person.api.post("/api/v1/personas/", {"name": name}).status_code == 201
    gone = alice.api.post("/api/v1/personas/", {"name": "Portly"}).json()
    assert alice.api.delete(f"/api/v1/personas/{gone['id']}/").status_code == 204
    assert picked(bob, "assistants", "port") == [("assistant", "Porter")]
    assert picked(charlie, "assistants", "port") == []
    assert picked(charlie, "assistants", "foreigner") == [("assistant", "Foreigner")]


def test_7_an_unknown_kind_and_a_stranger_are_refused(alice: Person, charlie: Person) -> None:
    answer = alice.client.get("/o/acme/c/pick/", {"kind": "people"}, headers=JSON)
    assert pointers(answer) == [("/kind", "invalid_choice")]
    assert charlie.client.get("/o/acme/c/pick/", headers=JSON).status_code == 404


def _chosen(person: Person, conversation: object, **places: list[str]) -> Any:
    path = f"/o/{person.slug}/c/{conversation}/scope/"
    return person.client.post(
        path, places, content_type="application/json", headers={"Accept": "application/json"}
    )


def test_8_a_chat_keeps_what_it_searches(alice: Person, bob: Person, worker: Running) -> None:
    document, places = shelved(alice)["id"], collection(alice, "Visits")
    talk = talk_of(bob)
    before = bob.api.get(talk.path).json()["updated_at"]
    assert _chosen(bob, talk.id, collections=[places]).status_code == 200
    assert told(talk) == ([places], [])
    assert _chosen(bob, talk.id, documents=[document]).status_code == 200
    assert told(talk) == ([], [document])
    page = bob.client.get(f"/o/acme/c/{talk.id}/")
    assert page.context["chosen_documents"] == [{"id": document, "name": "handbook.pdf"}]
    assert _chosen(bob, talk.id).status_code == 200
    assert told(talk) == ([], [])
    assert bob.api.get(talk.path).json()["updated_at"] == before
    with tenant_atomic(bob.access.tenant_id):
        assert AuditEvent.objects.filter(action="conversation.changed", target_id=talk.id).count() == 3


def test_8_what_is_out_of_sight_cannot_be_chosen(
    alice: Person, bob: Person, charlie: Person, worker: Running
) -> None:
    secret = collection(alice, "Salaries", [alice])
    hidden, foreign = shelved(alice, collection=secret)["id"], shelved(charlie)["id"]
    talk = talk_of(bob)
    for one in (secret, collection(charlie, "Globex"), str(uuid4())):
        assert pointers(_chosen(bob, talk.id, collections=[one])) == [("/collections/0", "unknown_id")]
    for one in (hidden, foreign, str(uuid4())):
        assert pointers(_chosen(bob, talk.id, documents=[one])) == [("/documents/0", "unknown_id")]
    assert pointers(_chosen(bob, talk.id, documents=["none"])) == [("/documents/0", "invalid")]
    assert told(talk) == ([], [])
    missing = refusal(_chosen(charlie, uuid4(), collections=[]))
    assert missing[0] == 404
    assert refusal(_chosen(charlie, talk.id, collections=[])) == missing
    assert _chosen(alice, talk.id, collections=[]).status_code == 404


def test_8_programs_choose_it_too(alice: Person, bob: Person, charlie: Person, worker: Running) -> None:
    document, places = shelved(alice)["id"], collection(alice, "Visits")
    foreign, secret = collection(charlie, "Globex"), collection(alice, "Salaries", [alice])
    talk = talk_of(bob)
    assert bob.api.patch(talk.path, {"collections": [places]}).json()["collections"] == [places]
    changed = bob.api.patch(talk.path, {"documents": [document]}).json()
    assert (changed["collections"], changed["documents"]) == ([places], [document])
    for one in (foreign, secret, str(uuid4())):
        assert pointers(bob.api.patch(talk.path, {"collections": [one]})) == [("/collections/0", "unknown_id")]
    assert bob.api.patch(talk.path, {"collections": [], "documents": []}).status_code == 200
    assert told(talk) == ([], [])


def test_8_a_chat_begins_with_its_scope(alice: Person, charlie: Person, worker: Running) -> None:
    document = shelved(alice)["id"]

    def begun(person: Person, **body: object) -> Any:
        return person.client.post(f"/o/{person.slug}/c/", body, content_type="application/json", headers=JSON)

    made = begun(alice, documents=[document])
    assert made.status_code == 201
    assert alice.api.get(f"/api/v1/conversations/{made.json()['id']}/").json()["documents"] == [document]
    assert pointers(begun(charlie, documents=[document])) == [("/documents/0", "unknown_id")]


def test_40_an_address_may_name_the_document_to_ask(
    alice: Person, bob: Person, charlie: Person, worker: Running
) -> None:
    document = shelved(alice)["id"]
    page = bob.client.get("/o/acme/", {"document": document})
    assert page.context["chosen_documents"] == [{"id": document, "name": "handbook.pdf"}]
    assert charlie.client.get("/o/globex/", {"document": document}).status_code == 404
    for wrong in (str(uuid4()), "none"):
        assert bob.client.get("/o/acme/", {"document": wrong}).status_code == 404


def _answered(person: Person, document: str, *, cites: int = 1) -> Talk:
    """An answer whose search found the handbook's three passages, of which it cites one."""
    talk = talk_of(person)
    reply = talk.say("How many days of paid holiday are there?", "Twenty-eight [1].", document=document)
    with tenant_atomic(person.access.tenant_id):
        chunks = list(Chunk.objects.filter(document=document).order_by("number"))
        for number, heading in enumerate(
            ("Staff", f"Leave{PATH_SEPARATOR}Parental leave", "Are night trains refunded?")
        ):
            Chunk.objects.filter(id=chunks[number].id).update(heading=heading)
        found = [
            {"marker": number, "document": document, "version": 1, "start": one.start}
            for number, one in enumerate(chunks, 1)
        ]
        message = Message.objects.get(id=reply)
        Trace.objects.create(message=message, about={"passages": found})
        place = {"version": 1, "name": "a", "title": "a", "page": 1, "start": 0, "end": 1, "quote": "a"}
        if cites:
            Citation.objects.create(message=message, marker=cites, document_id=UUID(document), **place)
    return talk


def _suggested(person: Person, message: object) -> Any:
    return person.client.get(f"/o/{person.slug}/c/follow-ups/?answer={message}", headers=JSON)


NEXT = [
    "What does handbook.pdf say about “Parental leave”?",
    "Are night trains refunded?",
    "What does handbook.pdf say about “Travel”?",
]


def test_27_what_stands_beside_the_citations_may_be_asked_next(alice: Person, worker: Running) -> None:
    talk = _answered(alice, shelved(alice)["id"])
    assert _suggested(alice, talk.answers[-1]).json() == {"questions": NEXT}
    assert alice.client.get(f"/o/acme/c/{talk.id}/").context["follow_ups"] == NEXT
    # What was asked already is not suggested again.
    talk.say("And what of parental leave?", "Fourteen months.")
    assert _suggested(alice, talk.answers[0]).json() == {"questions": NEXT[1:]}
    assert alice.client.get(f"/o/acme/c/{talk.id}/").context["follow_ups"] == []


def test_27_nothing_is_suggested_of_what_is_gone_or_after_no_answer(alice: Person, worker: Running) -> None:
    document = shelved(alice)["id"]
    uncited = _answered(alice, document, cites=0)
    assert _suggested(alice, uncited.answers[-1]).json() == {"questions": []}
    refused, talk = _answered(alice, document), _answered(alice, document)
    with tenant_atomic(alice.access.tenant_id):
        Message.objects.filter(id=refused.answers[-1]).update(status=Status.REFUSED)
    assert _suggested(alice, refused.answers[-1]).json() == {"questions": []}
    assert _suggested(alice, talk.answers[-1]).json() == {"questions": NEXT}
    assert alice.api.delete(f"/api/v1/documents/{document}/").status_code == 204
    assert _suggested(alice, talk.answers[-1]).json() == {"questions": []}


def test_27_nothing_is_suggested_of_what_one_sees_no_longer(alice: Person, bob: Person, worker: Running) -> None:
    place = collection(alice, "Staff")
    talk = _answered(bob, shelved(alice, collection=place)["id"])
    assert _suggested(bob, talk.answers[-1]).json() == {"questions": NEXT}
    closed = {"access": {"everyone": False, "people": [str(alice.user.pk)]}}
    assert alice.api.patch(f"/api/v1/collections/{place}/", closed).status_code == 200
    assert _suggested(bob, talk.answers[-1]).json() == {"questions": []}


def test_27_anothers_answer_is_a_missing_one(alice: Person, bob: Person, charlie: Person, worker: Running) -> None:
    talk = _answered(alice, shelved(alice)["id"])
    assert _suggested(alice, talk.answers[-1]).json() == {"questions": NEXT}
    for person, answer in (
        (charlie, uuid4()),
        (charlie, talk.answers[-1]),
        (bob, talk.answers[-1]),
        (bob, "none"),
    ):
        found = _suggested(person, answer)
        assert (found.status_code, found.json()) == (200, {"questions": []})
