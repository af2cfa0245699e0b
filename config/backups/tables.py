"""What the database's own catalog says of its tables: a backup of an older release is read by its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from psycopg import sql

# Who is logged in is no part of a backup: whoever was logged out since would be in again.
LEFT_OUT = frozenset({"django_session", "usersessions_usersession"})
PEOPLE = "tenants_user"
ADDRESSES = "account_emailaddress"
TENANTS = "tenants_tenant"
MIGRATIONS = "django_migrations"
# Work of a tenant's that is found before any tenant is known, so that its table has no row-level security.
_WORK = frozenset({"tenants_job", "tenants_replylease"})

_TABLES: LiteralString = """
    SELECT relname, relrowsecurity, ARRAY(
        SELECT attname::text FROM pg_attribute
        WHERE attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum
    )
    FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname
"""
_KEYS_TO_PEOPLE: LiteralString = """
    SELECT conrelid::regclass::text, attname FROM pg_constraint
    JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1]
    WHERE contype = 'f' AND confrelid = 'public.tenants_user'::regclass AND connamespace = 'public'::regnamespace
    ORDER BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Table:
    """`columns` without those that the database computes; `is_tenants` by its row-level security."""

    name: str
    is_tenants: bool
    columns: tuple[str, ...]

    @property
    def belongs_to_tenant(self) -> bool:
        """Whether its rows are one organisation's each."""
        return self.is_tenants or self.name in _WORK

    @property
    def identifier(self) -> sql.Identifier:
        return sql.Identifier("public", self.name)

    @property
    def column_list(self) -> sql.Composed:
        return sql.SQL(", ").join(map(sql.Identifier, self.columns))


def list_tables(connection: psycopg.Connection[Any]) -> list[Table]:
    """All but those that are left out, by name."""
    rows = connection.execute(_TABLES).fetchall()
    return [Table(name, has, tuple(columns)) for name, has, columns in rows if name not in LEFT_OUT]


def people_of(connection: psycopg.Connection[Any], tables: list[Table], tenant: UUID) -> sql.Composed:
    """A query for the ids of everybody to whom a tenant's rows point by a key."""
    owned = {table.name for table in tables if table.belongs_to_tenant}
    keys = [(table, column) for table, column in connection.execute(_KEYS_TO_PEOPLE) if table in owned]
    return sql.SQL(" UNION ").join(
        sql.SQL("SELECT {} FROM {} WHERE tenant_id = {}").format(
            sql.Identifier(column), sql.Identifier("public", table), sql.Literal(tenant)
        )
        for table, column in keys
    )


def account_columns(table: Table, instead: dict[str, sql.Composable] | None = None) -> sql.Composed:
    """A person's columns without what opens an account, as a tenant's backup and its restore have them.

    `instead` are further expressions in the place of columns.
    """
    values: dict[str, sql.Composable] = {
        "password": sql.SQL("'!'"),
        "is_staff": sql.SQL("false"),
        "is_superuser": sql.SQL("false"),
        "last_login": sql.SQL("NULL::timestamptz"),
        **(instead or {}),
    }
    columns = [
        values.get(name, sql.Identifier(name)) + sql.SQL(" AS ") + sql.Identifier(name) for name in table.columns
    ]
    return sql.SQL(", ").join(columns)


def copy_out(connection: psycopg.Connection[Any], query: sql.Composable) -> Iterator[bytes]:
    """The rows of a query, each a line as COPY writes it."""
    with connection.cursor() as cursor, cursor.copy(sql.SQL("COPY ({}) TO STDOUT").format(query)) as copy:
        for line in copy:
            yield bytes(line)


def migrations_in(connection: psycopg.Connection[Any]) -> dict[str, list[str]]:
    """The names of the migrations that were run, by app."""
    found: dict[str, list[str]] = {}
    for app, name in connection.execute("SELECT app, name FROM django_migrations ORDER BY app, name"):
        found.setdefault(app, []).append(name)
    return found


def sequences_in(connection: psycopg.Connection[Any]) -> dict[str, int]:
    """Where each sequence stands that was used."""
    rows = connection.execute(
        "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL"
    )
    return dict(rows.fetchall())
