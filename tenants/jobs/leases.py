"""Taking a job by a lease, in database time, and keeping it while the work goes on."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from django.db import DatabaseError, close_old_connections, connection, connections

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 3


class LeaseLost(Exception):
    """The job was taken over, cancelled or asked for anew: whoever holds the old lease stops."""


class TurnOver(Exception):
    """Raised by a handler that stops halfway: to let others on, or, with a delay, as nothing can be done now.

    The job goes on when its turn comes again. No attempt is counted.
    """

    def __init__(self, *, delay_seconds: float = 0.0) -> None:
        super().__init__()
        self.delay_seconds = delay_seconds


@dataclass(slots=True)
class Lease:
    """One claim of one job. `check()` between steps; `lost` is set by the heartbeat."""

    job_id: UUID
    lease_id: UUID
    tenant_id: UUID
    kind: str
    target_id: UUID
    attempts: int
    lost: threading.Event = field(default_factory=threading.Event)

    def check(self) -> None:
        """Raise `LeaseLost` once the job belongs to somebody else."""
        if self.lost.is_set():
            raise LeaseLost


def claim(job_id: UUID, *, seconds: float) -> Lease | None:
    """Take a due job that nobody holds; None when there is nothing to take. Counts the attempt."""
    lease_id = uuid4()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE tenants_job
            SET lease_id = %s, lease_expires_at = now() + make_interval(secs => %s), attempts = attempts + 1,
                started_at = coalesce(started_at, now())
            WHERE id = (
                SELECT id FROM tenants_job
                WHERE id = %s AND dead_at IS NULL AND run_at <= now()
                  AND (lease_expires_at IS NULL OR lease_expires_at < now())
                FOR UPDATE SKIP LOCKED
            )
            RETURNING tenant_id, kind, target_id, attempts
            """,
            [lease_id, seconds, job_id],
        )
        row = cursor.fetchone()
    return None if row is None else Lease(job_id, lease_id, *row)


def renew(lease: Lease, *, seconds: float) -> bool:
    """Extend the lease; False when it is no longer ours."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE tenants_job SET lease_expires_at = now() + make_interval(secs => %s) "
            "WHERE id = %s AND lease_id = %s",
            [seconds, lease.job_id, lease.lease_id],
        )
        return bool(cursor.rowcount)


@contextmanager
def heartbeat(lease: Lease, *, seconds: float) -> Iterator[None]:
    """Renew the lease from a thread of its own, three times in its length, until the block ends.

    A database that does not answer is asked again: whether the lease is lost it alone knows.
    """
    done = threading.Event()

    def beat() -> None:
        try:
            while not done.wait(seconds / 3):
                close_old_connections()
                try:
                    is_ours = renew(lease, seconds=seconds)
                except DatabaseError:
                    logger.warning("The lease of job %s cannot be renewed; trying again.", lease.job_id)
                    continue
                if not is_ours:
                    lease.lost.set()
                    return
        finally:
            connections.close_all()

    # In this context, so that what it logs is told to belong to the job.
    thread = threading.Thread(target=copy_context().run, args=[beat], name=f"lease-{lease.job_id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def finish(lease: Lease) -> None:
    """The work is done: the row has served its purpose."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM tenants_job WHERE id = %s AND lease_id = %s", [lease.job_id, lease.lease_id])


def release(lease: Lease, *, delay_seconds: float) -> None:
    """Give the job back to be tried again later."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE tenants_job SET lease_id = NULL, lease_expires_at = NULL, sent_at = NULL,
                run_at = now() + make_interval(secs => %s)
            WHERE id = %s AND lease_id = %s
            """,
            [delay_seconds, lease.job_id, lease.lease_id],
        )


def pass_on(lease: Lease, *, delay_seconds: float) -> None:
    """Give the job back without counting the attempt: it keeps its place among its tenant's own."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE tenants_job SET lease_id = NULL, lease_expires_at = NULL, sent_at = NULL,
                attempts = greatest(0, attempts - 1), run_at = now() + make_interval(secs => %s)
            WHERE id = %s AND lease_id = %s
            """,
            [delay_seconds, lease.job_id, lease.lease_id],
        )


def forgive(lease: Lease) -> None:
    """Work has been done that stays: earlier attempts at the rest do not count any more."""
    lease.attempts = 1
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE tenants_job SET attempts = 1 WHERE id = %s AND lease_id = %s", [lease.job_id, lease.lease_id]
        )


def others_wait(lease: Lease, *, own_too: bool = False) -> bool:
    """Whether a job of another tenant, or with `own_too` any other, is due in the queue of this one."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT EXISTS (
                SELECT FROM tenants_job other JOIN tenants_job mine ON mine.id = %s
                WHERE other.queue = mine.queue AND other.id <> mine.id
                  AND (%s OR other.tenant_id <> mine.tenant_id)
                  AND other.dead_at IS NULL AND other.run_at <= now()
                  AND (other.lease_expires_at IS NULL OR other.lease_expires_at < now())
            )
            """,
            [lease.job_id, own_too],
        )
        row = cursor.fetchone()
    assert row is not None
    return bool(row[0])


def gives_way(lease: Lease, *, replies: int, seconds: float) -> bool:
    """Whether so many replies are being written that the job leaves the processors to them: so long at most."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT started_at > now() - make_interval(secs => %s)
                   AND (SELECT count(*) FROM tenants_replylease WHERE expires_at > now()) >= %s
            FROM tenants_job WHERE id = %s
            """,
            [seconds, replies, lease.job_id],
        )
        row = cursor.fetchone()
    return row is not None and bool(row[0])


def holds_up(lease: Lease, *, seconds: float) -> bool:
    """Whether a job of another kind has been due in this one's queue for so long, and no worker has taken it."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT EXISTS (
                SELECT FROM tenants_job other JOIN tenants_job mine ON mine.id = %s
                WHERE other.queue = mine.queue AND other.kind <> mine.kind
                  AND other.dead_at IS NULL AND other.run_at <= now() - make_interval(secs => %s)
                  AND (other.lease_expires_at IS NULL OR other.lease_expires_at < now())
            )
            """,
            [lease.job_id, seconds],
        )
        row = cursor.fetchone()
    assert row is not None
    return bool(row[0])


def bury(lease: Lease) -> bool:
    """Make the job a dead letter: kept, visible, tried again only when a person asks. False if lost."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE tenants_job SET dead_at = now(), lease_id = NULL, lease_expires_at = NULL
            WHERE id = %s AND lease_id = %s
            """,
            [lease.job_id, lease.lease_id],
        )
        return bool(cursor.rowcount)
