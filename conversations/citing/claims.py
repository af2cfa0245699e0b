"""Which marker of an answer stands behind what, and does the source say it?"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from conversations.citing.markers import markers_in, without_bracketed_numbers
from conversations.citing.quotations import Quotation, quotations_in
from providers.sentences import Span, sentence_spans
from retrieval.citations.claim_support import Claim, Evidence, overlap
from retrieval.types import Hit

_ESCAPED = re.compile(r"\\([^\w\s])")
_DECORATION = re.compile(
    r"^\s*(?:[-*+>]|#{1,6}|\d{1,3}[.)])\s+|(?<!\\)(?:[*_`]{1,3}(?=\S)|(?<=\S)[*_`]{1,3})", re.MULTILINE
)
# What may stand between markers that stand behind the same words.
_JOINT = re.compile(r"[ \t]*(?:[,;&/]|and|or|und|oder|et|y|e)?[ \t]*")


@dataclass(frozen=True, slots=True)
class Support:
    """A marker whose source supports its claim: the quote's code points in the version's text."""

    marker: int
    start: int
    end: int
    quote: str


@dataclass(frozen=True, slots=True)
class Said:
    """What an answer says under some markers, as Markdown, and what it quotes in it."""

    numbers: tuple[int, ...]
    span: Span
    text: str
    quotations: tuple[Quotation, ...] = ()

    @property
    def claim(self) -> Claim:
        return Claim(plain_claim(self.text))

    @property
    def own_words(self) -> Claim:
        """The claim without what it quotes."""
        text = self.text
        for one in self.quotations:
            text = text.replace(one.text, " ")
        return Claim(plain_claim(text))


@dataclass(slots=True)
class _Supports:
    """What was found so far. Of several claims with one marker, the one that says most about the question."""

    question: str
    hits: Sequence[Hit]
    found: dict[int, Support] = field(default_factory=dict)
    refuted: set[int] = field(default_factory=set)
    _read: dict[int, Evidence] = field(default_factory=dict)

    def evidence(self, marker: int) -> Evidence:
        """A passage as claims are held against it: read when the first one is, which takes a millisecond."""
        if marker not in self._read:
            hit = self.hits[marker - 1]
            self._read[marker] = Evidence(hit.text, hit.title)
        return self._read[marker]

    def add(self, marker: int, span: Span) -> None:
        hit = self.hits[marker - 1]
        support = Support(marker, hit.start + span[0], hit.start + span[1], hit.text[slice(*span)])
        rival = self.found.get(marker)
        if rival is None or self._says(support) > self._says(rival):
            self.found[marker] = support

    def place_of(self, quotation: Quotation, first: Sequence[int] = ()) -> tuple[int, Span] | None:
        """The marker of a passage that has the words, one of `first` if it can be, and where they stand in it."""
        text = plain_claim(quotation.text)
        for marker in dict.fromkeys([*first, *range(1, len(self.hits) + 1)]):
            if (span := self.evidence(marker).find(text)) is not None:
                return marker, span
        return None

    def _says(self, support: Support) -> float:
        return overlap(Claim(self.question), Claim(support.quote))


def supports_of(question: str, answer: str, hits: Sequence[Hit]) -> list[Support]:
    """One for each marker that holds, in the order of first appearance; hits are numbered from 1.

    What the answer quotes is cited where it stands, marked so or not. A marker behind a quotation that stands in
    none of the passages is not believed anywhere in the answer.
    """
    supports = _Supports(question, hits)
    quotations = quotations_in(answer)
    claimed: set[Quotation] = set()
    for said in claims_of(answer, quotations):
        claimed.update(said.quotations)
        numbers = [number for number in said.numbers if 1 <= number <= len(hits)]
        if said.quotations:
            _support_quotations(supports, said, numbers)
            continue
        for number in numbers:
            span = supports.evidence(number).support(said.claim)
            if span is not None:
                supports.add(number, span)
    for quotation in quotations:
        if quotation not in claimed and (place := supports.place_of(quotation)) is not None:
            supports.add(*place)
    return [support for marker, support in supports.found.items() if marker not in supports.refuted]


def _support_quotations(supports: _Supports, said: Said, numbers: Sequence[int]) -> None:
    """Cite each quotation where it stands: all of them do somewhere, or none of the claim is believed."""
    places = [supports.place_of(one, numbers) for one in said.quotations]
    if None in places:
        supports.refuted.update(numbers)
        return
    for marker, span in filter(None, places):
        if supports.evidence(marker).has_figures(said.own_words):
            supports.add(marker, span)


def claims_of(answer: str, quotations: Sequence[Quotation] = ()) -> Iterator[Said]:
    """Each group of markers with what stands before it in its sentence, or, if nothing does, the sentence before.

    The last markers of a sentence stand behind its end too, those before its first word only where no sentence
    without markers ends on the same line: "Leave is paid. [1] Travel is not. [2]".
    """
    spans = _whole(sentence_spans(answer), quotations)
    groups = _groups(answer)
    led: set[int] = set()  # the sentences that begin with their own markers: the next one does so too
    for start, end, numbers in groups:
        place = max((place for place, span in enumerate(spans) if span[0] <= start), default=None)
        if place is None:
            continue
        first, last = spans[place]
        first = max([first, *(one for _s, one, _n in groups if first < one <= start)])
        if any(start < other < last for other, _e, _n in groups):
            last = end
        if not _says_something(answer[first:start]):
            if place and place - 1 not in led and _belongs_before(answer, spans[place - 1], start, groups):
                first, last = spans[place - 1]
            else:
                led.add(place)
        if not _says_something(answer[first:last]):
            first, last = next((s for s in reversed(spans[:place]) if _says_something(answer[slice(*s)])), (0, 0))
        inside = tuple(one for one in quotations if first < one.end and one.start < last)
        yield Said(numbers, (first, last), answer[first:last], inside)


def _belongs_before(
    answer: str, before: Span, marker: int, groups: Sequence[tuple[int, int, tuple[int, ...]]]
) -> bool:
    """Whether a marker at the beginning of its sentence stands behind the sentence `before` it."""
    if "\n" in answer[before[1] : marker]:
        return False
    own = (start for start, _end, _numbers in groups if before[0] <= start < before[1])
    return not any(_says_something(answer[before[0] : start]) for start in own)


def plain_claim(markdown: str) -> str:
    """A piece of an answer as the words it says: no markers, no Markdown signs, no escapes."""
    text = without_bracketed_numbers(markdown)
    text = _DECORATION.sub("", text)
    return " ".join(_ESCAPED.sub(r"\1", text).split())


def _groups(answer: str) -> list[tuple[int, int, tuple[int, ...]]]:
    """Markers, those that follow one another as one: "[1][2]", "[1] and [2]"."""
    groups: list[tuple[int, int, tuple[int, ...]]] = []
    for start, end, numbers in markers_in(answer):
        if groups and _JOINT.fullmatch(answer, groups[-1][1], start):
            first, _end, before = groups.pop()
            groups.append((first, end, before + numbers))
        else:
            groups.append((start, end, numbers))
    return groups


def _says_something(markdown: str) -> bool:
    return any(map(str.isalnum, plain_claim(markdown)))


def _whole(spans: Sequence[Span], quotations: Sequence[Quotation]) -> list[Span]:
    """The sentences of the answer, those that one quotation spans as one."""
    whole: list[Span] = []
    for start, end in spans:
        if whole and any(one.start < whole[-1][1] and start < one.end for one in quotations):
            whole[-1] = (whole[-1][0], end)
        else:
            whole.append((start, end))
    return whole
