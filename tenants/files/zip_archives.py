"""Zip files of rows and files, written piece by piece: however large, hardly any of it is in memory."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from types import TracebackType
from typing import Any, BinaryIO, Self
from uuid import UUID
from zipfile import ZIP_DEFLATED, ZipFile

from django.core.files.storage import default_storage

_BLOCK = 1024 * 1024


class Archive:
    """A zip file that is being written. `rows` and `files` count what is in it; rows by their path.

    `missing` lists the paths of files that the storage had lost, or that were altered there.
    """

    def __init__(self, target: BinaryIO) -> None:
        self._zip = ZipFile(target, "w", ZIP_DEFLATED)
        self.rows: dict[str, int] = {}
        self.files = 0
        self.missing: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()

    def write_rows(self, path: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """One JSON object on each line."""
        self.rows[path] = 0
        # Its size is not known before: it may need 64 bits.
        with self._zip.open(path, "w", force_zip64=True) as entry:
            for row in rows:
                entry.write(f"{_json(row)}\n".encode())
                self.rows[path] += 1

    def write_json(self, path: str, content: Any) -> None:
        self._zip.writestr(path, f"{_json(content, indent=2)}\n")

    def write_text(self, path: str, text: str) -> None:
        self._zip.writestr(path, text)

    def write_file(self, path: str, key: str, *, sha256: str) -> None:
        """What the file storage holds under a key, if that is what was stored."""
        try:
            stored = default_storage.open(key)
        except FileNotFoundError:
            self.missing.append(path)
            return
        with stored:
            digest = hashlib.sha256()
            while block := stored.read(_BLOCK):
                digest.update(block)
            if digest.hexdigest() != sha256:
                self.missing.append(path)
                return
            stored.seek(0)
            with self._zip.open(path, "w", force_zip64=True) as entry:
                while block := stored.read(_BLOCK):
                    entry.write(block)
        self.files += 1


def safe_name(name: str) -> str:
    """A file's name as the last part of a path in an archive: whoever unpacks it stays in its folder."""
    kept = "".join("_" if one in '/\\:*?"<>|' or not one.isprintable() else one for one in name).strip(" .")
    return kept.encode()[-150:].decode(errors="ignore") or "file"  # file systems count bytes


def _json(content: Any, *, indent: int | None = None) -> str:
    return json.dumps(content, default=_plain, ensure_ascii=False, indent=indent)


def _plain(value: object) -> str:
    match value:
        case datetime() | date():
            return value.isoformat()
        case UUID():
            return str(value)
        case bytes() | memoryview():
            return bytes(value).hex()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
