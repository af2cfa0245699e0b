"""Putting a backup of everything into an empty Docent: all of its rows in one transaction, files before them."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any

import psycopg
from django.conf import settings
from django.core.files import File
from django.core.files.storage import Storage
from django.db.migrations.loader import MigrationLoader
from psycopg import sql

from config.backups.archive import Backup, Entry, Manifest
from config.backups.errors import BackupError
from config.backups.schema import SECTIONS, readable_by
from config.backups.state import put_state
from config.backups.tables import list_tables
from config.embedded import PROJECT
from config.provisioning import APP, OPS

Say = Callable[[str], None]
_IN_MEMORY = 8 * 1024 * 1024
_BLOCK = 1024 * 1024
# What makes a database somebody's.
_KEPT = ("tenants_tenant", "tenants_user")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where something is restored to: addresses of one database, where files go, and the state folder."""

    owner_url: str
    app_url: str
    storage: Storage
    data: Path

    def run(self, *arguments: str) -> tuple[int, str]:
        """A command of `manage.py` in this place: its exit code and what it said."""
        environ = {
            **os.environ,
            "REDIS_URL": settings.REDIS_URL,
            "DATABASE_URL": self.owner_url if arguments[0] == "migrate" else self.app_url,
            "DATABASE_OWNER_URL": self.owner_url,
            "DOCENT_DATA": str(self.data),
        }
        command = [sys.executable, str(PROJECT / "manage.py"), *arguments]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)  # noqa: S603
        return done.returncode, (done.stdout + done.stderr).strip()


def restore_everything(backup: Backup, manifest: Manifest, place: Place, say: Say) -> None:
    """Files, then rows, then the state, as the release that made the backup had them.

    `manifest` is what `backup.verify` returned. Raises `BackupError` where somebody's rows are there already;
    then nothing was changed. Of rows that fail half-way nothing stays.
    """
    if manifest.tenant:
        raise BackupError("This is one organisation's backup: give --tenant.")
    load(backup, manifest, place)
    put_state(manifest, place.data)
    say(f"{manifest.rows} rows and {len(manifest.files)} files are restored.")


def load(backup: Backup, manifest: Manifest, place: Place) -> None:
    """Files and rows, whatever is in the backup. Raises `BackupError` as `restore_everything` does."""
    require_known(manifest)
    with connected(place.owner_url) as connection:
        require_empty(connection)
        clear(connection)
        schema: dict[str, str] = {}
        with backup.entries() as entries:
            for entry in entries:
                if entry.kind == "files" and entry.name in manifest.files:
                    put_file(place.storage, entry.name, entry.blocks(), manifest.files[entry.name])
                elif entry.kind == "schema":
                    schema[entry.name.removesuffix(".sql")] = entry.source.read().decode()
                    if len(schema) == len(SECTIONS):
                        run_schema(connection, schema[SECTIONS[0]])
                elif entry.kind == "rows":
                    put_rows(connection, entry, manifest)
        _count(connection, manifest)
        _set_sequences(connection, manifest)
        run_schema(connection, schema[SECTIONS[1]])


def require_known(manifest: Manifest) -> None:
    """A backup of a newer release would come back with what this one does not understand."""
    here = set(MigrationLoader(None).disk_migrations)
    there = {(app, name) for app, names in manifest.migrations.items() for name in names}
    if newer := sorted(there - here):
        app, name = newer[0]
        raise BackupError(
            f"A newer release made this backup: {app} {name} is not known here. Install that release."
        )


def connected(url: str) -> psycopg.Connection[Any]:
    """The owner, who waits for nobody: who has a table open is still at work there. Raises `BackupError`."""
    try:
        connection = psycopg.connect(url, application_name="docent restore")
    except psycopg.OperationalError as error:
        raise BackupError(f"The database cannot be reached: {error}") from error
    connection.execute("SET lock_timeout = '10s'")
    # Any number is a fine one for a setting of the server's; this one is the operator's.
    connection.execute(
        sql.SQL("SET maintenance_work_mem = {}").format(sql.Literal(f"{settings.DOCENT_INDEXING_MEMORY_MB}MB"))
    )
    connection.commit()
    return connection


def require_empty(connection: psycopg.Connection[Any]) -> None:
    """Nobody's organisation or account may be there."""
    names = {table.name for table in list_tables(connection)}
    for table in _KEPT:
        if table in names:
            found = connection.execute(sql.SQL("SELECT 1 FROM {} LIMIT 1").format(sql.Identifier(table)))
            if found.fetchone():
                raise BackupError(
                    "There are organisations or accounts already. Restore into an empty Docent, or into another"
                    " database with --into NAME."
                )


def clear(connection: psycopg.Connection[Any]) -> None:
    """Drop the empty tables, whichever release made them, and what the roles get on new ones.

    The schema brings both back. With the latter in force the application could change the tables of the audit log,
    for what was taken from it there says nothing of what it would be given anew.
    """
    rows = connection.execute(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    ).fetchall()
    for (name,) in rows:
        connection.execute(sql.SQL("DROP TABLE {} CASCADE").format(sql.Identifier("public", name)))
    for kind in ("TABLES", "SEQUENCES"):
        statement = sql.SQL("ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON {} FROM {}, {}")
        connection.execute(statement.format(sql.SQL(kind), sql.Identifier(APP), sql.Identifier(OPS)))


def run_schema(connection: psycopg.Connection[Any], schema: str) -> None:
    connection.execute(readable_by(schema, connection.info.server_version).encode())
    connection.execute("SET search_path = public")  # pg_dump's SQL takes it away


def put_rows(connection: psycopg.Connection[Any], entry: Entry, manifest: Manifest) -> None:
    columns = sql.SQL(", ").join(map(sql.Identifier, manifest.tables[entry.table].columns))
    into = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier("public", entry.table), columns)
    with connection.cursor() as cursor, cursor.copy(into) as copy:
        copy.write(entry.rows())


def put_file(storage: Storage, key: str, blocks: Iterator[bytes], sha256: str) -> None:
    """Under this very key, in the place of what was there unless it is the same. Raises `BackupError`."""
    with SpooledTemporaryFile(max_size=_IN_MEMORY) as copy:
        digest = hashlib.sha256()
        for block in blocks:
            digest.update(block)
            copy.write(block)
        if digest.hexdigest() != sha256:
            raise BackupError(f"The file {key} is not the one that the manifest speaks of.")
        if storage.exists(key):
            if sha256_in(storage, key) == sha256:
                return
            storage.delete(key)
        copy.seek(0)
        if (saved := storage.save(key, File(copy))) != key:
            storage.delete(saved)
            raise BackupError(f"Somebody else writes {key} at this moment.")


def sha256_in(storage: Storage, key: str) -> str:
    """Of what is stored; "" for a file that is missing."""
    try:
        stored = storage.open(key)
    except FileNotFoundError:
        return ""
    digest = hashlib.sha256()
    with stored:
        while block := stored.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _count(connection: psycopg.Connection[Any], manifest: Manifest) -> None:
    for table, content in manifest.tables.items():
        query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier("public", table))
        [counted] = connection.execute(query).fetchone() or [0]
        if counted != content.rows:
            raise BackupError(f"{table} has {counted} rows, and the backup {content.rows}.")


def _set_sequences(connection: psycopg.Connection[Any], manifest: Manifest) -> None:
    for name, value in manifest.sequences.items():
        statement = sql.SQL("SELECT setval({}::regclass, %s)")
        connection.execute(statement.format(sql.Literal(f"public.{name}")), [value])
