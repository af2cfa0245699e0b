"""Sealing the whole audit log anew under another key, as the database's owner and while nobody else seals.

A chain that is not sound under the former key stays as it is, for people to look at: new seals would cover the
trace. Killed half-way it is run again: chains that were sealed anew are recognised.
"""

from collections.abc import Sequence
from typing import Any, LiteralString
from uuid import UUID

import psycopg

from tenants.audit.chain import EVENT_TEXT, START, digest_of, lock_key, read_head, write_head
from tenants.audit.chain import Link as ChainLink
from tenants.audit.sealing import BrokenChain, unit_of

_SEALED: LiteralString = f"""
    SELECT seal.number, seal.digest, {EVENT_TEXT}
    FROM tenants_auditseal seal JOIN tenants_auditevent event ON event.id = seal.event_id ORDER BY seal.number
"""  # noqa: S608 - our own columns
_BATCH = 1000


def reseal_audit(owner_url: str, tenants: Sequence[UUID], *, former: str, present: str) -> tuple[int, list[UUID]]:
    """Seal these tenants' events under `present`; returns how many, and whose chains were not sound."""
    sealed, broken = 0, []
    with psycopg.connect(owner_url, autocommit=True, application_name="docent sealing") as connection:
        for tenant_id in tenants:
            try:
                sealed += _reseal(connection, tenant_id, former=former, present=present)
            except BrokenChain:
                broken.append(tenant_id)
    return sealed, broken


def _reseal(connection: psycopg.Connection[Any], tenant_id: UUID, *, former: str, present: str) -> int:
    key = [lock_key(tenant_id)]
    connection.execute("SELECT pg_advisory_lock(%s)", key)
    try:
        with unit_of(connection, tenant_id):
            rows = connection.execute(_SEALED).fetchall()
            [count] = connection.execute("SELECT count(*) FROM tenants_auditseal").fetchone() or [0]
            stored = [row[1] for row in rows]
            before, after = (_digests(tenant_id, rows, one) for one in (former, present))
            if count != len(rows) or stored not in (before, after):
                raise BrokenChain("the seals are not those of the events")
            _require_head(tenant_id, before, after)
            if stored != after:
                _write(connection, list(enumerate(after, start=1)))
        if after:
            write_head(tenant_id, ChainLink(len(after), after[-1]))
    finally:
        connection.execute("SELECT pg_advisory_unlock(%s)", key)
    return len(after)


def _digests(tenant_id: UUID, rows: Sequence[Sequence[Any]], key: str) -> list[bytes]:
    """What the seals are under a key."""
    found, last = [], START.digest
    for place, (_, _, *event) in enumerate(rows, start=1):
        last = digest_of(last, tenant_id, place, event, key=key)
        found.append(last)
    return found


def _require_head(tenant_id: UUID, before: list[bytes], after: list[bytes]) -> None:
    """The state folder's word on the end: under the former key, or the present one where it got so far."""
    head = read_head(tenant_id)
    if head is None and not before:
        return
    if head is None or head.number > len(before):
        raise BrokenChain("the state folder knows another end")
    if head.digest not in {before[head.number - 1], after[head.number - 1]}:
        raise BrokenChain("the state folder knows another end")


def _write(connection: psycopg.Connection[Any], digests: list[tuple[int, bytes]]) -> None:
    with connection.cursor() as cursor:
        for start in range(0, len(digests), _BATCH):
            cursor.executemany(
                "UPDATE tenants_auditseal SET digest = %s WHERE number = %s",
                [(digest, number) for number, digest in digests[start : start + _BATCH]],
            )
