"""A process that may make and restore backups, as `manage.py` hands it the addresses."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from pytest_django import Settings

from config.backups.archive import Backup, Manifest
from config.backups.encryption import read_identity
from tenants.erasure.tombstones import list_tombstones, path_of
from tests.environment import Environment

Make = Callable[..., Path]


@pytest.fixture(autouse=True)
def addresses(settings: Settings, run_environment: Environment) -> None:
    """Those of the owner, docent_ops and the administrator. And a state folder without earlier tests' traces."""
    settings.DOCENT_OWNER_URL = run_environment.owner_url
    settings.DOCENT_OPS_URL = run_environment.ops_url
    settings.DOCENT_ADMIN_URL = run_environment.admin_url
    for one in list(list_tombstones()):
        path_of(one).unlink()
    shutil.rmtree(settings.DOCENT_DATA / "audit", ignore_errors=True)


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Makes a backup; returns its file."""

    def run(name: str = "all.tar.age", **options: str) -> Path:
        call_command("backup", tmp_path / name, **options, stdout=StringIO())
        return tmp_path / name

    return run


@pytest.fixture
def opened(settings: Settings) -> Callable[[Path], tuple[Backup, Manifest]]:
    """A backup by its file, and its manifest once all of it was found sound."""

    def read(path: Path) -> tuple[Backup, Manifest]:
        backup = Backup(path, read_identity(settings.DOCENT_BACKUP_IDENTITY))
        return backup, backup.verify()

    return read
