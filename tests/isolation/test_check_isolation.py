"""What an operator is told of a live installation: by `check_isolation`, and by `/health/ready`."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from uuid import uuid4

import psycopg
import pytest
from django.core.management import call_command
from django.test import Client
from psycopg import sql

from tenants.isolation.catalog import CHECKS, tenant_models
from tenants.models import Tenant
from tests.people import Person

pytestmark = pytest.mark.django_db(transaction=True)

# A hole, and how it is closed again. The catalog's own tests know many more: these are seen by the command.
_HOLES = {
    "a table of nobody's": (
        "CREATE TABLE novelty (id uuid)",
        "DROP TABLE novelty",
        {"novelty is in 0 classes of table", "novelty belongs to postgres", "novelty lets docent_app "},
    ),
    "a view": (
        "CREATE VIEW peephole AS SELECT * FROM documents_page",
        "DROP VIEW peephole",
        {"peephole is a view"},
    ),
    "a materialised view": (
        "CREATE MATERIALIZED VIEW peephole AS SELECT * FROM documents_page",
        "DROP MATERIALIZED VIEW peephole",
        {"peephole is a materialised view"},
    ),
    "a function with its owner's hands": (
        "CREATE FUNCTION lift() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT 1::bigint'",
        "DROP FUNCTION lift()",
        {"lift() is a SECURITY DEFINER function"},
    ),
    "an owner who is not bound": (
        "ALTER TABLE documents_page NO FORCE ROW LEVEL SECURITY",
        "ALTER TABLE documents_page FORCE ROW LEVEL SECURITY",
        {"documents_page does not bind its owner"},
    ),
    "a record that can be rewritten": (
        "GRANT UPDATE, DELETE ON tenants_auditevent TO docent_app",
        "REVOKE UPDATE, DELETE ON tenants_auditevent FROM docent_app",
        {
            "tenants_auditevent lets docent_app DELETE, INSERT, SELECT, UPDATE",
            "tenants_auditevent lets docent_app change a column",
        },
    ),
}


@contextmanager
def _hole(admin: psycopg.Connection, tear: str, mend: str) -> Iterator[None]:
    admin.execute(tear.encode())
    try:
        yield
    finally:
        admin.execute(mend.encode())


def _command(*arguments: str) -> tuple[str, int]:
    """What it printed, and its exit code."""
    output = StringIO()
    code = 0
    try:
        call_command("check_isolation", *arguments, stdout=output)
    except SystemExit as ended:
        code = int(str(ended.code))
    return output.getvalue(), code


def _faults() -> set[str]:
    printed, code = _command("--json")
    faults = {fault for finding in json.loads(printed)["findings"] for fault in finding["faults"]}
    assert code == (1 if faults else 0)
    return faults


def test_I8_a_sound_installation_is_looked_at_in_numbers(alice: Person, charlie: Person) -> None:
    printed, code = _command("--json")
    assert code == 0, printed
    report = json.loads(printed)
    assert report["role"] == "docent_app"
    assert set(report["unbound_roles"]) >= {"docent_ops", "postgres"}
    assert not {"docent_app", "docent_owner"} & set(report["unbound_roles"])
    counts = {finding["subject"]: finding["count"] for finding in report["findings"]}
    assert set(counts) == {"this process's role", "tables without context", "canaries", *CHECKS}
    assert counts["canaries"] == 2
    assert counts["tables without context"] == counts["tenant columns"] == len(tenant_models())
    assert counts["policies, word for word"] > 2 * len(tenant_models())
    assert min(counts.values()) >= 1, "nothing is left out"
    assert report["not_checked"]
    printed, code = _command()
    assert code == 0
    assert printed.splitlines()[-1] == "0 faults"


@pytest.mark.parametrize("name", _HOLES)
def test_I8_a_hole_is_named(alice: Person, admin_connection: psycopg.Connection, name: str) -> None:
    tear, mend, expected = _HOLES[name]
    with _hole(admin_connection, tear, mend):
        found = _faults()
        printed, code = _command()
    assert {one for one in expected if any(fault.startswith(one) for fault in found)} == expected
    assert code == 1
    assert all(f"        {fault}\n" in printed for fault in found)
    assert _faults() == set()


def test_I6_P8_a_wall_that_is_down_is_seen_by_its_canaries(
    alice: Person, charlie: Person, admin_connection: psycopg.Connection
) -> None:
    with _hole(
        admin_connection,
        "ALTER TABLE tenants_canary DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE tenants_canary ENABLE ROW LEVEL SECURITY",
    ):
        found = _faults()
    assert found == {
        "tenants_canary has no row-level security",
        "tenants_canary shows rows without any context",
        "2 canaries are seen without any organisation's context",
        *(f"the organisation {one.access.tenant_id} sees another's canary" for one in (alice, charlie)),
    }


def test_I6_a_table_that_shows_rows_to_nobody_in_particular(
    alice: Person, admin_connection: psycopg.Connection
) -> None:
    with _hole(
        admin_connection,
        "ALTER TABLE tenants_apitoken DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE tenants_apitoken ENABLE ROW LEVEL SECURITY",
    ):
        found = _faults()
    assert found == {
        "tenants_apitoken has no row-level security",
        "tenants_apitoken shows rows without any context",
    }


def test_I6_a_lost_and_a_second_canary_are_named(
    alice: Person, charlie: Person, admin_connection: psycopg.Connection
) -> None:
    acme, globex = alice.access.tenant_id, charlie.access.tenant_id
    admin_connection.execute("DELETE FROM tenants_canary WHERE tenant_id = %s", [acme])
    admin_connection.execute("INSERT INTO tenants_canary (id, tenant_id) VALUES (%s, %s)", [uuid4(), globex])
    assert _faults() == {
        f"the organisation {acme} does not see its own canary",
        f"the organisation {globex} has more than one canary",
    }
    # On its way out: erasing removes the canary before the organisation.
    Tenant.objects.filter(id=acme).update(is_active=False)
    assert _faults() == {f"the organisation {globex} has more than one canary"}


def test_I6_ready_watches_the_canary(
    alice: Person, charlie: Person, admin_connection: psycopg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    assert _ready(alice.full_api) == (200, "ok")
    with (
        caplog.at_level(logging.CRITICAL, logger="config.health"),
        _hole(
            admin_connection,
            "ALTER TABLE tenants_canary DISABLE ROW LEVEL SECURITY",
            "ALTER TABLE tenants_canary ENABLE ROW LEVEL SECURITY",
        ),
    ):
        public = Client().get("/health/ready")
        assert (public.status_code, public.content) == (503, b"unavailable")
        assert _ready(alice.full_api) == (503, "seen where it must not be")
        assert "2 canaries are seen without any organisation's context" in caplog.text
    assert _ready(alice.full_api) == (200, "ok")
    admin_connection.execute("DELETE FROM tenants_canary")
    assert _ready(alice.full_api) == (503, "seen where it must not be")
    Tenant.objects.filter(slug="globex").update(is_active=False)
    admin_connection.execute(
        sql.SQL("INSERT INTO tenants_canary (id, tenant_id) VALUES (gen_random_uuid(), {})").format(
            sql.Literal(alice.access.tenant_id)
        )
    )
    assert _ready(alice.full_api) == (200, "ok"), "an organisation on its way out is not asked"


def _ready(client: Client) -> tuple[int, str]:
    """The status, and the word on the canary."""
    response = client.get("/health/ready")
    return response.status_code, response.json()["parts"]["canary"]


def test_I6_an_empty_installation_is_ready() -> None:
    assert Client().get("/health/ready").content == b"ok"


def test_health_tells_its_words_to_admin_tokens_alone(alice: Person, bob: Person, charlie: Person) -> None:
    told = alice.full_api.get("/health/ready")
    assert told.status_code == 200
    body = told.json()
    assert body["status"] == "ok"
    looked_at = {"process", "database", "schema", "valkey", "canary", "storage", "worker"}
    assert set(body["parts"]) == looked_at | {"platform", "model"}
    assert {body["parts"][name] for name in looked_at} == {"ok"}
    assert charlie.full_api.get("/health/ready").json()["parts"].keys() == body["parts"].keys()
    # A token without the scope, a member's, one that is none, a cookie, nobody.
    nobody = Client(headers={"Authorization": "Bearer dct_x_y"})
    for client in (alice.api, bob.api, bob.full_api, nobody, alice.client, Client()):
        assert client.get("/health/ready").content == b"ok"
