"""Attacks on every tenant-owned table by SQL alone, as the application's and the owner's role.

Nothing here knows a table by name: rows are made from what the catalog says about columns and keys, so that a
table of tomorrow is attacked too. Everything happens inside one transaction of the superuser's, which the
caller rolls back; the roles attacked with are taken on with SET LOCAL ROLE.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from tenants.constraints import APP_ROLE, OWNER_ROLE
from tenants.isolation.catalog import app_privileges, tenant_models

_ROLES = (APP_ROLE, OWNER_ROLE)
_REFUSED = psycopg.errors.InsufficientPrivilege

_COLUMNS = """
    SELECT attrelid::regclass::text, attname::text, format_type(atttypid, atttypmod), attnotnull
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
      AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
"""
# A key's last column is what points; the ones before it, if any, are the tenant.
_KEYS = """
    SELECT conrelid::regclass::text, attname::text, confrelid::regclass::text
    FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[array_upper(conkey, 1)]
    WHERE contype = 'f' AND connamespace = 'public'::regnamespace
"""


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    type: str
    is_required: bool
    target: str | None


@dataclass(slots=True)
class _Planted:
    """One tenant's rows by table."""

    tenant: UUID
    rows: dict[str, UUID] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Stand:
    """Where an attacker stands: whose context is set, and whose memberships may be listed."""

    words: str
    tenant: UUID | None
    person: UUID | None


class Walls:
    """Two tenants' rows in every tenant-owned table, and attempts to reach from one to the other.

    One person belongs to both tenants, so that the sight of one's own memberships is part of the attack.
    """

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self._columns = _read_columns(connection)
        _drop_checks(connection)
        self._person = self._insert("tenants_user", {})
        self.mine = self._plant()
        self.foreign = self._plant()

    def breaches(self, table: str) -> list[str]:
        """What an attacker could do that they must not, and what a tenant cannot do that it must; none is good."""
        stands = (
            _Stand("in its context", self.mine.tenant, None),
            _Stand("in its context, as a person", self.mine.tenant, self._person),
            _Stand("without context", None, None),
            _Stand("without context, as a person", None, self._person),
        )
        found = []
        for role in _ROLES:
            for stand in stands:
                attacks = (self._read, self._insert_across, self._take, self._give_away, self._delete)
                found += [
                    f"{role} {stand.words} {breach}" for attack in attacks for breach in attack(role, stand, table)
                ]
        return found

    def dangling_keys(self, table: str) -> list[str]:
        """Columns by which a row of one tenant may point to a row of the other. That it may point to its own
        tenant's rows was seen when they were planted."""
        keys = [one for one in self._columns[table] if one.target in tenant_models()]
        return [f"{table}.{one.name} points to a foreign row" for one in keys if self._may_point(table, one)]

    def _may_point(self, table: str, key: _Column) -> bool:
        role = APP_ROLE if "UPDATE" in app_privileges(table) else OWNER_ROLE
        statement = sql.SQL("UPDATE {} SET {} = %s").format(sql.Identifier(table), sql.Identifier(key.name))
        try:
            with self._acting(role, _Stand("", self.mine.tenant, None)):
                changed = self.connection.execute(statement, [self.foreign.rows[str(key.target)]]).rowcount
                assert changed == 1
                self.connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
        except psycopg.errors.ForeignKeyViolation:
            return False
        return True

    def _read(self, role: str, stand: _Stand, table: str) -> Iterator[str]:
        expected = self._own_rows(stand, table)
        if stand.person is not None and tenant_models()[table].row_person_column:
            expected |= {self.mine.rows[table], self.foreign.rows[table]}
        with self._acting(role, stand):
            rows = self.connection.execute(sql.SQL("SELECT id FROM {}").format(sql.Identifier(table)))
            seen = {identity for (identity,) in rows}
        if seen != expected:
            yield f"sees {len(seen - expected)} foreign rows, misses {len(expected - seen)} of {table}"

    def _insert_across(self, role: str, stand: _Stand, table: str) -> Iterator[str]:
        for owner in (self.mine, self.foreign):
            is_own = owner.tenant == stand.tenant
            try:
                with self._acting(role, stand):
                    self._insert(table, {"tenant_id": owner.tenant})
            except _REFUSED:
                if is_own and _may(role, "INSERT", table):
                    yield f"cannot insert into {table}"
            except psycopg.errors.UniqueViolation:
                if not is_own:
                    yield f"meets a foreign row of {table}"
            else:
                if not is_own:
                    yield f"inserts a foreign row into {table}"

    def _take(self, role: str, stand: _Stand, table: str) -> Iterator[str]:
        yield from self._write(role, stand, table, "takes", self.mine.tenant)

    def _delete(self, role: str, stand: _Stand, table: str) -> Iterator[str]:
        yield from self._write(role, stand, table, "deletes", None)

    def _write(self, role: str, stand: _Stand, table: str, verb: str, tenant: UUID | None) -> Iterator[str]:
        """A write without WHERE reads no column: only the policies for writing stand in its way."""
        statement = sql.SQL("DELETE FROM {}" if tenant is None else "UPDATE {} SET tenant_id = %s")
        values = [] if tenant is None else [tenant]
        privilege = "DELETE" if tenant is None else "UPDATE"
        expected = len(self._own_rows(stand, table)) if _may(role, privilege, table) else 0
        try:
            with self._acting(role, stand):
                changed = self.connection.execute(statement.format(sql.Identifier(table)), values).rowcount
        except _REFUSED:
            changed = 0
        except psycopg.errors.UniqueViolation:
            yield f"{verb} rows of {table} that meet its own"
            return
        if changed != expected:
            yield f"{verb} {changed} rows of {table}, of its own {expected}"

    def _give_away(self, role: str, stand: _Stand, table: str) -> Iterator[str]:
        statement = sql.SQL("UPDATE {} SET tenant_id = %s").format(sql.Identifier(table))
        try:
            with self._acting(role, stand):
                changed = self.connection.execute(statement, [self.foreign.tenant]).rowcount
        except (_REFUSED, psycopg.errors.UniqueViolation) as refusal:
            if not isinstance(refusal, _REFUSED):
                yield f"moves rows of {table} on to others"
            return
        if changed:
            yield f"moves {changed} rows of {table} to another tenant"

    def _own_rows(self, stand: _Stand, table: str) -> set[UUID]:
        return {self.mine.rows[table]} if stand.tenant == self.mine.tenant else set()

    @contextmanager
    def _acting(self, role: str, stand: _Stand) -> Iterator[None]:
        """As that role with that context; undone at the end."""
        with self.connection.transaction(force_rollback=True):
            for name, value in (("app.tenant_id", stand.tenant), ("app.user_id", stand.person)):
                self.connection.execute("SELECT set_config(%s, %s, true)", [name, str(value or "")])
            self.connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(role)))
            yield

    def _plant(self) -> _Planted:
        planted = _Planted(self._insert("tenants_tenant", {}))
        missing = set(tenant_models())
        while missing:
            plantable = {one for one in missing if not (self._targets(one) - {one}) & missing}
            assert plantable, f"keys in a circle: {missing}"
            for table in sorted(plantable):
                planted.rows[table] = self._insert(table, self._own_values(table, planted))
            missing -= plantable
        self.connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
        self.connection.execute("SET CONSTRAINTS ALL DEFERRED")
        return planted

    def _targets(self, table: str) -> set[str]:
        return {one.target for one in self._columns[table] if one.target is not None}

    def _own_values(self, table: str, planted: _Planted) -> dict[str, Any]:
        """The tenant and every key of a row that stays within it."""
        values: dict[str, Any] = {"tenant_id": planted.tenant}
        for column in self._columns[table]:
            if column.target == "tenants_user":
                values[column.name] = self._person
            elif column.target in planted.rows:
                values[column.name] = planted.rows[str(column.target)]
        return values

    def _insert(self, table: str, values: dict[str, Any]) -> UUID:
        """A row with made-up values where none are given, keys included: those are checked later. Its id."""
        identity = uuid4()
        made = {one.name: _made_up(one.type) for one in self._columns[table] if one.is_required}
        row = made | values | {"id": identity}
        statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, row)),
            sql.SQL(", ").join(sql.Placeholder() * len(row)),
        )
        self.connection.execute(statement, list(row.values()))
        return identity


def _may(role: str, privilege: str, table: str) -> bool:
    """Whether the role has the privilege; the owner has them all."""
    return role == OWNER_ROLE or privilege in app_privileges(table)


def _read_columns(connection: psycopg.Connection[Any]) -> dict[str, list[_Column]]:
    targets = {(table, name): target for table, name, target in connection.execute(_KEYS)}
    columns: dict[str, list[_Column]] = {}
    for table, name, kind, is_required in connection.execute(_COLUMNS):
        columns.setdefault(table, []).append(_Column(name, kind, is_required, targets.get((table, name))))
    return columns


def _drop_checks(connection: psycopg.Connection[Any]) -> None:
    """Made-up rows need not make sense: what a row may say is no part of the walls."""
    checks = connection.execute(
        "SELECT conrelid::regclass::text, conname::text FROM pg_constraint"
        " WHERE contype = 'c' AND connamespace = 'public'::regnamespace AND conrelid = ANY(%s::regclass[])",
        [list(tenant_models())],
    ).fetchall()
    for names in checks:
        statement = sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}")
        connection.execute(statement.format(*map(sql.Identifier, names)))


def _made_up(kind: str) -> Any:
    """A value of a PostgreSQL type that no unique constraint has seen."""
    if kind.endswith("[]"):
        return []
    if length := re.fullmatch(r"character varying\((\d+)\)", kind):
        return secrets.token_hex(16)[: int(length[1])]
    values: dict[str, Callable[[], Any]] = {
        "uuid": uuid4,
        "text": lambda: secrets.token_hex(8),
        "boolean": lambda: False,
        "double precision": lambda: 0.5,
        "timestamp with time zone": lambda: datetime.now(UTC),
        "date": lambda: datetime.now(UTC).date(),
        "jsonb": lambda: Jsonb({}),
        "bytea": lambda: secrets.token_bytes(32),
        "halfvec": lambda: "[1,2,3]",
        "tsvector": lambda: f"word{secrets.randbelow(30_000)}",
    }
    made = values.get(kind, lambda: secrets.randbelow(30_000) + 1)
    return made()
