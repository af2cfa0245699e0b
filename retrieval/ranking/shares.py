"""Why a passage was found: how near it was in each list, and which place that made in it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from retrieval.ranking.candidates import Candidate
from retrieval.types import Hit

CONSIDERED = 20
"""How many of the best passages are told of, given to the model or not."""


def with_shares(
    hits: Sequence[tuple[Candidate, Hit]],
    found: Sequence[Candidate],
    said: Sequence[float],
    titles: Mapping[UUID, float],
) -> list[Hit]:
    """The hits with their score and place by meaning, words and title; without a list that says nothing of one.

    `said` is what each passage found has of the question's words.
    """
    lists = {
        "meaning": {one.chunk: one.cosine for one in found},
        "words": {one.chunk: share for one, share in zip(found, said, strict=True)},
        "title": {one.chunk: titles.get(one.document, 0.0) for one in found},
    }
    places = {name: _places(scores) for name, scores in lists.items()}
    traced = []
    for one, hit in hits:
        shares = {name: scores[one.chunk] for name, scores in lists.items() if scores[one.chunk] > 0}
        ranks = {name: places[name][share] for name, share in shares.items()}
        traced.append(replace(hit, shares=shares, ranks=ranks))
    return traced


def _places(scores: Mapping[UUID, float]) -> dict[float, int]:
    """The place of each score, from 1; equal scores share one."""
    places: dict[float, int] = {}
    for place, score in enumerate(sorted(scores.values(), reverse=True), 1):
        places.setdefault(score, place)
    return places
