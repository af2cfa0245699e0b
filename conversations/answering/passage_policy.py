"""Which of the passages found are given to the model, in which order, and how much of them.

A search says what fits the question; this adds what only a conversation knows, by weights that decide between near
ties and no more. Pure functions: `/search/` has no part in it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from conversations.prompting.budget import count_tokens, shortened
from retrieval.types import Hit

MIN_PASSAGES, MAX_PASSAGES = 3, 10
# Tags and page of a passage.
FRAME_TOKENS = 40
_SHORTEST_PASSAGE = 60
_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Weights:
    """What a property is worth beside the score, which runs from 0 for the last candidate to 1 for the first.

    Among twenty candidates 0.05 is about one place. Cited before is worth little: a follow-up is often about the
    place beside it.
    """

    freshness: float = 0.03
    same_conversation: float = 0.04
    half_life_days: float = 365.0


WEIGHTS = Weights()


@dataclass(frozen=True, slots=True)
class Cited:
    """A place that the conversation has cited before, in code points of the version's text."""

    document: UUID
    version: int
    start: int
    end: int


def rerank(
    hits: Sequence[Hit], *, dates: Mapping[UUID, datetime], cited: Collection[Cited], weights: Weights = WEIGHTS
) -> list[Hit]:
    """Candidates by score, freshness of their documents, and whether the conversation has cited them.

    Without `dates` nothing is fresher than anything else. What ties keeps its order, and a hit its score.
    """
    if not hits:
        return []
    worst = min(hit.score for hit in hits)
    span = max(hit.score for hit in hits) - worst or 1.0
    newest = max(dates.values(), default=None)

    def worth(hit: Hit) -> float:
        fresh = 0.0
        if newest is not None and hit.document in dates:
            age = (newest - dates[hit.document]).total_seconds() / _DAY
            fresh = 0.5 ** (age / weights.half_life_days)
        is_cited = any(_holds(hit, place) for place in cited)
        return (hit.score - worst) / span + weights.freshness * fresh + weights.same_conversation * is_cited

    return sorted(hits, key=worth, reverse=True)


def _holds(hit: Hit, place: Cited) -> bool:
    return (hit.document, hit.version) == (place.document, place.version) and (
        hit.start < place.end and place.start < hit.end
    )


def fit(hits: Sequence[Hit], *, wanted: int, tokens: int) -> list[Hit]:
    """The first `wanted`, 3 to 10, or as many as have room in `tokens`.

    Where not even three have, they are cut short; fewer only where that would leave nothing worth reading.
    """
    kept = list(hits[: min(MAX_PASSAGES, max(MIN_PASSAGES, wanted))])
    while len(kept) > MIN_PASSAGES and sum(map(_tokens_of_hit, kept)) > tokens:
        kept.pop()
    while kept and sum(map(_tokens_of_hit, kept)) > tokens:
        room = tokens // len(kept)
        if all(room - _frame_of(hit) >= _SHORTEST_PASSAGE for hit in kept):
            return [_cut(hit, room - _frame_of(hit)) for hit in kept]
        kept.pop()
    return kept


def _tokens_of_hit(hit: Hit) -> int:
    return count_tokens(hit.text) + _frame_of(hit)


def _frame_of(hit: Hit) -> int:
    return count_tokens(hit.title) + FRAME_TOKENS


def _cut(hit: Hit, tokens: int) -> Hit:
    """The passage's beginning: `end` says where it stops."""
    text = shortened(hit.text, tokens)
    return hit if text == hit.text else replace(hit, text=text, end=hit.start + len(text))
