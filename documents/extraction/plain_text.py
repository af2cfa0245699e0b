"""Plain text in any encoding that can be told: its own pages where form feeds end them, else cut into pages of
about three thousand characters.

Joined without anything between them, the pages are the file's text again, but for form feeds (see
`saved_text`).
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
_LONGEST = 3 * PAGE_SIZE  # of a page that a form feed ends: more than is ever printed on one


def open_document(file: mmap.mmap) -> ParsedDocument:
    """Find the encoding; the pages are decoded as they are read.

    Raises `ExtractionError` `not_text`; the pages raise it too, and `no_text` at their end.
    """
    return ParsedDocument(title=None, page_count=None, pages=_pages(file, detect(file)))


def not_text() -> ExtractionError:
    """The file is no text in any encoding."""
    return ExtractionError("not_text", "The file is not readable text. Save it as UTF-8 and upload that.")


def _pages(file: mmap.mmap, encoding: str) -> Iterator[ParsedPage]:
    has_text = False
    for text, progress in _whole(_blocks(file, encoding)):
        has_text = has_text or bool(text.strip())
        yield ParsedPage(text=save_string(text), width=0.0, height=0.0, progress=progress)
    if not has_text:
        raise ExtractionError("no_text", "The file holds no text.")


def _blocks(file: mmap.mmap, encoding: str) -> Iterator[tuple[str, float]]:
    """The file's text in pieces, and how much of it is read."""
    decoder = io.IncrementalNewlineDecoder(
        codecs.getincrementaldecoder(encoding)(errors="replace"), translate=True
    )
    for offset in range(0, len(file), _READ):
        end = min(offset + _READ, len(file))
        block = decoder.decode(file[offset:end], final=end == len(file))
        if looks_binary(block):
            raise not_text()
        yield block, end / len(file)


def _whole(blocks: Iterator[tuple[str, float]]) -> Iterator[tuple[str, float]]:
    """The pages; no empty one before the first form feed or after the last."""
    rest, is_first = "", True
    for block, progress in blocks:
        *whole, rest = _cut(rest + block, is_last=progress == 1)
        for page in whole:
            if page.strip() or not is_first:
                yield page, progress
            is_first = False
    if is_first or rest.strip():
        yield rest, 1.0


def _cut(text: str, *, is_last: bool) -> list[str]:
    """Pages of the text; the last one is what is left, for which more of the text must be seen."""
    pages, start = [], 0
    while True:
        end = text.find("\f", start, start + _LONGEST)
        if end >= 0:
            pages.append(text[start:end])
            start = end + 1
        elif len(text) - start > (PAGE_SIZE if is_last else _LONGEST):
            end = plain_end(text, start)
            pages.append(text[start:end])
            start = end
        else:
            return [*pages, text[start:]]
