"""The servers of the run, its database, and the people in it. Tests run as `docent_app`.

A parallel run (`-n 3`) is several: every worker has a database, a state folder and processes of its own.
"""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

import django
import psycopg
import pytest
from django.db import connections
from django.test import TransactionTestCase
from psycopg import sql

from tests.environment import Environment, environment

# Now and not in a hook: modules of tests and of fixtures that import a model are next, and settings read
# the servers' addresses when they are imported.
# Bytecode is kept, whatever the environment says: else each of the run's many processes compiles Docent anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
_given = dict(os.environ)
_stack = ExitStack()
atexit.register(_stack.close)
_environment = _stack.enter_context(environment())
os.environ.update(_environment.variables)
django.setup()

pytest_plugins = ["tests.fixtures"]

_FLUSH_ATTEMPTS = 5
# Filled by migrations; tests never change them.
_KEPT = ("django_migrations", "django_content_type", "auth_permission")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Workers begin with what this process was given, not with the addresses it has made for itself."""
    os.environ.clear()
    os.environ.update(_given)


@pytest.fixture(scope="session")
def run_environment() -> Environment:
    """Addresses and state folder of this run."""
    return _environment


@pytest.fixture(scope="session")
def owner_connection(run_environment: Environment) -> Iterator[psycopg.Connection]:
    """docent_owner's, in autocommit: bound by row-level security, allowed to change the schema."""
    with psycopg.connect(run_environment.owner_url, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def admin_connection(run_environment: Environment) -> Iterator[psycopg.Connection]:
    """The superuser's, in autocommit: sees every tenant's rows."""
    with psycopg.connect(run_environment.admin_url, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def empty_tables(admin_connection: psycopg.Connection) -> Callable[[], None]:
    """Removes what was committed: the superuser does, whom row-level security does not bind."""

    def empty() -> None:
        connections["default"].close()
        for _ in range(_FLUSH_ATTEMPTS):
            with suppress(psycopg.errors.DeadlockDetected):
                _empty(admin_connection)
                return
        raise AssertionError("the tables could not be emptied: some process keeps them locked")

    return empty


@pytest.fixture(scope="session")
def django_db_setup(empty_tables: Callable[[], None]) -> Iterator[None]:
    """The database is there already. What a test commits is removed after it."""

    def flush(_test: TransactionTestCase) -> None:
        empty_tables()

    original = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]
    TransactionTestCase._fixture_teardown = flush  # type: ignore[attr-defined]
    yield
    TransactionTestCase._fixture_teardown = original  # type: ignore[attr-defined]
    connections["default"].close_pool()  # type: ignore[attr-defined]


def _empty(admin: psycopg.Connection) -> None:
    """Empty every table that has had rows. Every unit of the worker's locks its job first: so does this.

    Locked as TRUNCATE would, so that nothing under way is written afterwards, but deleted: for a few rows
    that takes a fifth of the time, and it comes after each of more than a thousand tests.
    """
    rows = admin.execute(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        " AND relname <> ALL(%s) AND (relname = 'tenants_job' OR pg_relation_size(oid) > 0)"
        " ORDER BY relname <> 'tenants_job', relname",
        [list(_KEPT)],
    )
    tables = [sql.Identifier(name) for (name,) in rows]
    steps = [
        sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(sql.SQL(", ").join(tables)),
        sql.SQL("SET LOCAL session_replication_role = replica"),  # no order among keys
        *(sql.SQL("DELETE FROM {}").format(table) for table in tables),
    ]
    with admin.transaction():
        admin.execute(sql.SQL("; ").join(steps))
