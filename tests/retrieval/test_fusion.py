"""One order from three shares: meaning, title and words."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from retrieval.ranking.candidates import Candidate
from retrieval.ranking.fusion import TITLE_WEIGHT, WORDS_WEIGHT, best_of_each_page, fuse
from retrieval.ranking.page_words import coverage
from retrieval.ranking.titles import title_match

FIRST, SECOND = UUID(int=1), UUID(int=2)


def candidate(
    cosine: float, *, document: UUID = FIRST, page: int = 1, length: int = 50, **counts: int
) -> Candidate:
    return Candidate(uuid4(), document, page, cosine, length, counts)


def test_without_words_or_titles_the_nearest_comes_first() -> None:
    near, middle, far = candidate(0.9), candidate(0.5), candidate(0.1)
    assert fuse([far, near, middle], [0.0] * 3, {FIRST: 0.0}) == [(near, 0.9), (middle, 0.5), (far, 0.1)]


def test_a_title_and_words_add_their_weighed_shares() -> None:
    plain, worded, titled = candidate(0.5), candidate(0.5, page=2, fare=1), candidate(0.5, document=SECOND)
    passages = [plain, worded, titled]
    said = coverage(passages, ["fare"])
    scores = {one.chunk: score for one, score in fuse(passages, said, {FIRST: 0.0, SECOND: 0.5})}
    assert scores[plain.chunk] == 0.5
    assert scores[titled.chunk] == pytest.approx(0.5 + TITLE_WEIGHT * 0.5)
    # One page of average length that says the one word once: 1 / (1 + 0.8).
    assert scores[worded.chunk] == pytest.approx(0.5 + WORDS_WEIGHT / 1.8)


def test_equal_scores_keep_their_order_and_nothing_is_nothing() -> None:
    twins = [candidate(0.5, page=page) for page in range(1, 6)]
    assert [one for one, _ in fuse(twins, [0.0] * 5, {FIRST: 1.0})] == twins
    assert fuse([], [], {}) == []


def test_each_page_gives_one_passage() -> None:
    ranked = [
        (candidate(0.9, page=1), 3.0),
        (candidate(0.8, page=1), 2.0),
        (candidate(0.7, page=2), 1.0),
        (candidate(0.6, page=1, document=SECOND), 0.5),
    ]
    assert list(best_of_each_page(ranked)) == [ranked[0], ranked[2], ranked[3]]


def test_passages_of_a_page_share_what_the_page_says() -> None:
    passages = [candidate(0.5, fare=1), candidate(0.4, night=1), candidate(0.3, page=2, fare=1)]
    first, second, other = coverage(passages, ["fare", "night"])
    assert first == second > other > 0


def test_a_rare_word_says_more_than_a_usual_one() -> None:
    passages = [candidate(0.5, page=page, fare=1) for page in range(2, 10)] + [candidate(0.5, page=1, night=1)]
    *usual, rare = coverage(passages, ["fare", "night"])
    assert rare > max(usual)


def test_repeating_a_word_never_says_all() -> None:
    passages = [candidate(0.5, fare=255), candidate(0.5, page=2, fare=1, night=1)]
    repeated, both = coverage(passages, ["fare", "night"])
    assert repeated < both < 1


def test_a_word_that_nothing_says_lowers_all_shares() -> None:
    passages = [candidate(0.5, fare=1)]
    assert coverage(passages, ["fare", "zeppelin"])[0] < coverage(passages, ["fare"])[0]
    assert coverage(passages, []) == [0.0]
    assert coverage([], ["fare"]) == []


@pytest.mark.parametrize(
    ("question", "title", "share"),
    [
        ("What does the HandBook say?", "handbook", 1.0),
        ("What does the hand-book say?", "Handbook", 1.0),
        ("What does the staff handbook say?", "StaffHandbook.docx", 1.0),
        ("What is for lunch?", "Handbook", 0.0),
        ("Handouts", "Handbook", 0.2),
        # The number counts as two groups of letters: 2 of 7.
        ("How many in 2023?", "Handbook 2023", 2 / 7),
        ("How many in FY23?", "Handbook 2023", 2 / 7),
        ("How many in Q2 '23?", "Handbook 2023", 2 / 7),
        ("How many in 1923?", "Handbook 2023", 0.0),
        # A name too short for a group of letters counts as a word, not inside others.
        ("What did the IT team plan?", "IT-2022", 0.5),
        ("What did it say?", "IT-2022", 0.5),
        ("What did the unit say?", "IT-2022", 0.0),
        ("Anything", "x", 0.0),
        ("Anything", "", 0.0),
    ],
)
def test_titles_match_by_their_letters_and_numbers(question: str, title: str, share: float) -> None:
    assert title_match(question, title) == pytest.approx(share)
