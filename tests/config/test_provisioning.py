"""Roles, database and grants on a real server, seen through each role's own connection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg
import pytest

from config.embedded import servers
from config.provisioning import (
    Passwords,
    ProvisioningError,
    create_database,
    drop_database,
    provision,
    with_database,
    with_login,
)
from config.secrets import load_secrets

ATTRIBUTES = """
    SELECT rolname, rolcanlogin, rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls
    FROM pg_roles WHERE rolname LIKE 'docent%' ORDER BY rolname
"""


@pytest.fixture(scope="module")
def environ(shared_data: Path) -> Iterator[Mapping[str, str]]:
    """The addresses of a provisioned server."""
    environ: dict[str, str] = {}
    with servers(shared_data, environ):
        yield environ


@pytest.fixture(scope="module")
def passwords(shared_data: Path) -> Passwords:
    """What the roles of that server have."""
    secrets = load_secrets(shared_data)
    return Passwords(owner=secrets.owner_password, app=secrets.app_password, ops=secrets.ops_password)


@pytest.fixture(scope="module")
def table(environ: Mapping[str, str]) -> str:
    """A table that the owner made after the grants, with one row."""
    with psycopg.connect(environ["DATABASE_OWNER_URL"]) as owner:
        owner.execute("CREATE TABLE thing (id serial PRIMARY KEY, name text)")
        owner.execute("INSERT INTO thing (name) VALUES ('one')")
    return "thing"


def test_the_roles_can_log_in_and_nothing_else_but_ops_reads_past_policies(
    environ: Mapping[str, str],
) -> None:
    with psycopg.connect(environ["DATABASE_ADMIN_URL"]) as admin:
        assert admin.execute(ATTRIBUTES).fetchall() == [
            ("docent_app", True, False, False, False, False, False),
            ("docent_ops", True, False, False, False, False, True),
            ("docent_owner", True, False, False, False, False, False),
        ]
        owners = admin.execute(
            "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'docent'"
        ).fetchall()
    assert owners == [("docent_owner",)]


@pytest.mark.parametrize(
    ("role", "statement", "allowed"),
    [
        ("DATABASE_URL", "SELECT * FROM thing", True),
        ("DATABASE_URL", "INSERT INTO thing (name) VALUES ('two')", True),
        ("DATABASE_URL", "UPDATE thing SET name = 'three'", True),
        ("DATABASE_URL", "DELETE FROM thing WHERE name = 'none'", True),
        ("DATABASE_URL", "TRUNCATE thing", False),
        ("DATABASE_URL", "DROP TABLE thing", False),
        ("DATABASE_URL", "ALTER TABLE thing ADD COLUMN x int", False),
        ("DATABASE_URL", "CREATE TABLE mine (x int)", False),
        ("DATABASE_URL", "CREATE TEMPORARY TABLE mine (x int)", False),
        ("DATABASE_URL", "CREATE SCHEMA mine", False),
        ("DATABASE_URL", "SET ROLE docent_owner", False),
        ("DATABASE_OPS_URL", "SELECT * FROM thing", True),
        ("DATABASE_OPS_URL", "SELECT last_value FROM thing_id_seq", True),
        ("DATABASE_OPS_URL", "INSERT INTO thing (name) VALUES ('two')", False),
        ("DATABASE_OPS_URL", "DELETE FROM thing", False),
        ("DATABASE_OPS_URL", "CREATE TABLE mine (x int)", False),
        ("DATABASE_OWNER_URL", "TRUNCATE thing", True),
        ("DATABASE_OWNER_URL", "CREATE TABLE other (x int)", True),
        ("DATABASE_OWNER_URL", "CREATE ROLE other", False),
    ],
)
def test_what_each_role_may_do(
    environ: Mapping[str, str], table: str, role: str, statement: str, allowed: bool
) -> None:
    with psycopg.connect(environ[role]) as connection:
        if allowed:
            connection.execute(statement.encode())
        else:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())
        connection.rollback()


def test_the_application_gives_up_soon(environ: Mapping[str, str]) -> None:
    names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
    with psycopg.connect(environ["DATABASE_URL"]) as app:
        values = [app.execute("SELECT current_setting(%s)", [name]).fetchone() for name in names]
    assert values == [("15s",), ("3s",), ("1min",)]


def test_passwords_are_stored_as_verifiers_only(environ: Mapping[str, str]) -> None:
    with psycopg.connect(environ["DATABASE_ADMIN_URL"], autocommit=True) as admin:
        stored = admin.execute("SELECT rolpassword FROM pg_authid WHERE rolname LIKE 'docent%'").fetchall()
    assert [value[:14] for (value,) in stored] == ["SCRAM-SHA-256$"] * 3


def test_provisioning_again_repairs_what_was_changed(
    environ: Mapping[str, str], passwords: Passwords, table: str
) -> None:
    with psycopg.connect(environ["DATABASE_ADMIN_URL"], autocommit=True) as admin:
        admin.execute("ALTER ROLE docent_app CREATEDB PASSWORD 'other'")
        admin.execute("ALTER ROLE docent_app RESET ALL")
    assert provision(environ["DATABASE_ADMIN_URL"], "docent", passwords).ops_bypasses_rls
    with psycopg.connect(environ["DATABASE_URL"]) as app:
        assert app.execute("SELECT name FROM thing").fetchall() == [("one",)]
        assert app.execute("SELECT current_setting('lock_timeout')").fetchone() == ("3s",)
    with psycopg.connect(environ["DATABASE_ADMIN_URL"]) as admin:
        assert admin.execute("SELECT rolcreatedb FROM pg_roles WHERE rolname = 'docent_app'").fetchone() == (
            False,
        )


def test_a_database_of_its_own_has_the_same_grants_and_goes_with_sessions_in_it(
    environ: Mapping[str, str],
) -> None:
    admin_url, name = environ["DATABASE_ADMIN_URL"], 'odd "name" 100%'
    create_database(admin_url, name)
    create_database(admin_url, name)
    owner_url, app_url = (with_database(environ[key], name) for key in ("DATABASE_OWNER_URL", "DATABASE_URL"))
    with psycopg.connect(owner_url) as owner:
        owner.execute("CREATE TABLE thing (v halfvec(2))")
    with psycopg.connect(app_url) as app:
        app.execute("INSERT INTO thing VALUES ('[1,2]')")
        app.commit()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute("TRUNCATE thing")
        app.rollback()
        drop_database(admin_url, name)
        with pytest.raises(psycopg.OperationalError):
            app.execute("SELECT 1")
    drop_database(admin_url, name)
    with psycopg.connect(admin_url) as admin:
        assert admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is None


def test_an_administrator_who_is_no_superuser_does_as_well_but_for_bypassing(data: Path) -> None:
    """As on a managed server, whose administrator may make roles and databases and little else."""
    with servers(data, environ := dict[str, str]()):
        superuser_url = environ["DATABASE_ADMIN_URL"]
        with psycopg.connect(superuser_url, autocommit=True) as superuser:
            superuser.execute("DROP DATABASE docent")
            superuser.execute("DROP ROLE docent_app, docent_ops, docent_owner")
            superuser.execute("CREATE ROLE administrator LOGIN CREATEDB CREATEROLE PASSWORD 'managed'")
        admin_url = with_login(superuser_url, "administrator", "managed")
        secrets = load_secrets(data)
        passwords = Passwords(owner=secrets.owner_password, app=secrets.app_password, ops=secrets.ops_password)
        with pytest.raises(ProvisioningError, match="may not run CREATE EXTENSION vector in docent"):
            provision(admin_url, "docent", passwords)
        with psycopg.connect(with_database(superuser_url, "docent"), autocommit=True) as superuser:
            superuser.execute("CREATE EXTENSION vector")
        for _ in range(2):
            assert not provision(admin_url, "docent", passwords).ops_bypasses_rls
        with psycopg.connect(environ["DATABASE_OWNER_URL"]) as owner:
            owner.execute("CREATE TABLE thing (id int)")
        with psycopg.connect(environ["DATABASE_URL"]) as app:
            app.execute("INSERT INTO thing VALUES (1)")
        with psycopg.connect(superuser_url) as superuser:
            members = superuser.execute("SELECT pg_has_role('administrator', 'docent_owner', 'SET')").fetchone()
            assert members == (False,)


def test_a_role_that_is_a_superuser_is_refused(data: Path) -> None:
    with servers(data, environ := dict[str, str]()):
        with psycopg.connect(environ["DATABASE_ADMIN_URL"], autocommit=True) as admin:
            admin.execute("ALTER ROLE docent_app SUPERUSER")
        with pytest.raises(ProvisioningError, match="docent_app is a superuser"):
            provision(environ["DATABASE_ADMIN_URL"], "docent", Passwords(owner="a", app="b", ops="c"))


def test_an_old_pgvector_is_refused(environ: Mapping[str, str]) -> None:
    """The catalog says which version the database has; an old one is written there."""
    admin_url, name = environ["DATABASE_ADMIN_URL"], "old_vector"
    create_database(admin_url, name)
    with psycopg.connect(with_database(admin_url, name), autocommit=True) as admin:
        admin.execute("UPDATE pg_extension SET extversion = '0.7.4' WHERE extname = 'vector'")
    with pytest.raises(ProvisioningError, match=r"pgvector 0.8 or newer is needed, the database has 0\.7\.4"):
        create_database(admin_url, name)
    drop_database(admin_url, name)


def test_addresses_keep_what_is_not_changed() -> None:
    url = "postgresql://admin:p%40ss@db.example.org:5433/postgres?sslmode=require"
    assert with_database(url, "a b") == "postgresql://admin:p%40ss@db.example.org:5433/a%20b?sslmode=require"
    assert with_login(url, "app", "x/y") == "postgresql://app:x%2Fy@db.example.org:5433/postgres?sslmode=require"
