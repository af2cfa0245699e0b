"""The disk is full, a file is gone or altered, a process dies between file and row: F3, F29, F31, F34, F40."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from config.embedded import PROJECT
from documents.models import Document, DocumentVersion
from documents.services.files import ERASE_FILES
from documents.services.sweeping import STRAY_AFTER
from documents.storage import file_key, page_image_key
from documents.tasks import sweep_files
from tenants.db import tenant_atomic
from tenants.jobs import outbox
from tenants.jobs.runner import run_job
from tenants.models import Job
from tests.config.polling import wait_for
from tests.conversations.doors import Api
from tests.documents.conftest import Remains
from tests.environment import Environment
from tests.factories import document_of, processed, ready, uploaded
from tests.faults.full_disks import full_for
from tests.people import Person
from tests.processes import LiveServer, Running, web_server

pytestmark = pytest.mark.django_db(transaction=True)

LEASE = b"The lease ends in May. The rent is nine hundred."
LONG = b"The lease ends in May and the rent is nine hundred. " * 40
SPOOLED = b"A line that is repeated until it no longer stays in memory.\n" * 60_000
DAMAGED = "The stored file is not what was uploaded any more. Upload it again."
KEY = {"Idempotency-Key": "upload-1"}


@pytest.fixture
def dying(run_environment: Environment, logs: Path) -> Iterator[LiveServer]:
    """A web server to be killed."""
    with web_server(run_environment.variables, logs / "web-dying.log") as running:
        yield running


def send(server: LiveServer, person: Person, *files: tuple[str, bytes], **headers: str) -> httpx.Response:
    sent = [("files", file) for file in files]
    return Api(server, person).post("/documents/", files=sent, headers=headers)


@contextmanager
def half_sent(server: LiveServer, person: Person) -> Iterator[socket.socket]:
    """An upload of which only a part has come."""
    parts = urlsplit(server.url)
    head = (
        "POST /api/v1/documents/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n"
        f"Authorization: Bearer {person.token}\r\nContent-Type: multipart/form-data; boundary=b\r\n\r\n"
        '--b\r\nContent-Disposition: form-data; name="files"; filename="half.txt"\r\n\r\nThe lease'
    )
    with socket.create_connection((parts.hostname, parts.port or 0), timeout=20) as connection:
        connection.sendall(head.encode())
        yield connection


def path_of(document: str) -> Path:
    """Where the bytes of the document's first version lie."""
    [version] = DocumentVersion.objects.filter(document=document, number=1)
    return Path(default_storage.path(version.storage_key))


def make_old(path: Path, age: timedelta = 2 * STRAY_AFTER) -> None:
    then = (timezone.now() - age).timestamp()
    os.utime(path, (then, then))


def test_F29_F31_nothing_is_half_saved_on_a_full_disk_and_reads_go_on(
    alice: Person,
    worker: Running,
    extractive_server: LiveServer,
    remains: Remains,
) -> None:
    api = Api(extractive_server, alice)
    handbook = ready(alice)
    before = remains(alice)
    with full_for(extractive_server.process.pid):
        for files in (
            [("long.txt", LONG)],
            [("short.txt", LEASE), ("long.txt", LONG)],
            [("spooled.txt", SPOOLED)],  # to the folder for temporary files
        ):
            refused = send(extractive_server, alice, *files)
            assert (refused.status_code, refused.json()["code"]) == (507, "storage_full")
            assert refused.headers["Content-Type"] == "application/problem+json"
            assert refused.json()["detail"] == (
                "There is no space left to store this. Nothing of it was kept: try again when the administrator"
                " has made room."
            )
        replaced = api.post(f"/documents/{handbook['id']}/versions/", files={"file": ("handbook.txt", LONG)})
        assert replaced.status_code == 507
        assert remains(alice) == before
        # What is there is read on, and a page is seen that cannot be kept.
        assert api.get(f"/documents/{handbook['id']}/file/").content.startswith(b"%PDF")
        assert api.get(f"/documents/{handbook['id']}/pages/1/").json()["text"].startswith("Staff handbook")
        image = api.get(f"/documents/{handbook['id']}/pages/1/image/")
        assert (image.status_code, image.content[:4]) == (200, b"\x89PNG")
        assert api.post("/search/", json={"query": "paid holiday"}).json()["results"]
        assert remains(alice) == before
    extractive_server.require_life()
    accepted = send(extractive_server, alice, ("long.txt", LONG))
    assert accepted.status_code == 202
    assert processed(alice, accepted.json()["results"][0]["id"])["status"] == "ready"


def test_F29_a_worker_that_finds_the_disk_full_says_so(alice: Person, worker: Running) -> None:
    with full_for(worker.process.pid, beyond=16):
        # The worker may be at it before the answer is here.
        export = alice.full_api.post("/api/v1/exports/", {"of": "me"})
        path = f"/api/v1/exports/{export.json()['id']}/"

        def is_given_up() -> bool:
            outbox.dispatch()  # as beat does
            return bool(alice.full_api.get(path).json()["status"] == "failed")

        wait_for("the worker has given up", is_given_up)
    assert alice.full_api.get(path).json()["error"] == (
        "There was no space left on the disk. Try again when the administrator has made room."
    )
    [job] = alice.full_api.get("/api/v1/jobs/").json()["results"]
    assert alice.full_api.post(f"/api/v1/jobs/{job['id']}/retry/").status_code == 202
    wait_for("it is written after all", lambda: alice.full_api.get(path).json()["status"] == "ready")


def test_F3_F34_an_upload_whose_process_dies_is_one_document_when_it_is_sent_again(
    alice: Person,
    dying: LiveServer,
    extractive_server: LiveServer,
    admin_connection: psycopg.Connection,
    remains: Remains,
) -> None:
    """Killed when one is stored and its row waits to be written, and another has come half."""
    folder = Path(default_storage.path(f"t/{alice.access.tenant_id}/files"))
    with ThreadPoolExecutor(1) as pool, half_sent(dying, alice) as half:
        with admin_connection.transaction():
            admin_connection.execute("LOCK TABLE documents_document IN SHARE MODE")
            upload = pool.submit(send, dying, alice, ("lease.txt", LEASE), **KEY)
            wait_for("the file is stored", lambda: folder.exists() and any(folder.iterdir()))
            os.kill(dying.process.pid, signal.SIGKILL)
        with pytest.raises(httpx.TransportError):
            upload.result()
        assert half.recv(1) == b"", "hung up on, without an answer"
    assert remains(alice) == {"files": 1}, "a file that nobody sees, and no row"
    [stray] = folder.iterdir()

    def sent_again() -> httpx.Response:
        return send(extractive_server, alice, ("lease.txt", LEASE), **KEY)

    wait_for("the dead one's session has ended", lambda: sent_again().status_code == 202)
    answers = [sent_again() for _ in range(2)]
    assert {one.headers["Idempotency-Replayed"] for one in answers} == {"true"}
    assert answers[0].content == answers[1].content
    with tenant_atomic(alice.access.tenant_id):
        assert str(Document.objects.get().id) == answers[0].json()["results"][0]["id"]
    assert sweep_files() == 0, "it may belong to an upload that is under way"
    make_old(stray)
    assert sweep_files() == 1
    with tenant_atomic(alice.access.tenant_id):
        assert [path.name for path in folder.iterdir()] == [str(DocumentVersion.objects.get().id)]


DELETE_AND_DIE = """
import os, signal, sys
import django
django.setup()
from django.db import transaction
from documents.models import Document
from documents.services.documents import delete_document
from tenants.access import access_of_cli
from tenants.db import tenant_atomic
access = access_of_cli("acme")
with tenant_atomic(access.tenant_id):
    transaction.on_commit(lambda: os.kill(os.getpid(), signal.SIGKILL))
    delete_document(access=access, document=Document.objects.get())
"""


@pytest.mark.parametrize("by", ["job", "sweep"])
def test_F34_a_deletion_whose_process_dies_after_its_commit_takes_the_file_along(
    alice: Person,
    run_environment: Environment,
    remains: Remains,
    by: str,
) -> None:
    document = uploaded(alice, "lease.txt", LEASE)["id"]
    with tenant_atomic(alice.access.tenant_id):
        path = path_of(document)
    variables = {**os.environ, **run_environment.variables}
    ended = subprocess.run([sys.executable, "-c", DELETE_AND_DIE], cwd=PROJECT, env=variables, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert remains(alice) == {"files": 1, "tenants_job": 1}, "the row is gone, the file's end is noted"
    if by == "job":
        Job.objects.update(run_at=timezone.now())
        assert run_job(Job.objects.get(kind=ERASE_FILES).id)
        assert remains(alice) == {}
    else:
        make_old(path)
        assert sweep_files() == 1
        assert not path.exists()


def test_F34_F36_only_what_is_old_and_nobodys_is_swept(alice: Person, charlie: Person) -> None:
    kept, strays = [], []
    for person in (alice, charlie):
        tenant = person.access.tenant_id
        document = uploaded(person, "lease.txt", LEASE)["id"]
        with tenant_atomic(tenant):
            version = DocumentVersion.objects.get(document=document).id
            kept.append(path_of(document))
        kept.append(_stored(page_image_key(tenant, version, 1)))
        strays += [_stored(file_key(tenant, uuid4())), _stored(page_image_key(tenant, uuid4(), 7))]
    for path in (*kept, *strays):
        make_old(path)
    for person in (alice, charlie):
        tenant = person.access.tenant_id
        kept += [_stored(file_key(tenant, uuid4())), _stored(page_image_key(tenant, uuid4(), 1))]
    # What was stored just now looks an hour old when the clock jumps by one.
    for path in kept[-4:]:
        make_old(path, timedelta(minutes=65))
    assert sweep_files() == 4
    assert [path.exists() for path in kept] == [True] * len(kept)
    assert not any(path.exists() for path in strays)
    assert not strays[1].parent.exists()
    assert sweep_files() == 0


def _stored(key: str) -> Path:
    return Path(default_storage.path(default_storage.save(key, ContentFile(b"bytes"))))


def answer(response: Any) -> tuple[int, str, str]:
    body = response.json()
    return response.status_code, body["code"], body["detail"]


def test_F40_a_file_that_was_altered_or_lost_is_never_sent_and_said_on_its_document(
    alice: Person, bob: Person, charlie: Person, worker: Running, extractive_server: LiveServer
) -> None:
    document = ready(alice)["id"]
    base = f"/api/v1/documents/{document}/"
    with tenant_atomic(alice.access.tenant_id):
        path = path_of(document)
    good = path.read_bytes()

    def error() -> Any:
        [listed] = alice.api.get("/api/v1/documents/").json()["results"]
        assert (listed["status"], listed["pages"]) == ("ready", 3), "what was read of it is searched on"
        return listed["error"]

    path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    for person in (alice, bob):
        assert answer(person.api.get(f"{base}file/")) == (500, "file_damaged", DAMAGED)
    assert error() == {"code": "file_damaged", "detail": DAMAGED}
    assert charlie.api.get(f"{base}file/").status_code == 404
    assert answer(alice.api.get(f"{base}pages/1/image/")) == (500, "file_damaged", DAMAGED)
    page = alice.api.get(f"{base}pages/1/?start=0&end=5")
    assert (page.status_code, page.json()["rects"]) == (200, [])
    assert alice.api.post("/api/v1/search/", {"query": "paid holiday"}).json()["results"]

    path.write_bytes(good)
    assert Api(extractive_server, alice).get(f"/documents/{document}/file/").content == good
    assert error() is None, "it was put back"

    path.unlink()
    assert answer(alice.api.get(f"{base}file/"))[:2] == (500, "file_missing")
    assert error()["code"] == "file_missing"
    assert answer(alice.api.get(f"{base}pages/1/image/"))[:2] == (500, "file_missing")

    path.write_bytes(good[:100])
    assert alice.api.post(f"{base}reprocess/", {}).status_code == 202
    failed = processed(alice, document)
    assert (failed["status"], failed["error"]) == ("failed", {"code": "file_damaged", "detail": DAMAGED})


@pytest.mark.parametrize("damage", [lambda kept: kept[:-10], lambda kept: kept[:60] + b"?" + kept[61:]])
def test_F40_a_kept_page_image_that_was_altered_is_rendered_anew(
    alice: Person, worker: Running, damage: Any
) -> None:
    document = ready(alice)["id"]
    path = f"/api/v1/documents/{document}/pages/1/image/"
    image = alice.api.get(path).content
    with tenant_atomic(alice.access.tenant_id):
        version = UUID(str(DocumentVersion.objects.get().id))
    kept = Path(default_storage.path(page_image_key(alice.access.tenant_id, version, 1)))
    kept.write_bytes(damage(kept.read_bytes()))
    assert alice.api.get(path).content == image
    assert kept.read_bytes().endswith(image)
    assert document_of(alice, document)["error"] is None
