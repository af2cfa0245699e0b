"""ZIP archives of documents: their files one by one, in pieces (rows U2 and U7).

Runs in the sandbox. What an archive unpacks to is bounded by `open_container`; names are cleaned, because they
are shown to people, and never become paths here.
"""

import mmap
import re
import stat
import zipfile
from collections.abc import Iterator

from documents.extraction.charsets import detect
from documents.extraction.containers import corrupt, encrypted, open_container, reading
from documents.extraction.formats import Piece
from documents.extraction.saved_text import save_string
from documents.extraction.types import ExtractionError

MAX_MEMBERS = 1_000

_PIECE = 1 << 20
_HEAD = 8
_IS_ENCRYPTED, _IS_UTF8 = 0x1, 0x800
_SYSTEM_FOLDER, _SYSTEM_FILES = "__MACOSX", frozenset({".ds_store", "thumbs.db", "desktop.ini"})
_FOREIGN = re.compile(r"[^\x00-\x7fÀ-ÖØ-öø-ƒ]")  # not a letter of the encoding that MS-DOS had in the West
_ARCHIVE_ENDS = (".zip", ".7z", ".rar", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".jar", ".cab", ".iso")
_ARCHIVE_MAGICS = (b"PK\x03\x04", b"PK\x05\x06", b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b", b"BZh", b"\xfd7zXZ")
_PACKED_DOCUMENTS = (".docx", ".pptx", ".xlsx", ".epub")


def open_archive(file: mmap.mmap, member_size: int) -> Iterator[Piece]:
    """The pieces of all members in the archive's order, folders and what operating systems add left out.

    A member of more than `member_size` bytes is refused, as are archives, links and what is encrypted. Raises
    what `open_container` raises, and `archive_too_large` for too many members.
    """
    container = open_container(file)
    entries = [entry for entry in container.infolist() if not _is_passed_over(entry)]
    if len(entries) > MAX_MEMBERS:
        raise ExtractionError("archive_too_large", f"The archive holds more than {MAX_MEMBERS:,} files. Split it.")
    if not entries:
        raise ExtractionError("empty_file", "The archive is empty.")
    return (piece for entry in entries for piece in _member(container, entry, member_size))


def _member(container: zipfile.ZipFile, entry: zipfile.ZipInfo, member_size: int) -> Iterator[Piece]:
    name = _name(entry)
    try:
        _require_acceptable(entry, member_size)
        with reading(), container.open(entry) as part:
            head = part.read(_HEAD)
            _refuse_archive(name, head)
            yield Piece(name, head)
            while data := part.read(_PIECE):
                yield Piece(name, data)
        yield Piece(name, is_last=True)
    except ExtractionError as error:
        yield Piece(name, is_last=True, error=error)
    except (NotImplementedError, RuntimeError, zipfile.BadZipFile, EOFError):  # an unusual way of packing, damage
        yield Piece(name, is_last=True, error=corrupt())


def _require_acceptable(entry: zipfile.ZipInfo, member_size: int) -> None:
    if entry.flag_bits & _IS_ENCRYPTED:
        raise encrypted()
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise ExtractionError("unsupported_type", "This is a link to a file. Pack the file itself.")
    if entry.file_size > member_size:
        raise ExtractionError("archive_too_large", f"The file has more than {member_size // 2**20} MB. Split it.")


def _refuse_archive(name: str, head: bytes) -> None:
    if name.lower().endswith(_PACKED_DOCUMENTS):
        return
    if name.lower().endswith(_ARCHIVE_ENDS) or head.startswith(_ARCHIVE_MAGICS):
        raise ExtractionError(
            "nested_archive", "This is an archive inside an archive. Unpack it and upload the files in it."
        )


def _is_passed_over(entry: zipfile.ZipInfo) -> bool:
    *folders, file = entry.filename.replace("\\", "/").split("/")
    return not file or _SYSTEM_FOLDER in folders or file.startswith("._") or file.lower() in _SYSTEM_FILES


def _name(entry: zipfile.ZipInfo) -> str:
    """The member's name with its folders, in whatever encoding it was written, without what leads elsewhere."""
    name = entry.filename
    if not entry.flag_bits & _IS_UTF8 and _FOREIGN.search(name):
        written = name.encode("cp437", errors="replace")
        name = written.decode(detect(written), errors="replace")
    parts = save_string(name).replace("\\", "/").split("/")
    clean = ["".join(filter(str.isprintable, part)).strip() for part in parts]
    return "/".join(part for part in clean if part not in {"", ".", ".."}) or "unnamed"
