"""A backup of everything and its restore: P4, F39, and P2 after a restore."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.conf import settings as django_settings
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from pytest_django import Settings

from config.backups.archive import Backup, Manifest
from config.backups.encryption import own_identity
from config.provisioning import drop_database, with_database
from documents.models import DocumentVersion
from tenants.audit.sealing import seal_audit
from tenants.db import tenant_atomic
from tenants.models import Tenant, User
from tenants.services.erasure import erase_person_everywhere, erase_tenant
from tests.backups.conftest import Make
from tests.environment import Environment
from tests.people import Person
from tests.processes import Running
from tests.tenants.belongings import handbook_of, places_of, settle

pytestmark = pytest.mark.django_db(transaction=True)

Opened = Callable[[Path], tuple[Backup, Manifest]]
INTO = "docent_restored"


@pytest.fixture
def restored(run_environment: Environment) -> Iterator[psycopg.Connection[Any]]:
    """The database `INTO`, as the administrator sees it; made by the restore, and gone afterwards."""
    url = with_database(run_environment.admin_url, INTO)
    connections: list[psycopg.Connection[Any]] = []

    class Later:
        def __getattr__(self, name: str) -> Any:
            if not connections:
                connections.append(psycopg.connect(url, autocommit=True))
            return getattr(connections[0], name)

    yield Later()  # type: ignore[misc]
    for one in connections:
        one.close()
    drop_database(run_environment.admin_url, INTO)


def tenant_of(person: Person) -> UUID:
    return UUID(str(Tenant.objects.get(slug=person.slug).id))


def rights(admin: psycopg.Connection[Any]) -> set[tuple[Any, ...]]:
    """Who may do what with which table, and with those that will be made."""
    tables = "SELECT relname, unnest(relacl)::text FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    later = "SELECT defaclobjtype::text, unnest(defaclacl)::text FROM pg_default_acl"
    return {*admin.execute(tables).fetchall(), *admin.execute(later).fetchall()}


def test_F39_a_rehearsal_brings_back_every_row_and_file(  # noqa: PLR0917 - fixtures
    alice: Person,
    charlie: Person,
    worker: Running,
    make: Make,
    run_environment: Environment,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for person in (alice, charlie):
        settle(person, document=handbook_of(person))
    seal_audit(run_environment.owner_url)
    path = make()
    call_command("rehearse_restore", path)
    said = capsys.readouterr().out
    for line in (
        "ok rows are those of the backup",
        "ok files are those of the backup",
        "ok erasures are carried out again",
        "ok row-level security holds",
        "ok the audit log is the one that was sealed",
        "would be back in",
    ):
        assert line in said, said
    with psycopg.connect(run_environment.admin_url) as admin:
        databases = {name for (name,) in admin.execute("SELECT datname FROM pg_database").fetchall()}
    # Other test processes rehearse too.
    assert f"docent_scratch_{os.getpid()}" not in databases
    assert list(Path(django_settings.DOCENT_DATA).glob("docent-scratch-*")) == []


def test_F39_restored_into_another_database_each_organisation_is_what_it_was_and_the_erased_are_not(  # noqa: PLR0917
    alice: Person,
    bob: Person,
    charlie: Person,
    worker: Running,
    make: Make,
    restored: psycopg.Connection[Any],
    admin_connection: psycopg.Connection[Any],
) -> None:
    """P2: who was erased after the backup does not come back with it."""
    for person in (alice, charlie):
        settle(person, document=handbook_of(person))
    acme, globex = tenant_of(alice), tenant_of(charlie)
    bobs = bob.user.pk
    path = make()
    erase_tenant(globex)
    erase_person_everywhere(User.objects.get(pk=bobs))

    call_command("restore", path, into=INTO)

    assert places_of(restored, str(globex)) == {}
    # What the log says of a person are ids, as long as the organisation lives.
    assert set(places_of(restored, str(bobs))) <= {"tenants_auditevent", "tenants_revocation"}
    assert rights(restored) == rights(admin_connection)
    files = Path(django_settings.DOCENT_DATA) / "restored" / INTO / "files" / "t"
    assert [one.name for one in files.iterdir()] == [str(acme)]
    with tenant_atomic(acme):
        [version] = DocumentVersion.objects.all()
    kept = (files.parent / version.storage_key).read_bytes()
    assert hashlib.sha256(kept).hexdigest() == version.sha256
    events = "SELECT count(*) FROM tenants_auditevent WHERE tenant_id = %s"
    assert restored.execute(events, [acme]).fetchone() != (0,)


def test_F39_it_does_not_go_over_what_is_there(alice: Person, make: Make) -> None:
    path = make()
    with pytest.raises(CommandError, match="Restore into an empty Docent"):
        call_command("restore", path)
    assert Tenant.objects.filter(slug="acme").exists()
    with pytest.raises(CommandError, match="is there already"):
        make()


def test_P4_what_was_altered_or_cut_off_or_is_for_another_key_is_refused(  # noqa: PLR0917 - fixtures
    alice: Person,
    make: Make,
    opened: Opened,
    settings: Settings,
    tmp_path: Path,
    restored: psycopg.Connection[Any],
) -> None:
    path = make()
    opened(path)
    whole = path.read_bytes()
    assert alice.user.email.encode() not in whole
    places = [len(whole) // 3, len(whole) // 2, len(whole) - 1, 250]
    spoilt = [whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :] for place in places]
    for content in (*spoilt, whole[: len(whole) // 2], whole[:-1], whole + b"\0", b"", b"age"):
        path.write_bytes(content)
        with pytest.raises(CommandError, match=r"altered, damaged or cut off|encrypted for another key"):
            call_command("restore", path, into=INTO)
    path.write_bytes(whole)
    settings.DOCENT_BACKUP_IDENTITY = tmp_path / "another"
    own_identity(tmp_path / "another")
    with pytest.raises(CommandError, match="was encrypted for another key than this one"):
        call_command("restore", path, into=INTO)
    with pytest.raises(CommandError, match="no file with one key"):
        call_command("restore", path, into=INTO, identity=tmp_path / "none")


def test_P4_the_key_that_reads_it_need_not_be_where_it_is_made(
    alice: Person, make: Make, opened: Opened, settings: Settings, tmp_path: Path
) -> None:
    identity = own_identity(tmp_path / "elsewhere")
    settings.DOCENT_BACKUP_RECIPIENT = str(identity.to_public())
    path = make()
    settings.DOCENT_BACKUP_IDENTITY = tmp_path / "elsewhere"
    assert set(opened(path)[1].tenants.values()) == {"acme"}
    settings.DOCENT_BACKUP_RECIPIENT = "age1nobody"
    with pytest.raises(CommandError, match="must be public keys"):
        make("other.tar.age")


def test_P4_an_empty_backup_is_an_error(
    alice: Person, make: Make, settings: Settings, run_environment: Environment, tmp_path: Path
) -> None:
    """Row-level security would hide every row from these roles, without a word."""
    settings.DOCENT_OPS_URL = run_environment.owner_url
    with pytest.raises(CommandError, match="docent_owner does not see all rows"):
        make()
    settings.DOCENT_OPS_URL = run_environment.app_url
    with pytest.raises(CommandError, match="docent_app does not see all rows"):
        make()
    settings.DOCENT_OPS_URL = ""
    with pytest.raises(CommandError, match="needs DATABASE_OPS_URL"):
        make()
    settings.DOCENT_OPS_URL = run_environment.ops_url
    erase_tenant(tenant_of(alice))
    with pytest.raises(CommandError, match="this would be an empty backup"):
        make()
    assert list(tmp_path.iterdir()) == []


def test_F40_what_the_storage_lost_is_said_and_the_rest_is_kept(
    alice: Person, worker: Running, make: Make, opened: Opened, capsys: pytest.CaptureFixture[str]
) -> None:
    settle(alice, document=handbook_of(alice))
    with tenant_atomic(tenant_of(alice)):
        [version] = DocumentVersion.objects.all()
    default_storage.delete(version.storage_key)
    path = make()
    assert version.storage_key in capsys.readouterr().err
    manifest = opened(path)[1]
    assert manifest.missing == [version.storage_key]
    assert manifest.files != {}
