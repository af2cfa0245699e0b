"""Writes: ending conversations in which nothing has happened for as long as the organisation allows."""

from collections.abc import Iterator
from uuid import UUID

from django.utils import timezone

from conversations.models import Conversation
from conversations.selectors.life import life_rules, list_idle
from conversations.webhook_events import tell_of_ending
from tenants.audit.recording import record_of_platform
from tenants.db import tenant_atomic
from tenants.models import Tenant

_BATCH = 500


def end_idle(*, dry_run: bool = False) -> dict[str, int]:
    """End every organisation's idle conversations; how many, by the organisation's slug, where there were any."""
    found = {slug: _end_in(tenant_id, dry_run=dry_run) for tenant_id, slug in every_tenant()}
    return {slug: count for slug, count in found.items() if count}


def every_tenant() -> Iterator[tuple[UUID, str]]:
    """Id and slug of each organisation; in those that are disabled everything stays as it is."""
    yield from list(Tenant.objects.filter(is_active=True).order_by("slug").values_list("id", "slug"))


def _end_in(tenant_id: UUID, *, dry_run: bool) -> int:
    if dry_run:
        with tenant_atomic(tenant_id):
            return list_idle(life_rules()).count()
    total = 0
    while True:
        with tenant_atomic(tenant_id):
            ended = _end_some(tenant_id)
        total += ended
        if ended < _BATCH:
            return total


def _end_some(tenant_id: UUID) -> int:
    # One that somebody holds is being asked: it is no longer idle, or idle the next time.
    idle = list_idle(life_rules()).select_for_update(skip_locked=True, no_key=True)
    ids = list(idle.order_by("updated_at").values_list("id", flat=True)[:_BATCH])
    if ids:
        Conversation.objects.filter(id__in=ids).update(ended_at=timezone.now())
        tell_of_ending(ids, "idle")
        record_of_platform(
            None, "conversations.ended", target_kind="tenant", target_id=tenant_id, conversations=len(ids)
        )
    return len(ids)
