"""Which lines of a PDF are headings, by how they look: larger than most of the text, or bold where that is not."""

import ctypes
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from math import hypot

import pypdfium2
import pypdfium2.raw as pdfium

from documents.extraction.types import Headings

_LINE_END = re.compile(r"\r\n|[\n\f\r]|\Z")
_SPACE = 0x20
_WORD = re.compile(r"[^\W\d_]{2,}")
_LARGER = 1.12
_BOLD = re.compile(rb"bold|black|heavy|demi\b|-medi\b|cmbx|sfbx|bfseries", re.I)
_MOST_LINES = 400  # of a page: more are a table or a list
_LONGEST, _MOST_LINES_OF_ONE = 150, 3
_LONG_SENTENCE = 12  # words
_STEPS = 4  # levels for one point of size
_LOWEST = 1_000  # the level of a heading that is as large as the text
_CLOSES_SENTENCE = (".", ",", ";", "。")
_NAME = 128
_GAP = 2.0  # times the size
_NUMBER = re.compile(r"(?:\w{1,10}\s+)?[\dIVXivx]{1,4}(?:\.\d{1,3})*[.:)]?|[A-Za-z][.)]|\W")


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of the saved text and its codes' indices; `size` is points, 0 where there are several."""

    start: int
    text: str
    size: float
    is_bold: bool
    first: int
    last: int


@dataclass(slots=True)
class HeadingFinder:
    """Looks at the pages of one document in their order and so learns how its text looks."""

    _sizes: Counter[tuple[float, bool]] = field(default_factory=Counter)
    _has_found: bool = False

    def headings(
        self, text: pypdfium2.PdfTextPage, codes: Sequence[int], order: Sequence[int], saved: str
    ) -> Headings | None:
        """The page's headings; None as long as all text of the document looks alike.

        `codes` are the page's characters in that `order`, `saved` what became of them.
        """
        lines = list(_lines(text, codes, order, saved))
        for line in lines:
            if line.size:
                self._sizes[line.size, line.is_bold] += len(line.text)
        if not self._sizes:
            return None
        [((size, is_bold), _)] = self._sizes.most_common(1)
        found: list[tuple[int, int]] = []
        for level, group in groupby(lines, lambda line: _level(line, size, is_bold=is_bold)):
            run = list(group)
            if level == _LOWEST:
                run = [line for line in run if not _is_row(text, codes, order, line)]
            if level and len(run) <= _MOST_LINES_OF_ONE:
                found += [(line.start, level) for line in run]
        self._has_found = self._has_found or bool(found)
        return tuple(found) if self._has_found else None


def _level(line: _Line, size: float, *, is_bold: bool) -> int:
    """A heading's level, the lower the larger it is; 0 for what is none in a text of that size."""
    if not line.size or len(line.text) > _LONGEST or not _WORD.search(line.text):
        return 0
    closes = line.text.endswith(_CLOSES_SENTENCE) or (line.text[0] == "(" and line.text[-1] == ")")
    if line.size >= _LARGER * size:
        is_sentence = closes and len(line.text.split()) > _LONG_SENTENCE
        return 0 if is_sentence else max(1, _LOWEST - round(line.size * _STEPS))
    is_set_off = line.is_bold and not is_bold and not closes and line.size * _LARGER >= size
    return _LOWEST if is_set_off else 0


def _lines(text: pypdfium2.PdfTextPage, codes: Sequence[int], order: Sequence[int], saved: str) -> Iterator[_Line]:
    """The lines of the saved text; they are those of the codes, one by one."""
    of, written = _Looks(text).of, "".join(map(chr, codes))
    start = place = 0
    for line, end in zip(saved.split("\n"), _line_ends(written), strict=False):
        said = written[place : end.start()]
        if stripped := said.strip():
            first = place + said.index(stripped[0])
            last = first + len(stripped) - 1
            places = (first, last) if len(stripped) <= _LONGEST else (first + len(stripped) // 2,)
            looks = {of(order[place]) for place in places}
            sizes = {size for size, _ in looks}
            size = sizes.pop() if len(sizes) == 1 else 0.0
            yield _Line(start, line.strip(), size, all(is_bold for _, is_bold in looks), first, last)
        place = end.end()
        start += len(line) + 1


def _line_ends(written: str) -> Iterator[re.Match[str]]:
    """Where the lines end; none for pages of more lines than text has."""
    ends = list(_LINE_END.finditer(written))
    return iter(ends if len(ends) <= _MOST_LINES else [])


class _Looks:
    """Asks for a character's size in half points, and whether its font is a bold one."""

    def __init__(self, text: pypdfium2.PdfTextPage) -> None:
        self._text = text.raw
        self._matrix = pdfium.FS_MATRIX()
        self._name = ctypes.create_string_buffer(_NAME)

    def of(self, index: int) -> tuple[float, bool]:
        pdfium.FPDFText_GetMatrix(self._text, index, self._matrix)
        size = pdfium.FPDFText_GetFontSize(self._text, index) * hypot(self._matrix.c, self._matrix.d)
        pdfium.FPDFText_GetFontInfo(self._text, index, self._name, _NAME, None)
        return round(size * 2) / 2, _BOLD.search(self._name.value) is not None


def _is_row(text: pypdfium2.PdfTextPage, codes: Sequence[int], order: Sequence[int], line: _Line) -> bool:
    """Whether wide gaps make cells of the line; the one after a heading's number makes none."""
    shown = [index for index in range(line.first, line.last + 1) if codes[index] > _SPACE]
    boxes = [(index, text.get_charbox(order[index])) for index in shown]
    for (index, before), (_, after) in pairwise(boxes):
        apart = max(after[0] - before[2], after[1] - before[3], before[1] - after[3])
        if apart > _GAP * line.size and not _NUMBER.fullmatch("".join(map(chr, codes[line.first : index + 1]))):
            return True
    return False
