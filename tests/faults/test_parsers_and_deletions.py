"""F32, F35: a parser that takes too much memory goes alone; a document that was deleted never comes back."""

from __future__ import annotations

import psutil
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import MULTIPART_CONTENT

from documents.services.processing import EMBED
from tenants.models import Job
from tests.config.polling import wait_for
from tests.documents.conftest import Remains
from tests.documents.pdfs import inflating_pdf
from tests.factories import LONG_TEXT, processed, ready, uploaded
from tests.people import Person
from tests.processes import Running

pytestmark = pytest.mark.django_db(transaction=True)


def test_F32_a_parser_that_takes_too_much_memory_goes_and_its_worker_stays(alice: Person, worker: Running) -> None:
    ready(alice)
    watched = psutil.Process(worker.process.pid)
    before = {child.pid for child in watched.children()}
    document = processed(alice, uploaded(alice, "inflating.pdf", inflating_pdf(megabytes=700))["id"])
    assert (document["status"], document["error"]["code"]) == ("failed", "out_of_memory")
    assert ready(alice, "lease.txt", b"The lease ends in May.")["status"] == "ready"
    assert {child.pid for child in watched.children()} == before
    worker.require_life()


@pytest.mark.parametrize("stage", ["queued", "embedding", "replaced"])
def test_F35_what_is_deleted_while_it_is_worked_on_never_comes_back(
    alice: Person, worker: Running, remains: Remains, stage: str
) -> None:
    if stage == "replaced":
        document = ready(alice, "clauses.txt", b"The clauses are to come.")["id"]
        file, path = SimpleUploadedFile("clauses.txt", LONG_TEXT), f"/api/v1/documents/{document}/versions/"
        assert alice.api.post(path, {"file": file}, content_type=MULTIPART_CONTENT).status_code == 202
    else:
        document = uploaded(alice, "clauses.txt", LONG_TEXT)["id"]
    if stage != "queued":
        wait_for("it is worked on", lambda: Job.objects.filter(kind=EMBED, lease_id__isnull=False).exists())
    assert alice.api.delete(f"/api/v1/documents/{document}/").status_code == 204
    wait_for("nobody works on it any more", lambda: not Job.objects.exists(), within=60)
    assert remains(alice) == {}
    assert alice.api.get("/api/v1/documents/").json()["results"] == []
    assert alice.api.get(f"/api/v1/documents/{document}/").status_code == 404
