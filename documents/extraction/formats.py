"""What every format's parser looks like, and which module parses which media type.

A new format is one module with `open_document` and one line in `PARSER_MODULES`. Parsers run inside the
sandbox only: nothing outside `worker` imports them.
"""

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from documents.extraction.types import PDF, PLAIN_TEXT, Rect

PARSER_MODULES = {
    PDF: "documents.extraction.pdf",
    PLAIN_TEXT: "documents.extraction.plain_text",
}


@dataclass(frozen=True, slots=True)
class ParsedPage:
    """A page's saved text (see `saved_text`), its size in points, and how much of the file is read, 0..1."""

    text: str
    width: float
    height: float
    progress: float


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """An opened file: `page_count` where the format knows it beforehand; `pages` parses as it is read."""

    title: str | None
    page_count: int | None
    pages: Iterator[ParsedPage]


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
