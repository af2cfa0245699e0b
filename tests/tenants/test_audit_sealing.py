"""The sealed audit log: what is untouched verifies, and each way of tampering with it is named for what it is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from threading import Barrier, Thread
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from psycopg import sql

from tenants.audit.chain import EVENT_COLUMNS, Link, read_head, write_head
from tenants.audit.recording import record
from tenants.audit.sealing import remove_audit_of, seal_audit, tenants_with_unsealed
from tenants.audit.verification import verify_audit
from tenants.db import tenant_atomic
from tenants.models import AuditEvent, AuditSeal, Tenant
from tests.environment import Environment
from tests.people import Person
from tests.tenants.tampering import ATTACKS, COLUMNS, Found

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def audit_folder() -> Iterator[Path]:
    """Where the heads are kept, with nothing of other tests in it."""
    folder = Path(settings.DOCENT_DATA) / "audit"
    shutil.rmtree(folder, ignore_errors=True)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def attacker(run_environment: Environment) -> Iterator[psycopg.Connection[Any]]:
    """Whoever owns the database: no row-level security, no foreign keys, but not the key of the seals."""
    with psycopg.connect(run_environment.admin_url, autocommit=True) as attacker:
        attacker.execute("SET session_replication_role = replica")
        yield attacker


@pytest.fixture
def seal(run_environment: Environment) -> Callable[[], int]:
    """What the platform process does every few seconds."""
    return lambda: seal_audit(run_environment.owner_url)


@pytest.fixture
def logs(alice: Person, charlie: Person, seal: Callable[[], int]) -> dict[str, list[UUID]]:
    """Eight sealed events in acme and six in globex: the ids in the chain's order."""
    for person, count in ((alice, 8), (charlie, 6)):
        _record(person, count - _count(person))
    assert seal() == 14
    assert _found() == {}
    return {person.slug: _chain(person) for person in (alice, charlie)}


def _record(person: Person, count: int) -> None:
    access = person.access
    with tenant_atomic(access.tenant_id):
        for number in range(count):
            record(
                access, "collection.renamed", target_kind="collection", target_id=access.tenant_id, place=number
            )


def _count(person: Person) -> int:
    with tenant_atomic(person.access.tenant_id):
        return int(AuditEvent.objects.count())


def _chain(person: Person) -> list[UUID]:
    with tenant_atomic(person.access.tenant_id):
        return list(AuditSeal.objects.order_by("number").values_list("event_id", flat=True))


def _found() -> Found:
    return {log.slug: {(one.kind.value, one.number) for one in log.faults} for log in verify_audit() if log.faults}


def _tenant(slug: str) -> UUID:
    return Tenant.objects.get(slug=slug).id


def test_D3_every_column_is_sealed() -> None:
    assert set(EVENT_COLUMNS) == {field.column for field in AuditEvent._meta.local_fields}


def test_D3_an_untouched_log_verifies(logs: dict[str, list[UUID]], audit_folder: Path) -> None:
    found = {log.slug: (log.sealed, log.unsealed, log.faults) for log in verify_audit()}
    assert found == {"acme": (8, 0, []), "globex": (6, 0, [])}
    for slug, count in (("acme", 8), ("globex", 6)):
        head = audit_folder / f"{_tenant(slug)}.head"
        assert head.stat().st_mode & 0o777 == 0o600
        assert json.loads(head.read_text())["number"] == count


def test_D3_events_are_sealed_once_and_late_ones_get_later_numbers(
    logs: dict[str, list[UUID]], alice: Person, seal: Callable[[], int]
) -> None:
    assert seal() == 0
    _record(alice, 1)
    [prompt] = _unsealed(alice)
    assert seal() == 1
    _record(alice, 1)
    [late] = _unsealed(alice)
    with tenant_atomic(alice.access.tenant_id), connection.cursor() as cursor:
        # The application may insert what it likes; an event that is recorded early and committed late is such.
        cursor.execute(
            "INSERT INTO tenants_auditevent (id, tenant_id, at, action, carrier, target_kind, data) SELECT"
            " gen_random_uuid(), tenant_id, at - interval '1 hour', action, carrier, target_kind, data"
            " FROM tenants_auditevent WHERE id = %s",
            [late],
        )
    [early] = _unsealed(alice) - {late}
    assert seal() == 2
    assert _chain(alice) == [*logs["acme"], prompt, early, late]
    assert _found() == {}


def test_only_logs_that_have_grown_are_opened(
    logs: dict[str, list[UUID]], alice: Person, charlie: Person, run_environment: Environment
) -> None:
    with psycopg.connect(run_environment.owner_url) as owner:
        assert tenants_with_unsealed(owner) == []
        _record(charlie, 2)
        assert tenants_with_unsealed(owner) == [charlie.access.tenant_id]
        _record(alice, 1)
        assert set(tenants_with_unsealed(owner)) == {alice.access.tenant_id, charlie.access.tenant_id}
        seen = owner.execute("SELECT count(*) FROM tenants_auditevent").fetchone()
        assert seen == (0,), "the looks leave no context behind"


def _unsealed(person: Person) -> set[UUID]:
    with tenant_atomic(person.access.tenant_id):
        return set(
            AuditEvent.objects.exclude(id__in=AuditSeal.objects.values("event")).values_list("id", flat=True)
        )


def test_F37_two_sealers_at_once_seal_each_event_once(
    logs: dict[str, list[UUID]], alice: Person, seal: Callable[[], int]
) -> None:
    _record(alice, 700)
    counts: list[int] = []
    start = Barrier(3)

    def work() -> None:
        start.wait()
        counts.append(seal())

    threads = [Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Whoever finds the chain taken leaves the rest to the next round.
    assert sum(counts) + seal() == 700
    assert len(_chain(alice)) == 708
    assert _found() == {}


@pytest.mark.parametrize("name", ATTACKS)
def test_D3_tampering_is_named(logs: dict[str, list[UUID]], attacker: psycopg.Connection[Any], name: str) -> None:
    statements, expected = ATTACKS[name]
    _tamper(attacker, logs, statements)
    assert _found() == expected


def test_D3_an_edit_of_any_column_is_named(logs: dict[str, list[UUID]], attacker: psycopg.Connection[Any]) -> None:
    assert {*COLUMNS, "id", "tenant_id"} == set(EVENT_COLUMNS), "those two are keys: the event would be missing"
    for column, value in COLUMNS.items():
        statement = sql.SQL("UPDATE tenants_auditevent SET {} = {} WHERE id = {}")
        names = sql.Identifier(column), sql.Literal(logs["acme"][3])
        [before] = attacker.execute(
            sql.SQL("SELECT {}::text FROM tenants_auditevent WHERE id = {}").format(*names)
        ).fetchone() or [None]
        attacker.execute(statement.format(names[0], sql.SQL(value), names[1]))
        assert _found() == {"acme": {("edited", 4)}}, column
        attacker.execute(statement.format(names[0], sql.Literal(before), names[1]))
        assert _found() == {}, column


def _tamper(attacker: psycopg.Connection[Any], logs: dict[str, list[UUID]], statements: str) -> None:
    names = {slug: str(_tenant(slug)) for slug in logs}
    for slug, events in logs.items():
        names |= {f"{slug}{place}": str(event) for place, event in enumerate(events, 1)}
    for statement in statements.split(";"):
        attacker.execute(statement.format(**names).encode())


def test_D3_the_head_tells(logs: dict[str, list[UUID]], audit_folder: Path) -> None:
    acme = _tenant("acme")
    head = read_head(acme)
    assert head is not None
    (audit_folder / f"{acme}.head").unlink()
    assert _found() == {"acme": {("head", None)}}
    write_head(acme, Link(5, head.digest))
    assert _found() == {"acme": {("head", 5)}}
    write_head(acme, Link(8, bytes(32)))
    assert _found() == {"acme": {("head", 8)}}
    write_head(acme, head)
    assert _found() == {}


def test_D3_a_tampered_end_is_not_sealed_over(
    logs: dict[str, list[UUID]],
    attacker: psycopg.Connection[Any],
    alice: Person,
    charlie: Person,
    seal: Callable[[], int],
) -> None:
    _tamper(attacker, logs, ATTACKS["the last event is deleted with its seal"][0])
    _record(alice, 2)
    _record(charlie, 3)
    assert seal() == 3, "globex goes on"
    found = {log.slug: (log.sealed, log.unsealed) for log in verify_audit()}
    assert found == {"acme": (7, 2), "globex": (9, 0)}
    assert _found() == {"acme": {("missing", 8)}}


def test_D3_a_tail_that_the_platform_passed_over_is_a_fault(
    alice: Person, logs: dict[str, list[UUID]], attacker: psycopg.Connection[Any], seal: Callable[[], int]
) -> None:
    _record(alice, 1)
    [log] = [log for log in verify_audit() if log.unsealed]
    assert (log.slug, log.unsealed, log.faults) == ("acme", 1, [])
    assert log.oldest_unsealed_seconds is not None
    assert 0 <= log.oldest_unsealed_seconds < 60
    # Dated back so far that no sealing looks at it any more.
    [tail] = _unsealed(alice)
    attacker.execute("UPDATE tenants_auditevent SET at = at - interval '2 days' WHERE id = %s", [tail])
    assert seal() == 0
    assert _found() == {"acme": {("unsealed", None)}}


def test_D3_the_command_says_it_in_numbers(
    logs: dict[str, list[UUID]], attacker: psycopg.Connection[Any], alice: Person
) -> None:
    _record(alice, 1)
    printed, report, code = _command("--json")
    assert code == 0, printed
    assert {name: report[name] for name in ("organisations", "sealed", "unsealed", "faults")} == {
        "organisations": 2,
        "sealed": 14,
        "unsealed": 1,
        "faults": 0,
    }
    assert "2 organisations, 14 events sealed, 1 not yet, 0 faults" in _command()[0]
    attacker.execute("UPDATE tenants_auditevent SET action = '' WHERE id = %s", [logs["acme"][3]])
    _, report, code = _command("--json")
    assert (code, report["faults"]) == (1, 1)
    [[fault]] = [log["faults"] for log in report["logs"] if log["faults"]]
    assert (fault["kind"], fault["number"], fault["event_id"]) == ("edited", 4, str(logs["acme"][3]))
    printed, _, code = _command()
    assert code == 1
    assert f"  edited 4: the event is not what was sealed, event {logs['acme'][3]}" in printed
    assert _command("--tenant", "globex")[2] == 0
    assert _command("--tenant", "acme")[2] == 1


def _command(*arguments: str) -> tuple[str, dict[str, Any], int]:
    """What the command printed, the same as JSON if it is that, and its exit code."""
    output = StringIO()
    code = 0
    try:
        call_command("verify_audit", *arguments, stdout=output)
    except SystemExit as ended:
        code = int(str(ended.code))
    printed = output.getvalue()
    return printed, json.loads(printed) if "--json" in arguments else {}, code


def test_P3_an_erased_organisations_log_goes_and_no_other(
    logs: dict[str, list[UUID]], run_environment: Environment, audit_folder: Path
) -> None:
    acme = _tenant("acme")
    removed = remove_audit_of(run_environment.owner_url, acme)
    assert removed == {"tenants_auditseal": 8, "tenants_auditevent": 8}
    assert remove_audit_of(run_environment.owner_url, acme) == {"tenants_auditseal": 0, "tenants_auditevent": 0}
    assert {log.slug: (log.sealed, log.unsealed, log.faults) for log in verify_audit()} == {
        "acme": (0, 0, []),
        "globex": (6, 0, []),
    }
    assert not (audit_folder / f"{acme}.head").exists()
