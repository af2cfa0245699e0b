"""Jobs are rows first. Celery hears of a few at a time, fairly between tenants; the row decides."""

import logging
from uuid import UUID, uuid4

from celery import current_app
from django.db import connection, transaction
from kombu.exceptions import OperationalError

from tenants.context import current_tenant_id

logger = logging.getLogger(__name__)

RUN_JOB = "tenants.run_job"
# Messages that Celery may hold at once. More would only take the order out of the database's hands.
IN_FLIGHT = 8
# A message not taken up after this is sent again; claiming twice is impossible, so that is harmless.
RESEND_SECONDS = 10


def enqueue(kind: str, target_id: UUID) -> None:
    """Write the job into the running transaction; Celery hears of it after the commit.

    A job that exists already (running, waiting or dead) starts afresh, and whoever holds it loses it.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO tenants_job (id, tenant_id, kind, target_id, attempts, run_at, created_at)
            VALUES (%s, %s, %s, %s, 0, now(), now())
            ON CONFLICT (kind, target_id) DO UPDATE SET attempts = 0, run_at = now(), dead_at = NULL,
                lease_id = NULL, lease_expires_at = NULL, sent_at = NULL
            """,
            [uuid4(), current_tenant_id(), kind, target_id],
        )
    transaction.on_commit(dispatch, robust=True)


def cancel(kind: str, target_id: UUID) -> None:
    """Remove the job; a worker that holds it notices by its lease."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM tenants_job WHERE kind = %s AND target_id = %s", [kind, target_id])


def dispatch() -> int:
    """Send due jobs to Celery until `IN_FLIGHT` are out; returns how many were sent.

    Runs after each commit that enqueued, after each job, and every few seconds from beat, so neither a
    crash between commit and send nor a wiped broker loses a job.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH flying AS (
                SELECT tenant_id FROM tenants_job
                WHERE dead_at IS NULL
                  AND (lease_expires_at >= now()
                       OR (lease_expires_at IS NULL AND sent_at > now() - make_interval(secs => %(resend)s)))
            ), due AS (
                SELECT job.id, job.tenant_id, job.run_at,
                       (SELECT count(*) FROM flying WHERE flying.tenant_id = job.tenant_id)
                       + row_number() OVER (PARTITION BY job.tenant_id ORDER BY job.run_at) AS turn
                FROM tenants_job job
                WHERE job.dead_at IS NULL AND job.run_at <= now()
                  AND (job.lease_expires_at IS NULL OR job.lease_expires_at < now())
                  AND (job.sent_at IS NULL OR job.sent_at <= now() - make_interval(secs => %(resend)s))
            ), chosen AS (
                SELECT id FROM tenants_job WHERE id IN (
                    SELECT id FROM due ORDER BY turn, run_at
                    LIMIT greatest(0, %(slots)s - (SELECT count(*) FROM flying))
                ) FOR UPDATE SKIP LOCKED
            )
            UPDATE tenants_job SET sent_at = now() FROM chosen WHERE tenants_job.id = chosen.id
            RETURNING tenants_job.id, tenants_job.tenant_id
            """,
            {"resend": RESEND_SECONDS, "slots": IN_FLIGHT},
        )
        chosen = cursor.fetchall()
    for job_id, tenant_id in chosen:
        _send(job_id, tenant_id)
    return len(chosen)


def _send(job_id: UUID, tenant_id: UUID) -> None:
    try:
        current_app.send_task(
            RUN_JOB, args=[str(job_id)], queue="work", expires=60, retry=False, tenant_id=tenant_id
        )
    except (OperationalError, OSError):
        logger.warning("The broker cannot be reached; job %s waits in the outbox.", job_id)
