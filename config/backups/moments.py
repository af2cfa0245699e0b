"""A moment of the database that is held while it is read, by a role that sees what it has to see."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, LiteralString
from urllib.parse import quote
from uuid import UUID

import psycopg
from django.conf import settings
from django.db import connection as django_connection
from psycopg import sql

from config.backups.errors import BackupError
from config.provisioning import with_login

# Tables whose rows the current role would not see all of, and would not be told.
_HIDDEN: LiteralString = """
    SELECT relname FROM pg_class
    WHERE relkind = 'r' AND relrowsecurity AND relnamespace = 'public'::regnamespace AND (
        EXISTS (SELECT FROM pg_policies WHERE schemaname = 'public' AND tablename = relname
                AND permissive = 'RESTRICTIVE' AND roles && ARRAY[current_user, 'public']::name[])
        OR NOT EXISTS (SELECT FROM pg_policies WHERE schemaname = 'public' AND tablename = relname
                AND permissive = 'PERMISSIVE' AND roles && ARRAY[current_user, 'public']::name[] AND qual = 'true')
    ) ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment of the database, held by a transaction of its own; `tenant` is whose rows are seen, or None."""

    connection: psycopg.Connection[Any]
    tenant: UUID | None

    @property
    def snapshot(self) -> str:
        """The name by which another session sees the same moment."""
        [name] = self.connection.execute("SELECT pg_export_snapshot()").fetchone() or [""]
        return str(name)


@contextmanager
def held_moment(url: str, tenant: UUID | None) -> Iterator[Moment]:
    """See one moment until the block ends. Raises `BackupError` where not all of it would be seen."""
    try:
        connection = psycopg.connect(url, application_name="docent backup")
    except psycopg.OperationalError as error:
        raise BackupError(f"The database cannot be reached: {error}") from error
    with connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        for name in ("statement_timeout", "idle_in_transaction_session_timeout"):
            connection.execute(sql.SQL("SET LOCAL {} = 0").format(sql.Identifier(name)))
        # What values look like as text must not depend on who reads them.
        connection.execute("SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO, YMD'")
        connection.execute("SET LOCAL extra_float_digits = 3; SET LOCAL IntervalStyle = 'postgres'")
        if tenant:
            connection.execute("SELECT set_config('app.tenant_id', %s, true)", [str(tenant)])
        else:
            _require_sight(connection)
        yield Moment(connection, tenant)
        connection.rollback()


def _require_sight(connection: psycopg.Connection[Any]) -> None:
    """Row-level security must hide nothing: it would make an empty backup without a word."""
    statement: LiteralString = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
    [bypasses] = connection.execute(statement).fetchone() or [False]
    if bypasses:
        connection.execute("SET LOCAL row_security = off")  # from here on an error, where it would hide rows
        return
    hidden = [name for (name,) in connection.execute(_HIDDEN)]
    if hidden:
        user = connection.info.user
        raise BackupError(f"{user} does not see all rows of {hidden[0]}: DATABASE_OPS_URL must be docent_ops's.")


def ops_url() -> str:
    """The address of whoever sees every organisation. Raises `BackupError`."""
    if not settings.DOCENT_OPS_URL:
        raise BackupError("A backup of everything needs DATABASE_OPS_URL.")
    return str(settings.DOCENT_OPS_URL)


def owner_url() -> str:
    """The address of whoever owns the schema. Raises `BackupError`."""
    if not settings.DOCENT_OWNER_URL:
        raise BackupError("A restore needs DATABASE_OWNER_URL.")
    return str(settings.DOCENT_OWNER_URL)


def app_url() -> str:
    """The application's own address."""
    about = django_connection.settings_dict
    place = f"postgresql://{about['HOST']}:{about['PORT'] or 5432}/{quote(about['NAME'], safe='')}"
    return with_login(place, about["USER"], about["PASSWORD"])
