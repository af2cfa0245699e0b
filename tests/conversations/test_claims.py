"""Which sentence of a source stands behind a marker, and which markers stand behind nothing."""

from __future__ import annotations

from uuid import uuid4

import pytest

from conversations.citing.claims import Support, claims_of, plain_claim, supports_of
from conversations.citing.quotations import quotations_in
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
DAYS = "Every employee has twenty-eight days of leave."


def supported(answer: str, question: str = "How many days of leave?") -> list[Support]:
    return supports_of(question, answer, HITS)


def quoting(marker: int, quote: str) -> Support:
    source = HITS[marker - 1]
    start = source.start + source.text.index(quote)
    return Support(marker, start, start + len(quote), quote)


def test_a_claim_is_supported_by_the_sentence_that_says_it() -> None:
    assert supported("Employees have twenty-eight days of leave [1]. Dinner costs 4.50 euros [2].") == [
        quoting(1, DAYS),
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
        "Employees have twenty-nine days of leave [1].",
        "Leave never expires in March [1].",
        "“Every employee has ninety days of leave” [1].",
        'The handbook says "all staff must leave the building at noon" [1].',
        "«Chaque employé a trente jours de congé» [1].",
        "„Jeder Mitarbeiter hat dreißig Tage Urlaub“ [1].",
        "It says ‘every employee’s leave has ninety days’ [1].",
        "It says “every employee has ninety days of leave [1].",
        "> Every employee has ninety days of leave. [1]",
        "> Every employee has\n> ninety days of leave.\n\n[1]",
        "> Leave expires in March.\n> Leave expires in April. [1]",
        "「每位员工有九十天假期」 [1]",
        "Leave is generous [3].",
        "Leave is generous [0].",
        "Every employee has twenty-eight days of leave 【1】.",
        "Every employee has twenty-eight days of leave ［1］.",
        "Every employee has twenty-eight days of leave (1).",
        "[1]",
        "Nothing is cited here.",
    ],
)
def test_what_no_source_says_is_no_citation(answer: str) -> None:
    assert supported(answer) == []


def test_a_quotation_must_stand_in_the_source_word_for_word() -> None:
    assert supported("It says “leave  expires in\nMarch” [1].") == [quoting(1, "Leave expires in March.")]
    assert supported("It says “leave expires in April” [1].") == []


@pytest.mark.parametrize(
    "answer",
    [
        "It says “every employee has twenty-eight days of leave”.",
        "It says “every employee has twenty-eight days of leave” [2].",
        "> Every employee has twenty-eight days of leave.\n> — Handbook",
        "> “Every employee has twenty-eight days of leave.” [2]",
        "It says „every employee has … days of leave“ [1, 2].",
        "It says 'every employee has twenty-eight days of leave'.",
    ],
)
def test_a_quotation_is_cited_where_it_stands(answer: str) -> None:
    assert supported(answer) == [quoting(1, DAYS)]


def test_a_marker_behind_a_forged_quotation_is_believed_nowhere() -> None:
    assert supported("Leave expires in March [1]. “Every employee has ninety days of leave” [1].") == []
    assert supported("Lunch is free [2]. “Every employee has ninety days of leave” [1].") == [
        quoting(2, "Lunch is free.")
    ]


def test_two_quotations_must_both_stand_there() -> None:
    real, forged = "“every employee has twenty-eight days”", "“nobody has any leave”"
    assert supported(f"It says {real} and then {forged} [1].") == []
    assert supported(f"It says {real} [1].") == [quoting(1, "Every employee has twenty-eight days")]


def test_numbers_beside_a_quotation_stand_in_its_source_too() -> None:
    assert supported("Since 1987 “leave expires in March” [1].") == []
    assert supported("Of twenty-eight days “leave expires in March” [1].") == [
        quoting(1, "Leave expires in March.")
    ]


def test_each_marker_of_a_sentence_stands_behind_what_comes_before_it() -> None:
    both = "Employees have twenty-eight days of leave [1] and dinner costs 4.50 euros [2]."
    assert supported(both) == [quoting(1, DAYS), quoting(2, "Dinner costs 4.50 euros.")]
    swapped = "Employees have 4.50 days of leave [1] and dinner costs twenty-eight euros [2]."
    assert supported(swapped) == []
    assert supported("According to [1], employees have twenty-eight days of leave.") == [quoting(1, DAYS)]
    assert supported("According to [1], employees have thirty days of leave.") == []


def test_of_several_claims_with_one_marker_the_one_that_answers_counts() -> None:
    answer = "Leave expires in March [1]. Every employee has twenty-eight days of leave [1]."
    assert supported(answer, "When does leave expire?") == [quoting(1, "Leave expires in March.")]
    assert supported(answer, "How many days does every employee have?") == [quoting(1, DAYS)]


@pytest.mark.parametrize(
    ("answer", "claims"),
    [
        ("Leave is long [1].", [((1,), "Leave is long .")]),
        ("Leave is long. [1]", [((1,), "Leave is long.")]),
        ("Leave is **long** [1, 2].", [((1, 2), "Leave is long .")]),
        ("Leave is long [1][2] and [3].", [((1, 2, 3), "Leave is long and .")]),
        ("Leave is long [1], lunch free [2].", [((1,), "Leave is long"), ((2,), ", lunch free .")]),
        ("- Leave is long [1]\n- Lunch is free [2]", [((1,), "Leave is long"), ((2,), "Lunch is free")]),
        ("Leave is long. [1] Lunch is free. [2]", [((1,), "Leave is long."), ((2,), "Lunch is free.")]),
        ("Leave is long. [1][2] Lunch is free.", [((1, 2), "Leave is long.")]),
        ("[1] Leave is long. [2] Lunch is free.", [((1,), "Leave is long."), ((2,), "Lunch is free.")]),
        ("Leave is long.\n[1] Lunch is free.", [((1,), "Lunch is free.")]),
        ("- Leave is long [2]\n- [1] Lunch is free", [((2,), "Leave is long"), ((1,), "Lunch is free")]),
        ("Leave is long [2]. [1] Lunch is free.", [((2,), "Leave is long ."), ((1,), "Lunch is free.")]),
        ("Nothing.", []),
    ],
)
def test_a_marker_belongs_to_its_sentence_or_the_one_before(
    answer: str, claims: list[tuple[tuple[int, ...], str]]
) -> None:
    assert [(said.numbers, said.claim.text) for said in claims_of(answer)] == claims


@pytest.mark.parametrize(
    ("markdown", "plain"),
    [
        ("- **Revenue** rose [1, 2].", "Revenue rose ."),
        ("> 1. `Costs` fell\\. [3]", "1. Costs fell."),
        ("## Title", "Title"),
        ("a\\*b", "a*b"),
    ],
)
def test_a_claim_is_read_without_its_signs(markdown: str, plain: str) -> None:
    assert plain_claim(markdown) == plain


@pytest.mark.parametrize(
    ("markdown", "quotations"),
    [
        ("He said “one two three” and “four”.", ["one two three"]),
        ('A "b c d e" f', ["b c d e"]),
        ("It's the dogs' turn and the cats' too", []),
        ('The pipes are 5" and 6" wide', []),
        ("‘it’s the dog’s turn’ he said", ["it’s the dog’s turn"]),
        ("> a b c\n> d\n\ntext", ["a b c\nd"]),
        ("> “a b c d”\n> — Report", ["a b c d"]),
        ("An “open end here\n\nnext paragraph", ["open end here"]),
        ("「这是引文内容」", ["这是引文内容"]),
    ],
)
def test_quotations_are_known_by_their_marks(markdown: str, quotations: list[str]) -> None:
    assert [one.text.strip() for one in quotations_in(markdown)] == quotations
