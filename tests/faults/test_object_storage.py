"""Files on storage that speaks S3: what holds on a disk holds there. F29, F34, F40, I13."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import MULTIPART_CONTENT
from django.utils import timezone
from pytest_django import Settings

from config.settings import files
from documents.models import DocumentVersion
from documents.services.sweeping import STRAY_AFTER
from documents.storage import file_key, page_image_key
from documents.tasks import sweep_files
from tenants.db import tenant_atomic
from tenants.erasure.outside_rows import list_files, remove_files
from tenants.services.exports import key_of
from tenants.services.purging import purge_exports
from tests.config.polling import wait_for
from tests.conversations.doors import Api
from tests.environment import Environment
from tests.factories import document_of, handbook, uploaded, work_off
from tests.people import Person
from tests.processes import LiveServer, web_server
from tests.standins.object_storage import ObjectStorageStandIn

pytestmark = pytest.mark.django_db(transaction=True)

LEASE = b"The lease ends in May. The rent is nine hundred."
LONG = b"A line that is repeated until it no longer stays in memory.\n" * 60_000
DAMAGED = "The stored file is not what was uploaded any more. Upload it again."


@pytest.fixture(scope="module")
def _stand_in() -> Iterator[ObjectStorageStandIn]:
    with ObjectStorageStandIn() as running:
        yield running


@pytest.fixture
def bucket(
    _stand_in: ObjectStorageStandIn, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> ObjectStorageStandIn:
    """An empty bucket, where this process keeps its files as the settings say."""
    _stand_in.reset()
    for name, value in _stand_in.variables.items():
        monkeypatch.setenv(name, value)
    settings.STORAGES = {**settings.STORAGES, "default": files.file_storage(settings.DOCENT_DATA)}
    return _stand_in


@pytest.fixture(scope="module")
def server(
    run_environment: Environment, logs: Path, style_and_scripts: None, _stand_in: ObjectStorageStandIn
) -> Iterator[LiveServer]:
    """A web server with its files there."""
    with web_server({**run_environment.variables, **_stand_in.variables}, logs / "web-s3.log") as running:
        yield running


def read(person: Person, name: str, content: bytes) -> str:
    """A document that was uploaded and read; its id."""
    document = str(uploaded(person, name, content)["id"])
    work_off(person)
    assert document_of(person, document)["status"] == "ready"
    return document


def original(person: Person, document: str, number: int = 1) -> str:
    with tenant_atomic(person.access.tenant_id):
        return str(DocumentVersion.objects.get(document=document, number=number).storage_key)


def answer(response: Any) -> tuple[int, str, str]:
    body = response.json()
    return response.status_code, body["code"], body["detail"]


def test_a_document_lives_there_from_its_upload_to_its_end(
    bucket: ObjectStorageStandIn, server: LiveServer, alice: Person, charlie: Person, run_environment: Environment
) -> None:
    document = read(alice, "handbook.pdf", handbook())
    base, key = f"/documents/{document}/", original(alice, document)
    assert bucket.keys() == [key]
    assert bucket.read(key) == handbook()
    sent = Api(server, alice).get(f"{base}file/")
    assert (sent.status_code, sent.content) == (200, handbook())
    assert sent.headers["Content-Disposition"].startswith("attachment")
    assert sent.headers["Content-Security-Policy"] == "sandbox"
    image = Api(server, alice).get(f"{base}pages/1/image/")
    assert image.content.startswith(b"\x89PNG")
    kept = page_image_key(alice.access.tenant_id, UUID(key.rpartition("/")[2]), 1)
    assert bucket.keys() == sorted([key, kept])
    assert Api(server, alice).get(f"{base}pages/1/image/").content == image.content, "the kept one"
    marked = Api(server, alice).get(f"{base}pages/1/?start=0&end=5").json()
    assert len(marked["rects"]) == 1, "the parser has a copy"
    for path in ("file/", "pages/1/image/"):
        assert Api(server, charlie).get(f"{base}{path}").status_code == 404
    assert not (run_environment.data / "files" / "t" / str(alice.access.tenant_id)).exists()

    # Not by the server: a worker of other tests, whose files lie on a disk, would hear of it.
    sent_file = {"file": SimpleUploadedFile("handbook.txt", LEASE)}
    replaced = alice.api.post(f"/api/v1{base}versions/", sent_file, content_type=MULTIPART_CONTENT)
    assert replaced.status_code == 202, replaced.content
    work_off(alice)
    assert Api(server, alice).get(f"{base}file/").content == LEASE
    assert Api(server, alice).get(f"{base}file/?version=1").content == handbook()
    assert alice.api.delete(f"/api/v1{base}").status_code == 204
    wait_for("its files are gone", lambda: bucket.keys() == [])


def test_I13_no_file_has_an_address(bucket: ObjectStorageStandIn, alice: Person) -> None:
    key = original(alice, uploaded(alice, "lease.txt", LEASE)["id"])
    with pytest.raises(ValueError, match="not accessible via a URL"):
        default_storage.url(key)


def test_F29_storage_that_is_full_keeps_nothing_and_is_read_on(
    bucket: ObjectStorageStandIn, server: LiveServer, alice: Person
) -> None:
    api = Api(server, alice)
    document = read(alice, "handbook.pdf", handbook())
    before = bucket.keys()
    bucket.is_full = True
    for files_sent in ([("short.txt", LEASE)], [("long.txt", LONG), ("short.txt", LEASE)]):
        refused = api.post("/documents/", files=[("files", one) for one in files_sent])
        assert (refused.status_code, refused.json()["code"]) == (507, "storage_full")
    replaced = api.post(f"/documents/{document}/versions/", files={"file": ("handbook.txt", LEASE)})
    assert replaced.status_code == 507
    assert api.get(f"/documents/{document}/file/").content == handbook()
    image = api.get(f"/documents/{document}/pages/1/image/")
    assert image.content.startswith(b"\x89PNG"), "seen, though it cannot be kept"
    bucket.is_full = False
    assert bucket.keys() == before
    assert [one["id"] for one in api.get("/documents/").json()["results"]] == [document]
    assert api.post("/documents/", files=[("files", ("short.txt", LEASE))]).status_code == 202


def test_storage_that_is_away_is_said_to_be_and_blames_no_document(
    bucket: ObjectStorageStandIn, server: LiveServer, alice: Person
) -> None:
    api = Api(server, alice)
    document = read(alice, "handbook.pdf", handbook())
    bucket.is_away = True
    assert answer(api.get(f"/documents/{document}/file/"))[:2] == (503, "unavailable")
    assert answer(api.post("/documents/", files=[("files", ("a.txt", LEASE))]))[:2] == (503, "unavailable")
    assert api.get(f"/documents/{document}/pages/1/").json()["text"].startswith("Staff handbook")
    bucket.is_away = False
    assert api.get(f"/documents/{document}/file/").content == handbook()
    assert document_of(alice, document)["error"] is None


def test_F34_an_upload_whose_process_dies_leaves_what_is_swept(
    bucket: ObjectStorageStandIn,
    run_environment: Environment,
    logs: Path,
    alice: Person,
    admin_connection: psycopg.Connection,
) -> None:
    """Killed when the file is stored and its row waits to be written."""
    variables = {**run_environment.variables, **bucket.variables}
    with web_server(variables, logs / "web-s3-dying.log") as dying, ThreadPoolExecutor(1) as pool:
        with admin_connection.transaction():
            admin_connection.execute("LOCK TABLE documents_document IN SHARE MODE")
            sent = [("files", ("lease.txt", LEASE))]
            upload = pool.submit(Api(dying, alice).post, "/documents/", files=sent)
            wait_for("the file is stored", lambda: len(bucket.keys()) == 1)
            os.kill(dying.process.pid, signal.SIGKILL)
        with pytest.raises(httpx.TransportError):
            upload.result()
    [stray] = bucket.keys()
    assert sweep_files() == 0, "it may belong to an upload that is under way"
    bucket.make_old(stray, timezone.now() - 2 * STRAY_AFTER)
    assert sweep_files() == 1
    assert bucket.keys() == []


def test_F34_only_what_is_old_and_nobodys_is_swept(
    bucket: ObjectStorageStandIn, alice: Person, charlie: Person
) -> None:
    kept, strays = [], []
    for person in (alice, charlie):
        tenant = person.access.tenant_id
        mine = original(person, uploaded(person, "lease.txt", LEASE)["id"])
        kept += [mine, stored(page_image_key(tenant, UUID(mine.rpartition("/")[2]), 1))]
        strays += [stored(file_key(tenant, uuid4())), stored(page_image_key(tenant, uuid4(), 7))]
    for key in (*kept, *strays):
        bucket.make_old(key, timezone.now() - 2 * STRAY_AFTER)
    for person in (alice, charlie):
        kept += [stored(file_key(person.access.tenant_id, uuid4()))]
        bucket.make_old(kept[-1], timezone.now() - timedelta(minutes=65))
    assert sweep_files() == 4
    assert bucket.keys() == sorted(kept)
    assert sweep_files() == 0


def stored(key: str) -> str:
    return default_storage.save(key, ContentFile(b"bytes"))


def test_strays_of_exports_and_whole_organisations_go(
    bucket: ObjectStorageStandIn, alice: Person, charlie: Person
) -> None:
    stored(key_of(alice.access.tenant_id, uuid4()))
    theirs = original(charlie, uploaded(charlie, "lease.txt", LEASE)["id"])
    purge_exports()
    assert bucket.keys() == [theirs]
    mine = original(alice, uploaded(alice, "lease.txt", LEASE)["id"])
    assert list(list_files(alice.access.tenant_id)) == [mine]
    assert remove_files(alice.access.tenant_id) == 1
    assert bucket.keys() == [theirs]


def test_an_export_is_written_there_and_sent(
    bucket: ObjectStorageStandIn, server: LiveServer, alice: Person
) -> None:
    read(alice, "lease.txt", LEASE)
    export = alice.full_api.post("/api/v1/exports/", {"of": "tenant"}).json()
    work_off(alice)
    assert bucket.keys()[0].startswith(f"t/{alice.access.tenant_id}/exports/")
    with httpx.Client(headers={"Authorization": f"Bearer {alice.full_token}"}) as client:
        sent = client.get(f"{server.url}/api/v1/exports/{export['id']}/file/")
    assert (sent.status_code, sent.content[:2]) == (200, b"PK")


@pytest.mark.parametrize("content", [handbook()[:-1] + b"?", handbook()[:90], LONG])
def test_F40_an_altered_or_lost_file_is_never_sent(
    bucket: ObjectStorageStandIn, server: LiveServer, alice: Person, content: bytes
) -> None:
    document = read(alice, "handbook.pdf", handbook())
    base, key = f"/documents/{document}/", original(alice, document)
    api = Api(server, alice)
    bucket.write(key, content)
    assert answer(api.get(f"{base}file/")) == (500, "file_damaged", DAMAGED)
    assert answer(api.get(f"{base}pages/1/image/")) == (500, "file_damaged", DAMAGED)
    assert document_of(alice, document)["error"] == {"code": "file_damaged", "detail": DAMAGED}
    bucket.write(key, handbook())
    assert api.get(f"{base}file/").content == handbook()
    assert document_of(alice, document)["error"] is None, "it was put back"
    bucket.remove(key)
    assert answer(api.get(f"{base}file/"))[:2] == (500, "file_missing")
    assert answer(api.get(f"{base}pages/1/image/"))[:2] == (500, "file_missing")


def test_F40_what_was_put_in_a_files_place_is_not_copied_when_it_is_longer(
    bucket: ObjectStorageStandIn, alice: Person
) -> None:
    document = uploaded(alice, "lease.txt", LEASE)["id"]
    key = original(alice, document)
    bucket.write(key, LONG)
    bucket.asked.clear()
    work_off(alice)
    assert document_of(alice, document)["error"] == {"code": "file_damaged", "detail": DAMAGED}
    assert [method for method, path in bucket.asked if path.endswith(key)] == ["HEAD"]
