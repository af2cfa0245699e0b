"""Pages for text that has none: of about three thousand characters, cut where a reader would cut.

The pages of a text, joined, give back every character of it that is not white space.
"""

import re
import unicodedata
from collections import deque
from collections.abc import Iterator, Sequence
from enum import IntEnum
from itertools import pairwise
from typing import NamedTuple

from documents.extraction.formats import ParsedPage
from documents.extraction.types import ExtractionError

PAGE_SIZE = 3_000
"""Characters of a page at most; only a single row of a table may be longer."""

_FULL_ENOUGH = PAGE_SIZE // 2
_WORTH_A_PAGE = PAGE_SIZE // 3
_MAJOR_LEVEL = 2

_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_HEADING = re.compile(r" {0,3}(#{1,6})\s+\S")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_FENCE_MARKS = ("`", "~")
_CLOSING = r"[\"'”’»)\]」』）】]*"
_SENTENCE_END = rf"[.!?…؟۔]{_CLOSING}\s+|[。！？｡।॥]{_CLOSING}\s*"
_ENDS = tuple(re.compile(mark) for mark in (r"\n\s*\n", r"\n", _SENTENCE_END, r"\s"))
_JOINERS = "\u200d\ufe0e\ufe0f"  # parts of one emoji


class _Worth(IntEnum):
    """How well a page may begin at a line."""

    NEVER = 0  # an empty line, or the text right under a heading
    LINE = 1
    PARAGRAPH = 2  # or the first row of a table
    HEADING = 3


class _Line(NamedTuple):
    """A line with its newline."""

    start: int
    end: int
    worth: _Worth
    is_major: bool
    is_row: bool


def cut_markdown(text: str) -> list[str]:
    """The pages of a Markdown text.

    A page begins at a heading of level 1 or 2 when the one before has over 1,500 characters. Where it must end
    for its length it does so before a heading, else a table or paragraph, else a line or row, else after a
    sentence, else a word.
    """
    source, lines = _lines(text), deque[_Line]()
    pages, start = [], 0
    while start < len(text):
        while lines and lines[0].end <= start:
            lines.popleft()
        while not lines or lines[-1].start - start <= PAGE_SIZE:
            line = next(source, None)
            if line is None:
                break
            lines.append(line)
        end = _markdown_end(text, start, lines)
        page = text[start:end].strip("\n")
        if page.strip():
            pages.append(page)
        start = end
    return pages


def markdown_pages(text: str) -> Iterator[ParsedPage]:
    """The pages as a parser gives them. Raises `ExtractionError` `no_text`."""
    pages = cut_markdown(text)
    if not pages:
        raise ExtractionError("no_text", "The file holds no text.")
    for number, page in enumerate(pages, 1):
        yield ParsedPage(text=page, width=0.0, height=0.0, progress=number / len(pages))


def plain_end(text: str, start: int) -> int:
    """Where a page of plain text that begins at `start` ends: after the best break in its second half."""
    limit = start + PAGE_SIZE
    if limit >= len(text):
        return len(text)
    for mark in _ENDS:
        ends = [match.end() for match in mark.finditer(text, start + _FULL_ENOUGH, limit)]
        if ends:
            return ends[-1]
    while limit > start + _FULL_ENOUGH and _stays_with_the_letter_before(text[limit]):
        limit -= 1
    return limit


def _lines(text: str) -> Iterator[_Line]:
    fence, is_open, was_heading, was_row = "", True, False, False
    for match in _LINE.finditer(text):
        line = match[0].strip()
        heading = None if fence or line[:1] != "#" else _HEADING.match(match[0])
        is_row = is_table_row(line)
        if heading:
            worth = _Worth.HEADING
        elif not line or was_heading:
            worth = _Worth.NEVER
        else:
            worth = _Worth.PARAGRAPH if is_open or (is_row and not was_row) else _Worth.LINE
        is_major = heading is not None and len(heading[1]) <= _MAJOR_LEVEL
        yield _Line(match.start(), match.end(), worth, is_major, is_row)
        if line[:1] in _FENCE_MARKS:
            fence = _fence_after(match[0], fence)
        is_open, was_row = not line, is_row
        was_heading = heading is not None or (was_heading and not line)


def is_table_row(line: str) -> bool:
    """Whether a line, without white space around it, is a row of a Markdown table."""
    return len(line) > 1 and line[0] == line[-1] == "|"


def _fence_after(line: str, fence: str) -> str:
    """The marks that will close the block of code which the line is in or opens; "" outside of any."""
    marks = _FENCE.match(line)
    if not marks:
        return fence
    if fence:
        return "" if marks[1].startswith(fence) and line.strip() == marks[1] else fence
    return marks[1]


def _markdown_end(text: str, start: int, lines: Sequence[_Line]) -> int:
    """Where the page that begins at `start`, in the first of the lines, ends."""
    best = (_Worth.NEVER, 0)
    for above, line in pairwise(lines):
        length = line.start - start
        if length > PAGE_SIZE:
            return _end_before(text, start, above, best)
        if line.is_major and length > _FULL_ENOUGH:
            return line.start
        if length >= (_WORTH_A_PAGE if line.worth > _Worth.LINE else _FULL_ENOUGH):
            best = max(best, (line.worth, line.start))
    if len(text) - start > PAGE_SIZE:
        return _end_before(text, start, lines[-1], best)
    return len(text)


def _end_before(text: str, start: int, crossing: _Line, best: tuple[_Worth, int]) -> int:
    """The end of a page that has no room for the line `crossing`: the `best` place, if there is one."""
    worth, place = best
    if worth > _Worth.NEVER:
        return place
    if crossing.is_row:
        return crossing.start if crossing.start - start >= _WORTH_A_PAGE else crossing.end
    return plain_end(text, start)


def _stays_with_the_letter_before(character: str) -> bool:
    return unicodedata.category(character)[0] == "M" or character in _JOINERS
