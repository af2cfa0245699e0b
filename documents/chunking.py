"""Cutting a page into the passages that are embedded, searched and cited.

A passage is an exact slice of the version's text, never crosses a page, and fits the embedding model
together with its title and headings. It ends, in this order of preference, before a heading, paragraph or
table, before an entry of a list, after a sentence, at the end of a line, and only then elsewhere. A table, a
list or a block of code that fits a passage is never torn.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from itertools import groupby, pairwise

from documents.extraction.outline import Line, is_same_block

MAX_CONTEXT = 80
"""Characters of a title and of the headings that are embedded with a passage."""

MAX_HEADING = 300
"""Characters of the headings that are kept with a passage."""

PATH_SEPARATOR = " › "

TokenCounter = Callable[[Sequence[str]], list[int]]
"""The length of each text in the embedding model's ids, special ones included, nothing cut off."""

_SENTENCE_END = re.compile(r"[.!?…؟۔।][\"'”’)\]]*\s+(?=[\"'“‘(\[]?[^\W_a-z])|[。！？｡][\"'”’」』）】)\]]*\s*")
_CLOSED = re.compile(r"[.!?…:؟۔।。！？｡：][\"'”’」』）】)\]]*$")
_TABLE_RULE = re.compile(r"\|[\s:|-]+\|$")
_JOINER = "\u200d"
_MODIFIERS = range(0x1F3FB, 0x1F400)  # the colours of an emoji's skin


class _Break(IntEnum):
    """How good a place is to begin a passage at."""

    ANYWHERE = 0
    LINE = 1
    ROW = 2
    SENTENCE = 3
    ITEM = 4
    SECTION = 5
    HEADING = 6


_WORTH = {
    _Break.ANYWHERE: -0.3,
    _Break.LINE: 0.0,
    _Break.ROW: 0.1,
    _Break.SENTENCE: 0.25,
    _Break.ITEM: 0.3,
    _Break.SECTION: 0.4,
    _Break.HEADING: 0.55,
}
"""What a good end weighs against a full passage (1.0 = as long as allowed)."""


_WHOLE = frozenset({"table", "list", "code"})
"""Kinds of blocks that are kept whole where they fit."""

_BY_LINE = frozenset({"table", "code"})
"""Kinds whose lines are no sentences."""


@dataclass(frozen=True, slots=True)
class ChunkSpan:
    """A passage: offsets in the version's text, and the headings over it, "" if there are none."""

    start: int
    end: int
    heading: str


@dataclass(slots=True)
class _Unit:
    """A piece that is never cut: a sentence's part of a line, or less. `begins` says what it opens.

    `block` numbers the tables, lists and blocks of code of the page; 0 is anything else.
    """

    start: int
    end: int
    begins: _Break
    heading: str
    block: int = 0
    tokens: int = 0


def embedded_text(title: str, heading: str, text: str) -> str:
    """What is embedded for a passage: title, headings but for the one that the passage begins with, and text."""
    context = joined_path(heading.split(PATH_SEPARATOR), MAX_CONTEXT)
    higher, _, deepest = context.rpartition(PATH_SEPARATOR)
    if text.lstrip("# ").startswith(deepest):
        context = higher
    return "\n".join([*filter(None, [title[:MAX_CONTEXT], context]), text])


def joined_path(path: Sequence[str], limit: int) -> str:
    """Headings in one line of at most `limit` characters; where that is too short the highest go first."""
    kept = ""
    for heading in reversed(path):
        longer = f"{heading}{PATH_SEPARATOR}{kept}" if kept else heading[:limit]
        if len(longer) > limit:
            break
        kept = longer
    return kept


def chunk_page(
    page_text: str,
    lines: Sequence[Line],
    *,
    page_start: int,
    title: str,
    count_tokens: TokenCounter,
    size: int = 1000,
    overlap: int = 200,
    max_tokens: int = 256,
) -> list[ChunkSpan]:
    """The passages of a page that begins at `page_start` of the version's text, in order; `lines` is its outline.

    At most `size` characters, and `max_tokens` ids as `embedded_text`. A passage repeats up to `overlap`
    characters (no more than half of `size`) of the one before, from the beginning of a sentence; none across
    a heading. Every character that is not white space is in a passage. A single character with more
    ids than `max_tokens` is the one thing that may exceed it, and a title and headings that leave
    less than a quarter of it.
    """
    counter = _Counter(count_tokens, title, max_tokens)
    units = counter.measured(_units(page_text, lines), page_text, size)
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
        self._room: dict[str, int] = {}

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
                    unit.tokens = tokens
                    done[unit.start] = unit
            units = too_long
        return [done[start] for start in sorted(done)]

    def fitting(self, spans: list[tuple[int, int]], units: list[_Unit], page_text: str) -> list[tuple[int, int]]:
        """The spans (first and one past the last unit), those halved that a count of the whole finds too
        long: ids do not always add up.
        """
        sure = {span for span in spans if self._fits_surely(units[slice(*span)])}
        done = list(sure)
        spans = [span for span in spans if span not in sure]
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

    def _fits_surely(self, units: list[_Unit]) -> bool:
        """Whether the ids leave room even for one of each character between two units, and of each seam."""
        between = sum(max(1, after.start - unit.end) for unit, after in pairwise(units))
        return sum(unit.tokens for unit in units) + between <= self._room[units[0].heading]

    def _set_budgets(self, headings: set[str]) -> None:
        """Ids left for the passage under each heading, and how many ids every text has besides its own."""
        ordered = sorted(headings)
        self._special, *counts = self._count_tokens(
            ["", *(embedded_text(self._title, heading, "\n") for heading in ordered)]
        )
        for heading, count in zip(ordered, counts, strict=True):
            self._room[heading] = self._max_tokens - count
            self.budgets[heading] = max(self._room[heading], self._max_tokens // 4)


class _Packer:
    """Fills passages with consecutive units."""

    def __init__(self, units: list[_Unit], budgets: dict[str, int], size: int, overlap: int) -> None:
        self._units = units
        self._budgets = budgets
        self._size = size
        self._overlap = overlap
        self._inside = set(self._inside_whole_blocks())

    def passages(self) -> Iterator[tuple[int, int]]:
        """First and one past the last unit of each passage."""
        first = done = 0
        while done < len(self._units):
            last = self._last(first, done)
            yield first, last
            first, done = self._next_first(first, last), last

    def _inside_whole_blocks(self) -> Iterator[int]:
        """The units before which a block would be torn that fits a passage."""
        first = 0
        for block, group in groupby(self._units, key=lambda unit: unit.block):
            units = list(group)
            first, begin = first + len(units), first
            is_short = units[-1].end - units[0].start <= self._size
            if block and is_short and sum(unit.tokens for unit in units) <= self._budgets[units[0].heading]:
                yield from range(begin + 1, begin + len(units))

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
        whole = [last for last in range(done + 1, reach + 1) if last not in self._inside]
        return max(
            whole or range(done + 1, reach + 1),
            key=lambda last: (units[last - 1].end - start) / full + _WORTH[units[last].begins],
        )

    def _next_first(self, first: int, last: int) -> int:
        """Where the next passage begins: at a sentence within the overlap, if something new still fits."""
        units = self._units
        if last == len(units) or units[last].begins >= _Break.SECTION:
            return last
        after = last + 1
        while after in self._inside:
            after += 1
        for candidate in range(first + 1, last):
            begins_well = units[candidate].begins >= _Break.SENTENCE and candidate not in self._inside
            is_near = units[last - 1].end - units[candidate].start <= self._overlap
            if begins_well and is_near and self._reach(candidate) >= after:
                return candidate
        return last


def _units(text: str, lines: Sequence[Line]) -> list[_Unit]:
    """The page's sentences, or what of each stands on one line, with the headings over them."""
    units: list[_Unit] = []
    block, heading = 0, ""
    path: tuple[str, ...] = ()
    above: Line | None = None
    for line in lines:
        if line.path != path:
            path, heading = line.path, joined_path(line.path, MAX_HEADING)
        if above is None or not is_same_block(above, line):
            block += 1
        begins = _line_break(line, above, text)
        is_whole = line.kind in _WHOLE
        for start, end in [(line.start, line.end)] if line.kind in _BY_LINE else _sentences(text, line):
            units.append(_Unit(start, end, begins, heading, block if is_whole else 0))
            begins = _Break.SENTENCE
        above = line
    return units


def _line_break(line: Line, above: Line | None, text: str) -> _Break:
    if above is None:
        return _Break.SECTION
    if above.kind == "heading":
        return _Break.ANYWHERE  # a heading stays with what it is over
    if line.kind == "heading":
        return _Break.HEADING
    if not is_same_block(above, line):
        return _Break.SECTION
    match line.kind:
        case "table":
            is_head = any(_TABLE_RULE.match(text, one.start, one.end) for one in (above, line))
            return _Break.ANYWHERE if is_head else _Break.ROW
        case "list" if line.is_item:
            return _Break.ITEM
        case "code":
            return _Break.SENTENCE if line.opens else _Break.LINE
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
        replace(unit, end=_rstripped(text, unit.start, left_end)),
        replace(unit, start=_lstripped(text, right_start, unit.end), begins=_Break.ANYWHERE),
    ]


def _letter_boundary(text: str, start: int, middle: int) -> int:
    """The last place up to `middle` that parts no letter from its marks and no emoji, else `middle`."""
    boundary = middle
    while boundary > start and _belongs_to_the_one_before(text, boundary):
        boundary -= 1
    return boundary if boundary > start else middle


def _belongs_to_the_one_before(text: str, place: int) -> bool:
    letter = text[place]
    is_mark = unicodedata.category(letter)[0] == "M" or ord(letter) in _MODIFIERS
    return is_mark or _JOINER in {letter, text[place - 1]}


def _rstripped(text: str, start: int, end: int) -> int:
    return start + len(text[start:end].rstrip())


def _lstripped(text: str, start: int, end: int) -> int:
    return end - len(text[start:end].lstrip())
