"""The one door to files that are ZIP archives inside: DOCX, PPTX, XLSX, EPUB, ZIP (rows U2 and U4).

What an archive says of itself is checked before a byte is inflated; what is read afterwards can never be
more than that, because `zipfile` stops an entry at the size it declared. Member names are keys and never
become paths. Needs the standard library alone: sniffing looks through this door too.
"""

import io
import mmap
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from documents.extraction.types import ExtractionError

MAX_ENTRIES = 5_000
MAX_INFLATED = 200 * 2**20
"""Bytes of all entries together, inflated."""
MAX_RATIO = 200
_RATIO_COUNTS_FROM = 8 * 2**20  # a long table of like rows is no bomb

_MAX_DIRECTORY = 2 * 2**20  # bytes: 5,000 entries with names of 350 bytes
_END, _END_SIZE, _MAX_COMMENT = b"PK\x05\x06", 22, 0xFFFF
_END_64, _LOCATOR_64 = b"PK\x06\x06", b"PK\x06\x07"
_LOCATOR_64_SIZE, _END_64_SIZE = 20, 56
_IS_ENCRYPTED = 0x1
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_PACKAGE_MARKS = frozenset({"[Content_Types].xml", "META-INF/container.xml"})

_PROLOG_PIECE = 4096
_MAX_PROLOG = 2**18
_BEFORE_ROOT = re.compile(r"\A(?:\s+|<\?.*?\?>|<!--.*?-->)*", re.S)
_DECLARED_ENCODING = re.compile(r"<\?xml[^>]*?encoding\s*=\s*[\"']([^\"']*)", re.I)
_ENCODINGS = re.compile(r"utf-?(?:8|16|32)|us-ascii|iso-8859|windows-125|ucs-[24]|shift_jis|gb|big5|euc", re.I)
_WIDE_ENCODINGS = (  # by the bytes of a mark or of "<", as XML 1.0 appendix F tells them
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\x00<", "utf-32-be"),
    (b"<\x00\x00\x00", "utf-32-le"),
    (b"\xfe\xff", "utf-16"),
    (b"\xff\xfe", "utf-16"),
    (b"\x00<", "utf-16-be"),
    (b"<\x00", "utf-16-le"),
)
_EBCDIC = b"\x4c\x6f\xa7\x94"


def open_container(file: mmap.mmap) -> zipfile.ZipFile:
    """Open a ZIP file whose directory promises nothing unreasonable.

    Raises `ExtractionError`: `corrupt_file`, `archive_too_large`, and for Office files and e-books
    `encrypted_file` and, where an XML part of an Office file has one, `forbidden_markup`.
    """
    container = _open_directory(_MappedFile(file))
    entries = container.infolist()
    if sum(entry.file_size for entry in entries) > MAX_INFLATED:
        raise _too_large(f"unpacks to more than {MAX_INFLATED // 2**20} MB")
    for entry in entries:
        if entry.file_size > max(_RATIO_COUNTS_FROM, MAX_RATIO * entry.compress_size):
            raise _too_large(f"holds a part that unpacks to over {MAX_RATIO} times its size")
    names = set(container.namelist())
    if names & _PACKAGE_MARKS and any(entry.flag_bits & _IS_ENCRYPTED for entry in entries):
        raise encrypted()
    if "[Content_Types].xml" in names:
        for name in names:
            if name.lower().endswith((".xml", ".rels")):
                open_part(container, name).close()
    return container


def member_names(file: IO[bytes]) -> list[str]:
    """The names in a ZIP file's directory; nothing is inflated. Raises as `open_container` does."""
    return _open_directory(file).namelist()


def open_part(container: zipfile.ZipFile, name: str) -> IO[bytes]:
    """A part that is XML, to be read once, in pieces: it has no document type and no entities of its own.

    Raises `ExtractionError` `corrupt_file`, `encrypted_file` or `forbidden_markup`; read it inside
    `reading` so that damage met later is named too.
    """
    with _open_member(container, name) as part, reading():
        _check_prolog(part)
    return _open_member(container, name)


def read_part(container: zipfile.ZipFile, name: str, limit: int = MAX_INFLATED) -> bytes:
    """A whole member, of any kind; `archive_too_large` when it has over `limit` bytes."""
    with _open_member(container, name) as part, reading():
        data = part.read(limit + 1)
    if len(data) > limit:
        raise _too_large(f"holds a part of more than {limit // 2**20} MB")
    return data


@contextmanager
def reading() -> Iterator[None]:
    """Names the damage that shows only while a member is being inflated."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise corrupt() from error


def corrupt() -> ExtractionError:
    """The file is broken."""
    return ExtractionError(
        "corrupt_file", "The file is damaged or incomplete. Open and save it anew, then upload that file."
    )


def encrypted() -> ExtractionError:
    """The file wants a password."""
    return ExtractionError(
        "encrypted_file", "The file is protected by a password. Save it without one, then upload that file."
    )


class _MappedFile(io.RawIOBase):
    """A mapped file as `zipfile` wants it: with a place of its own and `seekable`."""

    def __init__(self, file: mmap.mmap) -> None:
        self._file = file
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = self._file[self._position : self._position + len(buffer)]
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: len(self._file)}[whence]
        self._position = max(0, start + offset)
        return self._position

    def tell(self) -> int:
        return self._position


def _open_directory(file: IO[bytes] | io.RawIOBase) -> zipfile.ZipFile:
    _check_directory(file)
    try:
        container = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error) as error:
        raise corrupt() from error
    if len(container.infolist()) > MAX_ENTRIES:
        raise _too_many_entries()
    return container


def _check_directory(file: IO[bytes] | io.RawIOBase) -> None:
    """Bound the directory before `zipfile` loads all of it (PKWARE's APPNOTE 4.3.14 to 4.3.16)."""
    size = file.seek(0, io.SEEK_END)
    start = max(0, size - _END_SIZE - _MAX_COMMENT)
    file.seek(start)
    tail = file.read(size - start) or b""
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < _END_SIZE:
        raise corrupt()
    entries, directory = struct.unpack_from("<10xHI", tail, at)
    locator = tail[max(0, at - _LOCATOR_64_SIZE) : at]
    if locator.startswith(_LOCATOR_64):
        (offset,) = struct.unpack_from("<8xQ", locator)
        file.seek(min(offset, size))
        record = file.read(_END_64_SIZE) or b""
        if len(record) < _END_64_SIZE or not record.startswith(_END_64):
            raise corrupt()
        entries, directory = struct.unpack_from("<32xQQ", record)
    if entries > MAX_ENTRIES or directory > _MAX_DIRECTORY:
        raise _too_many_entries()


def _open_member(container: zipfile.ZipFile, name: str) -> IO[bytes]:
    try:
        entry = container.getinfo(name)
        if entry.flag_bits & _IS_ENCRYPTED:
            raise encrypted()
        if entry.compress_type not in _METHODS:
            raise ExtractionError(
                "corrupt_file", "The file is packed in an unusual way. Save or zip it anew, then upload that file."
            )
        return container.open(entry)
    except (KeyError, zipfile.BadZipFile, NotImplementedError, EOFError, struct.error) as error:
        raise corrupt() from error


def _check_prolog(part: IO[bytes]) -> None:
    """Refuse what stands before the root element beyond comments and instructions, in any encoding."""
    head = b""
    while len(head) < _MAX_PROLOG and (piece := part.read(_PROLOG_PIECE)):
        head += piece
        text = _decoded(head)
        rest = _BEFORE_ROOT.sub("", text, count=1)
        if rest and not rest.startswith("<"):
            return  # no XML: its reader will say so
        if rest.upper().startswith(("<!DOCTYPE", "<!ENTITY")):
            raise _forbidden()
        if rest[1:2] not in {"", "!", "?"}:
            return
    if len(head) >= _MAX_PROLOG:
        raise _forbidden()


def _decoded(head: bytes) -> str:
    if head.startswith(_EBCDIC):
        raise _forbidden()
    for mark, encoding in _WIDE_ENCODINGS:
        if head.startswith(mark):
            return head.decode(encoding, errors="replace").lstrip("\ufeff")
    text = head.decode("latin-1").removeprefix("ï»¿")
    declared = _DECLARED_ENCODING.match(text)
    if declared and not _ENCODINGS.match(declared[1]):
        raise _forbidden()  # UTF-7 and the like can hide a document type from this look
    return text


def _forbidden() -> ExtractionError:
    return ExtractionError(
        "forbidden_markup",
        "The file holds XML with a document type or entities, which can attack its reader. Save it anew from "
        "the program that made it.",
    )


def _too_large(what: str) -> ExtractionError:
    return ExtractionError("archive_too_large", f"The file {what}. Split it.")


def _too_many_entries() -> ExtractionError:
    return _too_large(f"holds more than {MAX_ENTRIES:,} parts")
