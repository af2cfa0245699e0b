"""Jobs are rows first. Celery hears of a few at a time, fairly between tenants; the row decides."""

import logging
from uuid import UUID, uuid4

from celery import current_app
from django.conf import settings
from django.db import connection, transaction
from kombu.exceptions import OperationalError

from tenants.context import current_tenant_id
from tenants.jobs.handlers import queue_of

logger = logging.getLogger(__name__)

RUN_JOB = "tenants.run_job"
# A message not taken up after this is sent again; claiming twice is impossible, so that is harmless.
RESEND_SECONDS = 10


def enqueue(kind: str, target_id: UUID, *, delay_seconds: float = 0) -> None:
    """Write the job into the running transaction; Celery hears of it after the commit, or, delayed, from beat.

    A job that exists already (running, waiting or dead) starts afresh, and whoever holds it loses it.
    """
    _insert(kind, target_id, delay_seconds=delay_seconds)


def ensure(kind: str, target_id: UUID, *, delay_seconds: float = 0) -> None:
    """As `enqueue`, but a job that runs or waits already goes on as it is."""
    _insert(kind, target_id, only_dead="WHERE tenants_job.dead_at IS NOT NULL", delay_seconds=delay_seconds)


def hasten(kind: str, target_id: UUID) -> None:
    """As `ensure`, and a job that waits for a later time is due now; for jobs that are done aside.

    One that runs goes on: it holds its row, by `leases.renew`, when it sees that nothing is left to do.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO tenants_job (id, tenant_id, kind, target_id, queue, attempts, run_at, created_at)
            VALUES (%s, %s, %s, %s, %s, 0, now(), now())
            ON CONFLICT (kind, target_id) DO UPDATE SET run_at = least(tenants_job.run_at, now()), dead_at = NULL,
                attempts = CASE WHEN tenants_job.dead_at IS NULL THEN tenants_job.attempts ELSE 0 END
            """,
            [uuid4(), current_tenant_id(), kind, target_id, queue_of(kind)],
        )


def _insert(kind: str, target_id: UUID, *, only_dead: str = "", delay_seconds: float = 0) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO tenants_job (id, tenant_id, kind, target_id, queue, attempts, run_at, created_at)
            VALUES (%s, %s, %s, %s, %s, 0, now() + make_interval(secs => %s), now())
            ON CONFLICT (kind, target_id) DO UPDATE SET attempts = 0, run_at = excluded.run_at, dead_at = NULL,
                started_at = NULL, lease_id = NULL, lease_expires_at = NULL, sent_at = NULL
            {only_dead}
            """,  # noqa: S608 - the condition is this module's own
            [uuid4(), current_tenant_id(), kind, target_id, queue_of(kind), delay_seconds],
        )
    if not delay_seconds:
        _dispatch_after_commit()


def restart(job_id: UUID) -> None:
    """Begin a job anew, with all its attempts; whoever holds it loses it. One that is done stays done."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE tenants_job SET attempts = 0, run_at = now(), dead_at = NULL, started_at = NULL,
                lease_id = NULL, lease_expires_at = NULL, sent_at = NULL
            WHERE id = %s
            """,
            [job_id],
        )
    _dispatch_after_commit()


def cancel(kind: str, *target_ids: UUID) -> None:
    """Remove the jobs; a worker that holds one notices by its lease."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM tenants_job WHERE kind = %s AND target_id = ANY(%s)", [kind, list(target_ids)])


def _dispatch_after_commit() -> None:
    """Once, however many jobs the transaction makes."""
    if not any(_dispatch_all in waiting for waiting in connection.run_on_commit):
        transaction.on_commit(_dispatch_all, robust=True)


def _dispatch_all() -> None:
    dispatch()


def dispatch() -> int:
    """Send due jobs to Celery, as many of each queue as its workers can soon take; returns how many were sent.

    More would only take the order out of the database's hands. The tenant with the fewest under way is next; its
    own jobs go in the order of their making. Runs after each commit that enqueued, after each job, and every
    few seconds from beat, so neither a crash between commit and send nor a wiped broker loses a job.
    """
    sent = 0
    for queue, slots in settings.DOCENT_JOBS_IN_FLIGHT.items():
        for job_id, tenant_id in choose(queue, slots):
            _send(job_id, tenant_id, queue)
            sent += 1
    return sent


def choose(queue: str, slots: int, *, share: int | None = None) -> list[tuple[UUID, UUID]]:
    """Due jobs of a queue, each with its tenant, that are sent from now on: no more than `slots` are under way.

    One tenant has at most `share` of those.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH flying AS (
                SELECT tenant_id FROM tenants_job
                WHERE queue = %(queue)s AND dead_at IS NULL
                  AND (lease_expires_at >= now()
                       OR (lease_expires_at IS NULL AND sent_at > now() - make_interval(secs => %(resend)s)))
            ), due AS (
                SELECT job.id, job.created_at,
                       (SELECT count(*) FROM flying WHERE flying.tenant_id = job.tenant_id)
                       + row_number() OVER (PARTITION BY job.tenant_id ORDER BY job.created_at) AS turn
                FROM tenants_job job
                WHERE job.queue = %(queue)s AND job.dead_at IS NULL AND job.run_at <= now()
                  AND (job.lease_expires_at IS NULL OR job.lease_expires_at < now())
                  AND (job.sent_at IS NULL OR job.sent_at <= now() - make_interval(secs => %(resend)s))
            ), chosen AS (
                SELECT id FROM tenants_job WHERE id IN (
                    SELECT id FROM due WHERE turn <= %(share)s ORDER BY turn, created_at
                    LIMIT greatest(0, %(slots)s - (SELECT count(*) FROM flying))
                ) FOR UPDATE SKIP LOCKED
            )
            UPDATE tenants_job SET sent_at = now() FROM chosen WHERE tenants_job.id = chosen.id
            RETURNING tenants_job.id, tenants_job.tenant_id
            """,
            {"resend": RESEND_SECONDS, "slots": slots, "share": share or slots, "queue": queue},
        )
        chosen: list[tuple[UUID, UUID]] = cursor.fetchall()
    return chosen


def _send(job_id: UUID, tenant_id: UUID, queue: str) -> None:
    try:
        current_app.send_task(
            RUN_JOB, args=[str(job_id)], queue=queue, expires=60, retry=False, tenant_id=tenant_id
        )
    except (OperationalError, OSError):
        logger.warning("The broker cannot be reached; job %s waits in the outbox.", job_id)
