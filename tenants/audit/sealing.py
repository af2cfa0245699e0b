"""Sealing the audit log, as the database's owner: only the platform process can.

The application's role may insert events and nothing else; what it has written, the platform process puts into
each tenant's chain a few seconds later. An event whose transaction commits late simply gets a later number.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, LiteralString
from uuid import UUID, uuid4

import psycopg

from tenants.audit.chain import (
    EVENT_TEXT,
    START,
    Link,
    digest_of,
    lock_key,
    mark_sealing,
    read_head,
    remove_head,
    write_head,
)

logger = logging.getLogger(__name__)

_BATCH = 500  # events in one transaction

_LAST: LiteralString = "SELECT number, digest FROM tenants_auditseal ORDER BY number DESC LIMIT 1"
_AT_NUMBER: LiteralString = "SELECT digest FROM tenants_auditseal WHERE number = %s"
# Not the whole log each time: nothing that was written a day before the last sealing can commit after it. The
# subquery is no join on purpose: a planner with old statistics would compare each event with each seal.
_IS_UNSEALED: LiteralString = """
    event.at > COALESCE(
        (SELECT sealed_at - interval '1 day' FROM tenants_auditseal ORDER BY number DESC LIMIT 1), '-infinity')
    AND (SELECT seal.number FROM tenants_auditseal seal WHERE seal.event_id = event.id) IS NULL
"""
_UNSEALED: LiteralString = f"""
    SELECT {EVENT_TEXT} FROM tenants_auditevent event WHERE {_IS_UNSEALED} ORDER BY event.at, event.id LIMIT %s
"""  # noqa: S608 - our own columns
# One look into each tenant's log, in its own context, without a word to and fro: most have nothing new.
_FIND_TENANTS: LiteralString = f"""
    DO $$
    DECLARE
        one uuid;
        found text := '';
    BEGIN
        FOR one IN SELECT id FROM tenants_tenant ORDER BY id LOOP
            PERFORM set_config('app.tenant_id', one::text, true);
            IF EXISTS (SELECT FROM tenants_auditevent event WHERE {_IS_UNSEALED}) THEN
                found := found || one || ' ';
            END IF;
        END LOOP;
        PERFORM set_config('docent.unsealed', found, true);
    END $$
"""  # noqa: S608 - our own condition
_INSERT: LiteralString = """
    INSERT INTO tenants_auditseal (id, tenant_id, number, event_id, digest, sealed_at)
    VALUES (%s, %s, %s, %s, %s, now())
"""


class BrokenChain(Exception):
    """The end of a chain is not the one that was sealed last: it stays as it is, for people to look at."""


def seal_audit(owner_url: str) -> int:
    """Seal every tenant's new events; returns how many. Running it twice at once seals each once.

    A chain whose end was tampered with is logged and left alone: a new seal would cover the trace.
    """
    sealed = 0
    with psycopg.connect(owner_url, autocommit=True, application_name="docent sealing") as connection:
        for tenant_id in tenants_with_unsealed(connection):
            try:
                sealed += _seal_tenant(connection, tenant_id)
            except BrokenChain as error:
                logger.critical("audit log of %s: %s", tenant_id, error)
    mark_sealing()
    return sealed


def remove_audit_of(owner_url: str, tenant_id: UUID) -> dict[str, int]:
    """Remove an erased tenant's events, seals and head; returns the rows removed by table. May run again."""
    with psycopg.connect(owner_url, autocommit=True, application_name="docent sealing") as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [lock_key(tenant_id)])
        with unit_of(connection, tenant_id):
            seals = connection.execute("DELETE FROM tenants_auditseal").rowcount
            events = connection.execute("DELETE FROM tenants_auditevent").rowcount
        remove_head(tenant_id)
    return {"tenants_auditseal": seals, "tenants_auditevent": events}


def tenants_with_unsealed(connection: psycopg.Connection[Any]) -> list[UUID]:
    """Whose logs have grown since they were sealed."""
    with connection.transaction():
        connection.execute(_FIND_TENANTS)
        [found] = connection.execute("SELECT current_setting('docent.unsealed')").fetchone() or [""]
    return [UUID(one) for one in found.split()]


def _seal_tenant(connection: psycopg.Connection[Any], tenant_id: UUID) -> int:
    """Batch after batch, each under the chain's lock; whoever finds it taken leaves the rest to the other."""
    sealed = 0
    while count := _seal_batch(connection, tenant_id):
        sealed += count
        if count < _BATCH:
            break
    return sealed


def _seal_batch(connection: psycopg.Connection[Any], tenant_id: UUID) -> int:
    """The oldest unsealed events; 0 when another process is at it."""
    key = [lock_key(tenant_id)]
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", key).fetchone()
    if row is None or not row[0]:
        return 0
    try:
        with unit_of(connection, tenant_id):
            last = _end_of_chain(connection, tenant_id)
            events = connection.execute(_UNSEALED, [_BATCH]).fetchall()
            seals = []
            for event in events:
                number = last.number + 1
                last = Link(number, digest_of(last.digest, tenant_id, number, event))
                seals.append((uuid4(), tenant_id, number, event[0], last.digest))
            with connection.cursor() as cursor:
                cursor.executemany(_INSERT, seals)
        # After the commit: a crash in between leaves the head behind the chain, never ahead of it.
        if events:
            write_head(tenant_id, last)
        return len(events)
    finally:
        connection.execute("SELECT pg_advisory_unlock(%s)", key)


def _end_of_chain(connection: psycopg.Connection[Any], tenant_id: UUID) -> Link:
    """The last link, once the head has vouched for it."""
    row = connection.execute(_LAST).fetchone()
    last = Link(*row) if row else START
    head = read_head(tenant_id)
    if head is None:
        return last
    known = connection.execute(_AT_NUMBER, [head.number]).fetchone()
    if known is None or known[0] != head.digest:
        raise BrokenChain(f"seal {head.number}, the last one made, is missing or not what it was")
    return last


@contextmanager
def unit_of(connection: psycopg.Connection[Any], tenant_id: UUID) -> Iterator[None]:
    """One transaction in one tenant's name: row-level security binds the owner too."""
    with connection.transaction():
        connection.execute("SELECT set_config('app.tenant_id', %s, true)", [str(tenant_id)])
        yield
