"""Writes: how the last look at a source went, and when the next one is due."""

from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone

from documents.models import Source
from documents.sources import SourceError
from tenants.db import tenant_atomic

# What may pass by itself; of anything else another look soon says the same.
_PASSING = frozenset({"page_unreachable", "page_too_slow", "page_failed", "in_progress", "duplicate"})
_FIRST_RETRY, _LONGEST_RETRY = timedelta(minutes=15), timedelta(days=1)
# A page that nobody wants refreshed is tried so often.
_TRIES = 5


def note_success(tenant_id: UUID, source_id: UUID, counts: dict[str, int]) -> None:
    with tenant_atomic(tenant_id):
        source: Source | None = Source.objects.select_for_update().filter(id=source_id).first()
        if source is None:
            return
        source.last_run_at = timezone.now()
        source.next_run_at = source.next_after(source.last_run_at)
        source.error_code = source.error_detail = ""
        source.failures, source.report = 0, counts
        source.save()


def note_failure(tenant_id: UUID, source_id: UUID, error: SourceError) -> None:
    """Later and later again, and not before the other side wants to be asked."""
    with tenant_atomic(tenant_id):
        source: Source | None = Source.objects.select_for_update().filter(id=source_id).first()
        if source is None:
            return
        source.last_run_at = timezone.now()
        source.failures = min(source.failures + 1, 1000)
        source.error_code, source.error_detail = error.code[:40], error.detail
        source.next_run_at = _next_try(source, error)
        source.save()


def _next_try(source: Source, error: SourceError) -> datetime | None:
    due: datetime | None = source.next_after(source.last_run_at)
    if source.kind != Source.Kind.WEB_PAGE or error.code not in _PASSING or source.last_run_at is None:
        return due
    if due is None and source.failures >= _TRIES:
        return None
    soon: datetime = source.last_run_at + min(_FIRST_RETRY * 2 ** min(source.failures - 1, 10), _LONGEST_RETRY)
    asked_for: datetime = source.last_run_at + timedelta(seconds=error.retry_after or 0)
    return max(min(soon, due or soon), asked_for)
