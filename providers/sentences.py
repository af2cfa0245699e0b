"""Where sentences begin and end in extracted text: prose that wraps, headings, bullets and rows of tables.

A PDF gives one line per line of print, so a line break may stand inside a sentence or end a row of a table.
First lines are joined into blocks, then blocks are cut at full stops.
"""

import re
from collections.abc import Iterator

MAX_LENGTH = 400

Span = tuple[int, int]

_DASHES = r"\u2010-\u2015\u2212-"
_BULLETS = r"*\u2022\u2023\u25aa\u25cf\u25e6\u25a0\uf000-\uf0ff"  # the last: symbol fonts
_CLOSING = r"\"'\u201d\u2019\u00bb)\]\u300d\u300f\uff09"
_WIDE_STOPS = "\u3002\uff01\uff1f"  # full stop, exclamation and question mark of Chinese and Japanese
_WIDE_COMMAS = ("\u3001", "\uff0c")
_COLONS = (":", "\uff1a")
_CLAUSE_ENDS = (".", "!", "?", ";", *_WIDE_STOPS, *_COLONS)

_LINE = re.compile(r"[^\n\r\f\v\x85\u2028\u2029]+")
_BULLET = re.compile(
    rf"\s*(?:[{_BULLETS}{_DASHES}]\s|\(?(?:\d{{1,3}}|[a-z]|[ivx]{{1,4}})[.)]\s|#{{1,6}}\s|\|)", re.IGNORECASE
)
# What stands in a column of figures: an amount, a percentage, a dash, a currency sign, a closing bracket.
_FIGURE = re.compile(rf"[(+$\u00a3\u00a5\u20ac{_DASHES}]*(?:\d(?:[\d.,/:]*\d)?)?[%)]*$")
# A line shorter than this is never full: its break is meant.
_FULL_LINE = 60

# Looks back and takes without giving back, so that a long run of dots costs no more than its length.
_STOP = re.compile(rf"(?<![.!?\u2026])(?:[.!?\u2026]++[{_CLOSING}]*+(?=\s)|[{_WIDE_STOPS}]++[{_CLOSING}]*+)\s*+")
_NEXT_WORD = re.compile(r"\S{1,20}")
_OPENING = '([\u201c"'
# As much of a sentence's end as can be an abbreviation or a label with its number.
_LOOK_BACK = 30
_NEVER_LAST = re.compile(
    r"mrs?|ms|dr|prof|st|vs|e\.g|i\.e|cf|figs?|eq|sec|art|approx|ca|gen|gov|sen|rep|vol|eds?"
    r"|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec",
    re.IGNORECASE,
)
# These end a sentence only where the next word is one that often begins one.
_SELDOM_LAST = re.compile(r"inc|corp|co|ltd|llc|plc|bros|etc|al|jr|sr|dept|est|(?:[a-z]\.)*[a-z]", re.IGNORECASE)
_OFTEN_FIRST = re.compile(
    r"(?:the|an?|this|that|these|those|in|on|at|as|for|if|when|while|after|before|since|under|its?|we|our|us"
    r"|they|their|s?he|there|such|all|any|each|no|some|however|although|because|during|to|with|by|see)\b",
    re.IGNORECASE,
)
_BEFORE_NUMBER = re.compile(r"nos?|pp?|paras?|ch|items?|notes?", re.IGNORECASE)
# "1." and "Item 1A." belong to what follows them.
_LABEL = re.compile(r"(?:(?i:item|proposal|note|part|section|article|chapter|figure|table)\s+)?\d[\dA-Z.]{0,4}")


def sentence_spans(text: str) -> list[Span]:
    """Code-point spans [start, end) of the sentences and lines of `text`, in order, without outer whitespace.

    Together they hold every character that is not whitespace. None is longer than MAX_LENGTH: what is, is cut
    at a semicolon, comma or space.
    """
    return [
        part
        for block in _blocks(text)
        for sentence in _cut_at_stops(text, *block)
        for part in _cut_to_length(text, *sentence)
    ]


def is_table_row(line: str) -> bool:
    """Does the line end in a column of figures, as a row of a table does and prose does not?"""
    words = line.split()
    columns = [_FIGURE.match(word) is not None for word in words]
    return len(words) > 1 and columns[-1] and (columns[-2] or sum(columns) * 3 >= len(words))


def _blocks(text: str) -> Iterator[Span]:
    """Runs of lines that belong to one paragraph, heading, bullet or row."""
    lines = [match.span() for match in _LINE.finditer(text) if not match[0].isspace()]
    if not lines:
        return
    full = max(_FULL_LINE, 0.7 * max(end - start for start, end in lines))
    start, end = line_start, _ = lines[0]
    for next_start, next_end in lines[1:]:
        gap = text[end:next_start]
        is_apart = gap.count("\n") > 1 or "\f" in gap
        if is_apart or not _continues(text[line_start:end].strip(), text[next_start:next_end].strip(), full):
            yield start, end
            start = next_start
        line_start, end = next_start, next_end
    yield start, end


def _continues(line: str, next_line: str, full: float) -> bool:
    if is_table_row(line) or _BULLET.match(f"{next_line} "):
        return False
    if next_line[0].islower():
        return not line.endswith(_CLAUSE_ENDS)
    return len(line) >= full and not line.endswith(_COLONS)


def _cut_at_stops(text: str, start: int, end: int) -> Iterator[Span]:
    for match in _STOP.finditer(text, start, end):
        if match.end() < end and _ends_sentence(text, start, match):
            yield from _trimmed(text, start, match.end())
            start = match.end()
    yield from _trimmed(text, start, end)


def _ends_sentence(text: str, start: int, stop: re.Match[str]) -> bool:
    if stop[0][0] not in ".\u2026":
        return True
    sentence = text[max(start, stop.start() - _LOOK_BACK) : stop.start()].lstrip()
    word = sentence.rsplit(maxsplit=1)[-1].lstrip(_OPENING) if sentence else ""
    following = _NEXT_WORD.match(text, stop.end())
    next_word = following[0] if following else ""
    if next_word[:1].islower() or _NEVER_LAST.fullmatch(word) or _LABEL.fullmatch(sentence):
        return False
    if _BEFORE_NUMBER.fullmatch(word) and next_word[:1].isdigit():
        return False
    return not _SELDOM_LAST.fullmatch(word) or _OFTEN_FIRST.match(next_word) is not None


def _cut_to_length(text: str, start: int, end: int) -> Iterator[Span]:
    while end - start > MAX_LENGTH:
        cut = _best_cut(text, start + MAX_LENGTH // 2, start + MAX_LENGTH)
        yield from _trimmed(text, start, cut)
        start = cut
    yield from _trimmed(text, start, end)


def _best_cut(text: str, earliest: int, latest: int) -> int:
    for marks in (("; ", ";\n"), (", ", ",\n", *_WIDE_COMMAS), (" ", "\n")):
        cut = max(text.rfind(mark, earliest, latest) for mark in marks)
        if cut >= 0:
            return cut + 1
    return latest


def _trimmed(text: str, start: int, end: int) -> Iterator[Span]:
    piece = text[start:end]
    start += len(piece) - len(piece.lstrip())
    end -= len(piece) - len(piece.rstrip())
    if start < end:
        yield start, end
