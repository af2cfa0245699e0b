"""Whoever works on a document locks it before its job, so that no two of them wait for each other."""

from __future__ import annotations

from threading import Thread
from uuid import UUID

import psycopg
import pytest
from django.db import connection, connections
from django.utils import timezone

from documents.models import Document, DocumentVersion, Status
from documents.services.processing import EMBED
from tenants.db import tenant_atomic
from tenants.jobs.handlers import Queue
from tenants.jobs.models import Job
from tenants.jobs.runner import run_job
from tests.config.polling import wait_for
from tests.factories import document_of, processed, uploaded
from tests.people import Person

pytestmark = pytest.mark.django_db(transaction=True)

_WAITING = """
    SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


def _run(job_id: UUID) -> None:
    try:
        run_job(job_id)
    finally:
        connections.close_all()


@pytest.mark.parametrize("attempts", [0, 3], ids=["processing", "giving up"])
def test_a_worker_that_waits_for_a_document_does_not_hold_its_job(
    alice: Person, admin_connection: psycopg.Connection, attempts: int
) -> None:
    document = uploaded(alice, "minutes.txt", b"The kiln is fired on Fridays.")["id"]
    # Whoever is quicker, a worker of another test or this one, processes the file; then there is work again that
    # nobody has been sent.
    while (waiting := Job.objects.first()) is not None:
        run_job(waiting.id)
    processed(alice, document)
    with tenant_atomic(alice.access.tenant_id):
        DocumentVersion.objects.update(status=Status.EMBEDDING)
        version = DocumentVersion.objects.get(document=document)
        now = timezone.now()
        job = Job.objects.create(
            kind=EMBED,
            queue=Queue.EMBED,
            tenant_id=alice.access.tenant_id,
            target_id=version.id,
            attempts=attempts,
            run_at=now,
            sent_at=now,
        )
    worker = Thread(target=_run, args=[job.id])
    with tenant_atomic(alice.access.tenant_id):
        Document.objects.select_for_update().get(id=document)
        worker.start()
        wait_for("the worker waits", lambda: admin_connection.execute(_WAITING).fetchone() == (True,))
        # What a deletion does next; if the worker held the row, this would raise at once.
        assert Job.objects.select_for_update(nowait=True).get(id=job.id)
    worker.join(30)
    assert document_of(alice, document)["status"] == ("failed" if attempts else "ready")


def test_who_deletes_a_collection_waits_for_a_worker_without_holding_it_up(
    alice: Person, admin_connection: psycopg.Connection, unsent: None
) -> None:
    collection = alice.api.post("/api/v1/collections/", {"name": "Minutes"}).json()["id"]
    document = uploaded(alice, "minutes.txt", b"The kiln is fired on Fridays.", collection=collection)["id"]
    answers: list[int] = []

    def delete() -> None:
        try:
            answers.append(alice.api.delete(f"/api/v1/collections/{collection}/").status_code)
        finally:
            connections.close_all()

    deleting = Thread(target=delete)
    with tenant_atomic(alice.access.tenant_id), connection.cursor() as cursor:
        Document.objects.select_for_update().get(id=document)
        deleting.start()
        wait_for("the deletion waits", lambda: admin_connection.execute(_WAITING).fetchone() == (True,))
        # What the foreign key of a vector does next.
        cursor.execute("SELECT FROM documents_collection WHERE id = %s FOR KEY SHARE NOWAIT", [collection])
    deleting.join(30)
    assert answers == [204]
