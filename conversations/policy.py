"""Which of the passages found are given to the model, in which order, and how much of them.

A search says what fits the question; this adds what only a conversation knows, by weights that decide between near
ties and no more. Pure functions: `/search/` has no part in it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from providers.chat.base import ChatMessage
from retrieval.types import Hit

MIN_PASSAGES, MAX_PASSAGES = 3, 10
# Fewer than most languages have, so that what is counted too short is rare.
_BYTES_A_TOKEN = 3
# Tags, title and page of a passage; role and signs of a turn.
_FRAME_TOKENS = 40
_MAX_ANSWER_ROOM = 1024
_SHORTEST_PASSAGE = 200
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
    """The first `wanted`, 3 to 10, or as many as have room in `tokens`: three at least, cut short if need be."""
    kept = list(hits[: min(MAX_PASSAGES, max(MIN_PASSAGES, wanted))])
    while len(kept) > MIN_PASSAGES and sum(map(_tokens_of_hit, kept)) > tokens:
        kept.pop()
    if kept and sum(map(_tokens_of_hit, kept)) > tokens:
        room = max(0, tokens // len(kept) - _FRAME_TOKENS) * _BYTES_A_TOKEN
        kept = [_cut(hit, room) for hit in kept]
    return kept


def _tokens_of_hit(hit: Hit) -> int:
    return count_tokens(hit.text) + _FRAME_TOKENS


def _cut(hit: Hit, size: int) -> Hit:
    """The passage's beginning, in whole words where there are any: `end` says where it stops."""
    text = hit.text.encode()[: max(size, _SHORTEST_PASSAGE)].decode(errors="ignore")
    if len(text) == len(hit.text):
        return hit
    text = (text.rpartition(" ")[0] or text).rstrip()
    return replace(hit, text=text, end=hit.start + len(text))


def count_tokens(text: str) -> int:
    """About how many a model makes of the text, rather too many than too few."""
    return -(-len(text.encode()) // _BYTES_A_TOKEN)


def keep_turns(turns: Sequence[ChatMessage], *, context: int) -> tuple[ChatMessage, ...]:
    """The latest turns, as many as have room in a quarter of the model's context."""
    left = context // 4
    kept: list[ChatMessage] = []
    for turn in reversed(turns):
        left -= count_tokens(turn.content) + _FRAME_TOKENS
        if left < 0:
            break
        kept.append(turn)
    return tuple(reversed(kept))


def room_for_passages(prompt: Sequence[ChatMessage], *, context: int) -> int:
    """Tokens that are left for passages beside a prompt without any, and the answer."""
    used = sum(count_tokens(turn.content) + _FRAME_TOKENS for turn in prompt)
    return max(0, context - used - min(_MAX_ANSWER_ROOM, context // 4))
