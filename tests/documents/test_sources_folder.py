"""`ingest FOLDER --sync`: a collection follows a folder."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from config.embedded import PROJECT
from documents.models import Document, Source
from documents.selectors import default_collection
from documents.services.mirroring import SyncRunning, _known, _Mirror, sync_source
from documents.services.sources import add_folder
from documents.sources import FolderSource, Look, SourceError, Unseen
from tenants.db import tenant_atomic
from tenants.jobs.periodic import only_here
from tenants.models import AuditEvent
from tests.documents.conftest import Remains
from tests.factories import uploaded
from tests.people import Person
from tests.processes import Running

pytestmark = pytest.mark.django_db(transaction=True)

LEASE, RENT = "The lease ends in May.", "The rent is 900 a month."


def sync(folder: Path, *more: str, name: str = "Leases") -> tuple[str, str]:
    """What the command prints, and what it complains of."""
    said, complained = io.StringIO(), io.StringIO()
    arguments = [str(folder), "--tenant", "acme", "--collection", name, "--sync", *more]
    call_command("ingest", *arguments, stdout=said, stderr=complained)
    return said.getvalue(), complained.getvalue()


def counts(folder: Path, *more: str) -> dict[str, int]:
    """What one look did, by the command's own words; nothing that is zero."""
    numbers = sync(folder, *more)[0].strip().rpartition(": ")[2].split(", ")
    found = {name: int(number) for number, name in (part.split(" ") for part in numbers)}
    return {name: number for name, number in found.items() if number}


def source_of(person: Person, folder: Path) -> Source:
    access = person.access
    with tenant_atomic(access.tenant_id):
        collection = default_collection(access)
        source = add_folder(access=access, root=folder, collection=collection)
        found: Source = Source.objects.select_related("collection").get(id=source.id)
        return found


def looked(person: Person, folder: Path) -> dict[str, int]:
    """What one look does, without waiting for what is processed then; nothing that is zero."""
    report = sync_source(access=person.access, source=source_of(person, folder))
    return {name: number for name, number in report.counts.items() if number}


def documents(person: Person) -> dict[str, tuple[str, int, str]]:
    """By key: name, version and status of what came from a source."""
    with tenant_atomic(person.access.tenant_id):
        rows = Document.objects.exclude(source=None).values_list("source_key", "name", "current_version", "status")
        return {key: (name, version, status) for key, name, version, status in rows}


def texts(person: Person, query: str) -> set[str]:
    answer = person.api.post("/api/v1/search/", {"query": query, "top_k": 20})
    assert answer.status_code == 200, answer.content
    return {hit["text"] for hit in answer.json()["results"]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "2026").mkdir()
    (tmp_path / "lease.txt").write_text(LEASE)
    (tmp_path / "2026" / "rent.md").write_text(RENT)
    return tmp_path


def test_a_collection_follows_a_folder(alice: Person, worker: Running, folder: Path) -> None:
    assert counts(folder) == {"added": 2}
    first = documents(alice)
    assert first == {"lease.txt": ("lease.txt", 1, "ready"), "2026/rent.md": ("rent.md", 1, "ready")}
    assert counts(folder) == {"unchanged": 2}

    (folder / "lease.txt").write_text("The lease ends in October.")
    (folder / "2026" / "rent.md").unlink()
    (folder / "2026" / "keys.txt").write_text("There are two keys.")
    assert counts(folder) == {"added": 1, "replaced": 1, "removed": 1}
    assert documents(alice) == {
        "lease.txt": ("lease.txt", 2, "ready"),
        "2026/keys.txt": ("keys.txt", 1, "ready"),
    }
    assert texts(alice, "lease rent keys") == {"The lease ends in October.", "There are two keys."}
    with tenant_atomic(alice.access.tenant_id):
        synced = AuditEvent.objects.filter(action="source.synced").order_by("at")
        assert [(one.data["added"], one.data["removed"], one.carrier) for one in synced] == [
            (2, 0, "cli"),
            (1, 1, "cli"),
        ]


def test_everything_else_in_the_collection_stays(alice: Person, folder: Path) -> None:
    assert looked(alice, folder) == {"added": 2}
    mine = uploaded(alice, "mine.txt", b"Mine alone.")["id"]
    (folder / "also-mine.txt").write_text("Mine alone.")
    assert looked(alice, folder) == {"unchanged": 2, "twins": 1}
    (folder / "also-mine.txt").unlink()
    (folder / "lease.txt").unlink()
    assert looked(alice, folder) == {"unchanged": 1, "removed": 1}
    assert alice.api.get(f"/api/v1/documents/{mine}/").status_code == 200


def test_a_renamed_file_stays_the_same_document(alice: Person, folder: Path) -> None:
    looked(alice, folder)
    with tenant_atomic(alice.access.tenant_id):
        before = Document.objects.get(source_key="lease.txt").id
    (folder / "lease.txt").rename(folder / "2026" / "lease of 2026.txt")
    assert looked(alice, folder) == {"renamed": 1, "unchanged": 1}
    with tenant_atomic(alice.access.tenant_id):
        document = Document.objects.get(id=before)
    assert (document.source_key, document.name, document.title) == (
        "2026/lease of 2026.txt",
        "lease of 2026.txt",
        "lease of 2026.txt",
    )


def test_a_place_that_others_take_is_right_after_one_run(alice: Person, worker: Running, folder: Path) -> None:
    sync(folder)
    (folder / "lease.txt").rename(folder / "old lease.txt")
    (folder / "lease.txt").write_text("The lease ends in October.")
    assert counts(folder) == {"added": 1, "replaced": 1, "unchanged": 1}
    assert texts(alice, "lease") >= {LEASE, "The lease ends in October."}


def test_a_folder_that_is_gone_or_empty_deletes_nothing(
    alice: Person, folder: Path, remains: Remains, unsent: None
) -> None:
    assert looked(alice, folder) == {"added": 2}
    before = remains(alice)
    elsewhere = folder.parent / "elsewhere"
    folder.rename(elsewhere)
    with pytest.raises(SourceError) as gone:
        looked(alice, folder)
    assert gone.value.code == "folder_unreadable"
    folder.mkdir()
    (folder / ".keep").touch()
    (folder / "tool.exe").write_bytes(b"MZ\x90\x00" + bytes(100))
    with pytest.raises(CommandError):
        sync(folder, name="documents")
    assert remains(alice) == before
    with tenant_atomic(alice.access.tenant_id):
        assert Source.objects.get().error_code == "source_empty"
    assert sync(folder, "--allow-empty", name="documents")[0].endswith(
        "0 added, 0 replaced, 0 renamed, 2 removed, 0 unchanged, 0 twins, 1 refused\n"
    )
    assert remains(alice) == {}
    with tenant_atomic(alice.access.tenant_id):
        assert Source.objects.get().error_code == ""


_AS_NOBODY = """
import os, sys
from pathlib import Path
from documents.sources import FolderSource, Look, SourceError, Unseen
if os.getuid() == 0:
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
look = FolderSource(Path(sys.argv[1]), max_bytes=1000).look({})
print([one.key for one in look.items], [one.prefix for one in look.unseen])
"""


def test_what_cannot_be_looked_at_is_not_gone(alice: Person) -> None:
    """A branch that says no to whoever looks, for which a superuser has to step down."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        folder.chmod(0o755)
        (folder / "2026").mkdir()
        (folder / "2026" / "rent.md").write_text(RENT)
        (folder / "lease.txt").write_text(LEASE)
        assert looked(alice, folder) == {"added": 2}
        (folder / "2026").chmod(0o000)
        command = [sys.executable, "-c", _AS_NOBODY, place]
        seen = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout
        (folder / "2026").chmod(0o755)
        assert seen == "['lease.txt'] ['2026/']\n"
        source = source_of(alice, folder)
        look = FolderSource(folder, max_bytes=1000).look({})
        partial = Look([item for item in look.items if item.key == "lease.txt"], [Unseen("2026/", "It says no.")])
        report = _Mirror(alice.access, source, partial, _known(alice.access, source)).run(allow_empty=False)
    assert (report.unchanged, report.removed, [one.code for one in report.problems]) == (1, 0, ["unreadable"])


def test_hidden_files_links_out_and_pipes_are_not_there(folder: Path, tmp_path_factory: Any) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret.txt").write_text("Nobody's business.")
    (folder / ".git").mkdir()
    (folder / ".git" / "config.txt").write_text("hidden")
    (folder / ".hidden.txt").write_text("hidden")
    (folder / "~$lease.docx").write_text("a lock of Word's")
    (folder / "out.txt").symlink_to(outside / "secret.txt")
    (folder / "outside").symlink_to(outside)
    (folder / "again.txt").symlink_to(folder / "lease.txt")
    (folder / "round.txt").symlink_to("round.txt")
    (folder / "shown.txt").symlink_to(folder / ".hidden.txt")
    os.mkfifo(folder / "pipe.txt")
    look = FolderSource(folder, max_bytes=1000).look({})
    assert [item.key for item in look.items] == ["lease.txt", "shown.txt", "2026/rent.md"]
    assert look.unseen == []


def test_a_file_that_is_swapped_for_a_link_is_not_read(folder: Path, tmp_path_factory: Any) -> None:
    secret = tmp_path_factory.mktemp("outside") / "secret.txt"
    secret.write_text("Nobody's business.")
    look = FolderSource(folder, max_bytes=1000).look({})
    (folder / "lease.txt").unlink()
    (folder / "lease.txt").symlink_to(secret)
    (folder / "2026" / "rent.md").write_text("x" * 2000)
    refused = {}
    for item in look.items:
        with pytest.raises(Exception) as caught:  # noqa: PT011 - its code is looked at
            item.open()
        refused[item.key] = getattr(caught.value, "code", "")
    assert refused == {"lease.txt": "not_a_file", "2026/rent.md": "file_too_large"}


def test_names_of_any_bytes(alice: Person, tmp_path: Path) -> None:
    names = [b"caf\xe9.txt", b"two\nlines.txt", b"\x1b[31mred.txt", b"back\\slash.txt", "Прайс 価格.txt".encode()]
    for number, name in enumerate(names):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_text(f"This is number {number}.")
    assert looked(alice, tmp_path) == {"added": len(names)}
    assert {key: name for key, (name, _, _) in documents(alice).items()} == {
        "caf\\xe9.txt": "caf\ufffd.txt",
        "two\nlines.txt": "twolines.txt",
        "\x1b[31mred.txt": "[31mred.txt",
        "back\\\\slash.txt": "slash.txt",
        "Прайс 価格.txt": "Прайс 価格.txt",
    }
    assert looked(alice, tmp_path) == {"unchanged": len(names)}


def test_refused_files_are_said_and_no_failure(alice: Person, worker: Running, tmp_path: Path) -> None:
    (tmp_path / "tool.exe").write_bytes(b"MZ\x90\x00" + bytes(100))
    (tmp_path / "empty.txt").touch()
    said, complained = sync(tmp_path)
    assert said.endswith(" 2 refused\n")
    assert [line.partition(": ")[0] for line in complained.splitlines()] == ["empty.txt", "tool.exe"]
    assert sync(tmp_path, "--verbosity", "0") == ("", "")


def test_a_file_that_cannot_be_processed_fails_the_command(alice: Person, worker: Running, folder: Path) -> None:
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7\nnothing of a PDF follows")
    with pytest.raises(CommandError):
        sync(folder)
    assert documents(alice)["broken.pdf"][2] == "failed"
    # It is what it was: nothing is tried again, nothing is complained of again.
    assert counts(folder) == {"unchanged": 3}


def test_archives_are_followed_inside(alice: Person, worker: Running, tmp_path: Path) -> None:
    path = tmp_path / "papers.zip"

    def pack(files: Mapping[str, str]) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            for name, text in files.items():
                archive.writestr(name, text)

    pack({"a.txt": "The first paper.", "in/b.txt": "The second paper.", "in/c.bin": "\x00\x01"})
    assert counts(tmp_path) == {"added": 2, "refused": 1}
    assert set(documents(alice)) == {"papers.zip//a.txt", "papers.zip//in/b.txt"}
    pack({"a.txt": "The first paper, again.", "in/d.txt": "The second paper."})
    assert counts(tmp_path) == {"added": 1, "replaced": 1, "removed": 1}
    assert {key: one[1] for key, one in documents(alice).items()} == {
        "papers.zip//a.txt": 2,
        "papers.zip//in/d.txt": 1,
    }
    before = documents(alice)
    path.write_bytes(path.read_bytes()[:-30])
    (tmp_path / "other.txt").write_text("Another.")
    assert counts(tmp_path) == {"added": 1, "refused": 1}
    assert documents(alice).items() >= before.items()
    path.unlink()
    assert counts(tmp_path) == {"removed": 2, "unchanged": 1}


def test_the_second_of_two_at_once_leaves_it_to_the_first(alice: Person, folder: Path) -> None:
    source = source_of(alice, folder)
    said: list[tuple[str, str]] = []

    def second() -> None:
        try:
            said.append(sync(folder, name="documents"))
        finally:
            connection.close()

    with only_here(f"source {source.id}") as is_free:
        assert is_free
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
    assert said == [(f"{folder}: another process is at it\n", "")]
    assert documents(alice) == {}
    assert looked(alice, folder) == {"added": 2}


def test_two_at_once_add_each_file_once(alice: Person, tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / f"{number}.txt").write_text(f"This is number {number}.")
    access, source = alice.access, source_of(alice, tmp_path)
    outcomes: list[str] = []

    def run() -> None:
        try:
            outcomes.append(str(sync_source(access=access, source=source).added))
        except SyncRunning:
            outcomes.append("running")
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(3)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(outcomes) == 3
    assert outcomes.count("20") == 1
    assert set(outcomes) <= {"20", "0", "running"}
    with tenant_atomic(access.tenant_id):
        assert Document.objects.count() == 20


def test_a_file_alone_is_not_followed(alice: Person, folder: Path) -> None:
    with pytest.raises(CommandError, match="Only folders"):
        sync(folder / "lease.txt")
