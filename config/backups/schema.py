"""The schema as pg_dump writes it: tables before their rows, keys, indexes and row-level security after them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from psycopg import conninfo

from config.backups.errors import BackupError
from config.embedded import EmbeddedServerError
from config.embedded.binaries import find_postgres

SECTIONS = ("pre-data", "post-data")
_NEW_IN_17 = "SET transaction_timeout"


def dump_schema(url: str, snapshot: str, section: str) -> str:
    """SQL without what belongs to the server: owners, the extension. Raises `BackupError`."""
    values: dict[str, Any] = dict(conninfo.conninfo_to_dict(url))
    password = values.pop("password", "")
    command = [
        str(_program()),
        "--schema-only",
        f"--section={section}",
        f"--snapshot={snapshot}",
        "--schema=public",
        "--no-owner",
        "--no-comments",
        "--no-tablespaces",
        f"--dbname={conninfo.make_conninfo(**values)}",
    ]
    # Not on the command line, which everybody on the machine reads.
    environ = {"PATH": os.defpath, "PGPASSWORD": str(password or "")}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    if done.returncode:
        raise BackupError(f"pg_dump failed: {done.stderr.strip()}")
    return "\n".join(_statements(done.stdout.splitlines()))


def readable_by(schema: str, server: int) -> str:
    """The SQL for a server of this version, in libpq's notation."""
    if server >= 170000:  # noqa: PLR2004 - PostgreSQL 17
        return schema
    return "\n".join(line for line in schema.splitlines() if not line.startswith(_NEW_IN_17))


def _statements(lines: list[str]) -> Iterator[str]:
    r"""Without psql's own commands (`\restrict`), and without the schema itself, which every database has."""
    for line in lines:
        if not line.startswith(("\\", "--", "CREATE SCHEMA public", "ALTER SCHEMA public")):
            yield line


def _program() -> Path:
    """Of the embedded server, which is the newest that Docent knows; else the one on PATH. `BackupError`."""
    try:
        programs = find_postgres()
    except EmbeddedServerError:
        found = shutil.which("pg_dump")
        if found is None:
            raise BackupError("pg_dump is missing: install PostgreSQL's client programs.") from None
        return Path(found)
    return programs.root / programs.main.with_name("pg_dump")
