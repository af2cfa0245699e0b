"""Running one job: claim, work, and then done, again later, or given up."""

import logging
import random
import time
from uuid import UUID

from django.conf import settings
from django.db import OperationalError, transaction

from tenants.context import TenantConflict, find_tenant_id
from tenants.db import tenant_atomic
from tenants.errors import StorageFull, is_disk_full
from tenants.jobs import leases
from tenants.jobs.handlers import handler_of
from tenants.jobs.leases import MAX_ATTEMPTS, Lease, LeaseLost, TurnOver
from tenants.metrics import JOB_SECONDS, JOBS
from tenants.observing.log_context import noted
from tenants.observing.trace_spans import span

logger = logging.getLogger(__name__)


def run_job(job_id: UUID) -> bool:
    """Run a job if it is due and free; True when this call ran it, whatever came of it.

    An exception of the handler means "again later" until the attempts are used up. Attempts are
    counted when the job is taken, so that one that kills its worker is counted too.
    """
    seconds = settings.DOCENT_JOB_LEASE_SECONDS
    with transaction.atomic():
        lease = leases.claim(job_id, seconds=seconds)
        if lease is None:
            return False
        # Raised in here, so that the other tenant's job neither loses an attempt nor waits for a lease to end.
        if find_tenant_id() not in {None, lease.tenant_id}:
            raise TenantConflict("The task was signed for another tenant than the job's.")
    about = {"docent.kind": lease.kind, "docent.job": str(lease.job_id), "docent.tenant": str(lease.tenant_id)}
    with noted(job=lease.job_id, tenant=lease.tenant_id), span("job", about) as current:
        began = time.monotonic()
        outcome = _attempt(lease, seconds)
        if current is not None:
            current.set_attribute("docent.outcome", outcome)
        logger.debug("A job is over: %s, %s.", lease.kind, outcome)
        JOBS.labels(lease.kind, outcome).inc()
        JOB_SECONDS.labels(lease.kind).observe(time.monotonic() - began)
    return True


def _attempt(lease: Lease, seconds: float) -> str:
    """Do the work, or give it up; how the attempt ended, in a word."""
    if lease.attempts > MAX_ATTEMPTS:
        _give_up(lease, "worker_died", "Processing stopped unexpectedly each time it was tried.")
        return "dead"
    try:
        with leases.heartbeat(lease, seconds=seconds):
            handler_of(lease.kind).run(lease.target_id, lease)
    except LeaseLost:
        logger.info("job %s (%s) was taken away", lease.job_id, lease.kind)
        return "lost"
    except TurnOver as turn:
        leases.pass_on(lease, delay_seconds=turn.delay_seconds)
        return "passed_on"
    except Exception as error:
        logger.exception("job %s (%s) failed at attempt %d", lease.job_id, lease.kind, lease.attempts)
        if lease.attempts >= MAX_ATTEMPTS:
            _give_up(lease, *_reason(error))
            return "dead"
        leases.release(lease, delay_seconds=_back_off(lease.attempts))
        return "failed"
    leases.finish(lease)
    return "done"


def _reason(error: Exception) -> tuple[str, str]:
    """What people are told of the last attempt: a code, and a sentence that says what to do."""
    if is_disk_full(error):
        return (
            StorageFull.code,
            "There was no space left on the disk. Try again when the administrator has made room.",
        )
    return "processing_failed", "Processing failed several times. You can try it again."


def _give_up(lease: Lease, code: str, detail: str) -> None:
    try:
        with tenant_atomic(lease.tenant_id):
            # First the target, then the job, in the order in which services lock them.
            handler_of(lease.kind).give_up(lease.target_id, code, detail)
            if not leases.bury(lease):
                transaction.set_rollback(True)
    except OperationalError:
        raise  # the database is away or busy: whoever takes the job next gives it up
    except Exception:
        # Its target cannot be told, and no further attempt would change that.
        logger.exception("giving job %s (%s) up failed", lease.job_id, lease.kind)
        leases.bury(lease)


def _back_off(attempts: int) -> float:
    lease: float = settings.DOCENT_JOB_LEASE_SECONDS
    return random.uniform(0.5, 1.0) * lease * 2.0 ** (attempts - 1) / 4  # noqa: S311
