"""Rows I4 and I11: searches find nothing of another organisation's, and nothing of it shows in what they say."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import ready
from tests.people import Person
from tests.processes import Running

pytestmark = pytest.mark.django_db(transaction=True)

MODES = ("hybrid", "vector", "lexical")
QUESTIONS = ("Which oven fires the blue glaze?", "Zanfor 4711", "How many ovens are there?")
OWN = b"The blue glaze is fired in oven Zanfor 4711.\n\nThe yard has four ovens, and a kiln for small pieces."
COPIES = 12


def answers(person: Person) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Everything that every kind of search says, by mode and question."""
    found = {}
    for mode in MODES:
        for question in QUESTIONS:
            response = person.api.post("/api/v1/search/", {"query": question, "mode": mode, "top_k": 50})
            assert response.status_code == 200, response.content
            found[mode, question] = list(response.json()["results"])
    return found


def documents_in(found: dict[tuple[str, str], list[dict[str, Any]]], mode: str) -> set[str]:
    return {hit["document"] for (one, _question), hits in found.items() if one == mode for hit in hits}


def test_I4_no_kind_of_search_finds_another_organisations_words(
    alice: Person, charlie: Person, worker: Running
) -> None:
    own = ready(alice, "ovens.txt", OWN)["id"]
    foreign = ready(charlie, "theirs.txt", OWN)["id"]
    for person, expected in ((alice, own), (charlie, foreign)):
        found = answers(person)
        assert {mode: documents_in(found, mode) for mode in MODES} == {mode: {expected} for mode in MODES}


def test_I11_no_score_changes_with_what_another_organisation_uploads(
    alice: Person, bob: Person, charlie: Person, worker: Running
) -> None:
    """The same words many times over, which would make them common, and those of the question, near in meaning."""
    ready(alice, "ovens.txt", OWN)
    ready(alice, "yard.txt", b"Deliveries to the yard come through the east gate before noon.")
    before = {person.slug + str(person.user.pk): answers(person) for person in (alice, bob)}
    assert all(hits for hits in before[alice.slug + str(alice.user.pk)].values())
    for number in range(COPIES):
        text = OWN + b"\n\n" + "\n\n".join(f"{one} Copy {number}." for one in QUESTIONS).encode()
        ready(charlie, f"copy-{number}.txt", text)
    assert {person.slug + str(person.user.pk): answers(person) for person in (alice, bob)} == before
    assert len(documents_in(answers(charlie), "lexical")) == COPIES, "they are found where they belong"
