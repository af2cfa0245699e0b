"""Rows that are missing in one organisation and too many in another."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from tenants.audit.chain import EVENT_COLUMNS, EventText, digest_of
from tenants.audit.verification.faults import Fault, FaultKind, Gap, Seal, Suspect
from tenants.db import tenant_atomic
from tenants.models import AuditEvent

_TENANT = list(EVENT_COLUMNS).index("tenant_id")


class Log(Protocol):
    """What is known of one tenant's log, and what is still to be explained."""

    tenant_id: UUID
    slug: str
    faults: list[Fault]
    gaps: list[Gap]
    suspects: list[Suspect]
    orphans: list[Seal]


def name_moved(logs: Sequence[Log]) -> None:
    """Turn what is missing here and found there into `moved`, in both logs."""
    _name_moved_events(logs)
    for log in logs:
        log.gaps = [rest for gap in log.gaps for rest in _name_moved_seals(log, gap, logs)]


def _name_moved_events(logs: Sequence[Log]) -> None:
    """Events that were moved away from under their seals."""
    missing = {seal.event_id for log in logs for seal in log.orphans}
    if not missing:
        return
    places: dict[UUID, str] = {}
    for log in logs:
        with tenant_atomic(log.tenant_id):
            found = AuditEvent.objects.filter(id__in=missing).values_list("id", flat=True)
            places |= dict.fromkeys(found, log.slug)
    for log in logs:
        moved = [seal for seal in log.orphans if seal.event_id in places]
        for seal in moved:
            detail = f"the event stands in “{places[seal.event_id]}”; its seal is here"
            log.faults.append(Fault(FaultKind.MOVED, detail, seal.number, seal.event_id))
        log.orphans = [seal for seal in log.orphans if seal not in moved]


def _name_moved_seals(log: Log, gap: Gap, logs: Sequence[Log]) -> list[Gap]:
    """Events that were moved with their seals: one after the other, since each is needed to prove the next."""
    base = gap.base
    for number in range(gap.first, gap.last + 1):
        found = _find_sealed(log.tenant_id, number, base, logs)
        if found is None:
            return [Gap(number, gap.last, base)]
        other, suspect = found
        here = f"it stands in “{other.slug}” as {suspect.number}"
        log.faults.append(Fault(FaultKind.MOVED, here, number, suspect.event_id))
        there = f"it was sealed in “{log.slug}” as {number}"
        other.faults.append(Fault(FaultKind.MOVED, there, suspect.number, suspect.event_id))
        other.suspects.remove(suspect)
        base = suspect.digest
    return []


def _find_sealed(tenant_id: UUID, number: int, base: bytes, logs: Sequence[Log]) -> tuple[Log, Suspect] | None:
    for log in logs:
        for suspect in log.suspects:
            original = _in_tenant(suspect.event, tenant_id)
            if digest_of(base, tenant_id, number, original) == suspect.digest:
                return log, suspect
    return None


def _in_tenant(event: EventText, tenant_id: UUID) -> EventText:
    return (*event[:_TENANT], str(tenant_id), *event[_TENANT + 1 :])
