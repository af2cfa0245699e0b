"""The portal's list and the page of one document, by forms as a browser sends them."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from pytest_django import Settings

from documents.models import Collection, Document, Status
from documents.views.bulk import ROWS
from tenants.db import tenant_atomic
from tests.documents.conftest import Remains
from tests.factories import document_of, processed, ready, uploaded
from tests.people import Person
from tests.processes import Running
from tests.refusals import pointers, refusal
from tests.shelving import shelved

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "/o/acme/documents/"
SCRIPT = {"Accept": "application/json"}
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def idle(settings: Settings) -> None:
    """Nobody hears of new jobs: documents stay in the queue."""
    settings.DOCENT_JOBS_IN_FLIGHT = {}


def sent(person: Person, path: str, form: dict[str, Any], *, place: str = LIST) -> Any:
    """A form that a browser sends from a page."""
    headers = {**BROWSER, "Referer": f"http://testserver{place}"}
    return person.client.post(f"{LIST}{path}", form, headers=headers)


def listed(person: Person, query: str = "") -> Any:
    response = person.client.get(f"{LIST}{query}")
    assert response.status_code == 200
    return response.context


def names(person: Person, query: str = "") -> list[str]:
    return [one["name"] for one in listed(person, query)["documents"]]


def notices(person: Person) -> list[str]:
    return [str(one) for one in listed(person)["messages"]]


def texts(person: Person, *names: str, **fields: Any) -> list[str]:
    """Ids of new documents, one text each."""
    return [str(uploaded(person, name, f"Of {name}.".encode(), **fields)["id"]) for name in names]


def collection(person: Person, name: str) -> str:
    return str(person.api.post("/api/v1/collections/", {"name": name}).json()["id"])


def test_the_list_goes_on_on_further_pages(alice: Person) -> None:
    with tenant_atomic(alice.access.tenant_id):
        home = Collection.objects.get(is_default=True)
        made = Document.objects.bulk_create(
            Document(collection=home, name=f"{n}.txt", title=f"{n}.txt", sha256=f"{n:064}", size=1)
            for n in range(2 * ROWS + 1)
        )
        newest_first = [one.name for one in Document.objects.order_by("-created_at", "-id")]
    assert len(newest_first) == len(made) == 2 * ROWS + 1
    second, third = listed(alice, "?page=2"), listed(alice, "?q=.txt&state=working&page=3")
    assert [one["name"] for one in second["documents"]] == newest_first[ROWS : 2 * ROWS]
    assert [one["name"] for one in third["documents"]] == newest_first[2 * ROWS :]
    assert second["turns"] == {"previous": "?page=1", "next": "?page=3"}
    assert third["turns"] == {"previous": "?q=.txt&state=working&page=2", "next": None}
    assert names(alice, "?q=7.txt&page=nonsense") == [name for name in newest_first if "7.txt" in name]


def test_documents_are_found_by_what_they_are(alice: Person, charlie: Person, idle: None) -> None:
    plans = collection(alice, "Plans")
    [lease] = texts(alice, "lease.txt", tags='["law", "2025"]')
    texts(alice, "plan.txt", collection=plans)
    with tenant_atomic(alice.access.tenant_id):
        Document.objects.filter(id=lease).update(
            language="de", title="Mietvertrag", status=Status.READY, error_code="corrupt_pdf"
        )
    assert names(alice) == ["plan.txt", "lease.txt"]
    for query in (
        "q=mietvertrag",
        "q=LEASE",
        "q=ver+miet",
        "tag=law",
        "language=de",
        "state=ready",
        "state=failed",
    ):
        assert names(alice, f"?{query}") == ["lease.txt"], query
    for query in ("state=working", f"collection={plans}", "q=plan", f"collection={plans}&state=working"):
        assert names(alice, f"?{query}") == ["plan.txt"], query
    nothing = [f"collection={uuid4()}", "collection=x", "state=cancelled", "q=lease+plan", "tag=la"]
    for query in nothing:
        assert names(alice, f"?{query}") == [], query
    assert names(alice, "?state=nonsense&colour=red") == ["plan.txt", "lease.txt"]
    choices = listed(alice, "?tag=law")["choices"]
    assert [(one["value"], one["is_chosen"]) for one in choices["tags"]] == [("2025", False), ("law", True)]
    assert [(one["value"], one["label"]) for one in choices["languages"]] == [("de", "German")]
    assert charlie.client.get("/o/globex/documents/?q=lease").context["choices"]["tags"] == []


def test_several_are_moved_and_put_back(alice: Person, idle: None) -> None:
    plans, home = collection(alice, "Plans"), listed(alice)["collections"][0]["id"]
    first, second, third = texts(alice, "a.txt", "b.txt", "c.txt")
    texts(alice, "d.txt", collection=plans)
    uploaded(alice, "twin.txt", b"Of c.txt.", collection=plans)
    chosen = {"documents": [first, second, third], "action": "move"}
    back = sent(alice, "bulk/", {**chosen, "collection": plans}, place=f"{LIST}?q=txt")
    assert (back.status_code, back.headers["Location"]) == (302, f"{LIST}?q=txt")
    shown = listed(alice)
    assert [str(one) for one in shown["messages"]] == ["“c.txt”: The same file is in that collection already."]
    undo = shown["undo"]
    assert undo["words"] == "2 documents moved to “Plans”."
    assert [one["collection"] for one in undo["places"]] == [str(home)] * 2
    assert listed(alice)["undo"] is None  # offered once
    assert document_of(alice, first)["collection"] == plans
    places = {name: [one[name[:-1]] for one in undo["places"]] for name in ("documents", "collections")}
    sent(alice, "undo/", places)
    assert notices(alice) == ["2 documents are back."]
    assert {document_of(alice, one)["collection"] for one in (first, second, third)} == {str(home)}
    sent(alice, "bulk/", chosen)
    assert notices(alice) == ["Choose the collection to move to."]


def test_several_are_deleted_after_a_second_yes(alice: Person, bob: Person, remains: Remains, idle: None) -> None:
    [own] = texts(bob, "own.txt")
    others = texts(alice, "a.txt", "b.txt")
    form = {"documents": [own, *others], "action": "delete", "collection": ""}
    asked = sent(bob, "bulk/", form)
    assert asked.status_code == 200
    assert "Delete 3 documents?" in asked.content.decode()
    assert remains(alice)["documents_document"] == 3
    sent(bob, "bulk/", {**form, "confirmed": "true"})
    refused = "Only an admin or the person who uploaded this document may change it."
    told = notices(bob)
    assert sorted(told[:2]) == [f"“{name}”: {refused}" for name in ("a.txt", "b.txt")]
    assert told[2:] == ["1 document deleted."]
    assert names(bob) == ["b.txt", "a.txt"]


def test_several_are_processed_anew(alice: Person, idle: None) -> None:
    over, busy = texts(alice, "over.txt", "busy.txt")
    alice.api.post(f"/api/v1/documents/{over}/cancel/")
    sent(alice, "bulk/", {"documents": [over, busy], "action": "reprocess"})
    assert sorted(notices(alice)) == [
        "1 document is queued.",
        "“busy.txt”: This document is being processed already.",
    ]
    assert document_of(alice, over)["status"] == "queued"


def test_what_is_no_choice_is_refused(alice: Person, charlie: Person) -> None:
    [own], [foreign] = texts(alice, "a.txt"), texts(charlie, "b.txt")

    def refused(path: str = "bulk/", **form: Any) -> Any:
        return pointers(alice.client.post(f"{LIST}{path}", {"action": "reprocess", **form}, headers=SCRIPT))

    missing = str(uuid4())
    assert refused(documents=[foreign]) == refused(documents=[missing]) == [("/documents/0", "unknown_id")]
    assert refused() == [("/documents", "empty")]
    assert refused(documents=[own], action="burn") == [("/action", "invalid_choice")]
    assert refused(documents=[own], colour="red") == [("/colour", "unknown_field")]
    assert refused(documents=[str(uuid4()) for _ in range(ROWS + 1)]) == [("/documents", "max_length")]
    for one in (missing, charlie.client.get("/o/globex/documents/").context["collections"][0]["id"]):
        assert refused(documents=[own], action="move", collection=one) == [("/collection", "unknown_id")]
        back = {"documents": [own], "collections": [one]}
        assert pointers(alice.client.post(f"{LIST}undo/", back, headers=SCRIPT)) == [
            ("/collections/0", "unknown_id")
        ]
    uneven = alice.client.post(f"{LIST}undo/", {"documents": [own, own], "collections": [missing]}, headers=SCRIPT)
    assert pointers(uneven) == [("/collections", "invalid")]


def test_the_page_of_a_document_tells_all_of_it(alice: Person, dana: Person, worker: Running) -> None:
    document = shelved(alice)
    alice.api.patch(f"/api/v1/documents/{document['id']}/", {"metadata": {"floor": 3}, "tags": ["staff"]})
    for person in (alice, dana):
        shown = person.client.get(f"{LIST}{document['id']}/")
        assert shown.status_code == 200
        context = shown.context
        facts = {str(label): value for label, value in [*context["facts"], *context["properties"]]}
        assert {"File": "handbook.pdf", "Kind": "PDF", "Language": "English"}.items() <= facts.items()
        assert facts["Title in the file"] == "Staff handbook"
        assert (context["metadata"], context["tag_words"]) == ([("floor", 3)], "staff")
        assert [one["number"] for one in context["pages"]] == [1, 2, 3]
        assert next(str(one["label"]) for one in context["timings"]) == "Reading the text"
        [version] = context["versions"]
        assert (version["number"], version["by"], version["is_current"]) == (1, "Alice", True)
        assert context["document"]["may_change"] == (person is alice)
        assert ("Delete this document" in shown.content.decode()) == (person is alice)


def test_title_tags_and_collection_are_changed_by_a_form(alice: Person, idle: None) -> None:
    plans = collection(alice, "Plans")
    [document] = texts(alice, "a.txt")
    page = f"{LIST}{document}/"
    form = {"title": "Lease", "tags": " law,  old  papers ,law,", "collection": plans}
    back = sent(alice, f"{document}/change/", form, place=page)
    assert (back.status_code, back.headers["Location"]) == (302, page)
    changed = document_of(alice, document)
    assert (changed["title"], changed["tags"], changed["collection"]) == ("Lease", ["law", "old papers"], plans)
    assert notices(alice) == ["Saved."]
    for wrong, told in (
        ({"title": " "}, "A document needs a title."),
        ({"tags": "x" * 61}, "Ensure this field has no more than 60 characters."),
        ({"collection": str(uuid4())}, "There is no such collection."),
    ):
        sent(alice, f"{document}/change/", wrong, place=page)
        assert notices(alice) == [told]
    assert document_of(alice, document) == changed


def test_a_form_leads_to_no_other_place_than_these_pages(alice: Person) -> None:
    [document] = texts(alice, "a.txt")
    for place in (
        "https://evil.example/o/acme/documents/?x",
        "http://testserver/o/acme/settings/",
        "//evil.example",
    ):
        headers = {**BROWSER, "Referer": place}
        back = alice.client.post(f"{LIST}{document}/change/", {"title": "B"}, headers=headers)
        assert back.headers["Location"].startswith(LIST), place


def test_stopping_keeps_the_document(bob: Person, idle: None) -> None:
    [document] = texts(bob, "a.txt")
    assert sent(bob, f"{document}/cancel/", {}).status_code == 302
    assert names(bob, "?state=cancelled") == ["a.txt"]
    sent(bob, f"{document}/cancel/", {})
    assert notices(bob) == ["This document is cancelled already."]


def test_a_new_file_is_a_new_version_and_the_old_one_can_be_taken_back(alice: Person, worker: Running) -> None:
    document = ready(alice, "rules.md", b"# Rules\n\nThe lease ends in May.")["id"]
    page = f"{LIST}{document}/"

    def replaced(content: bytes) -> None:
        file = SimpleUploadedFile("rules-2.md", content)
        assert sent(alice, f"{document}/versions/", {"file": file}, place=page).headers["Location"] == page

    replaced(b"# Rules\n\nThe lease ends in May.")
    assert notices(alice) == ["That is the file which is here already: nothing was changed."]
    replaced(b"# Rules\n\nThe lease ends in June.")
    assert processed(alice, document)["version"] == 2
    versions = alice.client.get(page).context["versions"]
    assert [(one["number"], one["is_current"], one["can_restore"]) for one in versions] == [
        (2, True, False),
        (1, False, True),
    ]
    old = alice.client.get(f"/o/acme/d/{document}/v/1/p/1")
    current = f"/o/acme/d/{document}/v/2/p/1"
    assert old.context["passage"]["current"] == {"version": 2, "url": current}
    assert 'dir="auto">Rules</h2><p dir="auto">The lease ends in May.</p>' in old.content.decode()
    assert alice.client.get(current).context["passage"]["current"] is None
    sent(alice, f"{document}/versions/1/restore/", {}, place=page)
    assert notices(alice) == ["Questions find version 1 again."]
    assert document_of(alice, document)["version"] == 1
    sent(alice, f"{document}/versions/", {}, place=page)
    assert notices(alice) == ["Choose a file."]


def test_a_foreign_document_has_no_page(alice: Person, charlie: Person) -> None:
    [document] = texts(alice, "a.txt")
    for path, method in (
        ("", "get"), ("change/", "post"), ("cancel/", "post"), ("versions/", "post"),
        ("versions/1/restore/", "post"),
    ):  # fmt: skip
        ask = getattr(charlie.client, method)
        foreign = refusal(ask(f"/o/globex/documents/{document}/{path}", headers=SCRIPT))
        missing = refusal(ask(f"/o/globex/documents/{uuid4()}/{path}", headers=SCRIPT))
        assert foreign == missing, path
        assert foreign[0] == 404, path
    assert UUID(document_of(alice, document)["id"]) == UUID(document)


def test_viewers_change_nothing_on_the_page(alice: Person, dana: Person) -> None:
    [document] = texts(alice, "a.txt")
    for path in (
        "bulk/", "undo/", f"{document}/change/", f"{document}/cancel/", f"{document}/versions/",
        f"{document}/versions/1/restore/",
    ):  # fmt: skip
        assert dana.client.post(f"{LIST}{path}", headers=SCRIPT).status_code == 403, path
