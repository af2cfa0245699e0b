"""The rough shape of a page's text: which lines are headings, which are rows of a table.

Judged line by line from the characters alone, because that is what every format has. A wrong guess costs
little: headings give a passage its context and are places where it may begin.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from documents.extraction.types import Block, BlockKind, PageText

_LINES = re.compile(r"[^\n]+")
_MARKDOWN_HEADING = re.compile(r"#{1,6}\s+\S")
_NUMBERED = re.compile(
    r"(?:(?:item|part|note|chapter|section|article|appendix)\s+)?[0-9IVX]+[.:)]?(?:\d+[.)]?)*\s", re.I
)
_NUMBER = re.compile(r"[($€£+-]*\d[\d,.]*[)%]*|[-–—]+|\(?[$€£]\)?")
_WORD = re.compile(r"[^\W\d_]{2,}")
_CLOSES_SENTENCE = (".", ",", ";", ":", "!", "?", "…", "。")
_MAX_HEADING = 90
_MAX_HEADING_WORDS = 12
_CAPITALS_SHARE = 0.75


@dataclass(frozen=True, slots=True)
class Line:
    """A line without the white space around it; `opens` says that an empty line, or nothing, is before it."""

    start: int
    end: int
    kind: BlockKind
    opens: bool


def outline(text: str) -> list[Line]:
    """The lines of a text that are not empty, in order."""
    lines: list[Line] = []
    for match in _LINES.finditer(text):
        stripped = match[0].strip()
        if stripped:
            start = match.start() + match[0].index(stripped[0])
            before = lines[-1] if lines else None
            opens = before is None or text.count("\n", before.end, start) > 1
            previous = "" if before is None or opens else text[before.start : before.end]
            lines.append(Line(start, start + len(stripped), _kind(stripped, previous), opens))
    return lines


def page_blocks(page: PageText) -> Iterator[Block]:
    """The headings, paragraphs and tables of one page; a heading stands over what follows it on its page."""
    path: tuple[str, ...] = ()
    for first, last in _runs(outline(page.text)):
        text = page.text[first.start : last.end]
        if first.kind == "heading":
            path = (heading_text(text),)
        yield Block(
            text=text,
            kind=first.kind,
            page=page.number,
            heading_path=path,
            start=page.start + first.start,
            end=page.start + last.end,
        )


def heading_text(line: str) -> str:
    """A heading's words without Markdown's signs."""
    return line.strip("# \t")


def _runs(lines: list[Line]) -> Iterator[tuple[Line, Line]]:
    """First and last line of each run of one kind; a heading is a run of its own."""
    first = last = None
    for line in lines:
        if first is None or last is None:
            first = last = line
        elif line.opens or line.kind != first.kind or line.kind == "heading":
            yield first, last
            first = last = line
        else:
            last = line
    if first is not None and last is not None:
        yield first, last


def _kind(line: str, previous: str) -> BlockKind:
    """`previous` is the line directly above, "" if there is none."""
    if _MARKDOWN_HEADING.match(line):
        return "heading"
    if _is_table_row(line):
        return "table"
    return "heading" if _is_heading(line, previous) else "paragraph"


def _is_table_row(line: str) -> bool:
    """At least two numbers, and they end the line or are a third of its cells; or Markdown's bars."""
    if line.startswith("|") and line.endswith("|"):
        return True
    cells = line.split()
    numbers = [bool(_NUMBER.fullmatch(cell)) for cell in cells]
    return sum(numbers) >= 2 and (all(numbers[-2:]) or sum(numbers) * 3 >= len(cells))  # noqa: PLR2004


def _is_heading(line: str, previous: str) -> bool:
    """Short, without a sentence's end, capitalised or numbered, and no sentence running into it."""
    words = _WORD.findall(line)
    if not words or len(words) > _MAX_HEADING_WORDS or len(line) > _MAX_HEADING:
        return False
    if line.endswith(_CLOSES_SENTENCE) or line[0].islower() or not line[0].isalnum():
        return False
    if previous and not previous.endswith(_CLOSES_SENTENCE) and len(previous) > _MAX_HEADING:
        return False
    long_words = [word for word in words if len(word) > 3]  # noqa: PLR2004 - of, the, and are never capitals
    capitals = sum(word[0].isupper() for word in long_words)
    return bool(_NUMBERED.match(line)) or (bool(long_words) and capitals >= _CAPITALS_SHARE * len(long_words))
