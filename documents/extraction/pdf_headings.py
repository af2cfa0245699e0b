"""Which lines of a PDF are headings, by how they look: larger than most of the text, or bold where that is not."""

import ctypes
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from math import hypot

import pypdfium2
import pypdfium2.raw as pdfium

from documents.extraction.types import Headings

_LINE_BREAKS = frozenset({0x0A, 0x0C, 0x0D})
_CR, _LF, _SPACE = 0x0D, 0x0A, 0x20
_WORD = re.compile(r"[^\W\d_]{2,}")
_LARGER = 1.12
_BOLD = re.compile(r"bold|black|heavy|demi\b|-medi\b|cmbx|sfbx|bfseries", re.I)
_MOST_LINES = 400  # of a page: more are a table or a list
_LONGEST, _MOST_LINES_OF_ONE = 150, 3
_LONG_SENTENCE = 12  # words
_STEPS = 4  # levels for one point of size
_LOWEST = 1_000  # the level of a heading that is as large as the text
_CLOSES_SENTENCE = (".", ",", ";", "。")
_NAME = 128


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of the saved text; `size` is points, 0 where it has more than one or is empty."""

    start: int
    text: str
    size: float = 0.0
    is_bold: bool = False


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
            if level and len(run) <= _MOST_LINES_OF_ONE:
                found += [(line.start, level) for line in run]
        self._has_found = self._has_found or bool(found)
        return tuple(found) if self._has_found else None


def _level(line: _Line, size: float, *, is_bold: bool) -> int:
    """A heading's level, the lower the larger it is; 0 for what is none in a text of that size."""
    if not line.size or len(line.text) > _LONGEST or not _WORD.search(line.text):
        return 0
    closes = line.text.endswith(_CLOSES_SENTENCE)
    if line.size >= _LARGER * size:
        is_sentence = closes and len(line.text.split()) > _LONG_SENTENCE
        return 0 if is_sentence else max(1, _LOWEST - round(line.size * _STEPS))
    is_set_off = line.is_bold and not is_bold and not closes and line.size * _LARGER >= size
    return _LOWEST if is_set_off else 0


def _lines(text: pypdfium2.PdfTextPage, codes: Sequence[int], order: Sequence[int], saved: str) -> Iterator[_Line]:
    """The lines of the saved text; they are those of the codes, one by one."""
    looks = _line_ends(codes)
    if len(looks) > _MOST_LINES:
        return
    start = 0
    for line, (first, after) in zip(saved.split("\n"), looks, strict=False):
        if any(codes[index] > _SPACE for index in range(first, after)):
            yield _looked_at(text, [order[i] for i in range(first, after) if codes[i] > _SPACE], start, line)
        start += len(line) + 1


def _line_ends(codes: Sequence[int]) -> list[tuple[int, int]]:
    lines, first = [], 0
    for index, code in enumerate(codes):
        if code not in _LINE_BREAKS:
            continue
        if not (code == _LF and index and codes[index - 1] == _CR):
            lines.append((first, index))
        first = index + 1
    return [*lines, (first, len(codes))]


def _looked_at(text: pypdfium2.PdfTextPage, places: list[int], start: int, line: str) -> _Line:
    """A line by its first, middle and last characters."""
    looks = {_look(text, places[at]) for at in (0, len(places) // 2, -1)}
    sizes = {size for size, _ in looks}
    return _Line(
        start,
        line.strip(),
        size=sizes.pop() if len(sizes) == 1 else 0.0,
        is_bold=all(is_bold for _, is_bold in looks),
    )


def _look(text: pypdfium2.PdfTextPage, index: int) -> tuple[float, bool]:
    """A character's size in half points, and whether its font is a bold one."""
    matrix = pdfium.FS_MATRIX()
    pdfium.FPDFText_GetMatrix(text, index, matrix)
    size = pdfium.FPDFText_GetFontSize(text, index) * hypot(matrix.c, matrix.d)
    name = ctypes.create_string_buffer(_NAME)
    pdfium.FPDFText_GetFontInfo(text, index, name, _NAME, None)
    return round(size * 2) / 2, _BOLD.search(name.value.decode("latin-1")) is not None
