"""Cutting a page into the passages that are embedded, searched and cited.

A passage is an exact slice of the version's text, never crosses a page, and fits the embedding model
together with its title and heading. It ends, in this order of preference, before a heading, paragraph or
table, after a sentence, at the end of a line, and only then elsewhere.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from documents.extraction.outline import Line, heading_text, outline

MAX_CONTEXT = 80
"""Characters of a title and of a heading that are embedded with a passage."""

TokenCounter = Callable[[Sequence[str]], list[int]]
"""The length of each text in the embedding model's ids, special ones included, nothing cut off."""

_SENTENCE_END = re.compile(r"[.!?…][\"'”’)\]]*\s+(?=[\"'“‘(\[]?[^\W_a-z])|[。！？]\s*")
_CLOSED = re.compile(r"[.!?…:。！？][\"'”’)\]]*$")


class _Break(IntEnum):
    """How good a place is to begin a passage at."""

    ANYWHERE = 0
    LINE = 1
    ROW = 2
    SENTENCE = 3
    SECTION = 4
    HEADING = 5


_WORTH = {
    _Break.ANYWHERE: -0.3,
    _Break.LINE: 0.0,
    _Break.ROW: 0.1,
    _Break.SENTENCE: 0.25,
    _Break.SECTION: 0.4,
    _Break.HEADING: 0.55,
}
"""What a good end weighs against a full passage (1.0 = as long as allowed)."""


@dataclass(frozen=True, slots=True)
class ChunkSpan:
    """A passage: offsets in the version's text, and the heading over it ("" if none is known)."""

    start: int
    end: int
    heading: str


@dataclass(frozen=True, slots=True)
class _Unit:
    """A piece that is never cut: a sentence's part of a line, or less. `begins` says what it opens."""

    start: int
    end: int
    begins: _Break
    heading: str
    tokens: int = 0


def embedded_text(title: str, heading: str, text: str) -> str:
    """What is embedded for a passage: title, heading unless the passage begins with it, and text."""
    context = [title[:MAX_CONTEXT]]
    if not text.lstrip("# ").startswith(heading[:MAX_CONTEXT]):
        context.append(heading[:MAX_CONTEXT])
    return "\n".join([*filter(None, context), text])


def chunk_page(
    page_text: str,
    *,
    page_start: int,
    title: str,
    count_tokens: TokenCounter,
    size: int = 1000,
    overlap: int = 200,
    max_tokens: int = 256,
) -> list[ChunkSpan]:
    """The passages of a page that begins at `page_start` of the version's text, in order.

    At most `size` characters, and `max_tokens` ids as `embedded_text`. A passage repeats up to `overlap`
    characters (no more than half of `size`) of the one before, from the beginning of a sentence; none across
    a heading. Every character that is not white space is in a passage. A single character with more
    ids than `max_tokens` is the one thing that may exceed it, and a title and heading that leave
    less than a quarter of it.
    """
    counter = _Counter(count_tokens, title, max_tokens)
    units = counter.measured(_units(page_text), page_text, size)
    packer = _Packer(units, counter.budgets, size, min(overlap, size // 2))
    spans = counter.fitting(list(packer.passages()), units, page_text)
    return [
        ChunkSpan(page_start + units[first].start, page_start + units[last - 1].end, units[first].heading)
        for first, last in spans
    ]


class _Counter:
    """Everything about ids; asks the model's tokenizer in few, large calls."""

    def __init__(self, count_tokens: TokenCounter, title: str, max_tokens: int) -> None:
        self._count_tokens = count_tokens
        self._title = title
        self._max_tokens = max_tokens
        self.budgets: dict[str, int] = {}

    def measured(self, units: list[_Unit], page_text: str, size: int) -> list[_Unit]:
        """The units with their ids counted, cut smaller until each fits a passage by itself."""
        self._set_budgets({unit.heading for unit in units})
        done: dict[int, _Unit] = {}
        while units:
            counts = self._count_tokens([page_text[unit.start : unit.end] for unit in units])
            too_long = []
            for unit, count in zip(units, counts, strict=True):
                tokens = count - self._special
                length = unit.end - unit.start
                if length > 1 and (length > size or tokens > self.budgets[unit.heading]):
                    too_long.extend(_eighths(unit, page_text))
                else:
                    done[unit.start] = _Unit(unit.start, unit.end, unit.begins, unit.heading, tokens)
            units = too_long
        return [done[start] for start in sorted(done)]

    def fitting(self, spans: list[tuple[int, int]], units: list[_Unit], page_text: str) -> list[tuple[int, int]]:
        """The spans (first and one past the last unit), those halved that a count of the whole finds too
        long: ids do not always add up.
        """
        done: list[tuple[int, int]] = []
        while spans:
            texts = [
                embedded_text(self._title, units[a].heading, page_text[units[a].start : units[b - 1].end])
                for a, b in spans
            ]
            too_long = []
            for (a, b), count in zip(spans, self._count_tokens(texts), strict=True):
                if count > self._max_tokens and b - a > 1:
                    too_long += [(a, (a + b) // 2), ((a + b) // 2, b)]
                else:
                    done.append((a, b))
            spans = too_long
        return sorted(done)

    def _set_budgets(self, headings: set[str]) -> None:
        """Ids left for the passage under each heading, and how many ids every text has besides its own."""
        ordered = sorted(headings)
        self._special, *counts = self._count_tokens(
            ["", *(embedded_text(self._title, heading, "\n") for heading in ordered)]
        )
        for heading, count in zip(ordered, counts, strict=True):
            self.budgets[heading] = max(self._max_tokens - count, self._max_tokens // 4)


class _Packer:
    """Fills passages with consecutive units."""

    def __init__(self, units: list[_Unit], budgets: dict[str, int], size: int, overlap: int) -> None:
        self._units = units
        self._budgets = budgets
        self._size = size
        self._overlap = overlap

    def passages(self) -> Iterator[tuple[int, int]]:
        """First and one past the last unit of each passage."""
        first = done = 0
        while done < len(self._units):
            last = self._last(first, done)
            yield first, last
            first, done = self._next_first(first, last), last

    def _reach(self, first: int) -> int:
        """One past the last unit that still fits a passage from `first`; at least one does."""
        units, tokens = self._units, self._units[first].tokens
        budget = self._budgets[units[first].heading]
        reach = first + 1
        while reach < len(units):
            tokens += units[reach].tokens
            if tokens > budget or units[reach].end - units[first].start > self._size:
                break
            reach += 1
        return reach

    def _last(self, first: int, done: int) -> int:
        """The best end: as full as possible, at as good a break as possible, with something new."""
        units, reach = self._units, self._reach(first)
        if reach == len(units):
            return reach
        start, full = units[first].start, units[reach - 1].end - units[first].start
        return max(
            range(done + 1, reach + 1),
            key=lambda last: (units[last - 1].end - start) / full + _WORTH[units[last].begins],
        )

    def _next_first(self, first: int, last: int) -> int:
        """Where the next passage begins: at a sentence within the overlap, if something new still fits."""
        units = self._units
        if last == len(units) or units[last].begins >= _Break.SECTION:
            return last
        for candidate in range(first + 1, last):
            begins_well = units[candidate].begins >= _Break.SENTENCE
            is_near = units[last - 1].end - units[candidate].start <= self._overlap
            if begins_well and is_near and self._reach(candidate) > last:
                return candidate
        return last


def _units(text: str) -> list[_Unit]:
    """The page's sentences, or what of each stands on one line, with the heading over them."""
    units: list[_Unit] = []
    heading = ""
    above: Line | None = None
    for line in outline(text):
        if line.kind == "heading":
            heading = heading_text(text[line.start : line.end])
        begins = _line_break(line, above, text)
        for start, end in _sentences(text, line):
            units.append(_Unit(start, end, begins, heading))
            begins = _Break.SENTENCE
        above = line
    return units


def _line_break(line: Line, above: Line | None, text: str) -> _Break:
    if above is None:
        return _Break.SECTION
    if line.kind == "heading" and above.kind != "heading":
        return _Break.HEADING
    if above.kind == "heading":
        return _Break.ANYWHERE  # a heading stays with what it is over
    if line.opens or line.kind != above.kind:
        return _Break.SECTION
    if line.kind == "table":
        return _Break.ROW
    return _Break.SENTENCE if _CLOSED.search(text, max(above.start, above.end - 4), above.end) else _Break.LINE


def _sentences(text: str, line: Line) -> Iterator[tuple[int, int]]:
    """Spans of a line's sentences, without the white space between them."""
    start = line.start
    for match in _SENTENCE_END.finditer(text, line.start, line.end):
        yield start, match.start() + len(match[0].rstrip())
        start = match.end()
    if start < line.end:
        yield start, line.end


def _eighths(unit: _Unit, text: str) -> list[_Unit]:
    """The unit in up to eight parts: small enough that a few of them fill a passage well."""
    parts = [unit]
    for _ in range(3):
        parts = [half for part in parts for half in _halves(part, text)]
    return parts


def _halves(unit: _Unit, text: str) -> list[_Unit]:
    """The unit cut at the white space nearest to its middle, else between two letters there."""
    if unit.end - unit.start == 1:
        return [unit]
    middle = (unit.start + unit.end) // 2
    left_end = right_start = _letter_boundary(text, unit.start, middle)
    before = max(text.rfind(" ", unit.start + 1, middle), text.rfind("\t", unit.start + 1, middle))
    if before > 0 and text[unit.start : before].strip():
        left_end, right_start = before, before + 1
    return [
        _Unit(unit.start, _rstripped(text, unit.start, left_end), unit.begins, unit.heading),
        _Unit(_lstripped(text, right_start, unit.end), unit.end, _Break.ANYWHERE, unit.heading),
    ]


def _letter_boundary(text: str, start: int, middle: int) -> int:
    """The last place up to `middle` that parts no letter from its marks, else `middle`."""
    boundary = middle
    while boundary > start and unicodedata.combining(text[boundary]):
        boundary -= 1
    return boundary if boundary > start else middle


def _rstripped(text: str, start: int, end: int) -> int:
    return start + len(text[start:end].rstrip())


def _lstripped(text: str, start: int, end: int) -> int:
    return end - len(text[start:end].lstrip())
