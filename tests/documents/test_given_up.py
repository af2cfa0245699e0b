"""When one of a document's two jobs is given up the other stops too: nothing is left in the middle."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Thread
from uuid import UUID

import pytest
from django.db import connections
from django.utils import timezone
from pytest_django import Settings

from documents.models import DocumentVersion
from documents.services.processing import EMBED, READ
from tenants.db import tenant_atomic
from tenants.jobs.handlers import Queue
from tenants.jobs.models import Job
from tenants.jobs.runner import run_job
from tests.config.polling import wait_for
from tests.documents.conftest import Remains
from tests.factories import document_of, uploaded, work_off
from tests.people import Person

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("unsent")]


def _run(job_id: UUID) -> None:
    try:
        run_job(job_id)
    finally:
        connections.close_all()


def test_a_reader_does_not_go_on_with_what_was_given_up(
    bob: Person, remains: Remains, tmp_path: Path, settings: Settings
) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    settings.DOCENT_SCANNER = f"sh -c 'cat >/dev/null; cat {gate}'"  # holds the reader until somebody writes
    settings.DOCENT_SCANNER_SECONDS = 30.0
    document = uploaded(bob, "kilns.txt", b"The kiln is fired on Fridays.")["id"]
    tenant = bob.access.tenant_id

    def is_read() -> bool:
        with tenant_atomic(tenant):
            return bool(DocumentVersion.objects.get(document=document).status == "extracting")

    reader = Thread(target=_run, args=[Job.objects.get(kind=READ).id])
    reader.start()
    wait_for("it is read", is_read)
    with tenant_atomic(tenant):
        target = DocumentVersion.objects.get(document=document).id
    # As when the passages of its beginning have killed three workers.
    now = timezone.now()
    job = Job.objects.create(
        kind=EMBED, queue=Queue.EMBED, tenant_id=tenant, target_id=target, attempts=3, run_at=now, sent_at=now
    )
    assert run_job(job.id)
    gate.write_text("clean")
    reader.join(30)
    shown = document_of(bob, document)
    assert (shown["status"], shown["error"]["code"], shown["chunks"]) == ("failed", "worker_died", 0)
    assert "documents_chunk" not in remains(bob)

    settings.DOCENT_SCANNER = ""
    assert bob.api.post(f"/api/v1/documents/{document}/reprocess/").status_code == 202
    work_off(bob)
    assert document_of(bob, document)["status"] == "ready"
