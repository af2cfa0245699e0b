"""What the platform process does from time to time, signed with no tenant. Running one twice is harmless."""

import logging
from functools import cache

from celery import shared_task
from django.conf import settings

from tenants.audit import sealing
from tenants.jobs.periodic import one_at_a_time
from tenants.services import erasure, purging, totals
from tenants.webhooks import purging as webhooks

logger = logging.getLogger(__name__)


@shared_task(name="tenants.seal_audit")  # type: ignore[untyped-decorator]
def seal_audit() -> int:
    """Seal what was recorded since; returns how many events."""
    if not settings.DOCENT_OWNER_URL:
        _complain()
        return 0
    return sealing.seal_audit(settings.DOCENT_OWNER_URL)


@cache
def _complain() -> None:
    """Once in the process's life, not every few seconds."""
    logger.error("The audit log stays unsealed: the platform process has no DATABASE_OWNER_URL.")


@shared_task(name="tenants.finish_erasures")  # type: ignore[untyped-decorator]
@one_at_a_time
def finish_erasures() -> int:
    """Erase what was ordered to be, and look; returns how many erasures are finished now."""
    return erasure.finish_erasures()


@shared_task(name="tenants.purge_exports")  # type: ignore[untyped-decorator]
@one_at_a_time
def purge_exports() -> int:
    """Remove exports that have expired; returns how many."""
    return purging.purge_exports()


@shared_task(name="tenants.purge_deliveries")  # type: ignore[untyped-decorator]
@one_at_a_time
def purge_deliveries() -> int:
    """Forget what webhooks were told long ago; returns how many deliveries."""
    return webhooks.purge_deliveries()


@shared_task(name="tenants.wake_webhooks")  # type: ignore[untyped-decorator]
@one_at_a_time
def wake_webhooks() -> int:
    """Let due deliveries be sent whose job was given up; returns how many webhooks have any."""
    return webhooks.wake_webhooks()


@shared_task(name="tenants.purge_kept_answers")  # type: ignore[untyped-decorator]
@one_at_a_time
def purge_kept_answers() -> int:
    """Forget answers whose requests are not repeated any more; returns how many."""
    return purging.purge_kept_answers()


@shared_task(name="tenants.purge_revocations")  # type: ignore[untyped-decorator]
@one_at_a_time
def purge_revocations() -> int:
    """Forget what every process has heard long ago; returns how many."""
    return purging.purge_revocations()


@shared_task(name="tenants.count_totals")  # type: ignore[untyped-decorator]
@one_at_a_time
def count_totals() -> int:
    """Count what the operator's administration shows; returns how many organisations there are."""
    return totals.count_totals()
