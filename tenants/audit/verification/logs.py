"""Walking the chains from end to end."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import LiteralString
from uuid import UUID

from django.db import connection

from tenants.audit.chain import (
    EVENT_TEXT,
    START,
    Link,
    digest_of,
    last_sealing,
    lock_key,
    read_head,
    tenants_with_heads,
)
from tenants.audit.verification.faults import Fault, FaultKind, Gap, Seal, Suspect, doubt_fault, orphan_fault
from tenants.audit.verification.moves import name_moved
from tenants.audit.verification.reasons import Reasons
from tenants.db import tenant_atomic
from tenants.models import Tenant

_PAGE = 1000
_PATIENCE = 60.0  # seconds after which a platform process that is at work must have sealed an event

_SEALS: LiteralString = f"""
    SELECT seal.number, seal.digest, seal.event_id, {EVENT_TEXT}
    FROM tenants_auditseal seal LEFT JOIN tenants_auditevent event ON event.id = seal.event_id
    WHERE seal.number > %s ORDER BY seal.number LIMIT %s
"""  # noqa: S608 - our own columns
_TAIL: LiteralString = """
    SELECT count(*), extract(epoch FROM min(event.at))::float8 FROM tenants_auditevent event
    WHERE (SELECT seal.number FROM tenants_auditseal seal WHERE seal.event_id = event.id) IS NULL
"""


@dataclass(slots=True)
class TenantLog:
    """One tenant's log: how much of it is sealed, and its faults in the chain's order.

    A tenant that is gone while the state folder still knows its chain has an empty `slug`.
    """

    tenant_id: UUID
    slug: str
    sealed: int = 0
    unsealed: int = 0
    oldest_unsealed_seconds: float | None = None
    faults: list[Fault] = field(default_factory=list)
    # The last seal that is known to have been made.
    made_up_to: int = 0
    # Evidence: what it says is settled once every log has been seen.
    gaps: list[Gap] = field(default_factory=list)
    suspects: list[Suspect] = field(default_factory=list)
    orphans: list[Seal] = field(default_factory=list)


@dataclass(slots=True)
class _Walk:
    """A chain, as far as it has been walked; `vouched` are digests that are proven though they look wrong."""

    head: Link | None
    last: Link = START
    at_head: bytes | None = None
    vouched: dict[int, bytes] = field(default_factory=dict)


def verify_audit(tenants: Sequence[Tenant] | None = None) -> list[TenantLog]:
    """Check the logs of these tenants, or of all: then rows that moved from one to another are named, too."""
    heads = tenants_with_heads() if tenants is None else set()
    chosen = list(Tenant.objects.order_by("slug")) if tenants is None else tenants
    logs = [_verify(tenant) for tenant in chosen]
    name_moved(logs)
    for log in logs:
        log.faults += [gap.fault for gap in log.gaps]
        log.faults += [orphan_fault(seal) for seal in log.orphans]
        log.faults += [doubt_fault(suspect, made_up_to=log.made_up_to) for suspect in log.suspects]
        log.faults.sort(key=lambda fault: (fault.number is None, fault.number or 0, fault.kind))
    return logs + [_gone(tenant_id) for tenant_id in sorted(heads - {tenant.id for tenant in chosen})]


def _verify(tenant: Tenant) -> TenantLog:
    """One tenant's log by itself; the chain does not grow meanwhile."""
    log = TenantLog(tenant.id, tenant.slug)
    with tenant_atomic(tenant.id):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [lock_key(tenant.id)])
        walk = _Walk(read_head(tenant.id))
        for seal in _seals():
            _step(log, walk, seal)
        _measure_tail(log)
    if walk.head:
        walk.vouched[walk.head.number] = walk.head.digest
    explained, log.suspects = Reasons(tenant.id, log.suspects, walk.vouched).faults()
    log.faults += explained
    log.made_up_to = (walk.head or walk.last).number
    _check_head(log, walk)
    return log


def _seals() -> Iterator[Seal]:
    """The chain of the tenant whose context is open, first to last."""
    number = -1
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_SEALS, [number, _PAGE])
            rows = cursor.fetchall()
        for number, digest, event_id, *event in rows:
            yield Seal(number, bytes(digest), event_id, None if event[0] is None else tuple(event))
        if len(rows) < _PAGE:
            return


def _step(log: TenantLog, walk: _Walk, seal: Seal) -> None:
    """Hold one seal against what stands before it."""
    previous = walk.last
    log.sealed += 1
    if seal.event is None:
        log.orphans.append(seal)
    if seal.number > previous.number + 1:
        log.gaps.append(Gap(previous.number + 1, seal.number - 1, previous.digest))
    elif seal.event is not None:
        if digest_of(previous.digest, log.tenant_id, seal.number, seal.event) != seal.digest:
            log.suspects.append(Suspect(seal.number, seal.digest, seal.event_id, seal.event, previous.digest))
        elif log.suspects and log.suspects[-1].number == previous.number:
            walk.vouched[previous.number] = previous.digest
    if walk.head and seal.number == walk.head.number:
        walk.at_head = seal.digest
    walk.last = Link(seal.number, seal.digest)


def _measure_tail(log: TenantLog) -> None:
    """How much is not sealed yet. It is a fault when the platform process was at work and passed it over."""
    with connection.cursor() as cursor:
        cursor.execute(_TAIL)
        log.unsealed, oldest = cursor.fetchone()
    if oldest is None:
        return
    log.oldest_unsealed_seconds = max(0.0, time.time() - oldest)
    sealing = last_sealing()
    if sealing is not None and sealing - oldest > _PATIENCE:
        detail = f"{log.unsealed} events are unsealed; the platform process has been at work since the oldest"
        log.faults.append(Fault(FaultKind.UNSEALED, detail))


def _check_head(log: TenantLog, walk: _Walk) -> None:
    """The state folder's word on where the chain ends."""
    head, last = walk.head, walk.last
    if head is None:
        if log.sealed:
            log.faults.append(Fault(FaultKind.HEAD, "the state folder knows nothing of this chain"))
    elif head.number > last.number:
        log.gaps.append(Gap(last.number + 1, head.number, last.digest))
    elif head.number < last.number:
        detail = f"the state folder knows the chain up to {head.number}; it goes on to {last.number}"
        log.faults.append(Fault(FaultKind.HEAD, detail, head.number))
    if head and walk.at_head not in {None, head.digest}:
        if head.number not in {fault.number for fault in log.faults}:
            detail = "the seal is not the one that the state folder knows"
            log.faults.append(Fault(FaultKind.HEAD, detail, head.number))


def _gone(tenant_id: UUID) -> TenantLog:
    fault = Fault(FaultKind.MISSING, "the organisation and its log are gone; the state folder knows its chain")
    return TenantLog(tenant_id, "", faults=[fault])
