"""Files of a followed folder that change places, and folders that only look empty."""

from __future__ import annotations

import io
import os
import random
import time
import zipfile
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from documents.models import Document, DocumentVersion
from documents.sources import SourceError
from tenants.db import tenant_atomic
from tenants.models import AuditEvent, Quota, QuotaFor, QuotaKind
from tests.config.polling import wait_for
from tests.documents.conftest import Remains
from tests.documents.test_sources_folder import documents, looked
from tests.factories import uploaded, work_off
from tests.faults.full_disks import full_for
from tests.people import Person

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("unsent")]

TEXTS = {"a.txt": "The first kiln.", "b.txt": "The second kiln.", "c.txt": "The third kiln."}


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).write_text(text)


def settled(person: Person, folder: Path) -> dict[str, int]:
    """What a look does, once that is processed."""
    did = looked(person, folder)
    work_off(person)
    return did


def shown(person: Person) -> dict[str, str]:
    """What the documents of sources say, by their names."""
    with tenant_atomic(person.access.tenant_id):
        rows = Document.objects.exclude(source=None).select_related("collection")
        found = {one.source_key: (one.name, str(one.id), one.current_version) for one in rows}
    assert all(key == name for key, (name, _, _) in found.items())
    pages = {
        name: person.api.get(f"/api/v1/documents/{id_}/pages/1/?version={version}").json()["text"]
        for name, id_, version in found.values()
    }
    return dict(sorted(pages.items()))


def test_files_that_swap_their_contents(alice: Person, tmp_path: Path) -> None:
    write(tmp_path, TEXTS)
    assert settled(alice, tmp_path) == {"added": 3}
    for one, other in (("a.txt", "b.txt"), ("c.txt", "a.txt")):
        (tmp_path / one).rename(tmp_path / "held")
        (tmp_path / other).rename(tmp_path / one)
        (tmp_path / "held").rename(tmp_path / other)
        assert settled(alice, tmp_path) == {"renamed": 2, "unchanged": 1}
    assert shown(alice) == {"a.txt": TEXTS["c.txt"], "b.txt": TEXTS["a.txt"], "c.txt": TEXTS["b.txt"]}
    assert looked(alice, tmp_path) == {"unchanged": 3}
    # Round and round.
    write(tmp_path, TEXTS)
    assert settled(alice, tmp_path) == {"renamed": 3}
    assert shown(alice) == TEXTS
    with tenant_atomic(alice.access.tenant_id):
        assert set(DocumentVersion.objects.values_list("number", flat=True)) == {1}


def test_a_file_that_becomes_a_copy_of_another_leaves_nothing_of_what_it_was(
    alice: Person, tmp_path: Path
) -> None:
    mine = uploaded(alice, "mine.txt", b"Mine alone.")["id"]
    write(tmp_path, TEXTS)
    assert settled(alice, tmp_path) == {"added": 3}
    write(tmp_path, {"a.txt": TEXTS["b.txt"], "c.txt": "Mine alone."})
    assert settled(alice, tmp_path) == {"unchanged": 1, "twins": 2, "removed": 2}
    assert shown(alice) == {"b.txt": TEXTS["b.txt"]}
    assert alice.api.get(f"/api/v1/documents/{mine}/").status_code == 200
    with tenant_atomic(alice.access.tenant_id):
        assert AuditEvent.objects.filter(action="document.deleted").count() == 2
    write(tmp_path, TEXTS)
    assert settled(alice, tmp_path) == {"added": 2, "unchanged": 1}
    assert shown(alice) == TEXTS


def test_a_file_that_moves_to_another_folder_that_is_followed(alice: Person, tmp_path: Path) -> None:
    left, right = tmp_path / "left", tmp_path / "right"
    for folder, text in ((left, TEXTS["a.txt"]), (right, TEXTS["b.txt"])):
        folder.mkdir()
        write(folder, {"a.txt": text, "same.txt": f"Always in {folder.name}."})
        settled(alice, folder)
    with tenant_atomic(alice.access.tenant_id):
        document = Document.objects.get(source_key="a.txt", source__location=str(right)).id
    (left / "a.txt").rename(right / "a.txt")
    assert settled(alice, right) == {"refused": 1, "unchanged": 1}
    assert settled(alice, left) == {"removed": 1, "unchanged": 1}
    assert settled(alice, right) == {"replaced": 1, "unchanged": 1}
    page = alice.api.get(f"/api/v1/documents/{document}/pages/1/?version=2")
    assert page.json()["text"] == TEXTS["a.txt"], "it is the same document"


def test_logs_that_move_on_by_one(alice: Person, tmp_path: Path) -> None:
    write(tmp_path, TEXTS)
    settled(alice, tmp_path)
    moved_on = {"a.txt": "The newest kiln.", "b.txt": TEXTS["a.txt"], "c.txt": TEXTS["b.txt"]}
    write(tmp_path, moved_on)
    for _ in range(3):
        settled(alice, tmp_path)
    assert shown(alice) == moved_on
    assert looked(alice, tmp_path) == {"unchanged": 3}


def test_a_disk_that_is_not_mounted_deletes_nothing_though_a_file_says_so(alice: Person, tmp_path: Path) -> None:
    disk, mount = tmp_path / "disk", tmp_path / "mount"
    disk.mkdir()
    write(disk, {f"{number}.txt": f"Kiln {number}." for number in range(12)})
    disk.rename(mount)
    assert looked(alice, mount) == {"added": 12}
    mount.rename(disk)
    mount.mkdir()
    write(mount, {"NOT MOUNTED.txt": "Ask the administrator."})
    for _ in range(2):
        with pytest.raises(SourceError) as refused:
            looked(alice, mount)
        assert refused.value.code == "source_empty"
        assert "12 of" in refused.value.detail
    assert len(documents(alice)) == 13
    (mount / "NOT MOUNTED.txt").unlink()
    mount.rmdir()
    disk.rename(mount)
    assert looked(alice, mount) == {"unchanged": 12, "removed": 1}


def test_what_a_limit_kept_out_of_an_archive_comes_when_there_is_room(alice: Person, tmp_path: Path) -> None:
    path = tmp_path / "papers.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in TEXTS.items():
            archive.writestr(name, text)
    # Only an older file is known by its marker.
    wait_for("the archive is of age", lambda: time.time() - path.stat().st_ctime > 2.1)
    with tenant_atomic(alice.access.tenant_id):
        Quota.objects.create(kind=QuotaKind.DOCUMENTS.value, applies_to=QuotaFor.TENANT.value, amount=1)
    assert looked(alice, tmp_path) == {"added": 1, "refused": 2}
    with tenant_atomic(alice.access.tenant_id):
        Quota.objects.all().delete()
    assert looked(alice, tmp_path) == {"added": 2, "unchanged": 1}
    assert looked(alice, tmp_path) == {"unchanged": 3}


def test_what_a_file_says_of_itself_stays_when_it_comes_back(alice: Person, tmp_path: Path) -> None:
    page = tmp_path / "kilns.html"
    page.write_text("<title>Kilns</title><p>The kiln is fired.")
    settled(alice, tmp_path)
    page.write_text("<title>Ovens</title><p>The oven is fired.")
    settled(alice, tmp_path)
    with tenant_atomic(alice.access.tenant_id):
        document = Document.objects.get()
        before = DocumentVersion.objects.get(number=1).properties
    assert alice.api.post(f"/api/v1/documents/{document.id}/versions/1/restore/").status_code == 200
    page.write_text("<title>Kilns</title><p>The kiln is fired.")
    settled(alice, tmp_path)
    with tenant_atomic(alice.access.tenant_id):
        assert DocumentVersion.objects.get(number=1).properties == before == {"title": "Kilns"}


def test_F29_a_disk_that_is_full_ends_a_look_with_words(alice: Person, tmp_path: Path, remains: Remains) -> None:
    write(tmp_path, {"a.txt": "The kiln is fired. " * 200_000})
    into = ["--tenant", "acme", "--collection", "documents", "--sync"]
    complained = io.StringIO()
    with full_for(os.getpid(), beyond=2**21), pytest.raises(CommandError):
        call_command("ingest", str(tmp_path), *into, stderr=complained)
    assert "There is no space left to store this." in complained.getvalue()
    assert "documents_document" not in remains(alice)
    assert looked(alice, tmp_path) == {"added": 1}


def test_paths_of_any_length(alice: Person, tmp_path: Path) -> None:
    """Also such as no index of the database takes, of letters that repeat nowhere."""
    letters = random.Random(7)
    parts = ["".join(chr(letters.randrange(0x4E00, 0x9FA0)) for _ in range(80)) for _ in range(12)]
    folder = tmp_path
    for part in parts:
        folder /= part
        folder.mkdir()
    write(folder, {"deep.txt": TEXTS["a.txt"]})
    with zipfile.ZipFile(tmp_path / "papers.zip", "w") as archive:
        for name in ("b.txt", "c.txt"):
            archive.writestr(f"{'/'.join(parts * 2)}/{name}", TEXTS[name])
    assert looked(alice, tmp_path) == {"added": 3}
    assert looked(alice, tmp_path) == {"unchanged": 3}
    assert {name for name, _, _ in documents(alice).values()} == {"deep.txt", "b.txt", "c.txt"}
