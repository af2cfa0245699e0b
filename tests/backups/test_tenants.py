"""One organisation's backup, and its restore beside others that live: P4, F39 and isolation."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pyrage
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from psycopg import sql

from config.backups.encryption import read_identity
from tenants.audit.sealing import seal_audit
from tenants.audit.verification import verify_audit
from tenants.db import tenant_atomic
from tenants.erasure.tombstones import list_tombstones, path_of
from tenants.models import AuditEvent, Membership, Tenant, User
from tenants.services.erasure import erase_person, erase_person_everywhere, erase_tenant
from tests.backups.conftest import Make
from tests.environment import Environment
from tests.people import Person
from tests.processes import Running
from tests.tenants.belongings import checksum_of, handbook_of, live, places_of, settle

pytestmark = pytest.mark.django_db(transaction=True)

AUDIT = {"tenants_auditevent", "tenants_auditseal"}
Rows = dict[str, list[tuple[Any, ...]]]


@pytest.fixture
def settled(alice: Person, charlie: Person, worker: Running, run_environment: Environment) -> tuple[UUID, UUID]:
    """acme and globex, with one of everything each and a sealed log."""
    for person in (alice, charlie):
        settle(person, document=handbook_of(person))
    seal_audit(run_environment.owner_url)
    return tenant_of(alice), tenant_of(charlie)


def tenant_of(person: Person) -> UUID:
    return UUID(str(Tenant.objects.get(slug=person.slug).id))


def rows_of(admin: psycopg.Connection[Any], tenant: UUID) -> Rows:
    """An organisation's rows by table, as text."""
    tables = admin.execute(
        "SELECT relname FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attname = 'tenant_id'"
        " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'tenants_revocation'"
        " ORDER BY 1"
    ).fetchall()
    query = sql.SQL("SELECT one::text FROM {} AS one WHERE tenant_id = %s ORDER BY 1")
    found = {name: admin.execute(query.format(sql.Identifier(name)), [tenant]).fetchall() for (name,) in tables}
    own = admin.execute("SELECT one::text FROM tenants_tenant AS one WHERE id = %s", [tenant]).fetchall()
    return {**found, "tenants_tenant": own}


def files_of(tenant: UUID) -> dict[str, bytes]:
    folder = Path(settings.DOCENT_DATA) / "files" / "t" / str(tenant)
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


def contents_of(path: Path) -> bytes:
    """All that is in a backup, in the clear."""
    plain = pyrage.decrypt(path.read_bytes(), [read_identity(settings.DOCENT_BACKUP_IDENTITY)])
    found = []
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        for member in tar:
            source = tar.extractfile(member)
            assert source is not None
            content = source.read()
            found.append(member.name.encode())
            found.append(gzip.decompress(content) if member.name.endswith(".gz") else content)
    return b"\n".join(found)


def differing(first: Rows, second: Rows) -> set[str]:
    return {table for table in first.keys() | second.keys() if first.get(table) != second.get(table)}


def erased(tenant: UUID) -> None:
    """Gone as by an accident: without an order that it shall be."""
    assert erase_tenant(tenant).is_finished
    for one in list(list_tombstones()):
        path_of(one).unlink()


def test_P4_nothing_of_another_organisation_is_in_its_backup(
    settled: tuple[UUID, UUID], alice: Person, charlie: Person, make: Make
) -> None:
    acme, globex = settled
    foreign = [str(globex), str(charlie.user.pk), charlie.user.email, "globex", "Globex"]
    own = [str(acme), str(alice.user.pk), alice.user.email, "acme", "Acme"]
    everything, of_acme = contents_of(make()), contents_of(make("acme.tar.age", tenant="acme"))
    assert [one for one in (*foreign, *own) if one.encode() not in everything] == []
    assert [one for one in own if one.encode() not in of_acme] == []
    assert [one for one in foreign if one.encode() in of_acme] == []
    assert User.objects.get(pk=alice.user.pk).password.encode() in everything
    assert User.objects.get(pk=alice.user.pk).password.encode() not in of_acme


@pytest.mark.parametrize("own", [True, False], ids=["its own", "everything"])
def test_F39_an_organisation_that_is_gone_comes_back_and_no_other_changes(
    own: bool,
    settled: tuple[UUID, UUID],
    alice: Person,
    make: Make,
    admin_connection: psycopg.Connection[Any],
) -> None:
    acme, globex = settled
    rows, files = rows_of(admin_connection, acme), files_of(acme)
    assert len(rows["documents_chunkembedding"]) == 3
    path = make(tenant="acme") if own else make()
    erased(acme)
    erase_person_everywhere(alice.user)
    list(map(Path.unlink, map(path_of, list(list_tombstones()))))
    assert places_of(admin_connection, str(acme)) == {}
    globex_before = checksum_of(admin_connection, globex)

    call_command("restore", path, tenant="acme")

    now = rows_of(admin_connection, acme)
    assert differing(now, rows) == {"tenants_auditevent"}
    [event] = set(now["tenants_auditevent"]) - set(rows["tenants_auditevent"])
    assert "tenant.restored" in event[0]
    assert {name: content for name, content in files.items() if name.startswith("files/")} == {
        name: content for name, content in files_of(acme).items() if name.startswith("files/")
    }
    assert checksum_of(admin_connection, globex) == globex_before
    back = User.objects.get(pk=alice.user.pk)
    assert (back.email, back.is_active, back.has_usable_password()) == ("alice@example.org", True, False)
    assert [log.faults for log in verify_audit(None)] == [[], []]


def test_F39_one_that_lives_is_replaced_only_when_that_is_said_twice(
    settled: tuple[UUID, UUID],
    alice: Person,
    bob: Person,
    make: Make,
    admin_connection: psycopg.Connection[Any],
) -> None:
    """P2: and who was erased since stays erased."""
    acme, globex = settled
    document = str(alice.api.get("/api/v1/documents/").json()["results"][0]["id"])
    live(bob, document=document)
    rows = rows_of(admin_connection, acme)
    path = make(tenant="acme")
    assert alice.api.delete(f"/api/v1/documents/{document}/").status_code == 204
    erase_person(access=alice.access, user_id=bob.user.pk)
    globex_before = checksum_of(admin_connection, globex)
    changed = rows_of(admin_connection, acme)
    for options in ({}, {"replace": "globex"}):
        with pytest.raises(CommandError, match="--replace acme"):
            call_command("restore", path, tenant="acme", **options)
    assert rows_of(admin_connection, acme) == changed

    call_command("restore", path, tenant="acme", replace="acme")

    assert alice.api.get(f"/api/v1/documents/{document}/").status_code == 200
    now = rows_of(admin_connection, acme)
    assert now["documents_chunkembedding"] == rows["documents_chunkembedding"]
    with tenant_atomic(acme):
        assert not Membership.objects.filter(user=bob.user.pk).exists()
        actions = set(AuditEvent.objects.values_list("action", flat=True))
    assert {"document.deleted", "person.erased", "tenant.restored"} <= actions
    assert set(places_of(admin_connection, str(bob.user.pk))) <= {
        *AUDIT,
        "tenants_user",
        "account_emailaddress",
        "django_session",
        "tenants_revocation",
    }
    assert checksum_of(admin_connection, globex) == globex_before


def test_P3_one_that_was_erased_does_not_come_back(settled: tuple[UUID, UUID], make: Make) -> None:
    acme, _ = settled
    path = make()
    erase_tenant(acme)
    with pytest.raises(CommandError, match="an erasure is for good"):
        call_command("restore", path, tenant="acme")
    with pytest.raises(CommandError, match="no organisation “initech”"):
        call_command("restore", path, tenant="initech")
    with pytest.raises(CommandError, match="with the slug “acme”"):
        make("late.tar.age", tenant="acme")


def test_A10_an_address_that_is_somebody_elses_by_now_opens_no_account(
    settled: tuple[UUID, UUID], alice: Person, make: Make
) -> None:
    acme, _ = settled
    path = make()
    erased(acme)
    erase_person_everywhere(alice.user)
    list(map(Path.unlink, map(path_of, list(list_tombstones()))))
    other = User.objects.create_user("alice@example.org", "another-long-password")

    call_command("restore", path, tenant="acme")

    back = User.objects.get(pk=alice.user.pk)
    assert (back.email, back.is_active) == (f"restored-{back.pk}@docent.invalid", False)
    assert User.objects.get(email="alice@example.org").pk == other.pk
    with tenant_atomic(acme):
        assert set(Membership.objects.values_list("user", flat=True)) == {back.pk}
