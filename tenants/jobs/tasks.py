"""What Celery calls."""

from uuid import UUID

from celery import shared_task

from tenants.jobs import outbox, runner


@shared_task(name=outbox.RUN_JOB)  # type: ignore[untyped-decorator]
def run_job(job_id: str) -> None:
    """Run one job, then let the next one out."""
    runner.run_job(UUID(job_id))
    outbox.dispatch()


@shared_task(name="tenants.dispatch_jobs")  # type: ignore[untyped-decorator]
def dispatch_jobs() -> int:
    """Send what a crash or a wiped broker left unsent. Periodic; running it twice changes nothing."""
    return outbox.dispatch()
