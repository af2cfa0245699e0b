"""Searches narrowed by tag, language and date: exactly what fits, of what the person sees."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from retrieval.search import search
from retrieval.types import Mode, Scope
from tests.documents.indexed import made_index, stocked
from tests.documents.shelves import made
from tests.people import ApiClient, Person
from tests.refusals import pointers, refusal
from tests.standins.ollama import OllamaStandIn

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/api/v1/search/"
QUERY = "Which kiln is fired on Fridays?"
TEXT = "The kiln of this workshop is fired on Fridays."


def moment(year: int, month: int = 1, day: int = 1) -> datetime:
    return datetime(year, month, day, tzinfo=UTC)


# By their names what the documents are: tags, language, the file's own date, and when they were added.
SHELF: dict[str, dict[str, Any]] = {
    "plan": {"tags": ["kiln", "Draft"], "language": "en", "dated_at": moment(2019), "created_at": moment(2024)},
    "rules": {"tags": ["kiln"], "language": "de", "dated_at": None, "created_at": moment(2020)},
    "notes": {"tags": [], "language": "", "dated_at": moment(2021, 6), "created_at": moment(2018)},
}
SECRET = {"tags": ["kiln", "pay"], "language": "fr", "dated_at": moment(2020), "created_at": moment(2020)}


@pytest.fixture(autouse=True)
def shelves(ollama: OllamaStandIn, settings: Settings, alice: Person, bob: Person, charlie: Person) -> None:
    """Alice's three documents, one that bob does not see, and the same words and tags at charlie's."""
    ollama.dimensions = {"old-embed": 12}
    settings.OLLAMA_HOST = ollama.url
    for person in (alice, charlie):
        made_index(person)
    for name, fields in SHELF.items():
        stocked(alice, name, [TEXT], **fields)
    stocked(alice, "salaries", [TEXT], collection=made(alice)["id"], **SECRET)
    stocked(charlie, "foreign", [TEXT], **{**SHELF["plan"], "tags": ["kiln", "glaze"]})


def names(api: ApiClient, **options: Any) -> set[str]:
    """Of the documents found; each once."""
    response = api.post(PATH, {"query": QUERY, "top_k": 50, **options})
    assert response.status_code == 200, response.content
    found = [hit["name"] for hit in response.json()["results"]]
    assert len(found) == len(set(found))
    return set(found)


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize(
    ("options", "of_alice", "of_charlie"),
    [
        ({}, {"plan", "rules", "notes", "salaries"}, {"foreign"}),
        ({"tags": ["kiln"]}, {"plan", "rules", "salaries"}, {"foreign"}),
        ({"tags": ["Draft", "pay"]}, {"plan", "salaries"}, set()),
        ({"tags": ["draft"]}, set(), set()),
        ({"tags": ["glaze"]}, set(), {"foreign"}),
        ({"tags": ["nobody's"]}, set(), set()),
        ({"tags": []}, set(), set()),
        ({"languages": ["en"]}, {"plan"}, {"foreign"}),
        ({"languages": ["de", "FR"]}, {"rules", "salaries"}, set()),
        ({"languages": []}, set(), set()),
        ({"after": "2020-01-01"}, {"rules", "notes", "salaries"}, set()),
        ({"after": "2020-01-01T00:00:01Z"}, {"notes"}, set()),
        ({"before": "2020-01-01T00:00:00Z"}, {"plan"}, {"foreign"}),
        ({"before": "2020-01-01T01:00:00+01:00"}, {"plan"}, {"foreign"}),
        ({"after": "2020-01-01", "before": "2021-01-01"}, {"rules", "salaries"}, set()),
        ({"after": "2021-01-01", "before": "2020-01-01"}, set(), set()),
        ({"tags": ["kiln"], "languages": ["de", "en"], "after": "2019-06-01"}, {"rules"}, set()),
    ],
)
def test_each_filter_finds_exactly_what_fits(  # noqa: PLR0917
    alice: Person, bob: Person, charlie: Person, mode: Mode, options: Any, of_alice: Any, of_charlie: Any
) -> None:
    assert names(alice.api, mode=mode, **options) == of_alice
    assert names(bob.api, mode=mode, **options) == of_alice - {"salaries"}
    assert names(charlie.api, mode=mode, **options) == of_charlie


def test_filters_go_together_with_collections_and_documents(alice: Person) -> None:
    listed = alice.api.get("/api/v1/documents/").json()["results"]
    ids = {one["name"]: one["id"] for one in listed}
    shelf = {one["name"]: one["collection"] for one in listed}
    assert names(alice.api, documents=[ids["plan"], ids["notes"]], tags=["kiln"]) == {"plan"}
    assert names(alice.api, collections=[shelf["salaries"]], tags=["kiln"]) == {"salaries"}
    assert names(alice.api, collections=[shelf["salaries"]], tags=["Draft"]) == set()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"after": "yesterday"}, [("/after", "invalid")]),
        ({"before": "2020-13-01"}, [("/before", "invalid")]),
        ({"before": None}, [("/before", "null")]),
        ({"tags": "kiln"}, [("/tags", "not_a_list")]),
        ({"tags": [""]}, [("/tags/0", "blank")]),
        ({"tags": ["a\x00b"]}, [("/tags/0", "null_characters_not_allowed")]),
        ({"tags": ["kiln"] * 51}, [("/tags", "max_length")]),
        ({"languages": ["english"]}, [("/languages/0", "max_length")]),
        ({"tag": "kiln"}, [("/tag", "unknown_field")]),
    ],
)
def test_what_is_no_filter_is_refused_with_a_pointer(alice: Person, options: Any, expected: Any) -> None:
    assert pointers(alice.api.post(PATH, {"query": QUERY, **options})) == expected


def test_a_limited_token_finds_by_tag_in_its_collections_alone(alice: Person) -> None:
    listed = alice.api.get("/api/v1/documents/").json()["results"]
    [shelf] = [one["collection"] for one in listed if one["name"] == "salaries"]
    limited = replace(alice.access, collections=frozenset({UUID(shelf)}))
    for mode in Mode:
        hits = search(limited, QUERY, top_k=50, scope=Scope(tags=("kiln", "Draft")), mode=mode).hits
        assert [hit.name for hit in hits] == ["salaries"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--tag", "Draft", "--tag", "pay"], {"plan", "salaries"}),
        (["--language", "de"], {"rules"}),
        (["--after", "2020-01-01", "--before", "2020-01-02T00:00:00+00:00"], {"rules", "salaries"}),
        (["--mode", "lexical", "--tag", "nothing"], set()),
        (["--mode", "vector", "--language", "de", "--language", "en"], {"plan", "rules"}),
    ],
)
def test_the_command_line_has_the_same_filters(arguments: list[str], expected: set[str]) -> None:
    output = io.StringIO()
    call_command("search", QUERY, "--tenant", "acme", "--json", *arguments, stdout=output)
    assert {hit["title"] for hit in json.loads(output.getvalue())} == expected


def test_the_command_line_says_what_is_no_date() -> None:
    with pytest.raises(CommandError) as error:
        call_command("search", QUERY, "--tenant", "acme", "--after", "soon")
    assert str(error.value) == "“soon” is no date: write it as 2024-12-31, or with a time."


def test_a_filter_needs_the_same_rights(charlie: Person) -> None:
    assert refusal(ApiClient("dct_nobody").post(PATH, {"query": QUERY, "tags": ["kiln"]}))[0] == 401
