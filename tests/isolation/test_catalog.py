"""The catalog gate is silent on our schema, and speaks when anything in it is taken away."""

from __future__ import annotations

from typing import Any, LiteralString

import psycopg
import pytest
from psycopg import sql

from tenants.constraints import APP_ROLE
from tenants.isolation.catalog import catalog_faults, policies_of, tenant_models
from tests.isolation.walls import Walls

_POLICIES = [(table, policy) for table, model in tenant_models().items() for policy in policies_of(model)]
_NAMES = [(table, policy[0]) for table, policy in sorted(_POLICIES, key=str)]
_CHECKED = [(table, policy[0]) for table, policy in sorted(_POLICIES, key=str) if policy[5] not in {None, "true"}]


def _change(connection: psycopg.Connection[Any], statement: LiteralString, *names: str) -> None:
    connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def test_I8_no_fault_in_the_catalog(scratch: psycopg.Connection[Any]) -> None:
    assert catalog_faults(scratch) == []
    assert {"documents_chunkembedding", "conversations_message", "tenants_membership"} < tenant_models().keys()


def test_I8_no_way_through_any_table_by_sql(walls: Walls) -> None:
    assert {table: walls.breaches(table) for table in tenant_models()} == {table: [] for table in tenant_models()}


def test_I3_no_key_points_to_another_tenant(walls: Walls) -> None:
    assert [key for table in tenant_models() for key in walls.dangling_keys(table)] == []


@pytest.mark.parametrize(("table", "policy"), _NAMES)
def test_I8_a_dropped_policy_is_noticed(
    scratch: psycopg.Connection[Any], walls: Walls, table: str, policy: str
) -> None:
    _change(scratch, "DROP POLICY {} ON {}", policy, table)
    [fault] = catalog_faults(scratch)
    assert fault.startswith(f"{table} lacks the policy {policy}")
    assert walls.breaches(table), "attacks notice it too"


@pytest.mark.parametrize(("table", "policy"), _CHECKED)
def test_I8_a_policy_that_checks_no_new_rows_is_noticed(
    scratch: psycopg.Connection[Any], walls: Walls, table: str, policy: str
) -> None:
    _change(scratch, "ALTER POLICY {} ON {} WITH CHECK (true)", policy, table)
    lacking, excess = catalog_faults(scratch)
    assert lacking.startswith(f"{table} lacks the policy {policy}")
    assert excess.startswith(f"{table} has a policy {policy} too many")
    assert walls.breaches(table)


@pytest.mark.parametrize("table", sorted(tenant_models()))
def test_I8_an_owner_who_is_not_bound_is_noticed(
    scratch: psycopg.Connection[Any], walls: Walls, table: str
) -> None:
    _change(scratch, "ALTER TABLE {} NO FORCE ROW LEVEL SECURITY", table)
    assert catalog_faults(scratch) == [f"{table} does not bind its owner"]
    breaches = walls.breaches(table)
    assert breaches
    assert all(breach.startswith("docent_owner") for breach in breaches)


@pytest.mark.parametrize("table", sorted(tenant_models()))
def test_I8_disabled_row_level_security_is_noticed(
    scratch: psycopg.Connection[Any], walls: Walls, table: str
) -> None:
    _change(scratch, "ALTER TABLE {} DISABLE ROW LEVEL SECURITY", table)
    assert catalog_faults(scratch) == [f"{table} has no row-level security"]
    assert walls.breaches(table)


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("CREATE TABLE novelty (id uuid)", "novelty is in 0 classes of table"),
        ("CREATE VIEW peephole AS SELECT * FROM documents_page", "peephole is a view"),
        (
            "CREATE MATERIALIZED VIEW peephole AS SELECT * FROM documents_page",
            "peephole is a materialised view",
        ),
        (
            "CREATE FUNCTION lift() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT 1::bigint'",
            "lift() is a SECURITY DEFINER function",
        ),
        ("CREATE SCHEMA annexe", "annexe is a schema that nobody guards"),
        (
            "ALTER TABLE documents_page ALTER tenant_id DROP NOT NULL",
            "documents_page has no tenant_id uuid NOT NULL",
        ),
        (
            "CREATE UNIQUE INDEX oracle ON documents_document (sha256)",
            "documents_document has the index oracle, unique beyond the tenant",
        ),
        (
            "ALTER TABLE documents_page ADD FOREIGN KEY (version_id) REFERENCES documents_documentversion (id)",
            "documents_page points to documents_documentversion by (version_id)",
        ),
        (
            "ALTER TABLE tenants_job ADD FOREIGN KEY (target_id) REFERENCES documents_documentversion (id)",
            "tenants_job points to documents_documentversion by (target_id)",
        ),
        (
            "ALTER TABLE documents_page DROP CONSTRAINT documents_page_version_tenant",
            "documents_page has no key (tenant_id, version_id) to documents_documentversion",
        ),
        (
            "ALTER TABLE tenants_canary DROP CONSTRAINT tenants_canary_tenant_id",
            "tenants_canary has no UNIQUE (tenant_id, id)",
        ),
        (
            "GRANT UPDATE ON tenants_auditevent TO docent_app",
            "tenants_auditevent lets docent_app INSERT, SELECT, UPDATE",
        ),
        (
            "GRANT UPDATE (data) ON tenants_auditevent TO PUBLIC",
            "tenants_auditevent lets docent_app change a column",
        ),
        (
            "GRANT TRUNCATE ON documents_page TO docent_app",
            "documents_page lets docent_app DELETE, INSERT, SELECT, UPDATE, TRUNCATE",
        ),
        ("GRANT INSERT ON documents_page TO docent_ops", "documents_page lets docent_ops INSERT, SELECT"),
        ("GRANT INSERT ON tenants_auditseal TO docent_app", "tenants_auditseal lets docent_app INSERT, SELECT"),
        ("ALTER TABLE tenants_job OWNER TO docent_app", "tenants_job belongs to docent_app"),
        ("ALTER ROLE docent_app BYPASSRLS", "docent_app bypasses row-level security"),
        ("ALTER ROLE docent_owner SUPERUSER", "docent_owner is a superuser"),
        ("GRANT pg_read_all_stats TO docent_app", "docent_app is a member of another role"),
        ("GRANT CREATE ON SCHEMA public TO docent_app", "docent_app creates objects in the schema"),
    ],
)
def test_I8_the_gate_speaks(scratch: psycopg.Connection[Any], statement: LiteralString, fault: str) -> None:
    scratch.execute(statement)
    assert fault in catalog_faults(scratch)


def test_I3_a_key_that_does_not_name_the_tenant_is_noticed(scratch: psycopg.Connection[Any], walls: Walls) -> None:
    scratch.execute("ALTER TABLE documents_page DROP CONSTRAINT documents_page_version_tenant")
    scratch.execute(
        "ALTER TABLE documents_page ADD FOREIGN KEY (version_id) REFERENCES documents_documentversion (id)"
        " DEFERRABLE INITIALLY DEFERRED"
    )
    assert walls.dangling_keys("documents_page") == ["documents_page.version_id points to a foreign row"]


def test_I5_a_row_without_tenant_cannot_be(scratch: psycopg.Connection[Any], walls: Walls) -> None:
    for table in tenant_models():
        with pytest.raises(psycopg.errors.NotNullViolation), scratch.transaction():
            _change(scratch, "UPDATE {} SET tenant_id = NULL", table)


def test_I8_the_record_cannot_be_rewritten(scratch: psycopg.Connection[Any], walls: Walls) -> None:
    scratch.execute("SELECT set_config('app.tenant_id', %s, true)", [str(walls.mine.tenant)])
    _change(scratch, "SET LOCAL ROLE {}", APP_ROLE)
    [count] = scratch.execute("SELECT count(*) FROM tenants_auditevent").fetchone() or [0]
    assert count == 1, "it may be read"
    for statement in ("UPDATE {} SET action = ''", "DELETE FROM {}", "TRUNCATE {}"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), scratch.transaction():
            _change(scratch, statement, "tenants_auditevent")
    for statement in (
        "INSERT INTO {} DEFAULT VALUES",
        "UPDATE {} SET number = 1",
        "DELETE FROM {}",
        "TRUNCATE {}",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), scratch.transaction():
            _change(scratch, statement, "tenants_auditseal")
