"""Backups of an older release, restored by this one: F39."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from django.core.files.storage import FileSystemStorage
from django.core.management import call_command
from pytest_django import Settings

from config.backups.archive import Backup
from config.backups.encryption import read_identity
from config.backups.errors import BackupError
from config.backups.restoring import Place, restore_everything
from config.provisioning import create_database, drop_database, with_database
from tenants.db import tenant_atomic
from tenants.models import Membership, Tenant, User
from tests.backups.conftest import Make
from tests.backups.older import FRANK, INITECH, found, migrate
from tests.environment import Environment
from tests.people import Person

pytestmark = pytest.mark.django_db(transaction=True)

OLD, INTO = "docent_older", "docent_newer"
# Before each of these apps' last migration but some.
BEFORE = (("conversations", "0016_thinking"), ("tenants", "0008_webhooks"))


@pytest.fixture
def older(run_environment: Environment, settings: Settings) -> Iterator[None]:
    """Backups are made of a database of an older release, with one organisation and its owner."""
    create_database(run_environment.admin_url, OLD)
    try:
        for app, name in BEFORE:
            migrate(run_environment, with_database(run_environment.owner_url, OLD), app, name)
        found(with_database(run_environment.admin_url, OLD))
        settings.DOCENT_OPS_URL = with_database(run_environment.ops_url, OLD)
        yield
    finally:
        for name in (OLD, INTO):
            drop_database(run_environment.admin_url, name)


def test_F39_everything_of_an_older_release_comes_back_as_this_ones(
    older: None, make: Make, run_environment: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    path = make()
    call_command("rehearse_restore", path)
    assert "ok rows are those of the backup" in capsys.readouterr().out
    call_command("restore", path, into=INTO)
    with psycopg.connect(with_database(run_environment.admin_url, INTO)) as admin:
        assert admin.execute("SELECT slug, accent FROM tenants_tenant").fetchall() == [("initech", "")]
        migrations = {name for (name,) in admin.execute("SELECT name FROM django_migrations")}
    assert {"0009_looks", "0017_deleted_and_temporary"} <= migrations


def test_F39_a_backup_of_a_newer_release_is_refused(
    alice: Person, make: Make, settings: Settings, run_environment: Environment, tmp_path: Path
) -> None:
    backup = Backup(make(), read_identity(settings.DOCENT_BACKUP_IDENTITY))
    manifest = backup.verify()
    newer = replace(manifest, migrations={**manifest.migrations, "tenants": ["9999_later"]})
    storage = FileSystemStorage(location=tmp_path)
    url = run_environment.owner_url
    place = Place(owner_url=url, app_url=url, storage=storage, data=tmp_path)
    with pytest.raises(BackupError, match="tenants 9999_later is not known here"):
        restore_everything(backup, newer, place, lambda _said: None)


def test_F39_one_organisation_of_an_older_release_comes_back_beside_todays(
    alice: Person, older: None, make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    path = make()
    call_command("restore", path, tenant="initech")
    assert "of another release" in capsys.readouterr().out
    assert set(Tenant.objects.values_list("slug", flat=True)) == {"acme", "initech"}
    with tenant_atomic(INITECH):
        [member] = Membership.objects.all()
    assert (UUID(str(member.user_id)), member.role) == (FRANK, "owner")
    assert User.objects.get(pk=FRANK).email == "frank@example.org"
