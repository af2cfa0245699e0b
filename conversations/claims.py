"""Which marker of an answer stands behind what, and does the source say it?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from conversations.markers import markers_in
from providers.sentences import sentence_spans
from retrieval.citations import overlap, plain_claim, supporting_span
from retrieval.types import Hit


@dataclass(frozen=True, slots=True)
class Support:
    """A marker whose source supports its claim: the quote's code points in the version's text."""

    marker: int
    start: int
    end: int
    quote: str


def supports_of(question: str, answer: str, hits: Sequence[Hit]) -> list[Support]:
    """One for each marker that holds, in the order of first appearance; hits are numbered from 1.

    Of several claims with the same marker, the one that says most about the question.
    """
    found: dict[int, Support] = {}
    for marker, claim in claims_of(answer):
        if not 1 <= marker <= len(hits):
            continue
        hit = hits[marker - 1]
        span = supporting_span(claim, hit.text)
        if span is None:
            continue
        support = Support(marker, hit.start + span[0], hit.start + span[1], hit.text[slice(*span)])
        rival = found.get(marker)
        if rival is None or overlap(question, support.quote) > overlap(question, rival.quote):
            found[marker] = support
    return list(found.values())


def claims_of(answer: str) -> Iterator[tuple[int, str]]:
    """Each marker with the sentence it stands in, or, when it stands alone, the one before it."""
    spans = sentence_spans(answer)
    for start, _end, numbers in markers_in(answer):
        before = [span for span in spans if span[0] < start]
        claim = ""
        while before and not claim:
            claim = plain_claim(answer[slice(*before.pop())])
        for number in numbers:
            yield number, claim
