"""A malware scanner of the operator's: U10."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.documents.conftest import Remains, remains  # noqa: F401 - a fixture
from tests.factories import document_of, uploaded, work_off
from tests.people import Person
from tests.refusals import refusal

pytestmark = pytest.mark.django_db(transaction=True)

CLEAN, BAD = b"The kiln is fired on Fridays.", b"The kiln holds a MALICIOUS clause."


@pytest.fixture
def scanner(tmp_path: Path, settings: Any, unsent: None) -> Path:
    """A command that refuses what says MALICIOUS, and fails over what says BROKEN."""
    command = tmp_path / "scan"
    command.write_text(
        "#!/bin/sh\ncontent=$(cat)\n"
        'case "$content" in *MALICIOUS*) exit 1;; *BROKEN*) exit 2;; *SLOW*) exec sleep 60;; esac\n'
    )
    command.chmod(0o700)
    settings.DOCENT_SCANNER = f"'{command}'"
    settings.DOCENT_SCANNER_SECONDS = 0.5
    return command


def processed_here(person: Person, content: bytes) -> dict[str, Any]:
    """Upload a file and process it in this process, which has the scanner."""
    document = uploaded(person, "minutes.txt", content)["id"]
    work_off(person)
    return document_of(person, document)


def test_U10_a_clean_file_is_read(bob: Person, scanner: Path) -> None:
    assert processed_here(bob, CLEAN)["status"] == "ready"


def test_U10_what_the_scanner_refuses_is_neither_read_nor_given_out(
    bob: Person,
    scanner: Path,
    remains: Remains,  # noqa: F811
) -> None:
    document = processed_here(bob, BAD)
    assert (document["status"], document["error"]["code"]) == ("failed", "malware")
    assert remains(bob) == {"documents_document": 1, "documents_documentversion": 1, "files": 1}
    status, body = refusal(bob.api.get(f"/api/v1/documents/{document['id']}/file/"))
    assert (status, body["code"]) == (409, "malware")


@pytest.mark.parametrize("content", [b"The lease is BROKEN.", b"The ferry is SLOW."], ids=["broken", "slow"])
def test_U10_without_an_answer_nothing_is_read(bob: Person, scanner: Path, content: bytes) -> None:
    document = processed_here(bob, content)
    assert (document["status"], document["error"]["code"], document["attempts"]) == ("failed", "scan_failed", 3)


def test_U10_a_scanner_that_is_not_there_lets_nothing_through(bob: Person, scanner: Path) -> None:
    scanner.unlink()
    document = processed_here(bob, CLEAN)
    assert (document["status"], document["error"]["code"]) == ("failed", "scan_failed")


def test_U10_what_nobody_has_scanned_is_not_given_out(
    alice: Person, bob: Person, charlie: Person, scanner: Path
) -> None:
    waiting = uploaded(bob, "waiting.txt", CLEAN)["id"]
    for person, expected in ((alice, 409), (bob, 409), (charlie, 404)):
        assert refusal(person.api.get(f"/api/v1/documents/{waiting}/file/"))[0] == expected
    unanswered = processed_here(bob, b"The lease is BROKEN.")["id"]
    status, body = refusal(bob.api.get(f"/api/v1/documents/{unanswered}/file/"))
    assert (status, body["code"]) == (409, "not_scanned")
    unreadable = uploaded(bob, "lease.pdf", b"%PDF-1.7\nnothing of a PDF follows")["id"]
    work_off(bob)
    assert document_of(bob, unreadable)["error"]["code"] == "corrupt_pdf"
    for clean in (waiting, unreadable):
        assert alice.api.get(f"/api/v1/documents/{clean}/file/").status_code == 200
