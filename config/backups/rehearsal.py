"""Restoring a backup into a place that is made for it and gone afterwards, and comparing what came of it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.files.storage import FileSystemStorage
from psycopg import sql

from config.backups.archive import Backup, Digest, Manifest
from config.backups.errors import BackupError
from config.backups.finishing import Check, finish
from config.backups.moments import app_url, held_moment, ops_url, owner_url
from config.backups.restoring import Place, Say, restore_everything, sha256_in
from config.backups.tables import Table, copy_out
from config.provisioning import create_database, drop_database, with_database


@contextmanager
def scratch_place(admin_url: str) -> Iterator[tuple[Place, str]]:
    """A database and a folder of their own, and `docent_ops`'s address of that database.

    The folder has this installation's secrets and erasures, or nothing that was sealed could be verified and
    nobody be erased.
    """
    if not admin_url:
        raise BackupError("A scratch database needs DATABASE_ADMIN_URL or --admin-url.")
    name = f"docent_scratch_{os.getpid()}"
    data = Path(settings.DOCENT_DATA)
    folder = Path(tempfile.mkdtemp(prefix="docent-scratch-", dir=data))
    create_database(admin_url, name)
    try:
        (folder / "secrets").symlink_to(data / "secrets")
        if (data / "erasures").exists():
            shutil.copytree(data / "erasures", folder / "erasures")
        yield (
            Place(
                owner_url=with_database(owner_url(), name),
                app_url=with_database(app_url(), name),
                storage=FileSystemStorage(location=folder / "files"),
                data=folder,
            ),
            with_database(ops_url(), name),
        )
    finally:
        drop_database(admin_url, name)
        shutil.rmtree(folder)


def rehearse(backup: Backup, admin_url: str, say: Say) -> tuple[Manifest, list[Check]]:
    """Restore, compare every row and file with the manifest, migrate and look. Raises `BackupError`."""
    manifest = backup.verify()
    with scratch_place(admin_url) as (place, scratch_ops):
        restore_everything(backup, manifest, place, say)
        checks = [Check("rows are those of the backup", _rows_differ(manifest, scratch_ops))]
        checks.append(Check("files are those of the backup", _files_differ(manifest, place)))
        for check in checks:
            say(f"{'no' if check.fault else 'ok':>9} {check.title}")
        return manifest, [*checks, *finish(place, say)]


def _rows_differ(manifest: Manifest, ops: str) -> str:
    with held_moment(ops, None) as moment:
        for name, content in manifest.tables.items():
            table = Table(name, content.is_tenants, tuple(content.columns))
            digest = Digest()
            query = sql.SQL("SELECT {} FROM {}").format(table.column_list, table.identifier)
            for line in copy_out(moment.connection, query):
                digest.add(line)
            if (digest.rows, digest.hexdigest()) != (content.rows, content.sha256):
                return f"{name} is not as it was: {digest.rows} rows in the place of {content.rows}"
    return ""


def _files_differ(manifest: Manifest, place: Place) -> str:
    wrong = [key for key, sha256 in manifest.files.items() if sha256_in(place.storage, key) != sha256]
    return f"{len(wrong)} files are missing or altered, {wrong[0]} among them" if wrong else ""
