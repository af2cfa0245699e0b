"""Roles, database, extension and grants on a PostgreSQL server: the embedded one or one of your own.

Nothing here creates tables: the owner's migrations do. Everything may run again at any time.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import LiteralString
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

OWNER = "docent_owner"
APP = "docent_app"
OPS = "docent_ops"
_MIN_SERVER = 160000  # PostgreSQL 16, in libpq's notation
_MIN_VECTOR = (0, 8)
_APP_LIMITS = {
    "statement_timeout": "15s",
    "lock_timeout": "3s",
    "idle_in_transaction_session_timeout": "60s",
}


class ProvisioningError(Exception):
    """The server cannot hold Docent; the message says to a person what it lacks."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Passwords:
    """The passwords that the three roles get."""

    owner: str
    app: str
    ops: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Provisioned:
    """What ``provision`` made: whether ``docent_ops`` may read past row-level security."""

    ops_bypasses_rls: bool


def provision(admin_url: str, database: str, passwords: Passwords) -> Provisioned:
    """Bring the server behind ``admin_url`` to the state Docent needs, whatever state it is in.

    The administrator must be allowed to create roles and databases. Raises ProvisioningError where the
    server is too old, lacks pgvector or refuses; psycopg.OperationalError where it cannot be reached.
    """
    with _connect(admin_url) as admin:
        if admin.info.server_version < _MIN_SERVER:
            raise ProvisioningError(
                f"PostgreSQL 16 or newer is needed, the server is {admin.info.server_version // 10000}"
            )
        _ensure_role(admin, OWNER, passwords.owner)
        _ensure_role(admin, APP, passwords.app)
        _ensure_role(admin, OPS, passwords.ops)
        for name, value in _APP_LIMITS.items():
            _execute(
                admin,
                "ALTER ROLE {} SET {} = {}",
                sql.Identifier(APP),
                sql.Identifier(name),
                sql.Literal(value),
            )
        bypasses = _allow_bypass(admin)
    create_database(admin_url, database)
    return Provisioned(ops_bypasses_rls=bypasses)


def create_database(admin_url: str, name: str) -> None:
    """Create the database if it is missing, owned by ``docent_owner``, with pgvector and every grant.

    The roles must exist (``provision`` makes them). Raises ProvisioningError.
    """
    with _connect(admin_url) as admin, _member_of_owner(admin):
        if not admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            _execute(admin, "CREATE DATABASE {} OWNER {}", sql.Identifier(name), sql.Identifier(OWNER))
        with _connect(with_database(admin_url, name)) as inside:
            _ensure_vector(inside)
            _execute(inside, "SET ROLE {}", sql.Identifier(OWNER))
            _grant(inside, name)


def drop_database(admin_url: str, name: str) -> None:
    """Drop the database if it exists, ending the sessions in it."""
    with _connect(admin_url) as admin, _member_of_owner(admin):
        _execute(admin, "DROP DATABASE IF EXISTS {} WITH (FORCE)", sql.Identifier(name))


def with_database(url: str, name: str) -> str:
    """The same address with another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{quote(name, safe='')}"))


def with_login(url: str, user: str, password: str) -> str:
    """The same address with another user and password."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{quote(user, safe='')}:{quote(password, safe='')}@{host}"))


def _connect(url: str) -> psycopg.Connection:
    return psycopg.connect(url, autocommit=True, application_name="docent provisioning")


def _execute(connection: psycopg.Connection, statement: LiteralString, *parts: sql.Composable) -> None:
    connection.execute(sql.SQL(statement).format(*parts))


def _ensure_role(admin: psycopg.Connection, name: str, password: str) -> None:
    """The role, able to log in and nothing else; the server is sent a SCRAM verifier, never the password."""
    if not admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone():
        _execute(admin, "CREATE ROLE {}", sql.Identifier(name))
    row = admin.execute("SELECT rolsuper FROM pg_roles WHERE rolname = %s", [name]).fetchone()
    if row and row[0]:
        raise ProvisioningError(f"the role {name} is a superuser on this server: drop it first")
    verifier = admin.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()
    _execute(
        admin,
        "ALTER ROLE {} LOGIN NOCREATEDB NOCREATEROLE PASSWORD {}",
        sql.Identifier(name),
        sql.Literal(verifier),
    )


def _allow_bypass(admin: psycopg.Connection) -> bool:
    """Let ``docent_ops`` read past row-level security; managed servers that refuse leave it without."""
    try:
        _execute(admin, "ALTER ROLE {} BYPASSRLS", sql.Identifier(OPS))
    except psycopg.errors.InsufficientPrivilege:
        return False
    return True


@contextmanager
def _member_of_owner(admin: psycopg.Connection) -> Iterator[None]:
    """Make an administrator who is no superuser a member of the owner, to act for it in the block."""
    row = admin.execute("SELECT pg_has_role(%s, 'SET')", [OWNER]).fetchone()
    if row and row[0]:
        yield
        return
    _execute(admin, "GRANT {} TO CURRENT_USER WITH INHERIT TRUE, SET TRUE", sql.Identifier(OWNER))
    try:
        yield
    finally:
        _execute(admin, "REVOKE {} FROM CURRENT_USER", sql.Identifier(OWNER))


def _ensure_vector(inside: psycopg.Connection) -> None:
    """pgvector 0.8 or newer: iterative scans and halfvec. Raises ProvisioningError."""
    installed = inside.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'").fetchone()
    if not installed:
        try:
            inside.execute("CREATE EXTENSION vector")
        except psycopg.errors.InsufficientPrivilege as error:
            message = f"this login may not run CREATE EXTENSION vector in {inside.info.dbname}: have it run once"
            raise ProvisioningError(message) from error
        except (psycopg.errors.UndefinedFile, psycopg.errors.FeatureNotSupported) as error:
            raise ProvisioningError("the server has no pgvector: install 0.8 or newer") from error
        installed = inside.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'").fetchone()
    version = str(installed[0]) if installed else "0"
    if tuple(int(part) for part in version.split(".")[:2]) < _MIN_VECTOR:
        raise ProvisioningError(f"pgvector 0.8 or newer is needed, the database has {version}")


def _grant(inside: psycopg.Connection, database: str) -> None:
    """What each role may do in the database, also with what the owner will create. Never TRUNCATE."""
    roles = {"owner": sql.Identifier(OWNER), "app": sql.Identifier(APP), "ops": sql.Identifier(OPS)}
    statements: tuple[LiteralString, ...] = (
        "REVOKE ALL ON DATABASE {database} FROM PUBLIC",
        "REVOKE ALL ON SCHEMA public FROM PUBLIC",
        "GRANT CONNECT ON DATABASE {database} TO {app}, {ops}",
        "GRANT USAGE ON SCHEMA public TO {app}, {ops}",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {app}",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {app}",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO {ops}",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON SEQUENCES TO {ops}",
    )
    for statement in statements:
        inside.execute(sql.SQL(statement).format(database=sql.Identifier(database), **roles))


def _main() -> int:
    """``python -m config.provisioning``: the arguments of ``provision`` as JSON on standard input."""
    order = json.load(sys.stdin)
    passwords = Passwords(owner=order["owner"], app=order["app"], ops=order["ops"])
    try:
        provision(order["admin_url"], order["database"], passwords)
    except (ProvisioningError, psycopg.Error) as error:
        print(error, file=sys.stderr)  # noqa: T201 - for the process that started this one
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main())
