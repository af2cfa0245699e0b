"""What a file is, by its first bytes and its name together: both must agree (OWASP ASVS 5.2.2)."""

import codecs
import re
from pathlib import PurePath

from documents.extraction.types import PDF, PLAIN_TEXT, ExtractionError

SNIFF_BYTES = 8192
"""How much of a file's beginning `sniff` wants to see."""

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark is the beginning of this one
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_TEXT_EXTENSIONS = frozenset({"", ".txt", ".text", ".md"})
_PDF_EXTENSIONS = frozenset({"", ".pdf"})
ACCEPTED_EXTENSIONS = tuple(sorted((_PDF_EXTENSIONS | _TEXT_EXTENSIONS) - {""}))
_PDF_MAGIC = b"%PDF-"
_PDF_MAGIC_WITHIN = 1024  # as PDF readers do, ISO 32000-1 annex H, note 13
_CONTROLS = re.compile(r"[\x01-\x08\x0e-\x1a\x1c-\x1f]")  # without white space and ESC, which logs have
_CONTROL_SHARE = 0.02
_LONGEST_EXTENSION = 12  # of what is said back to the person

_OTHER_FORMATS = (
    (b"PK\x03\x04", "a ZIP archive or an Office document"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a Windows program"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"{\\rtf", "a Rich Text document"),
)


def sniff(head: bytes, name: str) -> str:
    """The media type of a file that begins with `head` and is called `name`.

    Raises `ExtractionError`: `empty_file`, `unsupported_type` (nothing that can be read yet),
    `type_mismatch` (the name says one thing, the bytes another) or `not_text`.
    """
    extension = PurePath(name.strip()).suffix.lower()
    if not head:
        raise ExtractionError("empty_file", "The file is empty.")
    for magic, what in _OTHER_FORMATS:
        if head.startswith(magic) and not _is_text(magic, head):
            raise _refusal(extension, what)
    if _PDF_MAGIC in head[:_PDF_MAGIC_WITHIN]:
        return _agreed(PDF, extension, _PDF_EXTENSIONS, "a PDF")
    if _is_readable(head):
        return _agreed(PLAIN_TEXT, extension, _TEXT_EXTENSIONS, "plain text")
    if extension in _TEXT_EXTENSIONS:
        raise ExtractionError("not_text", "The file is not text but binary data.")
    raise _refusal(extension, "binary data")


def looks_binary(text: str) -> bool:
    """Whether decoded text holds NUL, or more control characters than any text file does."""
    return "\0" in text or len(_CONTROLS.findall(text)) > _CONTROL_SHARE * len(text)


def _is_text(magic: bytes, head: bytes) -> bool:
    """Whether a mark made of letters ("MZ", "GIF8") merely begins a text."""
    return magic.isalnum() and _is_readable(head)


def _is_readable(head: bytes) -> bool:
    head = head[:SNIFF_BYTES]
    for mark, encoding in BYTE_ORDER_MARKS:
        if head.startswith(mark):
            decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
            return not looks_binary(decoder.decode(head))
    return not looks_binary(head.decode("latin-1"))


def _agreed(media_type: str, extension: str, extensions: frozenset[str], what: str) -> str:
    if extension not in extensions:
        raise _refusal(extension, what)
    return media_type


def _refusal(extension: str, what: str) -> ExtractionError:
    """Why not: a name that promises something else, or a format that nobody reads here."""
    if extension in (_PDF_EXTENSIONS | _TEXT_EXTENSIONS) - {""}:
        return ExtractionError("type_mismatch", f"The file is called {extension} but is {what}.")
    described = f"{extension[:_LONGEST_EXTENSION]} files" if extension else f"Files like this one ({what})"
    return ExtractionError(
        "unsupported_type", f"{described} are not supported yet. Upload PDF or plain text (.pdf, .txt, .md)."
    )
