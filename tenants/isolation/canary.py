"""The canaries: a row in every organisation that must be seen there, and nowhere else.

All queries here are plain SQL: the managers' lock would hide what the database's lock lets through.
"""

from collections.abc import Iterator
from uuid import UUID

from django.db import connection

from tenants.db import tenant_atomic
from tenants.models import Tenant

_ENOUGH = 3  # rows to read: one is right, and any second one is wrong


def canary_alarm() -> str | None:
    """What is wrong, as a sentence; None when all is well. Three short queries, for a probe every second."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM tenants_canary), (SELECT id FROM tenants_tenant WHERE is_active LIMIT 1)"
        )
        seen, tenant_id = cursor.fetchone()
    if seen:
        return f"{seen} canaries are seen without any organisation's context"
    return next(_faults_of(tenant_id), None) if tenant_id else None


def canary_faults(tenant_ids: list[UUID]) -> Iterator[str]:
    """Sentences: what is seen without context, and in each of these tenants' contexts that should not be."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM tenants_canary")
        [seen] = cursor.fetchone()
    if seen:
        yield f"{seen} canaries are seen without any organisation's context"
    for tenant_id in tenant_ids:
        yield from _faults_of(tenant_id)


def tables_seen_without_context(tables: list[str]) -> Iterator[str]:
    """The tables in which any row is seen outside every tenant's context."""
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"SELECT EXISTS (SELECT FROM {connection.ops.quote_name(table)})")  # noqa: S608 - quoted
            if cursor.fetchone()[0]:
                yield table


def _faults_of(tenant_id: UUID) -> Iterator[str]:
    with tenant_atomic(tenant_id), connection.cursor() as cursor:
        cursor.execute("SELECT tenant_id FROM tenants_canary LIMIT %s", [_ENOUGH])
        seen = [row[0] for row in cursor.fetchall()]
    foreign = [one for one in seen if one != tenant_id]
    if foreign:
        yield f"the organisation {tenant_id} sees another's canary"
    elif len(seen) > 1:
        yield f"the organisation {tenant_id} has more than one canary"
    # One that is being erased has lost its own before it goes itself.
    elif not seen and Tenant.objects.filter(id=tenant_id, is_active=True).exists():
        yield f"the organisation {tenant_id} does not see its own canary"
