"""A ZIP that is uploaded: a document for each file in it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test.client import MULTIPART_CONTENT
from pytest_django import Settings

from tenants.models import QuotaFor, QuotaKind
from tenants.services.limits import NewQuota, set_quota
from tests.documents.conftest import Remains
from tests.factories import document_of, handbook, processed, uploaded
from tests.people import Person
from tests.processes import Running
from tests.refusals import refusal

pytestmark = pytest.mark.django_db(transaction=True)


def zipped(files: Mapping[str, str | bytes], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def results(person: Person, *files: tuple[str, bytes], **fields: Any) -> list[dict[str, Any]]:
    answer = person.api.upload(*files, **fields)
    assert answer.status_code == 202, answer.content
    return list(answer.json()["results"])


def test_each_file_becomes_a_document(bob: Person, worker: Running) -> None:
    archive = zipped(
        {
            "staff/handbook.pdf": handbook(),
            "staff/lease.txt": "The lease ends in May.",
            "../../etc/passwd.txt": "Nobody lives here.",
            "__MACOSX/._lease.txt": "x",
            "staff/": b"",
        }
    )
    found = results(bob, ("papers.zip", archive), ("note.txt", b"A note."), tags="one")
    assert [(one["name"], one["status"]) for one in found] == [
        ("papers.zip/staff/handbook.pdf", "queued"),
        ("papers.zip/staff/lease.txt", "queued"),
        ("papers.zip/etc/passwd.txt", "queued"),
        ("note.txt", "queued"),
    ]
    documents = [processed(bob, one["id"]) for one in found]
    assert [(one["name"], one["status"], one["tags"]) for one in documents] == [
        ("handbook.pdf", "ready", ["one"]),
        ("lease.txt", "ready", ["one"]),
        ("passwd.txt", "ready", ["one"]),
        ("note.txt", "ready", ["one"]),
    ]
    # And a second time, all of them are there already.
    again = results(bob, ("other.zip", archive))
    assert [one["duplicate_of"] for one in again] == [one["id"] for one in found[:3]]


def test_what_is_refused_inside_is_said_one_by_one(bob: Person, remains: Remains) -> None:
    archive = zipped(
        {
            "good.txt": "Good.",
            "tool.exe": b"MZ\x90\x00" + bytes(50),
            "inner.zip": zipped({"deep.txt": "Deep."}),
            "empty.txt": b"",
            "fake.pdf": "This is no PDF.",
            "same.txt": "Good.",
        }
    )
    found = {one["name"]: one for one in results(bob, ("papers.zip", archive))}
    codes = {name: one.get("error", {}).get("code") for name, one in found.items()}
    assert codes == {
        "papers.zip/good.txt": None,
        "papers.zip/tool.exe": "unsupported_type",
        "papers.zip/inner.zip": "nested_archive",
        "papers.zip/empty.txt": "empty_file",
        "papers.zip/fake.pdf": "type_mismatch",
        "papers.zip/same.txt": None,
    }
    assert found["papers.zip/same.txt"]["duplicate_of"] == found["papers.zip/good.txt"]["id"]
    assert {one["status"] for one in found.values() if "error" in one} == {"rejected"}
    assert remains(bob)["documents_document"] == 1


def _declared_smaller() -> bytes:
    """What it unpacks to is more than it says."""
    whole = bytearray(zipped({"a.txt": "x" * 5000, "b.txt": "Good."}))
    for mark, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = whole.index(mark) + place
        whole[at : at + 4] = (10).to_bytes(4, "little")
    return bytes(whole)


BAD = {
    "broken": (zipped({"a.txt": "A."})[:-10], "corrupt_file"),
    "empty": (zipped({}), "empty_file"),
    "a bomb": (zipped({"a.txt": bytes(30_000_000), "b.txt": "Good."}), "archive_too_large"),
    "too many": (zipped({f"{number}.txt": "x" for number in range(1001)}), "archive_too_large"),
}


@pytest.mark.parametrize("kind", BAD)
def test_U2_a_bad_archive_is_refused_as_a_whole(bob: Person, remains: Remains, kind: str) -> None:
    content, code = BAD[kind]
    status, body = refusal(bob.api.upload(("papers.zip", content)))
    assert (status, body["code"]) == (415, code)
    assert remains(bob) == {}
    # Beside a good file it is one refusal.
    beside = results(bob, ("papers.zip", content), ("note.txt", b"A note."))
    assert [(one["name"], one.get("error", {}).get("code")) for one in beside] == [
        ("papers.zip", code),
        ("note.txt", None),
    ]


def test_U2_a_member_that_lies_about_its_size_is_refused(bob: Person, remains: Remains) -> None:
    found = results(bob, ("papers.zip", _declared_smaller()))
    assert [(one["name"], one["status"]) for one in found][1] == ("papers.zip/b.txt", "queued")
    assert found[0]["error"]["code"] == "corrupt_file"
    assert remains(bob)["files"] == 1


def test_U1_a_member_that_is_too_large_is_refused(bob: Person, settings: Settings) -> None:
    settings.DOCENT_MAX_FILE_BYTES = 2000
    found = results(bob, ("papers.zip", zipped({"large.txt": "word " * 1000, "small.txt": "Small."})))
    assert [one.get("error", {}).get("code") for one in found] == ["archive_too_large", None]


def test_each_file_counts_against_the_quotas(alice: Person, bob: Person) -> None:
    set_quota(access=alice.access, quota=NewQuota(QuotaKind.DOCUMENTS, QuotaFor.TENANT, 2, None))
    archive = zipped({f"{number}.txt": f"This is number {number}." for number in range(4)})
    found = results(bob, ("papers.zip", archive))
    assert [one.get("error", {}).get("code") for one in found] == [None, None, "quota_exceeded", "quota_exceeded"]


def test_a_version_is_one_file(bob: Person) -> None:
    document = uploaded(bob, "note.txt", b"A note.")["id"]
    sent = {"file": SimpleUploadedFile("papers.zip", zipped({"a.txt": "A."}))}
    path = f"/api/v1/documents/{document}/versions/"
    status, body = refusal(bob.api.post(path, sent, content_type=MULTIPART_CONTENT))
    assert (status, body["code"]) == (415, "archive_refused")


def test_the_command_takes_archives_and_folders(alice: Person, worker: Running, tmp_path: Path) -> None:
    (tmp_path / "papers.zip").write_bytes(zipped({"a.txt": "The first.", "b.md": "The second."}))
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "c.txt").write_text("Hidden.")
    said = io.StringIO()
    into = ["--tenant", "acme", "--collection", "documents"]
    call_command("ingest", str(tmp_path), *into, stdout=said)
    assert said.getvalue() == "2 ready, 0 failed, 0 refused\n"
    listed = alice.api.get("/api/v1/documents/").json()["results"]
    assert {one["name"] for one in listed} == {"a.txt", "b.md"}
    assert document_of(alice, listed[0]["id"])["status"] == "ready"
    (tmp_path / "bad.zip").write_bytes(BAD["broken"][0])
    with pytest.raises(CommandError):
        call_command("ingest", str(tmp_path), *into)
