"""Plain text in any encoding that can be told: cut into pages of about three thousand characters.

Joined without anything between them, the pages are the file's text again (see `saved_text`).
"""

import codecs
import io
import mmap
from collections.abc import Iterator

from documents.extraction.charsets import detect, looks_binary
from documents.extraction.formats import ParsedDocument, ParsedPage
from documents.extraction.paging import PAGE_SIZE, plain_end
from documents.extraction.saved_text import save_string
from documents.extraction.types import ExtractionError

_READ = 1 << 20


def open_document(file: mmap.mmap) -> ParsedDocument:
    """Find the encoding; the pages are decoded as they are read.

    Raises `ExtractionError` `not_text`; the pages raise it too, and `no_text` at their end.
    """
    return ParsedDocument(title=None, page_count=None, pages=_pages(file, detect(file)))


def not_text() -> ExtractionError:
    """The file is no text in any encoding."""
    return ExtractionError("not_text", "The file is not readable text. Save it as UTF-8 and upload that.")


def _pages(file: mmap.mmap, encoding: str) -> Iterator[ParsedPage]:
    size, has_text, rest = len(file), False, ""
    decoder = io.IncrementalNewlineDecoder(
        codecs.getincrementaldecoder(encoding)(errors="replace"), translate=True
    )
    for offset in range(0, size, _READ):
        is_last = offset + _READ >= size
        block = decoder.decode(file[offset : offset + _READ], final=is_last)
        if looks_binary(block):
            raise not_text()
        *whole, rest = _cut(rest + block)
        for text in [*whole, rest] if is_last else whole:
            has_text = has_text or bool(text.strip())
            progress = min((offset + _READ) / size, 1.0)
            yield ParsedPage(text=save_string(text), width=0.0, height=0.0, progress=progress)
    if not has_text:
        raise ExtractionError("no_text", "The file holds no text.")


def _cut(text: str) -> list[str]:
    """Pages of the text; the last one is what is left, at most a page long."""
    pages, start = [], 0
    while len(text) - start > PAGE_SIZE:
        end = plain_end(text, start)
        pages.append(text[start:end])
        start = end
    pages.append(text[start:])
    return pages
