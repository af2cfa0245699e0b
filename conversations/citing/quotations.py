"""Quotations in an answer: what stands between quotation marks, and block quotes of Markdown."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from retrieval.citations.folded_text import is_unspaced

# Fewer words than this are a name or a phrase, not a sentence that somebody is said to have written.
_FEWEST_WORDS = 3
_UNSPACED_A_WORD = 2

_PAIRS = re.compile(
    r"“(?P<a>[^“”]+)(?:”|$)|„(?P<b>[^“”„]+)(?:[“”]|$)|«(?P<c>[^«»]+)(?:»|$)|»(?P<d>[^«»]+)«"
    r"|「(?P<e>[^「」]+)(?:」|$)|『(?P<f>[^『』]+)(?:』|$)|《(?P<g>[^《》]+)》|‹(?P<h>[^‹›]+)›"
    r"|(?<![\w\"])\"(?P<i>[^\"]+)(?:\"|$)"
    r"|(?<!\w)‘(?P<j>(?:[^‘’]|’(?=\w))+)(?:’(?!\w)|$)|(?<![\w'])'(?P<k>(?:[^']|'(?=\w))+)'(?!\w)",
)
_BLOCK = re.compile(r"^ {0,3}>[^\n]*(?:\n {0,3}>[^\n]*)*", re.MULTILINE)
_BLOCK_SIGN = re.compile(r"^ {0,3}>+ ?(?:> ?)*", re.MULTILINE)
# "— Annual report" below a block quote says where it comes from.
_ATTRIBUTION = re.compile(r"\n\s*[—–―-]{1,2}\s?[^\n]*\Z")
_WORD = re.compile(r"\w+(?:['’.,-]\w+)*")


@dataclass(frozen=True, slots=True)
class Quotation:
    """What the answer says that somebody wrote, and where in the answer it stands."""

    start: int
    end: int
    text: str


def quotations_in(markdown: str) -> list[Quotation]:
    """In their order. A quotation that is never closed goes on to the end of its paragraph."""
    found = list(_block_quotes(markdown))
    taken = [(one.start, one.end) for one in found]
    for start, end in _paragraphs(markdown):
        for match in _PAIRS.finditer(markdown, start, end):
            text = next(group for group in match.groups() if group is not None)
            is_taken = any(first <= match.start() < last for first, last in taken)
            if _is_long(text) and not is_taken:
                found.append(Quotation(match.start(), match.end(), text))
    return sorted(found, key=lambda one: one.start)


def _block_quotes(markdown: str) -> Iterator[Quotation]:
    for match in _BLOCK.finditer(markdown):
        text = _ATTRIBUTION.sub("", _BLOCK_SIGN.sub("", match[0])).strip()
        # A block quote in quotation marks is one quotation.
        inner = _PAIRS.match(text)
        if inner and inner.end() >= len(text.rstrip(" .[]0123456789,")):
            text = next(group for group in inner.groups() if group is not None)
        if _is_long(text):
            yield Quotation(match.start(), match.end(), text)


def _paragraphs(markdown: str) -> Iterator[tuple[int, int]]:
    start = 0
    for gap in re.finditer(r"\n\s*\n|\n(?= {0,3}(?:[-*+]|\d{1,3}[.)])\s)", markdown):
        yield start, gap.start()
        start = gap.end()
    yield start, len(markdown)


def _is_long(text: str) -> bool:
    unspaced = sum(map(is_unspaced, text))
    return len(_WORD.findall(text)) + unspaced // _UNSPACED_A_WORD >= _FEWEST_WORDS
