"""What the platform process does for documents from time to time, signed with no tenant."""

from celery import shared_task

from documents import reindex, source_fetching
from documents.services import sweeping
from tenants.jobs.periodic import one_at_a_time


@shared_task(name="documents.fetch_due_sources")  # type: ignore[untyped-decorator]
@one_at_a_time
def fetch_due_sources() -> int:
    """Have web pages looked at again whose time has come; returns how many."""
    return source_fetching.enqueue_due()


@shared_task(name="documents.drop_old_indexes")  # type: ignore[untyped-decorator]
@one_at_a_time
def drop_old_indexes() -> int:
    """Remove what is left of embedding models that nobody goes back to; returns how many indexes."""
    return reindex.drop_old_indexes()


@shared_task(name="documents.sweep_files")  # type: ignore[untyped-decorator]
@one_at_a_time
def sweep_files() -> int:
    """Remove stored files that no document has; returns how many."""
    return sweeping.sweep_all()
