"""`/documents/{id}/versions/`: replacing a file, reading the old one, taking it back."""

from __future__ import annotations

from hashlib import sha256
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import MULTIPART_CONTENT

from documents.models import Document
from tenants.db import tenant_atomic
from tenants.models import AuditEvent
from tests.documents.conftest import Remains
from tests.factories import LONG_TEXT, document_of, processed, ready, uploaded
from tests.people import Person
from tests.processes import Running
from tests.refusals import pointers, refusal

pytestmark = pytest.mark.django_db(transaction=True)

OLD, NEW = b"The lease ends in May. The rent is 900.", b"The lease ends in October. The rent is 950."


def path_of(document: str, rest: str = "") -> str:
    return f"/api/v1/documents/{document}/{rest}"


def replace(person: Person, document: str, content: bytes, *, name: str = "lease.txt", field: str = "file") -> Any:
    sent = {field: SimpleUploadedFile(name, content)}
    return person.api.post(path_of(document, "versions/"), sent, content_type=MULTIPART_CONTENT)


def replaced(person: Person, document: str, content: bytes, **options: Any) -> dict[str, Any]:
    """Replace the file and wait until that is over."""
    response = replace(person, document, content, **options)
    assert response.status_code == 202, response.content
    return processed(person, document)


def versions(person: Person, document: str) -> dict[int, dict[str, Any]]:
    response = person.api.get(path_of(document, "versions/"))
    assert response.status_code == 200, response.content
    return {one["number"]: one for one in response.json()["results"]}


def found(person: Person, query: str = "When does the lease end?") -> list[tuple[int, str]]:
    """Version and text of each hit."""
    response = person.api.post("/api/v1/search/", {"query": query, "top_k": 10})
    assert response.status_code == 200, response.content
    return [(hit["version"], hit["text"]) for hit in response.json()["results"]]


def test_the_first_version_is_the_file_that_was_uploaded(bob: Person) -> None:
    document = uploaded(bob, "lease.txt", OLD)["id"]
    [version] = versions(bob, document).values()
    assert set(version) == {
        *("number", "name", "is_current", "status", "progress", "error", "pages", "chunks", "properties"),
        *("masked", "timings", "sha256", "size", "media_type", "created_at"),
    }
    assert (version["number"], version["name"], version["size"]) == (1, "lease.txt", len(OLD))
    assert (version["is_current"], version["status"]) == (True, "queued")


def test_questions_find_the_new_version_and_people_still_read_the_old(bob: Person, worker: Running) -> None:
    document = ready(bob, "lease.txt", OLD)["id"]
    assert found(bob) == [(1, OLD.decode())]
    shown = replaced(bob, document, NEW, name="lease 2027.txt")
    assert (shown["status"], shown["version"], shown["pending_version"], shown["error"]) == (
        "ready",
        2,
        None,
        None,
    )
    assert (shown["size"], shown["name"]) == (len(NEW), "lease.txt")
    assert found(bob) == [(2, NEW.decode())]
    for number, content in ((1, OLD), (2, NEW)):
        page = bob.api.get(path_of(document, f"pages/1/?version={number}"))
        assert page.json()["text"] == content.decode()
        file = bob.api.get(path_of(document, f"file/?version={number}"))
        assert file.headers["ETag"] == f'"{sha256(content).hexdigest()}"'
    listed = versions(bob, document)
    assert {number: one["is_current"] for number, one in listed.items()} == {1: False, 2: True}
    assert listed[2]["name"] == "lease 2027.txt"


def test_until_the_new_version_is_ready_questions_find_the_old_one(bob: Person, worker: Running) -> None:
    document = ready(bob, "lease.txt", OLD)["id"]
    assert replace(bob, document, LONG_TEXT[: len(LONG_TEXT) // 3]).status_code == 202
    seen = set()
    while (shown := document_of(bob, document))["status"] != "ready":
        assert (shown["version"], shown["pending_version"]) == (1, 2)
        seen |= {number for number, _text in found(bob, "clause binds both parties")}
    assert seen <= {1, 2}
    assert 1 in seen, "there was no time to look"
    assert {number for number, _text in found(bob, "clause binds both parties")} == {2}


def test_a_replacement_that_cannot_be_read_leaves_the_old_version_as_it_was(bob: Person, worker: Running) -> None:
    document = ready(bob)["id"]
    before = document_of(bob, document)
    shown = replaced(bob, document, b"%PDF-1.7\nnothing of a PDF follows", name="handbook.pdf")
    assert (shown["status"], shown["version"], shown["pending_version"]) == ("ready", 1, None)
    assert shown["error"]["code"] == "corrupt_pdf"
    assert {name: shown[name] for name in ("pages", "chunks", "size")} == {
        name: before[name] for name in ("pages", "chunks", "size")
    }
    listed = versions(bob, document)
    assert {number: (one["status"], one["is_current"]) for number, one in listed.items()} == {
        1: ("ready", True),
        2: ("failed", False),
    }
    assert listed[2]["error"] == shown["error"]
    assert {number for number, _text in found(bob, "paid holiday")} == {1}


def test_a_replacement_may_be_cancelled(bob: Person, worker: Running, remains: Remains) -> None:
    document = ready(bob, "lease.txt", OLD)["id"]
    before = remains(bob)
    assert replace(bob, document, LONG_TEXT).status_code == 202
    cancelled = bob.api.post(path_of(document, "cancel/"))
    assert (cancelled.status_code, cancelled.json()["status"], cancelled.json()["version"]) == (200, "ready", 1)
    assert versions(bob, document)[2]["status"] == "cancelled"
    assert found(bob) == [(1, OLD.decode())]
    assert remains(bob) == {**before, "documents_documentversion": 2, "files": 2}


def test_an_earlier_version_is_taken_back_at_once(bob: Person, worker: Running) -> None:
    document = ready(bob, "lease.txt", OLD)["id"]
    replaced(bob, document, NEW)
    restored = bob.api.post(path_of(document, "versions/1/restore/"))
    assert (restored.status_code, restored.json()["version"], restored.json()["status"]) == (200, 1, "ready")
    assert restored.json()["size"] == len(OLD)
    assert found(bob) == [(1, OLD.decode())]
    with tenant_atomic(bob.access.tenant_id):
        events = AuditEvent.objects.filter(target_id=document).order_by("at")
        actions = list(events.values_list("action", flat=True))
    assert actions == ["document.uploaded", "document.replaced", "document.restored"]


def test_only_a_version_that_was_ready_is_taken_back(bob: Person, worker: Running) -> None:
    document = ready(bob)["id"]
    replaced(bob, document, b"%PDF-1.7\nnothing of a PDF follows", name="handbook.pdf")
    status, body = refusal(bob.api.post(path_of(document, "versions/2/restore/")))
    assert (status, body["code"]) == (409, "not_ready")
    assert bob.api.post(path_of(document, "versions/3/restore/")).status_code == 404


def test_the_same_bytes_make_no_new_version(bob: Person, worker: Running, remains: Remains) -> None:
    document = ready(bob, "lease.txt", OLD)["id"]
    before = remains(bob)
    same = replace(bob, document, OLD, field="files")
    assert (same.status_code, same.json()["number"], same.json()["status"]) == (202, 1, "ready")
    assert remains(bob) == before


def test_bytes_of_another_document_are_refused(bob: Person, worker: Running, remains: Remains) -> None:
    document = ready(bob, "lease.txt", OLD)["id"]
    other = ready(bob, "new.txt", NEW)["id"]
    before = remains(bob)
    status, body = refusal(replace(bob, document, NEW))
    assert (status, body["code"]) == (409, "duplicate")
    assert remains(bob) == before
    # And the other way round: an upload finds them in a version that is under way.
    replace(bob, document, LONG_TEXT)
    assert uploaded(bob, "again.txt", LONG_TEXT)["duplicate_of"] == document
    assert other != document


def test_a_document_that_is_processed_takes_no_other_file(bob: Person, remains: Remains) -> None:
    document = uploaded(bob, "lease.txt", OLD)["id"]
    before = remains(bob)
    status, body = refusal(replace(bob, document, NEW))
    assert (status, body["code"]) == (409, "in_progress")
    assert remains(bob) == before


def test_deleting_takes_every_version_with_it(bob: Person, worker: Running, remains: Remains) -> None:
    document = ready(bob, "lease.txt", OLD)["id"]
    replaced(bob, document, NEW)
    assert bob.api.delete(path_of(document)).status_code == 204
    assert remains(bob) == {}


def test_whoever_may_not_change_a_document_replaces_nothing(
    alice: Person, bob: Person, dana: Person, charlie: Person, worker: Running
) -> None:
    document = ready(alice, "lease.txt", OLD)["id"]
    for person, expected in ((bob, 403), (dana, 403), (charlie, 404)):
        assert replace(person, document, NEW).status_code == expected
        assert person.api.post(path_of(document, "versions/1/restore/")).status_code == expected
    foreign, missing = replace(charlie, document, NEW), replace(charlie, str(uuid4()), NEW)
    assert refusal(foreign) == refusal(missing)
    assert set(versions(bob, document)) == {1}
    with tenant_atomic(alice.access.tenant_id):
        assert Document.objects.get(id=document).current_version == 1


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({}, [("/file", "required")]),
        ({"file": "text"}, [("/file", "invalid")]),
        ({"file": SimpleUploadedFile("a.txt", b"a"), "note": "x"}, [("/note", "unknown_field")]),
    ],
)
def test_a_wrong_form_is_refused(bob: Person, sent: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    document = uploaded(bob, "lease.txt", OLD)["id"]
    answer = bob.api.post(path_of(document, "versions/"), sent, content_type=MULTIPART_CONTENT)
    assert pointers(answer) == expected
