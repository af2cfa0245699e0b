"""Ways to order passages. Each takes a collection and the number of a case, and gives every passage a score."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import numpy as np

from bench.ranking.collection import Collection, Floats, Integers, Passage
from retrieval.ranking.page_words import coverage
from retrieval.ranking.titles import TitleMatcher

Rule = Callable[[Collection, int], Floats]

POOL, TITLE, WORDS, TITLE_WORTH = 200, 0.25, 0.8, 0.2
_OUT = -1e9
_ASKS_FOR_FIGURE = re.compile(r"\b(?:how (?:many|much)|amount|percent\w*|rate|ratio|number|total|average)\b", re.I)


def shares(  # noqa: PLR0917
    collection: Collection,
    case: int,
    near: str = "near",
    pool: int = POOL,
    title: float = TITLE,
    words: float = WORDS,
    worth: float = TITLE_WORTH,
    by: str = "page",
    figures: float = 0.0,
) -> Floats:
    """What the product does, with each of its parts to be changed."""
    cosines: Floats = getattr(collection, near)[case]
    titles = title_shares(collection, case)
    best = np.argsort(-(cosines + worth * titles), kind="stable")[:pool]
    scores = cosines[best] + title * titles[best] + words * _said(collection, case, best, by)
    if figures and _ASKS_FOR_FIGURE.search(collection.cases[case].question):
        scores = scores + figures * np.array([_digits(collection.passages[one].text) for one in best])
    return _only(best, scores, len(cosines))


def standard_scores(collection: Collection, case: int, title: float = 0.5, words: float = 0.25) -> Floats:
    """What the product did before: a sum of z-scores, ts_rank for the words, letters of the title."""
    cosines = collection.near[case]
    best = np.argsort(-cosines, kind="stable")[:400]
    scores = (
        _standard(cosines[best])
        + words * _standard(collection.rankings[case][best])
        + title * _standard(title_shares(collection, case, letters_only=True)[best])
    )
    return _only(best, scores, len(cosines))


def reciprocal_ranks(collection: Collection, case: int) -> Floats:
    """Fusion of ranks by meaning and by words (Cormack, Clarke and Büttcher, SIGIR 2009)."""
    lists = (collection.near[case], collection.rankings[case])
    ranks = [np.argsort(np.argsort(-one, kind="stable")) for one in lists]
    fused: Floats = np.sum([1 / (60 + one) for one in ranks], axis=0)
    return fused


def feedback(collection: Collection, case: int) -> Floats:
    """The scores once more with the question moved towards the best five (Rocchio), by their mean likeness."""
    first = shares(collection, case)
    best = np.argsort(-first, kind="stable")[:5]
    likeness = np.mean([collection.alike(one) for one in best], axis=0)
    return np.where(first > _OUT, first + 0.3 * likeness, _OUT)


def neighbours(collection: Collection, case: int) -> Floats:
    """A part of the score of the best passage on the page before or after."""
    scores = shares(collection, case)
    pages: dict[tuple[str, int], float] = {}
    for passage, score in zip(collection.passages, scores, strict=True):
        place = (passage.document, passage.page)
        pages[place] = max(pages.get(place, 0.0), score)
    beside = [
        max(pages.get((one.document, one.page + step), 0.0) for step in (-1, 1)) for one in collection.passages
    ]
    return scores + 0.2 * np.array(beside)


def title_shares(collection: Collection, case: int, *, letters_only: bool = False) -> Floats:
    matcher = TitleMatcher(collection.cases[case].question)
    names = {one.document for one in collection.passages}
    stripped = {name: re.sub(r"\d", "", name) if letters_only else name for name in names}
    known = {name: matcher(stripped[name]) for name in names}
    return np.array([known[one.document] for one in collection.passages])


def _said(collection: Collection, case: int, best: Integers, by: str) -> Floats:
    passages = [collection.passages[one] for one in best]
    if by == "passage":
        passages = [_alone(one, number) for number, one in enumerate(passages)]
    return np.array(coverage(passages, collection.cases[case].words))


def _alone(passage: Passage, number: int) -> Passage:
    return replace(passage, page=-number)


def _digits(text: str) -> float:
    return sum(map(str.isdigit, text)) / max(1, len(text))


def _only(best: Integers, scores: Floats, total: int) -> Floats:
    found = np.full(total, _OUT)
    found[best] = scores
    return found


def _standard(values: Floats) -> Floats:
    deviation = values.std()
    return (values - values.mean()) / deviation if deviation > 0 else np.zeros_like(values)


# Ordered as it is, without keeping the best passage of each page only.
EVERY_PASSAGE = "every passage of a page"

RULES: Mapping[str, Rule] = {
    "as it is": shares,
    "meaning alone": lambda collection, case: collection.near[case],
    "words alone (ts_rank)": lambda collection, case: collection.rankings[case],
    "fusion of their ranks": reciprocal_ranks,
    "standard scores, as before": standard_scores,
    "without the title": partial(shares, title=0.0, worth=0.0),
    "title in the score, not in the choice": partial(shares, worth=0.0),
    "title weighs 0.5": partial(shares, title=0.5),
    "without the words": partial(shares, words=0.0),
    "words weigh 0.4": partial(shares, words=0.4),
    "words weigh 1.2": partial(shares, words=1.2),
    "words of the passage, not its page": partial(shares, by="passage"),
    EVERY_PASSAGE: shares,
    "100 chosen": partial(shares, pool=100),
    "400 chosen": partial(shares, pool=400),
    "figures where one is asked for": partial(shares, figures=0.2),
    "neighbour pages": neighbours,
    "best sentence of the question": partial(shares, near="near_in_parts"),
    "feedback from the best five": feedback,
    "embedded without headings": partial(shares, near="near_without_headings"),
    "embedded with the title": partial(shares, near="near_with_titles"),
}
