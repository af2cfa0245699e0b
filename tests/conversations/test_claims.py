"""Which sentence of a source stands behind a marker, and which markers stand behind nothing."""

from __future__ import annotations

from uuid import uuid4

import pytest

from conversations.claims import Support, claims_of, supports_of
from retrieval.types import Hit

# Signs outside the Basic Multilingual Plane and combining ones come before: offsets count code points.
LEAVE = "🏖️ Congé payé: e\u0301té.\nEvery employee has twenty-eight days of leave. Leave expires in March."
LUNCH = "Lunch is free. Dinner costs 4.50 euros."


def hit(text: str, start: int) -> Hit:
    return Hit(
        document=uuid4(),
        name="handbook.pdf",
        title="Handbook",
        version=1,
        page=1,
        text=text,
        score=1.0,
        start=start,
        end=start + len(text),
        cosine=0.5,
    )


HITS = [hit(LEAVE, 1000), hit(LUNCH, 50)]


def supported(answer: str, question: str = "How many days of leave?") -> list[Support]:
    return supports_of(question, answer, HITS)


def quoting(marker: int, quote: str) -> Support:
    source = HITS[marker - 1]
    start = source.start + source.text.index(quote)
    return Support(marker, start, start + len(quote), quote)


def test_a_claim_is_supported_by_the_sentence_that_says_it() -> None:
    assert supported("Employees have twenty-eight days of leave [1]. Dinner costs 4.50 euros [2].") == [
        quoting(1, "Every employee has twenty-eight days of leave."),
        quoting(2, "Dinner costs 4.50 euros."),
    ]


def test_offsets_count_code_points_of_the_document() -> None:
    [support] = supported("Leave expires in March [1].")
    assert HITS[0].text[support.start - 1000 : support.end - 1000] == support.quote == "Leave expires in March."
    assert len(LEAVE[: LEAVE.index("Every")]) < len(LEAVE[: LEAVE.index("Every")].encode("utf-16-le")) / 2


@pytest.mark.parametrize(
    "answer",
    [
        "The moon is made of cheese [1].",
        "“Every employee has ninety days of leave” [1].",
        'The handbook says "all staff must leave the building at noon" [1].',
        "Leave is generous [3].",
        "Leave is generous [0].",
        "[1]",
        "Nothing is cited here.",
    ],
)
def test_what_no_source_says_is_no_citation(answer: str) -> None:
    assert supported(answer) == []


def test_a_quotation_must_stand_in_the_source_word_for_word() -> None:
    assert supported("It says “leave  expires in\nMarch” [1].") == [quoting(1, "Leave expires in March.")]
    assert supported("It says “leave expires in April” [1].") == []


def test_of_several_claims_with_one_marker_the_one_that_answers_counts() -> None:
    answer = "Leave expires in March [1]. Every employee has twenty-eight days of leave [1]."
    assert supported(answer, "When does leave expire?") == [quoting(1, "Leave expires in March.")]
    assert supported(answer, "How many days does every employee have?") == [
        quoting(1, "Every employee has twenty-eight days of leave.")
    ]


@pytest.mark.parametrize(
    ("answer", "claims"),
    [
        ("Leave is long [1].", [(1, "Leave is long .")]),
        ("Leave is long. [1]", [(1, "Leave is long.")]),
        ("Leave is **long** [1, 2].", [(1, "Leave is long ."), (2, "Leave is long .")]),
        ("- Leave is long [1]\n- Lunch is free [2]", [(1, "Leave is long"), (2, "Lunch is free")]),
        ("Nothing.", []),
    ],
)
def test_a_marker_belongs_to_its_sentence_or_the_one_before(answer: str, claims: list[tuple[int, str]]) -> None:
    assert list(claims_of(answer)) == claims
