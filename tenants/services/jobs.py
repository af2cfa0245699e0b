"""Background work as people meet it: why it failed, and trying it again."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from tenants.access import Access
from tenants.audit import record
from tenants.db import tenant_atomic
from tenants.errors import Conflict
from tenants.jobs import outbox
from tenants.models import Job
from tenants.selectors import access_job


@dataclass(frozen=True, slots=True)
class JobReason:
    """What went wrong with a job's target."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class JobGuide:
    """What the app that does jobs of one kind knows of them. Both run inside the tenant's unit.

    `reasons(target_ids)` says why some of the targets failed. `retry(access, target_id)` starts the work
    afresh, audits that and raises a `DocentError` where it cannot be.
    """

    reasons: Callable[[list[UUID]], Mapping[UUID, JobReason]]
    retry: Callable[[Access, UUID], None]


_guides: dict[str, JobGuide] = {}


def register_guide(kind: str, guide: JobGuide) -> None:
    """Apps above register theirs in `AppConfig.ready`. A kind without one shows no reason."""
    _guides[kind] = guide


def reasons_of(jobs: Iterable[Job]) -> dict[UUID, JobReason]:
    """Why jobs failed, by the job's id, as far as their targets say. One query for each kind."""
    by_kind: dict[str, dict[UUID, UUID]] = {}
    for job in jobs:
        if job.dead_at is not None and job.kind in _guides:
            by_kind.setdefault(job.kind, {})[job.target_id] = job.id
    return {
        targets[target_id]: reason
        for kind, targets in by_kind.items()
        for target_id, reason in _guides[kind].reasons(list(targets)).items()
    }


def retry_job(*, access: Access, job_id: UUID) -> Job:
    """Start a dead job afresh. Raises `NotFound`, and `Conflict` for one that is not dead."""
    with tenant_atomic(access.tenant_id):
        # Not locked: whoever retries locks the target first and then its job, as everybody does.
        job = access_job(access, job_id)
        if job.dead_at is None:
            raise Conflict("Only a job that has failed for good can be tried again.", code="not_dead")
        guide = _guides.get(job.kind)
        if guide is None:
            outbox.enqueue(job.kind, job.target_id)
            record(access, "job.retried", target_kind="job", target_id=job.id, kind=job.kind)
        else:
            guide.retry(access, job.target_id)
        return access_job(access, job_id)
