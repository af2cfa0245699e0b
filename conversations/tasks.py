"""What the platform process does for conversations from time to time, signed with no tenant."""

from celery import shared_task

from conversations.services import archives, deleting, ending, retention, sweeping
from tenants.jobs.periodic import one_at_a_time


@shared_task(name="conversations.end_idle")  # type: ignore[untyped-decorator]
@one_at_a_time
def end_idle() -> int:
    """End conversations in which nothing happens any more; returns how many."""
    return sum(ending.end_idle().values())


@shared_task(name="conversations.archive_ended")  # type: ignore[untyped-decorator]
@one_at_a_time
def archive_ended() -> int:
    """Archive conversations that ended long enough ago; returns how many."""
    return archives.archive_ended()


@shared_task(name="conversations.purge")  # type: ignore[untyped-decorator]
@one_at_a_time
def purge() -> int:
    """Delete conversations that their organisations keep no longer; returns how many."""
    return retention.purge_conversations()[retention.CONVERSATIONS]


@shared_task(name="conversations.purge_past")  # type: ignore[untyped-decorator]
@one_at_a_time
def purge_past() -> int:
    """Remove what is not to be there any more: deleted, temporary and left, asked in passing; returns how many."""
    return sum(deleting.purge_past().values())


@shared_task(name="conversations.sweep_archives")  # type: ignore[untyped-decorator]
@one_at_a_time
def sweep_archives() -> int:
    """Remove files of archives that no conversation has; returns how many."""
    return sweeping.sweep_archives()
