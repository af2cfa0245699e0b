"""Bringing one organisation back beside others that live, from its own backup or from one of everything.

The rows are written by the schema's owner inside that organisation's context, where row-level security lets it
write no other's, and in one transaction. A backup of an older release goes through a scratch database first, where
this release's migrations make of it what they make of everybody's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from django.core.files.storage import default_storage
from psycopg import sql

from config.backups.archive import Backup, Manifest
from config.backups.errors import BackupError
from config.backups.moments import held_moment
from config.backups.restoring import Say, connected, load, put_file
from config.backups.scratch import scratch_place
from config.backups.tables import (
    ADDRESSES,
    PEOPLE,
    TENANTS,
    Table,
    account_columns,
    copy_out,
    list_tables,
    migrations_in,
    people_of,
)
from config.backups.writing import query_for
from tenants.erasure import tombstones

# The record of who did what is not taken back: what was done since stays in it.
_AUDIT = ("tenants_auditevent", "tenants_auditseal")
_BATCH = 4 * 1024 * 1024

Part = tuple[str, bytes]
"""A table's name and some of its rows, as COPY writes them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Which organisation is to come back, and whether in the place of the one that is there."""

    tenant: UUID
    slug: str
    replace: bool


def tenant_in(manifest: Manifest, slug: str) -> UUID:
    """The organisation that had this slug when the backup was made. Raises `BackupError`."""
    for tenant, known in manifest.tenants.items():
        if known == slug:
            return UUID(tenant)
    raise BackupError(f"There is no organisation “{slug}” in this backup.")


def restore_tenant(
    backup: Backup, manifest: Manifest, order: Order, *, owner_url: str, admin_url: str, say: Say
) -> None:
    """Its files, then all of its rows or none. Raises `BackupError`, and then no row was changed."""
    for one in tombstones.list_tombstones():
        if one.kind is tombstones.Kind.TENANT and one.subject == order.tenant:
            raise BackupError(f"“{order.slug}” was erased on {one.ordered_at:%Y-%m-%d}: an erasure is for good.")
    with connected(owner_url) as connection, connection.transaction():
        _require_free(connection, order)
        _put_files(backup, manifest, order.tenant)
        is_current = migrations_in(connection) == manifest.migrations
        if not is_current:
            say("The backup is of another release: it is migrated in a scratch database.")
        if is_current:
            source = _from_backup(backup, manifest, order)
        else:
            source = _from_scratch(backup, manifest, order, admin_url)
        with source as parts:
            _merge(connection, order, parts, say)


def _require_free(connection: psycopg.Connection[Any], order: Order) -> None:
    query = "SELECT id FROM tenants_tenant WHERE id = %s OR slug = %s"
    found = {one for (one,) in connection.execute(query, [order.tenant, order.slug])}
    if found - {order.tenant}:
        raise BackupError(f"Another organisation is called “{order.slug}” now.")
    if found and not order.replace:
        raise BackupError(f"“{order.slug}” is there. To have it as it was, add: --replace {order.slug}")


def _put_files(backup: Backup, manifest: Manifest, tenant: UUID) -> None:
    """Before the rows that name them; what is there and the same stays."""
    with backup.entries() as entries:
        for entry in entries:
            if entry.kind == "files" and entry.name in manifest.files and entry.name.startswith(f"t/{tenant}/"):
                put_file(default_storage, entry.name, entry.blocks(), manifest.files[entry.name])


@contextmanager
def _from_backup(backup: Backup, manifest: Manifest, order: Order) -> Iterator[Iterator[Part]]:
    """The organisation's rows, and all accounts, of which those that it names are taken."""
    with backup.entries() as entries:

        def each() -> Iterator[Part]:
            for entry in entries:
                if entry.kind != "rows":
                    continue
                content = manifest.tables[entry.table]
                if entry.table in {PEOPLE, ADDRESSES}:
                    yield entry.table, entry.rows()
                elif content.is_tenants or entry.table == TENANTS:
                    place = content.columns.index("id" if entry.table == TENANTS else "tenant_id")
                    yield entry.table, _rows_of(str(order.tenant).encode(), entry.rows(), place)

        yield each()


def _rows_of(tenant: bytes, rows: bytes, place: int) -> bytes:
    lines = rows.splitlines(keepends=True)
    return b"".join(line for line in lines if line.rstrip(b"\n").split(b"\t")[place] == tenant)


@contextmanager
def _from_scratch(backup: Backup, manifest: Manifest, order: Order, admin_url: str) -> Iterator[Iterator[Part]]:
    """The same, after this release's migrations."""
    with scratch_place(admin_url) as place:
        load(backup, manifest, place)
        code, said = place.run("migrate", "--no-input", "--skip-checks", "-v", "0")
        if code:
            raise BackupError(f"This release's migrations failed: {said}")
        with held_moment(place.app_url, order.tenant) as moment:

            def each() -> Iterator[Part]:
                tables = list_tables(moment.connection)
                for table in tables:
                    query = query_for(moment, table, tables)
                    if query is not None and (
                        table.belongs_to_tenant or table.name in {PEOPLE, ADDRESSES, TENANTS}
                    ):
                        yield from ((table.name, part) for part in _batched(copy_out(moment.connection, query)))

            yield each()


def _batched(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Some at a time, and one batch at least: a table without rows is known too."""
    part, size = [], 0
    for line in lines:
        part.append(line)
        size += len(line)
        if size >= _BATCH:
            yield b"".join(part)
            part, size = [], 0
    yield b"".join(part)


def _merge(connection: psycopg.Connection[Any], order: Order, parts: Iterator[Part], say: Say) -> None:
    """All in the caller's transaction: staged in tables of this session, then put into place."""
    connection.execute("SELECT set_config('app.tenant_id', %s, true)", [str(order.tenant)])
    connection.execute("SET CONSTRAINTS ALL DEFERRED")
    tables = {table.name: table for table in list_tables(connection)}
    staged: set[str] = set()
    for name, rows in parts:
        table = tables[name]
        if name not in staged:
            statement = sql.SQL("CREATE TEMP TABLE {} ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA")
            connection.execute(statement.format(_stage(name), table.column_list, table.identifier))
            staged.add(name)
        into = sql.SQL("COPY {} ({}) FROM STDIN").format(_stage(name), table.column_list)
        with connection.cursor() as cursor, cursor.copy(into) as copy:
            copy.write(rows)
    if TENANTS not in staged:
        raise BackupError("The backup has no rows of this organisation.")
    is_there = _put_tenant(connection, tables[TENANTS], order.tenant)
    owned = [tables[name] for name in sorted(staged) if tables[name].belongs_to_tenant]
    if is_there:
        _remove_rows(connection, [one for one in tables.values() if one.belongs_to_tenant], order.tenant)
    for table in owned:
        if not (is_there and table.name in _AUDIT):
            count = _put_rows(connection, table, order.tenant)
            say(f"{count:9} {table.name}")
    missing = _put_people(connection, tables, order.tenant, has_addresses=ADDRESSES in staged)
    say(f"{missing:9} accounts that were gone, without a password")


def _stage(table: str) -> sql.Identifier:
    return sql.Identifier("pg_temp", f"restored_{table}")


def _put_tenant(connection: psycopg.Connection[Any], table: Table, tenant: UUID) -> bool:
    """The organisation's own row; whether it was there already."""
    exists = connection.execute("SELECT 1 FROM tenants_tenant WHERE id = %s", [tenant]).fetchone() is not None
    columns = [name for name in table.columns if name != "id"]
    if exists:
        sets = sql.SQL(", ").join(sql.SQL("{0} = one.{0}").format(sql.Identifier(name)) for name in columns)
        statement = sql.SQL("UPDATE {} AS now SET {} FROM {} AS one WHERE now.id = one.id AND one.id = %s")
        connection.execute(statement.format(table.identifier, sets, _stage(table.name)), [tenant])
    else:
        statement = sql.SQL("INSERT INTO {0} ({1}) SELECT {1} FROM {2} WHERE id = %s")
        connection.execute(statement.format(table.identifier, table.column_list, _stage(table.name)), [tenant])
    return exists


def _remove_rows(connection: psycopg.Connection[Any], tables: list[Table], tenant: UUID) -> None:
    for table in tables:
        if table.name not in _AUDIT:
            connection.execute(sql.SQL("DELETE FROM {} WHERE tenant_id = %s").format(table.identifier), [tenant])


def _put_rows(connection: psycopg.Connection[Any], table: Table, tenant: UUID) -> int:
    """Raises `BackupError` where not every row gets to its place."""
    statement = sql.SQL("INSERT INTO {0} ({1}) SELECT {1} FROM {2} WHERE tenant_id = %s")
    done = connection.execute(
        statement.format(table.identifier, table.column_list, _stage(table.name)), [tenant]
    ).rowcount
    [staged] = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(_stage(table.name))).fetchone() or [0]
    if done != staged:
        raise BackupError(f"Of {staged} rows for {table.name} only {done} are this organisation's.")
    return int(done)


def _put_people(
    connection: psycopg.Connection[Any], tables: dict[str, Table], tenant: UUID, *, has_addresses: bool
) -> int:
    """Accounts that the rows name and that are gone come back without what opened them; returns how many.

    Where somebody else has the address by now, the account has one that no mail reaches, and is closed.
    """
    people = tables[PEOPLE]
    named = people_of(connection, list(tables.values()), tenant)
    gone = sql.SQL("SELECT id FROM ({}) AS named (id) WHERE id NOT IN (SELECT id FROM {})")
    ids = [one for (one,) in connection.execute(gone.format(named, people.identifier)) if one]
    is_taken = sql.SQL("EXISTS (SELECT FROM {} AS other WHERE lower(other.email) = lower(one.email))").format(
        people.identifier
    )
    instead: dict[str, sql.Composable] = {
        "email": sql.SQL("CASE WHEN {} THEN 'restored-' || id || '@docent.invalid' ELSE email END").format(
            is_taken
        ),
        "is_active": sql.SQL("is_active AND NOT {}").format(is_taken),
    }
    statement = sql.SQL("INSERT INTO {} ({}) SELECT {} FROM {} AS one WHERE id = ANY(%s)").format(
        people.identifier, people.column_list, account_columns(people, instead), _stage(PEOPLE)
    )
    connection.execute(statement, [ids])
    if has_addresses:
        _put_addresses(connection, tables, ids)
    return len(ids)


def _put_addresses(connection: psycopg.Connection[Any], tables: dict[str, Table], ids: list[UUID]) -> None:
    """Whose addresses were confirmed, unless an address is somebody else's by now."""
    table = tables[ADDRESSES]
    columns = sql.SQL(", ").join(sql.Identifier(name) for name in table.columns if name != "id")
    statement = sql.SQL(
        "INSERT INTO {0} ({1}) SELECT {1} FROM {2} AS one WHERE user_id = ANY(%s)"
        " AND EXISTS (SELECT FROM {3} AS person WHERE person.id = one.user_id AND person.is_active)"
        " AND NOT EXISTS (SELECT FROM {0} AS other WHERE lower(other.email) = lower(one.email))"
    )
    connection.execute(
        statement.format(table.identifier, columns, _stage(ADDRESSES), tables[PEOPLE].identifier), [ids]
    )
