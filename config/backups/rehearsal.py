"""Restoring a backup into a place that is made for it and gone afterwards, and comparing what came of it."""

from __future__ import annotations

from urllib.parse import urlsplit

from psycopg import sql

from config.backups.archive import Backup, Digest, Manifest
from config.backups.finishing import Check, finish
from config.backups.moments import held_moment, ops_url
from config.backups.restoring import Place, Say, restore_everything, sha256_in
from config.backups.scratch import scratch_place
from config.backups.tables import Table, copy_out
from config.provisioning import with_database


def rehearse(backup: Backup, admin_url: str, say: Say) -> tuple[Manifest, list[Check]]:
    """Restore, compare every row and file with the manifest, migrate and look. Raises `BackupError`."""
    manifest = backup.verify()
    with scratch_place(admin_url) as place:
        restore_everything(backup, manifest, place, say)
        checks = [Check("rows are those of the backup", _rows_differ(manifest, place))]
        checks.append(Check("files are those of the backup", _files_differ(manifest, place)))
        for check in checks:
            say(f"{'no' if check.fault else 'ok':>9} {check.title}")
        return manifest, [*checks, *finish(place, say)]


def _rows_differ(manifest: Manifest, place: Place) -> str:
    """What is wrong with the rows, seen as they are backed up."""
    database = urlsplit(place.owner_url).path.lstrip("/")
    with held_moment(with_database(ops_url(), database), None) as moment:
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
