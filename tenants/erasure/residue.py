"""Looking for what an erasure may have left: in every table, in files, in Valkey and in the task queue.

The tables are read from the database's own catalog, so that one that nobody thought of is searched too. A table
of tenants is searched in each tenant's own context, for row-level security shows no more.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from tenants.db import tenant_atomic
from tenants.erasure import outside_rows
from tenants.models import Tenant

# Ids without content that other processes must still read; the platform removes them after a day.
_PASSING = frozenset({"tenants_revocation"})
# The record of who did what keeps ids, by design, as long as the organisation lives.
_AUDIT = frozenset({"tenants_auditevent", "tenants_auditseal"})
_SEARCHED = ("uuid", "ARRAY", "jsonb", "character varying", "text")


@dataclass(frozen=True, slots=True)
class _Column:
    table: str
    name: str
    type: str
    element: str
    is_dated: bool  # the table says of each row when it was made

    def condition(self) -> str | None:
        """SQL that finds `%(id)s` or, where addresses stand, an old one of `%(addresses)s`; None: cannot."""
        quoted = connection.ops.quote_name(self.name)
        if self.type == "uuid":
            return f"{quoted} = %(id)s::uuid"
        if self.type == "ARRAY":
            return f"%(id)s::uuid = ANY({quoted})" if self.element == "_uuid" else None
        has_id = f"strpos({quoted}::text, %(id)s) > 0"
        if "email" not in self.name or not self.is_dated:
            return has_id
        digest = f"encode(sha256(convert_to(lower({quoted}), 'UTF8')), 'hex')"
        return f"({has_id} OR (created_at <= %(until)s AND {digest} = ANY(%(addresses)s)))"


def residue_of_tenant(tenant_id: UUID) -> tuple[str, ...]:
    """Where an erased tenant is still to be found, a line for each place."""
    with tenant_atomic(tenant_id):
        found = list(_rows(_columns(leave=_PASSING), tenant_id))
    files = sum(1 for _ in outside_rows.list_files(tenant_id))
    tasks, keys = outside_rows.count_tasks(tenant_id), outside_rows.list_keys(tenant_id)
    return (*found, *_lines({"files": files, "keys in Valkey": len(keys), "messages of the task queue": tasks}))


@dataclass(frozen=True, slots=True)
class Addresses:
    """SHA-256 of a person's addresses, and until when they were that person's: somebody may be invited anew."""

    digests: tuple[str, ...]
    until: datetime


def residue_of_person(user_id: UUID, *, addresses: Addresses, tenant_id: UUID | None = None) -> tuple[str, ...]:
    """Where an erased person's id or address is still to be found, in one tenant or everywhere.

    What people wrote into documents and questions of their own is not searched: that is the organisation's, or
    theirs.
    """
    columns = _columns(leave=_PASSING | _AUDIT)
    owned = {column.table for column in columns if column.name == "tenant_id"}
    found: dict[str, None] = {}
    tenants = [tenant_id] if tenant_id else list(Tenant.objects.order_by("id").values_list("id", flat=True))
    inside = [column for column in columns if column.table in owned and column.type != "text"]
    for one in tenants:
        with tenant_atomic(one):
            found |= dict.fromkeys(_rows(inside, user_id, addresses))
    if tenant_id is None:
        found |= dict.fromkeys(_rows([one for one in columns if one.table not in owned], user_id, addresses))
        found |= dict.fromkeys(_lines({"sessions": sum(1 for _ in outside_rows.list_sessions(user_id))}))
    keys = outside_rows.list_keys(*filter(None, (tenant_id, user_id)))
    return (*found, *_lines({"keys in Valkey": len(keys)}))


def _rows(columns: Iterable[_Column], subject: UUID, addresses: Addresses | None = None) -> Iterator[str]:
    wanted: dict[str, Any] = {"id": str(subject), "addresses": [], "until": None}
    if addresses:
        wanted |= {"addresses": list(addresses.digests), "until": addresses.until}
    conditions: dict[str, list[str]] = {}
    for column in columns:
        if condition := column.condition():
            conditions.setdefault(column.table, []).append(condition)
    for table, tests in sorted(conditions.items()):
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT count(*) FROM {connection.ops.quote_name(table)} WHERE {' OR '.join(tests)}",  # noqa: S608
                wanted,
            )
            [count] = cursor.fetchone()
        yield from _lines({table: count})


def _columns(*, leave: frozenset[str]) -> list[_Column]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT table_name, column_name, data_type, udt_name, bool_or(column_name = 'created_at') OVER (
                PARTITION BY table_name
            ) FROM information_schema.columns
            WHERE table_schema = 'public' AND (data_type = ANY(%s) OR column_name = 'created_at')
              AND table_name <> ALL(%s) ORDER BY 1, 2
            """,
            [list(_SEARCHED), sorted(leave)],
        )
        return [_Column(*row) for row in cursor.fetchall() if row[2] in _SEARCHED]


def _lines(counts: dict[str, int]) -> Iterator[str]:
    yield from (f"{place}: {count}" for place, count in counts.items() if count)
