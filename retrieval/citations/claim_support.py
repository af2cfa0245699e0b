"""Does the source say it? The sentence of a passage that supports a claim, or nothing.

A marker in an answer becomes a citation only through an `Evidence`: the server picks the quotation from the
source itself, so what is shown as quoted always stands there. A sentence supports a claim when it has the
claim's numbers and enough of its words, and says neither the opposite nor the other way.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from providers.layout import Layout
from retrieval.citations.folded_text import Folded, Span
from retrieval.citations.numbers_in_text import Figure, figures_in, is_telling, missing, scale_of_table
from retrieval.citations.word_weights import Wording

# The part of the claim's words that a sentence must have.
_ENOUGH = 0.5
# A claim may join what a few neighbouring sentences say; more than this is no quotation any more.
_MOST_SENTENCES = 3
_LONGEST = 700
# With this part of the claim's words a sentence is about the same thing: if it says the opposite, that counts.
_SAME = 0.4
# Of two stretches that say as much the shorter one says it more plainly.
_LENGTH_COST = 0.1
_FIGURE_WEIGHT = 2.0
_WORDS_OF_NAME = re.compile(r"[\W_]+|(?<=\d)(?=[^\W\d])|(?<=[^\W\d])(?=\d)")
_OMISSION = re.compile(r"\[\s*(?:…|\.{3})\s*\]|…|\.{3,}|\[[^\]\n]{0,60}\]")


@dataclass(frozen=True)
class Claim:
    """What an answer says, in plain words: no markers, no Markdown."""

    text: str
    folded: Folded = field(init=False, repr=False, compare=False)
    wording: Wording = field(init=False, repr=False, compare=False)
    figures: list[Figure] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        folded = Folded(self.text)
        object.__setattr__(self, "folded", folded)
        object.__setattr__(self, "wording", Wording(folded.text))
        object.__setattr__(self, "figures", figures_in(folded.text))


@dataclass(frozen=True, slots=True)
class _Part:
    """A sentence or line of the passage."""

    start: int
    end: int
    wording: Wording
    figures: list[Figure]


@dataclass(frozen=True, slots=True)
class _Stretch:
    """What may be quoted. Of a row of a table `parts` are its head and itself, whatever stands between them."""

    start: int
    end: int
    parts: Sequence[_Part]
    is_row: bool = False


class Evidence:
    """One passage as claims are held against it. `title` is its document's."""

    def __init__(self, passage: str, title: str = "") -> None:
        self._folded = Folded(passage)
        self._layout = Layout(passage)
        # "Report_2023Q2.pdf" is of the year 2023.
        title = _WORDS_OF_NAME.sub(" ", Folded(title).text)
        self._title = frozenset(Wording(title).weights)
        self._title_figures = figures_in(title)

    def find(self, quotation: str) -> Span | None:
        """Where the words stand, one after the other; pieces left out of the quotation may stand between."""
        pieces = [piece for piece in _OMISSION.split(quotation) if any(map(str.isalnum, piece))]
        start: int | None = None
        end = 0
        for piece in pieces:
            span = self._folded.find(piece, end)
            if span is None:
                return None
            start, end = span[0] if start is None else start, span[1]
        return None if start is None or end - start > _LONGEST else (start, end)

    def has_figures(self, claim: Claim) -> bool:
        """Whether the passage, title included, has all the numbers of the claim."""
        return not missing(claim.figures, figures_in(self._folded.text), self._title_figures, self._scale)

    def support(self, claim: Claim) -> Span | None:
        """The shortest stretch that says what the claim says: sentences, or a row of a table with its head."""
        best = self._word_for_word(claim)
        best_score = 1.0 if best else 0.0
        for stretch in () if best else self._stretches:
            share = self._share(claim, stretch.parts)
            score = share - _LENGTH_COST * (stretch.end - stretch.start) / _LONGEST
            if share >= _ENOUGH and score > best_score and self._agrees(claim, stretch):
                best, best_score = (stretch.start, stretch.end), score
        return best

    def _word_for_word(self, claim: Claim) -> Span | None:
        """The sentences that the claim stands in, unless they go on to say the opposite."""
        found = self._folded.find(claim.folded) if claim.wording.weights else None
        if found is None:
            return None
        parts = [part for part in self._parts if part.start < found[1] and found[0] < part.end]
        if any(claim.wording.contradicts(part.wording) for part in parts):
            return None
        whole = min(found[0], parts[0].start), max(found[1], parts[-1].end)
        return whole if whole[1] - whole[0] <= _LONGEST else found

    def _share(self, claim: Claim, parts: Sequence[_Part]) -> float:
        """The part of the claim's words that are there. Those of the title neither count nor are missed."""
        wanted = {word: weight for word, weight in claim.wording.weights.items() if word not in self._title}
        if not wanted:
            return 1.0 if any(map(is_telling, claim.figures)) else 0.0
        found = sum(weight for word, weight in wanted.items() if any(word in one.wording.weights for one in parts))
        return found / sum(wanted.values())

    def _agrees(self, claim: Claim, stretch: _Stretch) -> bool:
        parts = stretch.parts
        if any(claim.wording.contradicts(part.wording) and self._share(claim, [part]) >= _SAME for part in parts):
            return False
        adding = parts[1:] if stretch.is_row else parts
        if len(parts) > 1 and not all(_adds(claim, part, parts) for part in adding):
            return False
        figures = [figure for part in parts for figure in part.figures]
        # The title's year goes with those that stand there, never in the place of one.
        own = [figure for figure in figures if figure.is_year]
        is_replaced = bool(own) and all(missing([year], claim.figures, (), None) for year in own)
        return not missing(claim.figures, figures, () if is_replaced else self._title_figures, self._scale)

    @cached_property
    def _scale(self) -> int | None:
        return scale_of_table(self._folded.text)

    @cached_property
    def _parts(self) -> list[_Part]:
        folded = [Folded(text).text for text in self._layout.texts]
        return [
            _Part(start, end, Wording(text), figures_in(text))
            for (start, end), text in zip(self._layout.spans, folded, strict=True)
        ]

    @cached_property
    def _stretches(self) -> list[_Stretch]:
        parts = self._parts
        found: list[_Stretch] = []
        for first, part in enumerate(parts):
            found.append(_Stretch(part.start, part.end, [part]))
            head = self._layout.head(first)
            if head is not None:
                start = parts[head].start if part.end - parts[head].start <= _LONGEST else part.start
                found.append(_Stretch(start, part.end, [parts[head], part], is_row=True))
            found += [
                _Stretch(part.start, parts[last].end, parts[first : last + 1])
                for last in range(first + 1, min(first + _MOST_SENTENCES, len(parts)))
                if parts[last].end - part.start <= _LONGEST
            ]
        return found


def _adds(claim: Claim, part: _Part, parts: Sequence[_Part]) -> bool:
    """Whether the part says something of the claim that no other does: a word, or the year.

    A number alone is not enough: it would be that of another thing.
    """
    others = [one for one in parts if one is not part]
    if any(word in part.wording.weights for word in claim.wording.weights if not _is_in(word, others)):
        return True
    years = [figure for figure in claim.figures if figure.is_year]
    said = [figure for one in others for figure in one.figures]
    return any(not missing([year], part.figures, (), None) and missing([year], said, (), None) for year in years)


def _is_in(word: str, parts: Sequence[_Part]) -> bool:
    return any(word in one.wording.weights for one in parts)


def overlap(question: Claim, sentence: Claim) -> float:
    """How much of a question's weight a sentence shares; numbers weigh more than words."""
    words = sum(weight for word, weight in question.wording.weights.items() if word in sentence.wording.weights)
    return words + _FIGURE_WEIGHT * sum(
        not missing([figure], sentence.figures, (), None) for figure in question.figures
    )
