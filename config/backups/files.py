"""Which files the rows of a moment name, and getting them into a backup whatever is deleted meanwhile."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from tempfile import SpooledTemporaryFile
from typing import Any, LiteralString, cast

import psycopg
from django.core.files.storage import default_storage

from config.backups.archive import BackupWriter

_BLOCK = 1024 * 1024
_IN_MEMORY = 8 * 1024 * 1024
# Each column `storage_key` of a tenant's table names files; where there is one beside it, `sha256` is theirs.
_KEEPERS: LiteralString = """
    SELECT relname, EXISTS (
        SELECT FROM pg_attribute WHERE attrelid = pg_class.oid AND attname = 'sha256' AND NOT attisdropped
    )
    FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attname = 'storage_key' AND NOT attisdropped
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname
"""


def named_files(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """The keys of the files that rows name, with the SHA-256 that these say ("" where they do not)."""
    found: dict[str, str] = {}
    for table, has_digest in connection.execute(_KEEPERS).fetchall():
        quoted = psycopg.sql.Identifier("public", table)
        digest = psycopg.sql.SQL("sha256" if has_digest else "''")
        query = psycopg.sql.SQL("SELECT storage_key, {} FROM {} WHERE storage_key LIKE 't/%'")
        found |= dict(connection.execute(query.format(digest, quoted)).fetchall())
    return found


@dataclass
class FileTaker:
    """Puts files into a backup, each once: `taken` is SHA-256 by key, `lost` what is not as its rows say."""

    writer: BackupWriter
    taken: dict[str, str] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)

    def take(self, named: dict[str, str]) -> set[str]:
        """Those that were not yet; returns what is not in the backup, for it is missing or was altered."""
        self.lost = {key for key, sha256 in named.items() if key not in self.taken and not self._take(key, sha256)}
        return self.lost

    def _take(self, key: str, sha256: str) -> bool:
        try:
            stored = default_storage.open(key)
        except FileNotFoundError:
            return False
        with stored, SpooledTemporaryFile(max_size=_IN_MEMORY) as copy:
            # First a copy of our own: what is read twice may be gone the second time, or another's.
            digest = hashlib.sha256()
            for block in _blocks(stored):
                digest.update(block)
                copy.write(block)
            if sha256 and digest.hexdigest() != sha256:
                return False
            size = copy.tell()
            copy.seek(0)
            self.writer.add_stream(f"files/{key}", size, cast("Any", copy))
        self.taken[key] = digest.hexdigest()
        return True


def _blocks(stored: Any) -> Iterator[bytes]:
    while block := stored.read(_BLOCK):
        yield block
