"""Plain text in any encoding that can be told: cut into pages of about three thousand characters.

Joined without anything between them, the pages are the file's text again (see `saved_text`).
"""

import codecs
import io
import mmap
import unicodedata
from collections.abc import Iterator

import charset_normalizer

from documents.extraction.formats import ParsedDocument, ParsedPage
from documents.extraction.saved_text import save_text
from documents.extraction.sniffing import BYTE_ORDER_MARKS, looks_binary
from documents.extraction.types import ExtractionError

PAGE_SIZE = 3_000
"""Characters of a page at most; it ends at the last paragraph, line, sentence or word that fits."""

_READ = 1 << 20
_SAMPLE = 256 * 1024
_PAGE_ENDS = ("\n\n", "\n", ". ", " ")


def open_document(file: mmap.mmap) -> ParsedDocument:
    """Find the encoding; the pages are decoded as they are read.

    Raises `ExtractionError` `not_text`; the pages raise it too, and `no_text` at their end.
    """
    return ParsedDocument(title=None, page_count=None, pages=_pages(file, _encoding_of(file)))


def _encoding_of(file: mmap.mmap) -> str:
    head = file[:4]
    for mark, encoding in BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return encoding
    if _is_utf8(file):
        return "utf-8"
    guess = charset_normalizer.from_bytes(file[:_SAMPLE]).best()
    if guess is None:
        raise _not_text()
    return guess.encoding


def _is_utf8(file: mmap.mmap) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for offset in range(0, len(file), _READ):
            decoder.decode(file[offset : offset + _READ], final=offset + _READ >= len(file))
    except UnicodeDecodeError:
        return False
    return True


def _pages(file: mmap.mmap, encoding: str) -> Iterator[ParsedPage]:
    size, has_text, rest = len(file), False, ""
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)(), translate=True)
    for offset in range(0, size, _READ):
        is_last = offset + _READ >= size
        *whole, rest = _cut(rest + _decode(decoder, file[offset : offset + _READ], final=is_last))
        for text in [*whole, rest] if is_last else whole:
            has_text = has_text or bool(text.strip())
            yield _page(text, min((offset + _READ) / size, 1.0))
    if not has_text:
        raise ExtractionError("no_text", "The file holds no text.")


def _decode(decoder: io.IncrementalNewlineDecoder, block: bytes, *, final: bool) -> str:
    try:
        text = decoder.decode(block, final=final)
    except UnicodeDecodeError as error:
        raise _not_text() from error
    if looks_binary(text):
        raise _not_text()
    return text


def _page(text: str, progress: float) -> ParsedPage:
    return ParsedPage(text=save_text([ord(c) for c in text]), width=0.0, height=0.0, progress=progress)


def _cut(text: str) -> list[str]:
    """Pages of the text; the last one is what is left, at most `PAGE_SIZE` long."""
    pages, start = [], 0
    while len(text) - start > PAGE_SIZE:
        end = _page_end(text, start)
        pages.append(text[start:end])
        start = end
    pages.append(text[start:])
    return pages


def _page_end(text: str, start: int) -> int:
    """Where the page that begins at `start` ends: after the best break in its second half."""
    limit = start + PAGE_SIZE
    for mark in _PAGE_ENDS:
        found = text.rfind(mark, start + PAGE_SIZE // 2, limit)
        if found >= 0:
            return found + len(mark)
    while limit > start + PAGE_SIZE // 2 and unicodedata.category(text[limit])[0] == "M":
        limit -= 1  # a mark stays with its letter
    return limit


def _not_text() -> ExtractionError:
    return ExtractionError("not_text", "The file is not readable text. Save it as UTF-8 and upload that.")
