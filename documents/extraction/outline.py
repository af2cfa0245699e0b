"""The shape of a page's text: which lines are headings, tables, lists or code, and what stands over each.

Formats that say so themselves come as Markdown, and are read as that. Of a PDF the parser says what looks like
a heading. Where all of it looks alike, and of plain text, lines are judged one by one from the characters alone.
A wrong guess costs little: headings give a passage its context and are places where it may begin.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from documents.extraction.types import (
    CSV,
    EML,
    PDF,
    PLAIN_TEXT,
    PPTX,
    XLSX,
    Block,
    BlockKind,
    Headings,
    PageText,
)

_UNMARKED = frozenset({PDF, PLAIN_TEXT})
# Where a heading says nothing of the next page.
_PAGES_APART = _UNMARKED | {PPTX, XLSX, CSV}
# Where a page's label stands over everything on it: the sheet, the attachment.
_LABELLED = frozenset({XLSX, EML})

_LINES = re.compile(r"[^\n]+")
_MARKDOWN_HEADING = re.compile(r"(#{1,6})[ \t]+(\S.*?)(?:[ \t]+#+)?$")
_MARKDOWN_ITEM = re.compile(r"(?:[-*+]|\d{1,9}[.)])[ \t]+\S")
_FENCE = re.compile(r"(`{3,})[^`]*$|(~{3,})")
_BULLET = re.compile(r"[-*+•‣▪◦●○·–][ \t]+\S")
_GUESSED = 7
"""The level of a heading that is one only by its looks: below all that Markdown has."""

_NUMBERED = re.compile(
    r"(?:(?:item|part|note|chapter|section|article|appendix)\s+)?[0-9IVX]+[.:)]?(?:\d+[.)]?)*\s", re.I
)
_NUMBER = re.compile(r"[($€£+-]*\d[\d,.]*[)%]*|[-–—]+|\(?[$€£]\)?")
_WORD = re.compile(r"[^\W\d_]{2,}")
_CLOSES_SENTENCE = (".", ",", ";", ":", "!", "?", "…", "。")
_MAX_HEADING = 90
_MAX_HEADING_WORDS = 12
_CAPITALS_SHARE = 0.75
_WRAPS_FROM = 45  # characters: a shorter heading would not need a second line
_ITEM_INDENT, _CODE_INDENT = 2, 4


@dataclass(frozen=True, slots=True)
class Line:
    """A line without the white space around it.

    `opens` says that an empty line, or nothing, is before it, `is_item` that an entry of a list begins with it;
    `path` is the headings over it from the highest, itself included where it is one.
    """

    start: int
    end: int
    kind: BlockKind
    opens: bool
    path: tuple[str, ...]
    is_item: bool = False


class Outline:
    """Reads the pages of one document in their order: a heading stands over what follows, on later pages too.

    Not so where each page is a thing of its own, a slide or a sheet, nor where headings are guessed.
    """

    def __init__(self, media_type: str) -> None:
        self._is_marked = media_type not in _UNMARKED
        self._reaches_on = media_type not in _PAGES_APART
        self._is_labelled = media_type in _LABELLED
        self._label = ""
        self._headings: list[tuple[int, str]] = []
        self._fence = ""  # what closes the block of code that the text is in

    def lines(self, text: str, label: str = "", headings: Headings | None = None) -> list[Line]:
        """The lines of the next page that are not empty, in order.

        `headings` are the page's where its parser knows them; else the text tells.
        """
        if not self._reaches_on or label != self._label:
            self._headings, self._fence = [], ""
        self._label = label
        levels = None if headings is None else dict(headings)
        lines: list[Line] = []
        for match in _LINES.finditer(text):
            stripped = match[0].strip()
            if stripped:
                indent = match[0].index(stripped[0])
                start = match.start() + indent
                before = lines[-1] if lines else None
                opens = before is None or text.count("\n", before.end, start) > 1
                above = text[before.start : before.end] if before and not opens else ""
                if levels is None:
                    level, kind = _level(stripped), self._kind(stripped, indent, before, above)
                else:
                    level = levels.get(match.start(), 0)
                    kind = _known_kind(stripped, before, above, is_heading=bool(level))
                path = self._path(stripped, kind, level, "" if levels is None else above)
                is_item = kind == "list" and bool(_MARKDOWN_ITEM.match(stripped) or _BULLET.match(stripped))
                lines.append(Line(start, start + len(stripped), kind, opens, path, is_item))
        return lines

    def _kind(self, line: str, indent: int, before: Line | None, above: str) -> BlockKind:
        """`above` is the line directly over it, "" if there is none."""
        if not self._is_marked:
            return _guessed_kind(line, before, above)
        if self._is_fenced(line):
            return "code"
        kind_before = before.kind if before is not None else "paragraph"
        in_list = kind_before == "list"
        if indent >= _CODE_INDENT and not in_list and (not above or kind_before == "code"):
            return "code"
        if _MARKDOWN_HEADING.match(line):
            return "heading"
        if len(line) > 1 and line[0] == line[-1] == "|":
            return "table"
        goes_on = in_list and (above or indent >= _ITEM_INDENT)
        return "list" if goes_on or _MARKDOWN_ITEM.match(line) else "paragraph"

    def _is_fenced(self, line: str) -> bool:
        """Whether the line is in a block of code or is one of its fences."""
        marks = _FENCE.match(line)
        if self._fence:
            if marks and line.startswith(self._fence) and not line.strip(line[0]):
                self._fence = ""
            return True
        if marks:
            self._fence = marks[1] or marks[2]
        return bool(marks)

    def _is_last_heading(self, line: str, level: int) -> bool:
        return bool(self._headings) and self._headings[-1][0] == level and self._headings[-1][1].endswith(line)

    def _path(self, line: str, kind: BlockKind, level: int, above: str) -> tuple[str, ...]:
        """`above` is the line directly over it where that may be the beginning of the same heading."""
        if kind == "heading":
            if above and _is_wrapped(above, line) and self._is_last_heading(above, level):
                line = f"{self._headings[-1][1]} {line}"
            while self._headings and self._headings[-1][0] >= level:
                self._headings.pop()
            self._headings.append((level, heading_text(line)))
        label = (self._label,) if self._label and self._is_labelled else ()
        return (*label, *(heading for _, heading in self._headings))


def _is_wrapped(above: str, line: str) -> bool:
    """Whether a heading goes on in the line below it."""
    return line[0].islower() or (len(above) >= _WRAPS_FROM and not _NUMBERED.match(line))


def page_blocks(page: PageText, outline: Outline) -> Iterator[Block]:
    """The headings, paragraphs, tables, lists and blocks of code of the outline's next page."""
    for first, last in _runs(outline.lines(page.text, page.label, page.headings)):
        yield Block(
            text=page.text[first.start : last.end],
            kind=first.kind,
            page=page.number,
            heading_path=first.path,
            start=page.start + first.start,
            end=page.start + last.end,
        )


def heading_text(line: str) -> str:
    """A heading's words without Markdown's signs."""
    marked = _MARKDOWN_HEADING.match(line)
    return marked[2] if marked else line


def is_same_block(above: Line, line: Line) -> bool:
    """Whether a line goes on with what the line over it belongs to. Lists and code may have empty lines."""
    if line.kind != above.kind or line.kind == "heading":
        return False
    return not line.opens or line.kind in {"list", "code"}


def _runs(lines: list[Line]) -> Iterator[tuple[Line, Line]]:
    """First and last line of each block."""
    starts = [0, *(i for i, (above, line) in enumerate(pairwise(lines), 1) if not is_same_block(above, line))]
    for first, after in pairwise([*starts, len(lines)] if lines else []):
        yield lines[first], lines[after - 1]


def _level(line: str) -> int:
    marked = _MARKDOWN_HEADING.match(line)
    return len(marked[1]) if marked else _GUESSED


def _guessed_kind(line: str, before: Line | None, above: str) -> BlockKind:
    if _MARKDOWN_HEADING.match(line):
        return "heading"
    if _is_table_row(line):
        return "table"
    if _BULLET.match(line) or (before is not None and before.kind == "list" and above and line[0].islower()):
        return "list"
    return "heading" if _is_heading(line, above) else "paragraph"


def _known_kind(line: str, before: Line | None, above: str, *, is_heading: bool) -> BlockKind:
    """The kind of a line on a page whose headings are known."""
    kind = _guessed_kind(line, before, above)
    if is_heading and kind != "table":
        return "heading"
    if kind == "heading":
        return "list" if _MARKDOWN_ITEM.match(line) else "paragraph"
    return kind


def _is_table_row(line: str) -> bool:
    """At least two numbers, and they end the line or are a third of its cells; or Markdown's bars."""
    if line.startswith("|") and line.endswith("|"):
        return True
    cells = line.split()
    numbers = [not cell[0].isalpha() and bool(_NUMBER.fullmatch(cell)) for cell in cells]
    return sum(numbers) >= 2 and (all(numbers[-2:]) or sum(numbers) * 3 >= len(cells))  # noqa: PLR2004


def _is_heading(line: str, above: str) -> bool:
    """Short, without a sentence's end, capitalised or numbered, and no sentence running into it."""
    words = _WORD.findall(line)
    if not words or len(words) > _MAX_HEADING_WORDS or len(line) > _MAX_HEADING:
        return False
    if line.endswith(_CLOSES_SENTENCE) or line[0].islower() or not line[0].isalnum():
        return False
    if above and not above.endswith(_CLOSES_SENTENCE) and len(above) > _MAX_HEADING:
        return False
    long_words = [word for word in words if len(word) > 3]  # noqa: PLR2004 - of, the, and are never capitals
    capitals = sum(word[0].isupper() for word in long_words)
    return bool(_NUMBERED.match(line)) or (bool(long_words) and capitals >= _CAPITALS_SHARE * len(long_words))
