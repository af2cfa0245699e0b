"""What every format's parser looks like, and which module parses which media type.

A new format is one module with `open_document` and one line in `PARSER_MODULES`. Parsers run inside the
sandbox only: nothing outside `worker` imports them.
"""

import mmap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

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
    ExtractionError,
    Headings,
    Rect,
)

PARSER_MODULES = {
    PDF: "documents.extraction.pdf",
    PLAIN_TEXT: "documents.extraction.plain_text",
    DOCX: "documents.extraction.docx",
    DOC: "documents.extraction.doc",
    PPTX: "documents.extraction.pptx",
    XLSX: "documents.extraction.xlsx",
    MARKDOWN: "documents.extraction.markdown",
    HTML: "documents.extraction.html",
    CSV: "documents.extraction.csv",
    EPUB: "documents.extraction.epub",
    EML: "documents.extraction.eml",
}
UNPACKER_MODULE = "documents.extraction.archives"
LOGO_MODULE = "documents.extraction.logos"
RECOGNISER_MODULE = "documents.extraction.recognition"

IN_TURNS = frozenset({PDF})
"""Formats whose modules are `TurnParser`s."""


@dataclass(frozen=True, slots=True)
class ParsedPage:
    """A page's saved text (see `saved_text`), its size in points, and how much of the file is read, 0..1.

    `label` says what the page is where that is more than its number; `is_recognised` that its text was read
    from a picture, `is_picture` that what it says stands in a picture and was not read. `headings` are what
    the file's looks say; None where they say nothing.
    """

    text: str
    width: float
    height: float
    progress: float
    label: str = ""
    is_recognised: bool = False
    is_picture: bool = False
    headings: Headings | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """The part of a file that one process reads: from page `first` until `seconds` are over.

    `recognition` of text in pictures: "off"; "wanted", so that the turn ends at the first page that needs it;
    "on" in a process that can. The page `passed_over` is left without. The rest is what was seen before:
    whether there was text, whether a page was damaged, and how many pages are pictures without text.
    """

    first: int = 1
    seconds: float = float("inf")
    recognition: Literal["off", "wanted", "on"] = "off"
    passed_over: int = 0
    has_text: bool = False
    is_damaged: bool = False
    pictures: int = 0


@dataclass(slots=True)
class Ending:
    """Known when the last page is read: the next turn where there is one, and more properties."""

    turn: Turn | None = None
    properties: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """An opened file: `page_count` where the format knows it beforehand; `pages` parses as it is read.

    `properties` is what the file says of itself, where it does: author, subject, keywords, created and
    modified (ISO 8601), language (BCP 47), for mail from, to, sent, for PDF attachments and pages_without_text.
    """

    title: str | None
    page_count: int | None
    pages: Iterator[ParsedPage]
    properties: Mapping[str, str] = field(default_factory=dict)
    ending: Ending = field(default_factory=Ending)


class Parser(Protocol):
    """A format's module. It raises `ExtractionError` for what it can name; anything else is a crash."""

    def open_document(self, file: mmap.mmap) -> ParsedDocument:
        """Read the file's head; its pages come later, one by one."""
        ...


class PagedParser(Parser, Protocol):
    """A format whose pages can be shown as images."""

    def render_page(self, file: mmap.mmap, number: int, width: int) -> bytes:
        """Page `number` (from 1) as a PNG about `width` pixels wide."""
        ...

    def locate(self, file: mmap.mmap, number: int, start: int, end: int) -> list[Rect]:
        """Where characters [start, end) of that page's saved text stand, one rectangle a line."""
        ...


class PictureReader(Protocol):
    """Reads text from pictures."""

    def read(self, pixels: bytes, columns: int, rows: int, stride: int) -> str:
        """The text of a picture whose rows are `stride` bytes, three for each pixel; "" where there is none."""
        ...


class TurnParser(Parser, Protocol):
    """A format that can be read from any page on, by one process after another."""

    def open_turn(self, file: mmap.mmap, turn: Turn, reader: PictureReader | None) -> ParsedDocument:
        """Read the file's head; the pages are the turn's."""
        ...


@dataclass(frozen=True, slots=True)
class Piece:
    """The next bytes of an archive's member; `is_last` ends it, `error` refuses it, whatever came before."""

    name: str
    data: bytes = b""
    is_last: bool = False
    error: ExtractionError | None = None


class Unpacker(Protocol):
    """The module that takes archives apart."""

    def open_archive(self, file: mmap.mmap, member_size: int) -> Iterator[Piece]:
        """The pieces of all members in their order, none of more than `member_size` bytes together."""
        ...
