"""Uploading over HTTP, with files as they ought to be and as they ought not."""

from __future__ import annotations

import io
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any
from uuid import uuid4

import httpx
import pytest

from documents.models import Status
from tests.documents.conftest import Remains
from tests.documents.pdfs import drawing_pdf, text_pdf
from tests.factories import document_of, processed, ready, uploaded
from tests.people import Person
from tests.plain import NO_TLS
from tests.processes import LiveServer, Running
from tests.refusals import pointers, refusal

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/api/v1/documents/"


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("word/document.xml", "<w:document/>")
    return buffer.getvalue()


def test_each_file_gets_a_result_in_the_order_sent(bob: Person) -> None:
    response = bob.api.upload(("one.txt", b"First."), ("two.txt", b"Second."))
    assert response.status_code == 202
    first, second = response.json()["results"]
    assert first == {"id": first["id"], "name": "one.txt", "status": "queued"}
    assert second == {"id": second["id"], "name": "two.txt", "status": "queued"}
    assert first["id"] != second["id"]


def test_a_new_document_shows_what_was_said_about_it(bob: Person) -> None:
    made = bob.api.post("/api/v1/collections/", {"name": "Contracts"}).json()
    said = {
        "collection": made["id"],
        "chunk_size": 500,
        "chunk_overlap": 50,
        "tags": ["lease", "2026", "lease"],
        "metadata": '{"author": "Ada", "pages": 3}',
    }
    document = document_of(bob, uploaded(bob, "lease.txt", b"The lease ends in May.", **said)["id"])
    assert set(document) == {
        "id", "name", "title", "collection", "status", "progress", "error", "attempts", "pages", "chunks",
        "size", "media_type", "version", "pending_version", "language", "dated_at", "eta_seconds",
        "tags", "metadata", "timings", "created_at", "updated_at",
    }  # fmt: skip
    assert (document["name"], document["title"], document["version"]) == ("lease.txt", "lease.txt", 1)
    assert (document["collection"], document["size"], document["media_type"]) == (made["id"], 22, "text/plain")
    assert (document["tags"], document["metadata"]) == (["lease", "2026"], {"author": "Ada", "pages": 3})


def test_tags_may_come_as_one_json_list(bob: Person) -> None:
    result = uploaded(bob, "lease.txt", b"The lease ends in May.", tags='["lease", "2026"]')
    assert document_of(bob, result["id"])["tags"] == ["lease", "2026"]


def test_without_a_collection_the_default_one_takes_it(bob: Person) -> None:
    [default] = bob.api.get("/api/v1/collections/").json()["results"]
    result = uploaded(bob, "lease.txt", b"The lease ends in May.")
    assert document_of(bob, result["id"])["collection"] == default["id"]


def test_the_passages_are_as_large_as_asked(bob: Person, worker: Running) -> None:
    text = " ".join(f"Sentence number {number} says something short." for number in range(60))
    small = uploaded(bob, "small.txt", text.encode(), chunk_size=200, chunk_overlap=0)
    assert processed(bob, small["id"])["status"] == "ready"
    chunks = bob.api.get(f"{PATH}{small['id']}/chunks/").json()["results"]
    assert 140 < max(len(chunk["text"]) for chunk in chunks) <= 200
    assert all(one["end"] <= after["start"] for one, after in pairwise(chunks))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"colour": "red"}, [("/colour", "unknown_field")]),
        ({"language": "en"}, [("/language", "unknown_field")]),
        ({"chunk_size": "many"}, [("/chunk_size", "invalid")]),
        ({"chunk_size": 199}, [("/chunk_size", "out_of_range")]),
        ({"chunk_size": 1001}, [("/chunk_size", "out_of_range")]),
        ({"chunk_overlap": 501}, [("/chunk_overlap", "out_of_range")]),
        ({"metadata": "{"}, [("/metadata", "invalid")]),
        ({"metadata": "[1]"}, [("/metadata", "not_object")]),
        ({"metadata": '{"a": 1e400}'}, [("/metadata", "unstorable")]),
        ({"metadata": '{"a": "\\ud800"}'}, [("/metadata", "unstorable")]),
        ({"metadata": "[" * 20_000}, [("/metadata", "unstorable")]),
        ({"tags": "[" * 20_000}, [("/tags", "not_a_list")]),
        ({"tags": "[1"}, [("/tags", "invalid")]),
        ({"tags": "x" * 61}, [("/tags/0", "max_length")]),
        ({"collection": "documents"}, [("/collection", "invalid")]),
    ],
)
def test_a_wrong_field_is_refused_with_a_pointer_and_nothing_is_stored(
    bob: Person, remains: Remains, fields: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert pointers(bob.api.upload(("lease.txt", b"The lease ends in May."), **fields)) == expected
    assert remains(bob) == {}


def test_a_form_without_files_is_refused(bob: Person) -> None:
    assert pointers(bob.api.upload()) == [("/files", "required")]
    assert bob.api.post(PATH, {"files": []}).status_code == 415


def test_a_foreign_collection_answers_as_a_missing_one(alice: Person, charlie: Person, remains: Remains) -> None:
    [foreign_collection] = alice.api.get("/api/v1/collections/").json()["results"]
    file = ("lease.txt", b"The lease ends in May.")
    foreign = charlie.api.upload(file, collection=foreign_collection["id"])
    missing = charlie.api.upload(file, collection=str(uuid4()))
    assert pointers(foreign) == [("/collection", "unknown_id")]
    assert refusal(foreign) == refusal(missing)
    assert remains(charlie) == remains(alice) == {}
    assert alice.api.upload(file, collection=foreign_collection["id"]).status_code == 202


def test_a_viewer_may_not_upload(dana: Person, remains: Remains) -> None:
    status, body = refusal(dana.api.upload(("lease.txt", b"The lease ends in May.")))
    assert (status, body["code"]) == (403, "permission_denied")
    assert remains(dana) == {}


@pytest.mark.parametrize(
    ("name", "content", "status", "code"),
    [
        ("empty.txt", b"", 400, "empty_file"),
        ("empty.pdf", b"", 400, "empty_file"),
        ("report.pdf", zipped(), 415, "type_mismatch"),
        ("notes.txt", bytes(range(256)) * 8, 415, "not_text"),
        ("picture.png", b"\x89PNG\r\n\x1a\n" + bytes(64), 415, "unsupported_type"),
        ("letter.docx", zipped(), 415, "type_mismatch"),
        ("report.txt", text_pdf([["Hello"]]), 415, "type_mismatch"),
    ],
)
def test_what_is_refused_at_the_door_leaves_nothing(  # noqa: PLR0917
    bob: Person, remains: Remains, name: str, content: bytes, status: int, code: str
) -> None:
    refused = refusal(bob.api.upload((name, content)))
    assert (refused[0], refused[1]["code"]) == (status, code)
    assert refused[1]["detail"].endswith(".")
    assert remains(bob) == {}


def test_a_refused_file_does_not_keep_the_others_out(bob: Person, worker: Running) -> None:
    response = bob.api.upload(("report.pdf", zipped()), ("lease.txt", b"The lease ends in May."))
    assert response.status_code == 202
    refused, accepted = response.json()["results"]
    assert refused == {
        "id": None,
        "name": "report.pdf",
        "status": "rejected",
        "error": {
            "code": "type_mismatch",
            "detail": "The file is called .pdf but is a ZIP archive."
            " Give it the right name, or upload another file.",
        },
    }
    assert processed(bob, accepted["id"])["status"] == "ready"


def test_a_file_over_the_limit_is_too_large(bob: Person, remains: Remains, settings: Any) -> None:
    settings.DOCENT_MAX_FILE_BYTES = 1024 * 1024
    status, body = refusal(bob.api.upload(("long.txt", b"word " * 250_000)))
    assert (status, body["code"]) == (413, "file_too_large")
    assert body["detail"] == "“long.txt” is larger than 1 MB."
    assert remains(bob) == {}
    assert bob.api.upload(("short.txt", b"word " * 200_000)).status_code == 202


def test_sixty_megabytes_of_text_are_refused_by_the_server(
    bob: Person, live_server: LiveServer, remains: Remains
) -> None:
    headers = {"Authorization": f"Bearer {bob.token}"}
    content = b"twelve bytes" * 5_000_000
    response = httpx.post(
        f"{live_server.url}{PATH}",
        headers=headers,
        files={"files": ("long.txt", content)},
        timeout=60,
        verify=NO_TLS,
    )
    assert (response.status_code, response.json()["code"]) == (413, "file_too_large")
    assert remains(bob) == {}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param(b"%PDF-1.7\nnothing of a PDF follows", "corrupt_pdf", id="corrupt"),
        pytest.param(text_pdf([["Secret"]], password="open sesame"), "encrypted_pdf", id="encrypted"),
        pytest.param(drawing_pdf(), "no_text", id="without text"),
    ],
)
def test_what_the_parser_refuses_fails_and_keeps_only_the_original(
    bob: Person, worker: Running, remains: Remains, content: bytes, code: str
) -> None:
    result = uploaded(bob, "report.pdf", content)
    document = processed(bob, result["id"])
    assert (document["status"], document["pages"], document["chunks"]) == ("failed", 0, 0)
    assert document["error"]["code"] == code
    assert document["error"]["detail"].endswith(".")
    assert remains(bob) == {"documents_document": 1, "documents_documentversion": 1, "files": 1}
    assert ready(bob)["pages"] == 3  # the next file is unaffected
    assert bob.api.delete(f"{PATH}{result['id']}/").status_code == 204
    assert remains(bob)["documents_document"] == 1


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("../../x", "x"),
        ("..\\..\\lease.txt", "lease.txt"),
        ("/etc/passwd", "passwd"),
        ("a\x1b[31m.txt", "a[31m.txt"),
    ],
)
def test_a_name_is_never_a_path(bob: Person, worker: Running, remains: Remains, sent: str, shown: str) -> None:
    # As a hostile client sends it: Django's own client would clean the name up.
    body = (
        b'--line\r\nContent-Disposition: form-data; name="files"; filename="' + sent.encode() + b'"\r\n'
        b"Content-Type: text/plain\r\n\r\nThe lease ends in May.\r\n--line--\r\n"
    )
    response = bob.api.post(PATH, body, content_type="multipart/form-data; boundary=line")
    assert response.status_code == 202, response.content
    [result] = response.json()["results"]
    assert result["name"] == shown
    assert processed(bob, result["id"])["status"] == "ready"
    assert remains(bob)["files"] == 1


def test_the_same_bytes_in_a_collection_are_one_document(bob: Person, alice: Person, charlie: Person) -> None:
    first = uploaded(bob, "lease.txt", b"The lease ends in May.")
    again = uploaded(alice, "copy.txt", b"The lease ends in May.")
    status = again.pop("status")  # the first one's at that moment; a worker may be at it
    assert status in set(Status) - {Status.FAILED, Status.CANCELLED}
    assert again == {"id": first["id"], "name": "copy.txt", "duplicate_of": first["id"]}
    other = alice.api.post("/api/v1/collections/", {"name": "Contracts"}).json()
    assert "duplicate_of" not in uploaded(alice, "lease.txt", b"The lease ends in May.", collection=other["id"])
    assert "duplicate_of" not in uploaded(charlie, "lease.txt", b"The lease ends in May.")
    assert "duplicate_of" not in uploaded(bob, "lease.txt", b"The lease ends in June.")


def test_the_same_file_twice_in_one_upload_is_one_document(bob: Person, remains: Remains) -> None:
    response = bob.api.upload(("a.txt", b"The lease ends in May."), ("b.txt", b"The lease ends in May."))
    first, second = response.json()["results"]
    assert second["duplicate_of"] == first["id"]
    assert (remains(bob)["documents_document"], remains(bob)["files"]) == (1, 1)


def test_what_failed_may_be_sent_again(bob: Person, worker: Running) -> None:
    broken = b"%PDF-1.7\nnothing of a PDF follows"
    first = uploaded(bob, "report.pdf", broken)
    assert processed(bob, first["id"])["status"] == "failed"
    second = uploaded(bob, "report.pdf", broken)
    assert second["id"] != first["id"]


def test_the_same_bytes_at_the_same_moment_are_one_document(
    bob: Person, live_server: LiveServer, remains: Remains
) -> None:
    content = b"The lease ends in May.\n" * 50_000
    at_once = threading.Barrier(8)

    def send() -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {bob.token}"}
        with httpx.Client(base_url=live_server.url, headers=headers, timeout=30, verify=NO_TLS) as browser:
            browser.get("/api/v1/me/")  # the connection is open already when all begin
            at_once.wait(20)
            response = browser.post(PATH, files={"files": ("lease.txt", content)})
        assert response.status_code == 202, response.text
        return dict(response.json()["results"][0])

    with ThreadPoolExecutor(8) as pool:
        results = [sent.result() for sent in [pool.submit(send) for _ in range(8)]]
    assert len({result["id"] for result in results}) == 1
    assert sum("duplicate_of" in result for result in results) == 7
    assert (remains(bob)["documents_document"], remains(bob)["files"]) == (1, 1)
