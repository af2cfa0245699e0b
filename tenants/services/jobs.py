"""Background work as people meet it: how far it is, why it failed, trying it again and stopping it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from tenants.access import Access
from tenants.audit.recording import record
from tenants.db import tenant_atomic
from tenants.errors import Conflict
from tenants.jobs import outbox
from tenants.jobs.models import JobStatus
from tenants.models import Job
from tenants.selectors import access_job


@dataclass(frozen=True, slots=True)
class JobReason:
    """What went wrong with a job's target."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class JobProgress:
    """How far a job's target is: a word for its stage, 0 to 1, and the seconds left as far as is known."""

    stage: str
    progress: float
    eta_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class JobGuide:
    """What the app that does jobs of one kind knows of them. All run inside the tenant's unit.

    `reasons(target_ids)` says why some of the targets failed, `progress(target_ids)` how far they are.
    `retry(access, target_id)` starts work that has failed for good afresh, `cancel` stops what waits or runs;
    both audit that and raise a `DocentError` where it cannot be. Work without `cancel` is always finished.
    """

    reasons: Callable[[list[UUID]], Mapping[UUID, JobReason]]
    retry: Callable[[Access, UUID], None]
    cancel: Callable[[Access, UUID], None] | None = None
    progress: Callable[[list[UUID]], Mapping[UUID, JobProgress]] | None = None


@dataclass(frozen=True, slots=True)
class JobView:
    """A job as people see it. `position` counts from 1 what waits in the organisation's own queue."""

    job: Job
    status: JobStatus
    position: int | None
    progress: JobProgress | None
    reason: JobReason | None


_guides: dict[str, JobGuide] = {}


def register_guide(kind: str, guide: JobGuide) -> None:
    """Apps above register theirs in `AppConfig.ready`. A kind without one shows no reason."""
    _guides[kind] = guide


def describe_jobs(access: Access, jobs: Sequence[Job]) -> list[JobView]:
    """Jobs that `access_jobs` gave, in their order: three queries for documents' jobs, however many."""
    places = _places(access, jobs)
    reasons: dict[UUID, JobReason] = {}
    progress: dict[UUID, JobProgress] = {}
    for guide, of_guide in _by_guide(jobs).items():
        dead = [job.target_id for job in of_guide if job.dead_at is not None]
        alive = [job.target_id for job in of_guide if job.dead_at is None]
        reasons |= guide.reasons(dead) if dead else {}
        progress |= guide.progress(alive) if alive and guide.progress else {}
    return [
        JobView(
            job,
            *places.get(job.id, (JobStatus.DEAD if job.dead_at else JobStatus.WAITING, None)),
            None if job.dead_at else progress.get(job.target_id),
            reasons.get(job.target_id) if job.dead_at else None,
        )
        for job in jobs
    ]


def _by_guide(jobs: Sequence[Job]) -> dict[JobGuide, list[Job]]:
    found: dict[JobGuide, list[Job]] = {}
    for job in jobs:
        if job.kind in _guides:
            found.setdefault(_guides[job.kind], []).append(job)
    return found


def _places(access: Access, jobs: Sequence[Job]) -> dict[UUID, tuple[JobStatus, int | None]]:
    """Which of the living ones run, by the database's clock, and the places of the others in their queues."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT id, is_running, place FROM (
                SELECT id, is_running,
                       row_number() OVER (PARTITION BY queue, is_running ORDER BY created_at, id) AS place
                FROM (
                    SELECT id, queue, created_at, coalesce(lease_expires_at >= now(), false) AS is_running
                    FROM tenants_job WHERE tenant_id = %s AND dead_at IS NULL
                ) AS living
            ) AS placed WHERE id = ANY(%s)
            """,
            [access.tenant_id, [job.id for job in jobs]],
        )
        return {
            job_id: (JobStatus.RUNNING, None) if is_running else (JobStatus.WAITING, place)
            for job_id, is_running, place in cursor.fetchall()
        }


def retry_job(*, access: Access, job_id: UUID) -> Job:
    """Start a job afresh: one that waits is due at once, one that runs is taken from whoever does it.

    Raises `NotFound`, and what the kind's own way of starting a dead one afresh raises.
    """
    with tenant_atomic(access.tenant_id):
        # Not locked: whoever retries locks the target first and then its job, as everybody does.
        job = access_job(access, job_id)
        guide = _guides.get(job.kind)
        if job.dead_at is not None and guide is not None:
            guide.retry(access, job.target_id)
        else:
            outbox.restart(job.id)
            record(access, "job.retried", target_kind="job", target_id=job.id, kind=job.kind)
        return access_job(access, job_id)


def cancel_job(*, access: Access, job_id: UUID) -> None:
    """Stop what waits or runs, and undo what it has done. `Conflict` for work that is always finished."""
    with tenant_atomic(access.tenant_id):
        job = access_job(access, job_id)
        guide = _guides.get(job.kind)
        if guide is None or guide.cancel is None:
            raise Conflict("Work of this kind is always finished.", code="not_cancellable")
        guide.cancel(access, job.target_id)
