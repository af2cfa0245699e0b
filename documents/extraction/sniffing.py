"""What a file is, by its bytes and its name together: both must agree (OWASP ASVS 5.2.2)."""

import codecs
import io
import re
from pathlib import PurePath
from typing import IO

from documents.extraction.charsets import BYTE_ORDER_MARKS, looks_binary, wide_encoding
from documents.extraction.compound import MAGIC, CompoundFile
from documents.extraction.containers import encrypted, member_names
from documents.extraction.types import (
    CSV,
    DOC,
    DOCX,
    EML,
    EPUB,
    HTML,
    MARKDOWN,
    PDF,
    PLAIN_TEXT,
    PPTX,
    XLSX,
    ZIP,
    ExtractionError,
)

SNIFF_BYTES = 8192
"""How much of a file's beginning `sniff` wants to see."""

_EXTENSIONS = {
    PDF: (".pdf",),
    DOCX: (".docx",),
    DOC: (".doc",),
    PPTX: (".pptx",),
    XLSX: (".xlsx",),
    CSV: (".csv", ".tsv"),
    PLAIN_TEXT: (".txt", ".text"),
    MARKDOWN: (".md", ".markdown"),
    HTML: (".html", ".htm", ".xhtml"),
    EPUB: (".epub",),
    EML: (".eml",),
    ZIP: (".zip",),
}
_MEDIA_TYPES = {extension: kind for kind, extensions in _EXTENSIONS.items() for extension in extensions}
ACCEPTED_EXTENSIONS = tuple(sorted(_MEDIA_TYPES))
_TEXTUAL = frozenset({PLAIN_TEXT, MARKDOWN, HTML, CSV, EML})
_ARCHIVES = frozenset({DOCX, PPTX, XLSX, EPUB, ZIP})
_NAMED = {
    PDF: "a PDF",
    DOCX: "a Word document",
    DOC: "an old Word document",
    PPTX: "a PowerPoint presentation",
    XLSX: "an Excel workbook",
    PLAIN_TEXT: "plain text",
    HTML: "a web page",
    EPUB: "an e-book",
    EML: "an e-mail",
    ZIP: "a ZIP archive",
}

_PDF_MAGIC = b"%PDF-"
_PDF_MAGIC_WITHIN = 1024  # as PDF readers do, ISO 32000-1 annex H, note 13
_ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06")
_COMPOUND_KINDS = (  # the stream that makes it one, what it is, and what to do
    ("PowerPoint Document", "an old PowerPoint presentation", "Save it as PPTX"),
    ("Workbook", "an old Excel workbook", "Save it as XLSX"),
    ("Book", "an old Excel workbook", "Save it as XLSX"),
    ("__properties_version1.0", "an Outlook message", "Save it as EML"),
)

_PACKAGE = "[Content_Types].xml"
_MAIN_PARTS = (("word/", DOCX), ("ppt/", PPTX), ("xl/", XLSX))

_WEB_PAGE = re.compile(r"\s*(?:<\?xml[^>]*>|<!--.*?-->|\s)*<(?:!doctype\s+html|html|head|body)\b", re.I | re.S)
_TAG = re.compile(r"</?[a-z][a-z0-9]*(?:\s[^<>]*)?/?>", re.I)
_HEADER = re.compile(r"([A-Za-z][A-Za-z-]+):.*\n(?:[ \t].*\n)*")
_MBOX_LINE = re.compile(r"From .*\n")
_MAIL_HEADERS = frozenset(
    "from to date subject received message-id mime-version return-path delivered-to reply-to content-type".split()
)
_MACHINE_HEADERS = frozenset("received message-id mime-version return-path delivered-to content-type".split())

_EXTENSION = re.compile(r"\.(?=[0-9]*[a-z])[a-z0-9]{1,12}")

_TO_PDF = "Save it as a PDF"
_TO_OFFICE = "Save it as DOCX, XLSX, PPTX or PDF"
_TO_TEXT = "Save it as plain text, CSV or PDF"
_TO_ZIP = "Unpack it, or pack the files as ZIP"
_OTHER_FORMATS = (
    (b"\x7fELF", "a program", ""),
    (b"MZ", "a Windows program", ""),
    (b"\x89PNG", "a PNG picture", _TO_PDF),
    (b"\xff\xd8\xff", "a JPEG picture", _TO_PDF),
    (b"GIF8", "a GIF picture", _TO_PDF),
    (b"II*\x00", "a TIFF picture", _TO_PDF),
    (b"MM\x00*", "a TIFF picture", _TO_PDF),
    (b"\x1f\x8b", "a gzip archive", _TO_ZIP),
    (b"Rar!", "a RAR archive", _TO_ZIP),
    (b"7z\xbc\xaf", "a 7z archive", _TO_ZIP),
    (b"{\\rtf", "a Rich Text document", _TO_OFFICE),
)
_ADVICE = {
    ".rtf": _TO_OFFICE,
    ".odt": _TO_OFFICE,
    ".ods": _TO_OFFICE,
    ".odp": _TO_OFFICE,
    ".xls": "Save it as XLSX",
    ".ppt": "Save it as PPTX",
    ".docm": "Save it as DOCX",
    ".dotx": "Save it as DOCX",
    ".xlsm": "Save it as XLSX",
    ".xlsb": "Save it as XLSX",
    ".pptm": "Save it as PPTX",
    ".ppsx": "Save it as PPTX",
    ".msg": "Save it as EML",
    ".json": _TO_TEXT,
    ".xml": _TO_TEXT,
    ".png": _TO_PDF,
    ".jpg": _TO_PDF,
    ".jpeg": _TO_PDF,
    ".tif": _TO_PDF,
    ".tiff": _TO_PDF,
    ".gif": _TO_PDF,
    ".webp": _TO_PDF,
    ".svg": _TO_PDF,
}


def sniff(head: bytes, name: str, file: IO[bytes] | None = None) -> str:
    """The media type of a file that begins with `head` and is called `name`.

    `file` is the whole of it where it is at hand: ZIP archives, Office files and e-books are told apart by the
    names in the directory at its end. Raises `ExtractionError`: `empty_file`, `unsupported_type` (nothing that
    can be read), `type_mismatch` (the name says one thing, the bytes another), `not_text`, and for broken or
    excessive archives what `member_names` raises.
    """
    suffix = PurePath(name.strip()).suffix.lower()
    extension = suffix if _EXTENSION.fullmatch(suffix) else ""
    if not head:
        raise ExtractionError("empty_file", "The file is empty.")
    if head.startswith(_ZIP_MAGICS):
        return _archive(file or io.BytesIO(head), extension)
    if head.startswith(MAGIC):
        return _compound(file, extension)
    text = _readable(head)
    for magic, what, advice in _OTHER_FORMATS:
        if head.startswith(magic) and not (text and magic.isalnum()):  # "MZ" may merely begin a text
            raise _refusal(extension, what, advice)
    if _PDF_MAGIC in head[:_PDF_MAGIC_WITHIN]:
        return _agreed(PDF, extension)
    if text is not None:
        return _text(text, extension)
    if _MEDIA_TYPES.get(extension) in _TEXTUAL:
        raise ExtractionError("not_text", "The file is not text but binary data. Save it as text, in UTF-8.")
    raise _refusal(extension, "binary data")


def _archive(file: IO[bytes], extension: str) -> str:
    """What a ZIP archive is, by its members; a broken one is what its name says, if that is an archive too."""
    try:
        names = member_names(file)
    except ExtractionError:
        if extension and _MEDIA_TYPES.get(extension) not in _ARCHIVES:
            raise _refusal(extension, "a ZIP archive or an Office document") from None
        raise
    if not names:
        raise ExtractionError("empty_file", "The archive is empty.")
    if "xl/workbook.bin" in names:
        raise _refusal(extension, "a binary Excel workbook", "Save it as XLSX")
    if _PACKAGE in names:
        for folder, media_type in _MAIN_PARTS:
            if any(name.startswith(folder) for name in names):
                return _agreed(media_type, extension)
        raise _refusal(extension, "a package of another program", _TO_OFFICE)
    if "META-INF/container.xml" in names:
        return _agreed(EPUB, extension)
    if "mimetype" in names and "content.xml" in names:
        raise _refusal(extension, "an OpenDocument file", _TO_OFFICE)
    return _agreed(ZIP, extension)


def _compound(file: IO[bytes] | None, extension: str) -> str:
    """What a file of Microsoft's old container is: an old document, or a new one under a password."""
    names = _compound_names(file) if file else frozenset[str]()
    if "EncryptedPackage" in names or (not names and extension in {".docx", ".xlsx", ".pptx"}):
        raise encrypted()
    if "WordDocument" in names or (not names and extension == ".doc"):
        return _agreed(DOC, extension)
    for name, what, advice in _COMPOUND_KINDS:
        if name in names:
            raise _refusal(extension, what, advice)
    raise _refusal(extension, "an old Office document", _TO_OFFICE)


def _compound_names(file: IO[bytes]) -> frozenset[str]:
    def _read(offset: int, size: int) -> bytes:
        file.seek(offset)
        return file.read(size)

    return CompoundFile(_read).names


def _text(text: str, extension: str) -> str:
    """What a text is; what is neither a web page nor a mail for certain is what its name says."""
    declared = _MEDIA_TYPES.get(extension)
    found = HTML if _WEB_PAGE.match(text) else EML if _is_mail(text, _MACHINE_HEADERS) else PLAIN_TEXT
    if declared == PLAIN_TEXT:
        return found
    if found == PLAIN_TEXT and text.lstrip().startswith("<?xml") and declared not in _TEXTUAL:
        raise _refusal(extension, "XML", _TO_TEXT)
    if declared == HTML and found == PLAIN_TEXT and _TAG.search(text):
        return HTML
    if declared == EML and found == PLAIN_TEXT and _is_mail(text, _MAIL_HEADERS):
        return EML
    if found == PLAIN_TEXT and declared in {CSV, MARKDOWN}:
        return declared
    return PLAIN_TEXT if found == PLAIN_TEXT and declared == HTML else _agreed(found, extension)


def _is_mail(text: str, headers: frozenset[str]) -> bool:
    """Whether it begins with lines of a mail's head, one of `headers` among them (RFC 5322, section 2.2)."""
    text = text[:SNIFF_BYTES].replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff\n")
    first = _MBOX_LINE.match(text)
    position = first.end() if first else 0
    names = set()
    while match := _HEADER.match(text, position):
        names.add(match[1].lower())
        position = match.end()
    return len(names & _MAIL_HEADERS) > 1 and bool(names & headers)


def _readable(head: bytes) -> str | None:
    """The beginning as text, as far as that is needed to tell what kind; None if it is none."""
    head = head[:SNIFF_BYTES]
    encoding = next((encoding for mark, encoding in BYTE_ORDER_MARKS if head.startswith(mark)), None)
    encoding = encoding or wide_encoding(head) or "latin-1"
    text = codecs.getincrementaldecoder(encoding)(errors="replace").decode(head)
    return None if looks_binary(text) else text


def _agreed(media_type: str, extension: str) -> str:
    if extension and _MEDIA_TYPES.get(extension) != media_type:
        raise _refusal(extension, _NAMED[media_type])
    return media_type


def _refusal(extension: str, what: str, advice: str = "") -> ExtractionError:
    """Why not: a name that promises something else, or a format that nobody reads here."""
    if extension in _MEDIA_TYPES:
        help_ = (
            f"{advice}, then upload that file." if advice else "Give it the right name, or upload another file."
        )
        return ExtractionError("type_mismatch", f"The file is called {extension} but is {what}. {help_}")
    described = f"{extension} files" if extension else f"Files like this one ({what})"
    advice = _ADVICE.get(extension, advice) or "Upload PDF, Office, text, web, e-book or mail files"
    return ExtractionError("unsupported_type", f"{described} are not supported. {advice}.")
