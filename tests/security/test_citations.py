"""L4: an answer cites what the server found and checked, whatever the model writes."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.factories import HANDBOOK_PAGES, document_of, ready
from tests.people import Person
from tests.plain import NO_TLS
from tests.processes import LiveServer, Running
from tests.shelving import shelved
from tests.standins.inventing import Inventor
from tests.standins.ollama import OllamaStandIn, Reply

pytestmark = pytest.mark.django_db(transaction=True)

HOLIDAY = HANDBOOK_PAGES[0][1]
QUESTION = "How many days of paid holiday does an employee have?"


def _asked(server: LiveServer, person: Person, question: str = QUESTION) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {person.token}"}
    with httpx.Client(base_url=server.url, headers=headers, timeout=30, trust_env=False, verify=NO_TLS) as http:
        conversation = http.post("/api/v1/conversations/", json={}).json()["id"]
        answer = http.post(f"/api/v1/conversations/{conversation}/messages/", json={"content": question})
    assert answer.status_code == 201, answer.text
    message: dict[str, Any] = answer.json()
    return message


def _marker_of(message: dict[str, Any], page: int) -> int:
    [marker] = [source["marker"] for source in message["sources"] if source["page"] == page]
    return int(marker)


@pytest.fixture
def handbook(alice: Person, worker: Running) -> str:
    return str(shelved(alice)["id"])


@pytest.fixture
def marker(alice: Person, handbook: str, live_server: LiveServer, ollama: OllamaStandIn) -> int:
    """The number under which the model is given the page on holidays."""
    return _marker_of(_asked(live_server, alice), 1)


def test_L4_a_true_statement_is_cited_with_the_sources_own_words(
    alice: Person, handbook: str, marker: int, live_server: LiveServer, ollama: OllamaStandIn
) -> None:
    ollama.script(Reply(text=f"Full-time employees have twenty-eight days of paid holiday [{marker}]."))
    message = _asked(live_server, alice)
    [citation] = message["citations"]
    assert (citation["marker"], citation["document"], citation["page"]) == (marker, handbook, 1)
    assert citation["verified"] is True
    assert citation["quote"] == HOLIDAY
    page = alice.api.get(f"/api/v1/documents/{handbook}/pages/1/").json()
    start, end = citation["start"] - page["start"], citation["end"] - page["start"]
    assert page["text"][start:end] == citation["quote"]


@pytest.mark.parametrize("invented", ["[99]", "[0]", "[99, 100]", "[1000000]"])
def test_L4_a_number_that_is_no_source_disappears(
    alice: Person, marker: int, live_server: LiveServer, ollama: OllamaStandIn, invented: str
) -> None:
    ollama.script(Reply(text=f"Employees have twenty-eight days of paid holiday {invented} [{marker}]."))
    message = _asked(live_server, alice)
    assert [citation["marker"] for citation in message["citations"]] == [marker]
    assert {source["document"] for source in message["sources"]} == {message["citations"][0]["document"]}
    if invented != "[1000000]":  # too long to be a marker: it stays, as text
        assert invented not in message["content"]


@pytest.mark.parametrize(
    "claim",
    [
        "The company was founded on Mars by penguins",
        "The handbook says “every employee may keep a pony in the yard”",
        "It states “twenty-eight days of unpaid holiday a week” for all",
    ],
)
def test_L4_what_the_source_does_not_say_is_no_citation(
    alice: Person, marker: int, live_server: LiveServer, ollama: OllamaStandIn, claim: str
) -> None:
    ollama.script(Reply(text=f"{claim} [{marker}]."))
    message = _asked(live_server, alice)
    assert message["status"] == "finished"
    assert message["citations"] == []


def test_L4_a_document_cannot_be_cited_by_its_id(  # noqa: PLR0917 - fixtures
    alice: Person, charlie: Person, worker: Running, marker: int, live_server: LiveServer, ollama: OllamaStandIn
) -> None:
    foreign = shelved(charlie)["id"]
    assert document_of(charlie, foreign)["status"] == "ready"
    ollama.script(Reply(text=f"See [{foreign}] and [document:{foreign}] and (/o/globex/d/{foreign}/v/1/p/1)."))
    message = _asked(live_server, alice)
    assert message["citations"] == []
    assert foreign not in {source["document"] for source in message["sources"]}
    assert all("/o/acme/" in source["url"] for source in message["sources"])


SUBJECTS = ("pilot station", "cold store", "night ferry", "seed archive", "tram depot", "river gauge")
INVENTED_ANSWERS = 60


LEDGER_ENTRY = (
    "In {year} the {subject} of district {number} recorded revenue of {amount} million, which was {share} per cent"
    " more than planned. Its office was moved to house {house} of the {street} street. The {subject} employed"
    " {people} people, of whom {share} worked at night."
)


def _ledger() -> bytes:
    """Thirty paragraphs of three sentences, enough for a few passages to a question."""
    return "\n\n".join(
        LEDGER_ENTRY.format(
            year=1990 + number,
            number=number,
            subject=SUBJECTS[number % 6],
            street=SUBJECTS[(number + 1) % 6],
            amount=number * 37 + 11.3,
            share=number + 3,
            house=number * 7,
            people=number * 13 + 5,
        )
        for number in range(1, 31)
    ).encode()


def test_L4_of_a_model_that_invents_only_what_stands_in_its_source_is_cited(
    alice: Person, worker: Running, live_server: LiveServer, ollama: OllamaStandIn
) -> None:
    document = ready(alice, "ledger.txt", _ledger())["id"]
    pages = _pages(alice, document)
    ollama.inventor = Inventor(seed=4)
    true: dict[bool, int] = {True: 0, False: 0}
    for number in range(INVENTED_ANSWERS):
        question = f"What revenue did the {SUBJECTS[number % 6]} of district {1 + number % 30} record? ({number})"
        message = _asked(live_server, alice, question)
        assert message["status"] == "finished", (question, message["content"], message["error"])
        sources = {source["marker"]: source for source in message["sources"]}
        for citation in message["citations"]:
            source, page = sources[citation["marker"]], pages[citation["page"]]
            start, end = citation["start"] - page["start"], citation["end"] - page["start"]
            assert citation["verified"] is True
            assert page["text"][start:end] == citation["quote"] != ""
            assert source["start"] <= citation["start"] < citation["end"] <= source["end"]
        statements = ollama.inventor.told[question]
        cited = {citation["marker"] for citation in message["citations"]}
        allowed = {one.marker for one in statements if one.is_true}.union(*(one.elsewhere for one in statements))
        assert cited <= allowed, [one for one in statements if one.marker in cited - allowed]
        for one in statements:
            true[one.is_true and one.marker in cited] += one.is_true
        assert not {"[99]", "[0]", "[97]", "[94]"} & set(message["content"].split())
    assert true[True] > INVENTED_ANSWERS / 2
    assert true[False] == 0


def _pages(person: Person, document: str) -> dict[int, dict[str, Any]]:
    count = document_of(person, document)["pages"]
    return {
        number: person.api.get(f"/api/v1/documents/{document}/pages/{number}/").json()
        for number in range(1, count + 1)
    }
