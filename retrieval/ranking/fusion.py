"""From several scores to one order."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from uuid import UUID

import numpy as np

from retrieval.ranking.candidates import Candidate

# What a title that the question says in full is worth, and a page with all of its words, beside a cosine of 1.
# `python -m bench.retrieval` prints what each of them adds.
TITLE_WEIGHT = 0.25
WORDS_WEIGHT = 0.8


def fuse(
    candidates: Sequence[Candidate], said: Sequence[float], titles: Mapping[UUID, float]
) -> list[tuple[Candidate, float]]:
    """Candidates with their score, best first.

    `said` is how much of the question's words each one's page has (`words.coverage`), `titles` how much of a
    document's title the question says.

    Three shares, each 0 to 1 on a scale of its own, are weighed and added. Neither their ranks nor their standard
    scores: both measure a passage by the company it happens to be in, and did worse (ADR 15).
    """
    scores = [
        one.cosine + TITLE_WEIGHT * titles.get(one.document, 0.0) + WORDS_WEIGHT * share
        for one, share in zip(candidates, said, strict=True)
    ]
    order = np.argsort(-np.array(scores), kind="stable")
    return [(candidates[place], scores[place]) for place in order]


def best_of_each_page(ranked: Iterable[tuple[Candidate, float]]) -> Iterator[tuple[Candidate, float]]:
    """One passage a page: neighbours on a page say much the same and crowd out other pages."""
    seen: set[tuple[UUID, int]] = set()
    for candidate, score in ranked:
        place = (candidate.document, candidate.page)
        if place not in seen:
            seen.add(place)
            yield candidate, score
