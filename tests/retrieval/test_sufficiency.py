"""Answer or refuse."""

from __future__ import annotations

from uuid import uuid4

import pytest

from retrieval.names import Names
from retrieval.sufficiency import MIN_COSINE, Verdict, judge
from retrieval.types import Found, Hit


def found(*cosines: float, names: Names | None = None) -> Found:
    hits = [
        Hit(
            document=uuid4(),
            name="handbook.pdf",
            title="Handbook",
            version=1,
            page=1,
            text="Text.",
            score=0.0,
            start=0,
            end=5,
            cosine=cosine,
        )
        for cosine in cosines
    ]
    return Found(hits=hits, names=names or Names())


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (found(), "Nothing was found."),
        (found(0.1, MIN_COSINE - 0.01), "Nothing that was found is close to the question."),
        (found(0.9, names=Names(missing=("Adobe",))), "No passage mentions “Adobe”."),
        (
            found(0.9, names=Names(missing=("Adobe", "Bosch"), known=("Chen",))),
            "No passage mentions “Adobe” or “Bosch”.",
        ),
        (found(0.9, names=Names(missing=("Adobe",), known=("Chen",))), "No passage mentions “Adobe”."),
    ],
)
def test_without_grounds_there_is_no_answer(result: Found, reason: str) -> None:
    assert judge(result) == Verdict(is_enough=False, reason=reason)


@pytest.mark.parametrize(
    "result",
    [
        found(0.1, MIN_COSINE),
        found(0.5, names=Names(known=("Chen",))),
        found(0.5, names=Names(titled=("Adobe",), missing=("Bosch",))),
        found(0.5, names=Names(known=("Chen", "Diaz"), missing=("Bosch",))),
    ],
)
def test_with_grounds_there_is_one(result: Found) -> None:
    assert judge(result) == Verdict(is_enough=True)
