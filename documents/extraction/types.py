"""What a parser gives and how it fails: plain values without Django or any parsing library."""

from dataclasses import dataclass
from typing import IO, Literal

PDF = "application/pdf"
PLAIN_TEXT = "text/plain"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
DOC = "application/msword"
CSV = "text/csv"
MARKDOWN = "text/markdown"
HTML = "text/html"
EPUB = "application/epub+zip"
EML = "message/rfc822"
ZIP = "application/zip"

PAGE_SEPARATOR = "\f"
"""Stands between two pages in a version's text, and nowhere else in it."""

Headings = tuple[tuple[int, int], ...]
"""A page's headings: where the line of each begins in the page's text, and its level, lower for higher ones."""

BlockKind = Literal["heading", "paragraph", "table", "list", "code"]

ErrorCode = Literal[
    "empty_file",
    "unsupported_type",
    "type_mismatch",
    "not_text",
    "encrypted_pdf",
    "corrupt_pdf",
    "unsupported_pdf",
    "corrupt_file",
    "encrypted_file",
    "archive_too_large",
    "forbidden_markup",
    "nested_archive",
    "reader_missing",
    "no_text",
    "no_such_page",
    "too_many_pages",
    "too_large_text",
    "timeout",
    "out_of_memory",
    "parser_crashed",
    "sandbox_unavailable",
    "file_damaged",
    "file_missing",
    "malware",
]


class ExtractionError(Exception):
    """A file that is refused or cannot be read.

    `code` is for programs; `detail` is one sentence for the person who uploaded the file: what is wrong
    and, where there is one, what to do about it.
    """

    def __init__(self, code: ErrorCode, detail: str) -> None:
        """Keep both parts; `str()` gives the sentence."""
        super().__init__(detail)
        self.code: ErrorCode = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one file may cost. `seconds` counts waiting for the parser, not the caller's own work
    between two pages; the parser's processor time is bounded by the same number. `memory` is bytes of
    address space of the whole parser process, interpreter and libraries included. `recognition` is how many
    seconds reading text from pictures may take in one file, in as many processes as it needs; 0 is not at all.
    """

    seconds: float = 60.0
    recognition: float = 0.0
    memory: int = 512 * 1024 * 1024
    pages: int = 10_000
    characters: int = 20_000_000


@dataclass(frozen=True, slots=True)
class Member:
    """A file of an archive. `name` is with its folders; exactly one of `content`, at its beginning and to be
    closed by the receiver, and `error` is there.
    """

    name: str
    content: IO[bytes] | None = None
    error: ExtractionError | None = None


@dataclass(frozen=True, slots=True)
class PageText:
    """One page. `number` counts from 1; `start` and `end` are code-point offsets in the version's text,
    where `text` stands; `width` and `height` are points as the page is shown, 0 for formats without pages.
    `label` says what the page is where that is more than its number; `is_recognised` that its text was read
    from a picture; `headings` is None where the text itself must tell.
    """

    number: int
    start: int
    end: int
    text: str
    width: float
    height: float
    label: str = ""
    is_recognised: bool = False
    headings: Headings | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """A heading, paragraph, table, list or code of one page; `start` and `end` count in the version's text."""

    text: str
    kind: BlockKind
    page: int
    heading_path: tuple[str, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Extraction:
    """A whole document: its version's text is `PAGE_SEPARATOR.join(page.text for page in pages)`."""

    pages: tuple[PageText, ...]
    blocks: tuple[Block, ...]
    media_type: str
    title: str | None
    language: None = None


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle on a page as it is shown, in parts of its width and height, from the top left corner."""

    x0: float
    y0: float
    x1: float
    y1: float
