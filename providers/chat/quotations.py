"""Which sentences of the passages to quote: few, and together about as much of the question as can be had.

Words count by their rarity among the passages (Spärck Jones, "A statistical interpretation of term
specificity", 1972). Sentences are taken greedily, each for what it adds to those before it, as in maximal
coverage summaries (Takamura & Okumura, EACL 2009).
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from providers.chat.base import Passage
from providers.layout import Layout

_MAX_PICKS = 4
# A further sentence must add this share of what the first one covers.
_WORTH_ADDING = 0.2
# What the title, or the head of a table, says about a sentence counts for less than what it says itself.
_CONTEXT_WEIGHT = 0.4
_PAIR_WEIGHT = 0.5
# Over 14 yearly and quarterly reports the page that answers is quoted in 17 of the 22 cases where it is among the
# passages, by 3.5 quotations an answer. With a decay of 0.05 and rows and passages counted alike it was in 10.
_RANK_DECAY = 0.15
# A second sentence of the same passage is worth this much of one from another passage.
_SAME_PASSAGE = 0.4
_USUAL_WORDS = 25
_FIGURE_FACTOR = 1.25
_ROW_FACTOR = 2.0
_HEADING_FACTOR = 0.6
_ROWS_AFTER_COLON = 4
_FEWEST_WORDS = 4

_WORD = re.compile(r"[^\W_]+(?:[.,]\d+)*")
_FISCAL_YEAR = re.compile(r"fy(?=(?:19|20)?\d\d$)")
_ENDING = re.compile(r"(?<=\w{3})(?:ions?|ings?|ed|es|(?<!s)s|e)$")
_ASKS_FOR_FIGURE = re.compile(
    r"\b(?:how (?:many|much|old|long|often)|amount|percent\w*|rate|ratio|number|total|average|when|year|margin\w*"
    r"|drop\w*|decreas\w+|increas\w+|chang\w+|compare\w*|gr[eo]w\w*|improv\w+|higher|lower|highest|lowest|largest"
    r"|best|most)\b",
    re.IGNORECASE,
)
_STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        """a about after all also an and any are as at be been between but by can could did do does for from
        had has have how i if in into is it its me more much many my no not of on or our please s she so some
        such t than that the their them then there these they this to us was we were what when where which
        who whom whose why will with would you your answer question tell give following based using""",
    )
)

Terms = frozenset[str]


@dataclass(frozen=True, slots=True)
class Quotation:
    """A stretch of a passage's text, unchanged, and the marker of that passage.

    `head` are the names of the columns, where `text` is a row of a Markdown table that has them.
    """

    marker: int
    text: str
    head: str = ""


@dataclass(frozen=True, slots=True)
class _Sentence:
    passage: Passage
    rank: int
    position: int
    text: str
    is_row: bool
    words: tuple[str, ...]
    terms: Terms = field(repr=False)
    context: Terms = field(repr=False)


def select_quotations(question: str, passages: Sequence[Passage]) -> list[Quotation]:
    """One to four stretches of `passages`, best first; rows of a table come after the table's head.

    `passages` stand in the order of their relevance. Empty only when no passage has text.
    """
    layouts = [_Passage(passage) for passage in passages]
    sentences = [sentence for rank, layout in enumerate(layouts) for sentence in layout.sentences(rank)]
    quoted: dict[tuple[int, int, int], Quotation] = {}
    for pick in _picks(question, sentences):
        layout = layouts[pick.rank]
        for start, end in layout.stretches(pick.position):
            key = (pick.rank, start, end)
            head = layout.names_of_columns(pick.position)
            quoted.setdefault(key, Quotation(pick.passage.marker, pick.passage.text[start:end], head))
    return list(quoted.values())


class _Passage:
    """The sentences of one passage, and what to quote for each."""

    def __init__(self, passage: Passage) -> None:
        self._passage = passage
        self._layout = Layout(passage.text)

    def sentences(self, rank: int) -> Iterator[_Sentence]:
        layout = self._layout
        title = _terms(_words(self._passage.title))
        for position, text in enumerate(layout.texts):
            words = tuple(_words(text))
            if not any(word[0].isalpha() for word in words):
                continue
            head = layout.head(position)
            context = title | (_terms(_words(layout.texts[head])) if head is not None else frozenset())
            is_row = layout.is_row[position]
            yield _Sentence(self._passage, rank, position, text, is_row, words, _terms(words), context)

    def names_of_columns(self, position: int) -> str:
        """The head of the Markdown table whose row this is."""
        head = self._layout.head(position) if self._layout.is_barred[position] else None
        return "" if head is None else self._layout.texts[head]

    def stretches(self, position: int) -> Iterator[tuple[int, int]]:
        """What to quote for a sentence: itself, with the rows that it announces or the head of its table."""
        layout = self._layout
        start, end = layout.spans[position]
        head = None if layout.is_barred[position] else layout.head(position)
        if head is not None and head < position - 1:
            yield layout.spans[head]
        elif head is not None:
            start = layout.spans[head][0]
        if layout.texts[position].endswith(":"):
            following = slice(position + 1, position + 1 + _ROWS_AFTER_COLON)
            rows = [
                is_row and not is_barred
                for is_row, is_barred in zip(layout.is_row[following], layout.is_barred[following], strict=True)
            ]
            count = rows.index(False) if False in rows else len(rows)
            end = layout.spans[position + count][1]
        yield start, end


def _picks(question: str, sentences: Sequence[_Sentence]) -> list[_Sentence]:
    """The sentences that are worth it, in the order of what each adds."""
    weights = _weights(question, sentences)
    asks_for_figure = _ASKS_FOR_FIGURE.search(question) is not None
    factors = [_factor(sentence, asks_for_figure=asks_for_figure) for sentence in sentences]
    coverages = [_coverage(sentence, weights) for sentence in sentences]
    covered: dict[str, float] = dict.fromkeys(weights, 0.0)
    taken: Counter[int] = Counter()
    picks: list[_Sentence] = []
    least = 0.0
    while len(picks) < _MAX_PICKS:
        gains = [
            factor * sum(weights[term] * max(0.0, share - covered[term]) for term, share in coverage.items())
            for coverage, factor in zip(coverages, factors, strict=True)
        ]
        ordered = [gain * _SAME_PASSAGE ** taken[one.rank] for one, gain in zip(sentences, gains, strict=True)]
        best = max(range(len(gains)), key=ordered.__getitem__, default=None)
        if best is None or gains[best] <= least:
            break
        least = least or gains[best] * _WORTH_ADDING
        picks.append(sentences[best])
        taken[sentences[best].rank] += 1
        covered |= {term: max(covered[term], share) for term, share in coverages[best].items()}
    return picks or list(sentences[:1])


def _weights(question: str, sentences: Sequence[_Sentence]) -> Mapping[str, float]:
    """What each term of the question is worth: a word its rarity, a pair of neighbours half their sum."""
    words = _words(question)
    spread = Counter(term for sentence in sentences for term in sentence.terms)
    rarity = {word: math.log(1 + len(sentences) / (spread[word] + 1)) for word in words}
    pairs = {
        _pair(first, second): _PAIR_WEIGHT * (rarity[first] + rarity[second]) for first, second in pairwise(words)
    }
    return rarity | pairs


def _coverage(sentence: _Sentence, terms: Iterable[str]) -> dict[str, float]:
    """How far the sentence speaks of each of `terms`; those that it does not speak of are left out."""
    by_context = dict.fromkeys(sentence.context.intersection(terms), _CONTEXT_WEIGHT)
    return by_context | dict.fromkeys(sentence.terms.intersection(terms), 1.0)


def _factor(sentence: _Sentence, *, asks_for_figure: bool) -> float:
    """Favours the passages that the search put first, figures where one is asked for, and no headings."""
    factor = 1 / (1 + _RANK_DECAY * sentence.rank)
    factor /= 1 + max(0, len(sentence.words) - _USUAL_WORDS) / (4 * _USUAL_WORDS)
    has_figure = any(word[0].isdigit() for word in sentence.words)
    if asks_for_figure and has_figure:
        factor *= _FIGURE_FACTOR * (_ROW_FACTOR if sentence.is_row else 1)
    if not has_figure and len(sentence.words) < _FEWEST_WORDS:
        factor *= _HEADING_FACTOR
    return factor


def _words(text: str) -> list[str]:
    """The words that mean something, lower-cased and without their endings; "FY2020" is "2020"."""
    found = (_FISCAL_YEAR.sub("", match[0].lower()) for match in _WORD.finditer(text))
    return [_stem(word) for word in found if word not in _STOP_WORDS]


def _stem(word: str) -> str:
    return _ENDING.sub("", word[:-3] + "y" if word.endswith("ies") else word)


def _terms(words: Sequence[str]) -> Terms:
    pairs = (_pair(first, second) for first, second in pairwise(words))
    return frozenset(words) | frozenset(pairs)


def _pair(first: str, second: str) -> str:
    return f"{first} {second}"
