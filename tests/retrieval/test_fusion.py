"""One order from three scores."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from retrieval.candidates import Candidate
from retrieval.fusion import best_of_each_page, fuse, title_match

FIRST, SECOND = UUID(int=1), UUID(int=2)


def candidate(cosine: float, words: float = 0.0, document: UUID = FIRST, page: int = 1) -> Candidate:
    return Candidate(uuid4(), document, page, cosine, words)


def test_without_words_or_titles_the_nearest_comes_first() -> None:
    near, middle, far = candidate(0.9), candidate(0.5), candidate(0.1)
    ranked = fuse([far, near, middle], "a question", {FIRST: "Handbook"})
    assert [one for one, _ in ranked] == [near, middle, far]
    assert [score for _, score in ranked] == pytest.approx([1.2247, 0.0, -1.2247], abs=1e-4)


def test_words_weigh_a_quarter_and_titles_a_half_of_meaning() -> None:
    plain, worded, titled = candidate(0.5), candidate(0.5, words=1.0), candidate(0.5, document=SECOND)
    ranked = fuse([plain, worded, titled], "What does the handbook say?", {FIRST: "Menu", SECOND: "Handbook"})
    assert [one for one, _ in ranked] == [titled, worded, plain]
    scores = dict(ranked)
    # Standard scores of (0, 0, 1) are (-0.707, -0.707, 1.414): the step is 2.1213.
    assert scores[worded] - scores[plain] == pytest.approx(0.25 * 2.1213, abs=1e-4)
    assert scores[titled] - scores[plain] == pytest.approx(0.5 * 2.1213, abs=1e-4)


def test_equal_scores_keep_their_order_and_nothing_is_nothing() -> None:
    twins = [candidate(0.5, page=page) for page in range(1, 6)]
    assert [one for one, _ in fuse(twins, "a question", {FIRST: "Handbook"})] == twins
    assert fuse([], "a question", {}) == []


def test_each_page_gives_one_passage() -> None:
    ranked = [
        (candidate(0.9, page=1), 3.0),
        (candidate(0.8, page=1), 2.0),
        (candidate(0.7, page=2), 1.0),
        (candidate(0.6, page=1, document=SECOND), 0.5),
    ]
    assert list(best_of_each_page(ranked)) == [ranked[0], ranked[2], ranked[3]]


@pytest.mark.parametrize(
    ("question", "title", "share"),
    [
        ("What does the HandBook say?", "handbook", 1.0),
        ("What does the hand-book say?", "Handbook", 1.0),
        ("What is for lunch?", "Handbook", 0.0),
        ("Handouts", "Handbook", 0.2),
        ("Anything", "abc", 0.0),
    ],
)
def test_titles_match_by_their_letters(question: str, title: str, share: float) -> None:
    assert title_match(question, title) == share
