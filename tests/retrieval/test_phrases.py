"""Exact words in searches by words alone."""

from __future__ import annotations

from typing import Any

import pytest

from retrieval.exact_phrases import MAX_PHRASES, exact_words
from retrieval.filters import narrowed
from retrieval.types import Scope
from tests.documents.indexed import made_index, stocked
from tests.people import Person

pytestmark = pytest.mark.django_db(transaction=True)

TEXTS = {
    "night": "The night train to Vienna is refunded.",
    "train": "A train at night is not refunded, and no night passes without one.",
    "winter": "In winter the night trains have a sleeping car.",
    "lunch": "Lunch on the train is free.",
}


@pytest.fixture
def stock(alice: Person, bob: Person, charlie: Person) -> None:
    for person in (alice, charlie):
        made_index(person)
    for name, text in TEXTS.items():
        stocked(alice, name, [text])
    stocked(charlie, "night", [TEXTS["night"]])


def found(person: Person, query: str, mode: str = "lexical", **options: Any) -> list[str]:
    response = person.api.post("/api/v1/search/", {"query": query, "mode": mode, "top_k": 50, **options})
    assert response.status_code == 200, response.content
    return [hit["name"] for hit in response.json()["results"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("night train", {"night", "train", "winter", "lunch"}),
        ('"night train"', {"night", "winter"}),
        ("„night train“", {"night", "winter"}),
        ("«night trains»", {"night", "winter"}),
        ('"night train" refunds', {"night", "winter"}),
        ('"night train" "sleeping car"', {"winter"}),
        ('"train at night"', {"train"}),
        ('"train to night"', {"train"}),
        ('"night train night"', set()),
        ("night train -refunded", {"winter", "lunch"}),
        ('train -"night train"', {"train", "lunch"}),
        ('"night train" -winter', {"night"}),
        ("night-train - winter", {"night", "train", "winter", "lunch"}),
        ('"the" train', {"night", "train", "winter", "lunch"}),
        ('"" train', {"night", "train", "winter", "lunch"}),
        ('"night train', {"night", "train", "winter", "lunch"}),
        ("-train", set()),
        ("-the train", {"night", "train", "winter", "lunch"}),
        ('"night\' OR 1=1 --"', set()),
        ("100% train", {"night", "train", "winter", "lunch"}),
    ],
)
def test_quoted_words_must_stand_there_and_others_must_not(  # noqa: PLR0917
    alice: Person, bob: Person, charlie: Person, stock: None, query: str, expected: set[str]
) -> None:
    for person in (alice, bob):
        names = found(person, query)
        assert (set(names), len(names)) == (expected, len(expected))
    assert set(found(charlie, query)) == expected & {"night"}


def test_exact_words_go_together_with_filters(alice: Person, stock: None) -> None:
    assert found(alice, '"night train"', tags=["none"]) == []
    assert set(found(alice, '"night train"', after="2020-01-01")) == {"night", "winter"}


def test_what_is_excluded_is_no_part_of_the_question() -> None:
    question, scope = exact_words('a "b c" -d -"e f" g-h', Scope(tags=("t",)))
    assert question.split() == ["a", "b", "c", "g-h"]
    assert scope == Scope(tags=("t",), phrases=("b c",), without=("d", "e f"))


def test_a_question_of_nothing_but_quotations_makes_no_endless_condition() -> None:
    _, scope = exact_words('"kiln" ' * 4_000, Scope())
    assert len(scope.phrases) == MAX_PHRASES
    assert len(narrowed(scope)[1]) == MAX_PHRASES
