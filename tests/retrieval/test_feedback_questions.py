"""Questions that people rated become a set, which is theirs to take back and to have erased."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from retrieval.evaluation.cases import Case
from retrieval.models import Question
from retrieval.services.question_sets import add_question, create_question_set, withdraw_question
from tenants.db import tenant_atomic
from tenants.errors import InvalidInput
from tenants.registry import on_person_erased
from tests.people import Person

pytestmark = pytest.mark.django_db(transaction=True)

SETS = "/api/v1/evaluations/sets/"


def sets(person: Person) -> list[tuple[str, int, bool]]:
    listed = person.full_api.get(SETS).json()["results"]
    return [(one["name"], one["questions"], one["collects_feedback"]) for one in listed]


def questions(person: Person) -> list[dict[str, Any]]:
    [one] = [one for one in person.full_api.get(SETS).json()["results"] if one["collects_feedback"]]
    return list(person.full_api.get(f"{SETS}{one['id']}/questions/").json()["results"])


def test_what_people_rate_is_collected_for_admins_of_their_organisation(
    alice: Person, bob: Person, dana: Person, charlie: Person
) -> None:
    add_question(access=bob.access, text="Who pays?", key="m1", document="plan.pdf", pages=[4, 2])
    add_question(access=dana.access, text="When?", key="m1", is_answerable=False)
    assert sets(alice) == [("Feedback", 2, True)]
    assert sets(charlie) == []
    first, second = questions(alice)
    assert (first["question"], first["document"], first["pages"], first["origin"]) == (
        "Who pays?", "plan.pdf", [2, 4], "feedback",
    )  # fmt: skip
    assert (second["question"], second["answerable"], second["number"]) == ("When?", False, 2)


def test_another_rating_changes_it_and_none_takes_it_back(alice: Person, bob: Person, dana: Person) -> None:
    for access in (bob.access, dana.access):
        add_question(access=access, text="Who pays?", key="m1")
    add_question(access=bob.access, text="Who pays?", key="m1", is_answerable=False)
    assert [one["answerable"] for one in questions(alice)] == [False, True]
    assert withdraw_question(access=bob.access, key="m1") is True
    assert withdraw_question(access=bob.access, key="m1") is False
    assert [one["answerable"] for one in questions(alice)] == [True], "the other person's stays"
    with pytest.raises(InvalidInput):
        add_question(access=bob.access, text=" ", key="m2")


def test_a_set_of_that_name_is_left_alone(alice: Person, bob: Person) -> None:
    create_question_set(access=alice.access, name="Feedback", cases=[Case(key="1", text="Who?")])
    add_question(access=bob.access, text="Who pays?", key="m1")
    assert sets(alice) == [("Feedback 2", 1, True), ("Feedback", 1, False)]


def test_P2_what_a_person_asked_goes_with_them_and_what_they_made_stays_without(
    alice: Person, adam: Person, bob: Person
) -> None:
    create_question_set(access=adam.access, name="Exam", cases=[Case(key="1", text="Who?")])
    for person in (adam, bob):
        add_question(access=person.access, text=f"{person.user.name} asks", key=person.user.name)
    removed: Counter[str] = Counter()
    with tenant_atomic(alice.access.tenant_id):
        on_person_erased.call(adam.user.pk, removed)
        kept = list(Question.objects.order_by("text").values_list("text", "created_by_id"))
    assert kept == [("Bob asks", bob.user.pk), ("Who?", None)]
    assert {table: number for table, number in removed.items() if table.startswith("retrieval_") and number} == {
        "retrieval_question": 1,
        "retrieval_question.created_by_id": 1,
        "retrieval_questionset.created_by_id": 1,
    }
    assert alice.full_api.get(SETS).json()["results"][1]["created_by"] is None
