"""What files and addresses say that makes no sense must not harm anybody."""

from __future__ import annotations

import io
import time
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from tests.documents.indexed import TEXTS, made_index, stocked
from tests.factories import document_of, uploaded, work_off
from tests.people import Person

pytestmark = pytest.mark.django_db(transaction=True)

MAIL = "From: a@acme.example\r\nSubject: Kilns\r\nDate: {}\r\n\r\nThe kiln is fired on Fridays.\r\n"


@pytest.mark.parametrize("date", ["Fri, 31 Dec 9999 23:59:59 -1200", "Sat, 01 Jan 0001 00:00:00 +1400"])
def test_a_date_out_of_all_time_spoils_no_list(
    alice: Person, bob: Person, charlie: Person, unsent: None, date: str
) -> None:
    document = uploaded(bob, "mail.eml", MAIL.format(date).encode())["id"]
    work_off(bob)
    shown = document_of(bob, document)
    assert shown["status"] == "ready"
    for person in (alice, bob):
        assert [one["id"] for one in person.api.get("/api/v1/documents/").json()["results"]] == [document]
        for page in ("", f"{document}/"):
            assert person.client.get(f"/o/acme/documents/{page}").status_code == 200
    assert charlie.client.get(f"/o/globex/documents/{document}/").status_code == 404
    assert bob.api.delete(f"/api/v1/documents/{document}/").status_code == 204


def test_a_search_for_a_whole_text_ends_soon(bob: Person) -> None:
    uploaded(bob, "kilns.txt", b"The kiln is fired on Fridays.")
    for words, expected in ((["kilns"] * 2000, 1), (["kilns"] * 10 + ["ovens"], 0)):
        began = time.monotonic()
        answer = bob.client.get(f"/o/acme/documents/?q={'+'.join(words)}")
        assert (answer.status_code, len(answer.context["documents"])) == (200, expected)
        assert time.monotonic() - began < 5


def test_a_file_that_cannot_be_read_keeps_no_others_out(alice: Person, tmp_path: Path) -> None:
    (tmp_path / "kilns.txt").write_text("The kiln is fired on Fridays.")
    complained = io.StringIO()
    # A file of the system that is there and cannot be read from its beginning.
    paths = ["/proc/self/mem", str(tmp_path)]
    with pytest.raises(CommandError, match="Not everything could be added"):
        call_command("ingest", *paths, "--tenant", "acme", "--collection", "Kilns", stderr=complained)
    assert complained.getvalue().startswith("mem: refused: The file cannot be read (")
    [document] = alice.api.get("/api/v1/documents/").json()["results"]
    assert (document["name"], document["status"]) == ("kilns.txt", "ready")


def test_passages_that_come_while_they_are_looked_at_are_no_failure(
    bob: Person, dana: Person, charlie: Person
) -> None:
    """Their pages were not there yet a moment before."""
    made_index(bob)
    document = stocked(bob, "kilns.txt", TEXTS)
    for person, status in ((bob, 200), (dana, 200)):
        assert person.client.get(f"/o/acme/documents/{document.id}/chunks/").status_code == status
    assert charlie.client.get(f"/o/globex/documents/{document.id}/chunks/").status_code == 404
