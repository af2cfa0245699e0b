"""Tables as text (RFC 4180 and its relatives): one sheet, whatever separates the columns."""

import codecs
import csv
import io
import mmap
from collections import Counter, deque
from collections.abc import Iterator
from itertools import islice
from typing import Literal

from documents.extraction.charsets import detect, looks_binary
from documents.extraction.formats import ParsedDocument, ParsedPage
from documents.extraction.plain_text import not_text
from documents.extraction.saved_text import save_string
from documents.extraction.sheet_pages import SheetPages, SheetRow
from documents.extraction.tables import markdown_cell
from documents.extraction.types import ExtractionError

_DELIMITERS = "\t;|,"  # of two that fit equally well the first: commas stand in words and numbers too
_READ = 1 << 18
_SAMPLE_ROWS = 200
_DECLARATION = "sep="
_MISPLACED_QUOTE = "expected after"  # in the words of Python's module; harmless
_NUMERIC = frozenset("0123456789.,+-()%€$£¥ \u00a0")


class _Table:
    """The file's rows; `done` is how much of it has been read, 0..1."""

    def __init__(self, file: mmap.mmap) -> None:
        """Find out the encoding, the delimiter and whether quotes quote. Raises `ExtractionError` `not_text`."""
        self.done = 0.0
        self._file = file
        self._encoding = detect(file)
        self._skipped = 0
        self._quoting: Literal[0, 3] = csv.QUOTE_MINIMAL
        self._delimiter = self._declared_delimiter() or self._likeliest_delimiter()
        if not self._quotes_close():
            self._quoting = csv.QUOTE_NONE
            csv.field_size_limit(len(file) + 1)

    def rows(self, *, strict: bool = False) -> Iterator[list[str]]:
        """All rows from the first; if `strict`, only as long as quotes stand where they may."""
        lines = islice(self._lines(), self._skipped, None)
        return csv.reader(
            lines, delimiter=self._delimiter, quoting=self._quoting, skipinitialspace=True, strict=strict
        )

    def _quotes_close(self) -> bool:
        """Whether no quotation swallows the rest of the file: if one does, the mark is a character like others."""
        for strict in (True, False):
            try:
                deque(self.rows(strict=strict), maxlen=0)
            except csv.Error as error:
                if not strict or _MISPLACED_QUOTE not in str(error):
                    return False
            else:
                return True
        return True

    def _lines(self) -> Iterator[str]:
        """The file's lines with their ends, as `csv.reader` wants them."""
        size, rest = len(self._file), ""
        decoder = io.IncrementalNewlineDecoder(
            codecs.getincrementaldecoder(self._encoding)(errors="replace"), translate=True
        )
        for offset in range(0, size, _READ):
            block = decoder.decode(self._file[offset : offset + _READ], final=offset + _READ >= size)
            if looks_binary(block):
                raise not_text()
            self.done = min((offset + _READ) / size, 1.0)
            *whole, rest = (rest + block).split("\n")
            yield from (line + "\n" for line in whole)
        if rest:
            yield rest

    def _declared_delimiter(self) -> str | None:
        """What a first line for Excel says, such as `sep=;`; that line is no row."""
        first = next(self._lines(), "").strip().strip('"')
        if not first.lower().startswith(_DECLARATION) or len(first) != len(_DECLARATION) + 1:
            return None
        self._skipped = 1
        return first[-1]

    def _likeliest_delimiter(self) -> str:
        """The one by which most of the first rows have equally many columns."""
        best, best_share = ",", 0.0
        for delimiter in _DELIMITERS:
            self._delimiter = delimiter
            try:
                counts = [len(row) for row in islice(self.rows(), _SAMPLE_ROWS) if row]
            except csv.Error:
                counts = [
                    line.count(delimiter) + 1 for line in islice(self._lines(), _SAMPLE_ROWS) if line.strip()
                ]
            wide = Counter(count for count in counts if count > 1).most_common(1)
            share = wide[0][1] / len(counts) if wide else 0.0
            if share > best_share:
                best, best_share = delimiter, share
        return best


def open_document(file: mmap.mmap) -> ParsedDocument:
    """Find out how the table is written; its pages are read one by one.

    Raises `ExtractionError` `not_text`; the pages raise `no_text` at their end.
    """
    return ParsedDocument(title=None, page_count=None, pages=_pages(_Table(file)))


def _pages(table: _Table) -> Iterator[ParsedPage]:
    sheet = SheetPages("")
    for number, row in enumerate(table.rows(), 1):
        texts = [markdown_cell(save_string(cell)) for cell in row]
        cells = {column: text for column, text in enumerate(texts) if text}
        if cells:
            is_words = not any(_NUMERIC.issuperset(text) for text in cells.values())
            for text, label in sheet.put(SheetRow(number, cells, is_words)):
                yield ParsedPage(text, 0.0, 0.0, table.done, label)
    if not sheet.has_rows:
        raise ExtractionError("no_text", "The file holds no text.")
    text, label = sheet.finish()
    yield ParsedPage(text, 0.0, 0.0, 1.0, label)
