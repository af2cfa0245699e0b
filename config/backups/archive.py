"""What stands in a backup, in this order: a word on itself, files, schema, rows, state, and the manifest.

The manifest comes last, for only then is known what there is: how many rows of each table with a digest over
them, and the SHA-256 of each file. Whoever reads a backup reads it twice: once to see that all of it is what
the manifest says, and only then to use it.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import BinaryIO, Self

from pyrage import x25519

from config.backups.encryption import decrypted
from config.backups.errors import BackupError

FORMAT = 1
_BLOCK = 1024 * 1024
_PART = 4 * 1024 * 1024  # of a table's rows, before they are compressed
_MANIFEST = "manifest.json"
_SIZE = 2**256


class Digest:
    """Over rows in any order: the sum of their SHA-256."""

    def __init__(self) -> None:
        self.rows = 0
        self._sum = 0

    def add(self, line: bytes) -> None:
        self.rows += 1
        self._sum = (self._sum + int.from_bytes(hashlib.sha256(line).digest())) % _SIZE

    def hexdigest(self) -> str:
        return f"{self._sum:064x}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableContent:
    """How many rows of a table there are, with a digest over them; `columns` in the order of their values."""

    columns: list[str]
    rows: int
    sha256: str
    is_tenants: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """`tenant` is empty in a backup of everything. `files` is SHA-256 by key, of those that rows name.

    `missing` are keys whose files the storage had lost or altered, `heads` the ends of the audit log's chains,
    `erasures` what is kept of erasures, both by the name of their file in the state folder.
    """

    made_at: str
    release: str
    server: int
    tenant: str
    tenants: dict[str, str]
    migrations: dict[str, list[str]]
    tables: dict[str, TableContent] = field(default_factory=dict)
    sequences: dict[str, int] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    heads: dict[str, str] = field(default_factory=dict)
    erasures: dict[str, str] = field(default_factory=dict)
    format: int = FORMAT

    @classmethod
    def read(cls, text: bytes) -> Self:
        content = json.loads(text)
        content["tables"] = {name: TableContent(**one) for name, one in content["tables"].items()}
        return cls(**content)

    @property
    def rows(self) -> int:
        return sum(one.rows for one in self.tables.values())


class BackupWriter:
    """A backup that is being written to `stream`."""

    def __init__(self, stream: BinaryIO) -> None:
        self._tar = tarfile.open(  # noqa: SIM115 - closed by `__exit__`
            fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT, bufsize=_BLOCK
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_failure: object) -> None:
        with suppress(OSError):
            self._tar.close()

    def add(self, name: str, content: bytes) -> None:
        self.add_stream(name, len(content), io.BytesIO(content))

    def add_stream(self, name: str, size: int, source: BinaryIO) -> None:
        entry = tarfile.TarInfo(name)
        entry.size = size
        entry.mode = 0o600
        self._tar.addfile(entry, source)

    def add_rows(self, table: str, lines: Iterator[bytes]) -> Digest:
        """In parts of some megabytes, for nobody knows beforehand how many there are."""
        digest, part, size, number = Digest(), [], 0, 0
        for line in lines:
            digest.add(line)
            part.append(line)
            size += len(line)
            if size >= _PART:
                self._add_part(table, number, part)
                part, size, number = [], 0, number + 1
        if part:
            self._add_part(table, number, part)
        return digest

    def _add_part(self, table: str, number: int, lines: list[bytes]) -> None:
        content = gzip.compress(b"".join(lines), compresslevel=1, mtime=0)
        self.add(f"rows/{table}/{number:06}.copy.gz", content)

    def finish(self, manifest: Manifest) -> None:
        self.add(_MANIFEST, json.dumps(asdict(manifest), ensure_ascii=False, indent=1, sort_keys=True).encode())


class Entry:
    """One thing in a backup, to be read before the next one is asked for."""

    def __init__(self, name: str, source: BinaryIO) -> None:
        self.kind, _, self.name = name.partition("/")
        self.source = source

    @property
    def table(self) -> str:
        """Of rows: whose they are."""
        return self.name.partition("/")[0]

    def rows(self) -> bytes:
        """Of rows: a part of them, as COPY writes them."""
        return gzip.decompress(self.source.read())

    def blocks(self) -> Iterator[bytes]:
        while block := self.source.read(_BLOCK):
            yield block


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup's file and the key that opens it."""

    path: Path
    identity: x25519.Identity

    @contextmanager
    def entries(self) -> Iterator[Iterator[Entry]]:
        """All that is in it, in order. Raises `BackupError` for what is damaged or no backup."""
        with decrypted(self.path, self.identity) as stream:
            try:
                with tarfile.open(fileobj=stream, mode="r|", bufsize=_BLOCK) as tar:
                    yield self._each(tar)
                while stream.read(_BLOCK):
                    pass  # to the end, where what was cut off is noticed
            except (tarfile.TarError, gzip.BadGzipFile, EOFError) as error:
                raise ValueError("not a tar of ours") from error

    def _each(self, tar: tarfile.TarFile) -> Iterator[Entry]:
        for member in tar:
            source = tar.extractfile(member)
            if source is None:
                raise BackupError(f"{self.path} is no backup of Docent's.")
            yield Entry(member.name, source)  # type: ignore[arg-type] # typeshed: IO[bytes]

    def verify(self) -> Manifest:
        """Read all of it and compare it with its manifest. Raises `BackupError`; nothing is written anywhere."""
        digests: dict[str, Digest] = {}
        files: dict[str, str] = {}
        manifest: Manifest | None = None
        try:
            with self.entries() as entries:
                for entry in entries:
                    match entry.kind:
                        case "rows":
                            digest = digests.setdefault(entry.table, Digest())
                            for line in entry.rows().splitlines(keepends=True):
                                digest.add(line)
                        case "files":
                            files[entry.name] = _sha256_of(entry)
                        case "manifest.json":
                            manifest = Manifest.read(entry.source.read())
        except (ValueError, TypeError, KeyError) as error:
            raise BackupError(f"{self.path} is no backup of Docent's, or one of a newer release.") from error
        if manifest is None or manifest.format != FORMAT:
            raise BackupError(f"{self.path} is no backup of Docent's, or one of a newer release.")
        _compare(manifest, digests, files)
        return manifest


def _sha256_of(entry: Entry) -> str:
    digest = hashlib.sha256()
    for block in entry.blocks():
        digest.update(block)
    return digest.hexdigest()


def _compare(manifest: Manifest, digests: dict[str, Digest], files: dict[str, str]) -> None:
    nothing = Digest()
    for table, content in manifest.tables.items():
        found = digests.get(table, nothing)
        if (found.rows, found.hexdigest()) != (content.rows, content.sha256):
            raise BackupError(f"The rows of {table} are not those that the manifest speaks of.")
    for key, sha256 in manifest.files.items():
        if files.get(key) != sha256:
            raise BackupError(f"The file {key} is not the one that the manifest speaks of.")
