"""Answer or refuse."""

from __future__ import annotations

from uuid import uuid4

import pytest

from retrieval.sufficiency import THRESHOLD, judge
from retrieval.types import Found, Hit

TEXT = "Mercy Hospital paid Doctor Chen in 2021."


def found(
    question: str, best: float, *, by_words_alone: bool = False, text: str = TEXT, title: str = "Fees"
) -> Found:
    hit = Hit(
        document=uuid4(),
        name="fees.pdf",
        title=title,
        version=1,
        page=1,
        text=text,
        score=best,
        start=0,
        end=len(text),
        cosine=0.0 if by_words_alone else best,
    )
    return Found(question, [hit], best, by_words_alone)


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (Found("who?"), "Nothing was found."),
        (
            Found("who?", by_words_alone=True),
            "The embedding model cannot be used just now, so only words were compared, and none were found.",
        ),
        (found("who was paid?", 0.1), "Nothing that was found is close enough to the question."),
        (found("Was Adobe paid?", 0.9), "No passage mentions “Adobe”."),
        (found("Were Adobe and Bosch paid?", 0.9), "No passage mentions “Adobe” or “Bosch”."),
        (found("Was Chen paid in 2019?", 0.9), "No passage mentions “2019”."),
        (found("Was Adobe paid in 2019?", 0.9), "No passage mentions “Adobe” or “2019”."),
        (found("Was Adobe paid?", 0.4, by_words_alone=True), "No passage mentions “Adobe”."),
    ],
)
def test_without_grounds_there_is_no_answer(result: Found, reason: str) -> None:
    verdict = judge(result)
    assert (verdict.is_enough, verdict.reason) == (False, reason)
    assert 0 <= verdict.score < THRESHOLD


@pytest.mark.parametrize(
    "result",
    [
        found("who was paid?", 0.5),
        found("Was Doctor Chen paid in FY21?", 0.5),
        found("Were Chen and Bosch paid?", 1.0),
        found("Was Adobe paid?", 0.6, title="ADOBE_2021"),
        found("who was paid?", 0.1, by_words_alone=True),
    ],
)
def test_with_grounds_there_is_one(result: Found) -> None:
    verdict = judge(result)
    assert (verdict.is_enough, verdict.reason) == (True, "")
    assert THRESHOLD <= verdict.score <= 1


def test_a_threshold_of_ones_own_decides() -> None:
    result = found("who was paid?", 0.6)
    score = judge(result).score
    assert judge(result, score).is_enough
    assert not judge(result, score + 0.01).is_enough
