"""From the characters that a parser reports to the text that is saved, and the way back.

The saved text of a page is what the parser extracted, in Unicode's Normalization Form C (UAX #15), with
four repairs. Carriage returns, alone or before a newline, and form feeds become newlines: a form feed
separates pages and means nothing else. NUL, lone surrogates and what is no code point are dropped: neither
PostgreSQL nor UTF-8 can store them. The marks U+0002 and U+FFFE, which PDFium puts where a line ended in a
hyphen, become that hyphen again.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import islice, zip_longest

_HYPHEN_MARKS = frozenset({0x02, 0xFFFE})

_COMMON = range(0x20, 0xD800)
_STORABLE = range(1, 0x110000)
_HIGH_SURROGATES = range(0xD800, 0xDC00)
_LOW_SURROGATES = range(0xDC00, 0xE000)
_SURROGATES = range(0xD800, 0xE000)
_BEYOND_BMP = 0x10000

_NEWLINES = {0x0C: "\n", 0x0D: "\n"}
_HANGUL_VOWELS_AND_FINALS = range(0x1160, 0x1200)
_FIRST_COMBINING = 0x300
_CRLF = (0x0D, 0x0A)
_TO_REPAIR = re.compile("[\0\x02\f\r\ud800-\udfff\ufffe]")


def save_text(codes: Sequence[int]) -> str:
    """The saved text of a page whose parser reported these code points (or UTF-16 code units)."""
    if max(codes, default=0) in _STORABLE:
        text = "".join(map(chr, codes)).replace("\r\n", "\n").replace("\x02", "-").replace("\ufffe", "-")
        if not _TO_REPAIR.search(text):  # nearly always
            return unicodedata.normalize("NFC", text)
    return unicodedata.normalize("NFC", "".join(character for character, _, _ in _repaired(codes)))


def save_string(text: str) -> str:
    """The same for a parser that reports characters: quick where, as nearly always, nothing is to repair."""
    if _TO_REPAIR.search(text):
        return save_text([ord(character) for character in text])
    return unicodedata.normalize("NFC", text)


def source_spans(codes: Sequence[int]) -> list[tuple[int, int]]:
    """For each character of `save_text(codes)`, the span [start, end) of `codes` that it came from.

    Characters that composition made together share the span of their whole cluster.
    """
    spans: list[tuple[int, int]] = []
    for cluster, start, end in _clusters(codes):
        spans.extend([(start, end)] * len(unicodedata.normalize("NFC", cluster)))
    return spans


def _clusters(codes: Sequence[int]) -> Iterator[tuple[str, int, int]]:
    """Pieces of the repaired text that normalise independently of each other, with their sources."""
    cluster, cluster_start, cluster_end = "", 0, 0
    for character, start, end in _repaired(codes):
        if cluster and _may_compose(character):
            cluster, cluster_end = cluster + character, end
            continue
        if cluster:
            yield cluster, cluster_start, cluster_end
        cluster, cluster_start, cluster_end = character, start, end
    if cluster:
        yield cluster, cluster_start, cluster_end


def _may_compose(character: str) -> bool:
    """Whether NFC may join the character to the one before it; a few that never do are let in too."""
    code = ord(character)
    return code >= _FIRST_COMBINING and (
        code in _HANGUL_VOWELS_AND_FINALS or unicodedata.category(character)[0] == "M"
    )


def _repaired(codes: Sequence[int]) -> Iterator[tuple[str, int, int]]:
    """The repaired characters, each with the span of its sources."""
    for index, (code, after) in enumerate(zip_longest(codes, islice(codes, 1, None), fillvalue=0)):
        if code in _COMMON:
            yield chr(code), index, index + 1
        elif code in _HYPHEN_MARKS:
            yield "-", index, index + 1
        elif code in _HIGH_SURROGATES and after in _LOW_SURROGATES:
            pair = (code - _HIGH_SURROGATES.start << 10) + (after - _LOW_SURROGATES.start)
            yield chr(_BEYOND_BMP + pair), index, index + 2
        elif code in _STORABLE and code not in _SURROGATES and (code, after) != _CRLF:
            yield _NEWLINES.get(code, chr(code)), index, index + 1
