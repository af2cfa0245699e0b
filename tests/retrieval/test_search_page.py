"""The page that searches the text of documents: what it shows of what, to whom."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from pytest_django import Settings
from selectolax.lexbor import LexborHTMLParser as HTMLParser

from tests.documents.indexed import made_index, stocked
from tests.documents.shelves import made
from tests.people import Person
from tests.retrieval.test_filters import SECRET, SHELF
from tests.standins.ollama import EmbedReply, OllamaStandIn

pytestmark = pytest.mark.django_db(transaction=True)

TEXT = "The kiln of “this” <b>workshop</b> is fired on Fridays."


@pytest.fixture(autouse=True)
def shelves(
    ollama: OllamaStandIn, settings: Settings, alice: Person, bob: Person, charlie: Person
) -> OllamaStandIn:
    """Alice's three documents, one that bob does not see, and charlie's."""
    ollama.dimensions = {"old-embed": 12}
    settings.OLLAMA_HOST = ollama.url
    settings.DOCENT_QUESTION_TIMEOUT = 0.5
    for person in (alice, charlie):
        made_index(person)
    for name, fields in SHELF.items():
        stocked(alice, name, [TEXT], **fields)
    stocked(alice, "salaries", [TEXT], collection=made(alice)["id"], **SECRET)
    stocked(charlie, "foreign", [TEXT], tags=["glaze"], language="nl")
    return ollama


def opened(person: Person, query: str = "", *, status: int = 200) -> HTMLParser:
    response = person.client.get(f"/o/{person.slug}/documents/search/?{query}")
    assert response.status_code == status, response.content
    return HTMLParser(response.content.decode())


def titles(page: HTMLParser) -> list[str]:
    return [one.text(strip=True) for one in page.css(".hit-title a")]


def offered(page: HTMLParser, name: str) -> set[str]:
    """What the menu lets one choose."""
    options = page.css(f".find select[name={name}] option")
    return {one.attributes["value"] or "" for one in options} - {""}


def words(page: HTMLParser, selector: str) -> str:
    [found] = page.css(selector)
    return " ".join(found.text().split())


def attribute(page: HTMLParser, selector: str, name: str) -> str | None:
    [found] = page.css(selector)
    return found.attributes[name]


@pytest.mark.parametrize(
    ("query", "of_alice"),
    [
        ("", {"plan", "rules", "notes", "salaries"}),
        ("&tag=kiln", {"plan", "rules", "salaries"}),
        ("&tag=glaze", set()),
        ("&language=fr", {"salaries"}),
        ("&since=2020-01-01&until=2020-01-01", {"rules", "salaries"}),
        ("&since=2020-01-02", {"notes"}),
        ("&until=2019-12-31&mode=lexical", {"plan"}),
        ("&until=9999-12-31", {"plan", "rules", "notes", "salaries"}),
        ("&collection=nonsense", set()),
        ("&mode=magic&n=x", {"plan", "rules", "notes", "salaries"}),
    ],
)
def test_I14_passages_that_fit_and_that_one_sees(
    alice: Person, bob: Person, charlie: Person, query: str, of_alice: set[str]
) -> None:
    for person, expected in ((alice, of_alice), (bob, of_alice - {"salaries"})):
        found = titles(opened(person, f"q=fired+kiln{query}"))
        assert (set(found), len(found)) == (expected, len(expected))
    assert set(titles(opened(charlie, f"q=fired+kiln{query}"))) <= {"foreign"}


def test_I14_menus_offer_what_one_sees(alice: Person, bob: Person, charlie: Person) -> None:
    pages = [opened(person) for person in (alice, bob, charlie)]
    assert [offered(page, "tag") for page in pages] == [{"kiln", "Draft", "pay"}, {"kiln", "Draft"}, {"glaze"}]
    assert [offered(page, "language") for page in pages] == [{"en", "de", "fr"}, {"en", "de"}, {"nl"}]
    assert [len(offered(page, "collection")) for page in pages] == [2, 0, 0]


def test_a_restricted_collection_is_nowhere_to_be_chosen(alice: Person, bob: Person) -> None:
    [shelf] = [
        one["id"]
        for one in alice.api.get("/api/v1/collections/").json()["results"]
        if one["access"]["everyone"] is False
    ]
    assert titles(opened(alice, f"q=kiln&collection={shelf}")) == ["salaries"]
    assert titles(opened(bob, f"q=kiln&collection={shelf}")) == []


def test_a_passage_is_shown_as_it_stands_with_the_questions_words_marked(alice: Person) -> None:
    page = opened(alice, f"q={quote('fires “workshops” & <i>')}&tag=Draft&mode=lexical")
    [text] = page.css(".hit-text")
    assert text.text() == TEXT
    assert [mark.text() for mark in text.css("mark")] == ["workshop", "fired"]
    [link] = page.css(".hit-title a")
    plan = next(
        one
        for one in alice.api.get("/api/v1/documents/").json()["results"]
        if one["name"] == link.text(strip=True)
    )
    assert link.attributes["href"] == f"/o/acme/d/{plan['id']}/v/1/p/1?start=1&end=2"
    page = opened(alice, f"q={quote('kiln -thursday')}&mode=lexical&tag=Draft")
    assert [mark.text() for mark in page.css("mark")] == ["kiln"]


def test_ten_more_at_a_time_up_to_fifty(alice: Person) -> None:
    stocked(alice, "many", [f"Furnace number {number}." for number in range(80)])
    for shown, following in ((10, 20), (20, 30), (40, 50)):
        page = opened(alice, f"q=furnace&mode=lexical&n={shown}")
        assert len(titles(page)) == shown
        link = attribute(page, ".list-turn a", "href")
        assert link == f"?q=furnace&mode=lexical&n={following}#passage-{shown + 1}"
    page = opened(alice, "q=furnace&mode=lexical&n=50")
    assert len(titles(page)) == 50
    assert words(page, ".list-turn") == "These are the best 50. Other words, or a narrower search, show others."
    assert len(titles(opened(alice, "q=furnace&n=5000"))) == 50


def test_before_the_first_search_and_when_nothing_is_found(alice: Person) -> None:
    assert words(opened(alice), ".nothing") == "Find the passage, not just the file."
    page = opened(alice, "q=zeppelin&mode=lexical")
    assert words(page, ".nothing") == "No passage matches. Try other words, or search by meaning."
    page = opened(alice, "q=zeppelin&mode=lexical&tag=kiln")
    assert words(page, ".nothing") == "No passage matches. Search all documents for it"
    assert attribute(page, ".nothing a", "href") == "?q=zeppelin&mode=lexical"


@pytest.mark.parametrize(
    ("query", "status", "told"),
    [
        ("since=2020-02-30", 400, "“2020-02-30” is no date."),
        ("since=2021-01-01&until=2020-01-01", 400, "The first day comes after the last one."),
        ("mode=vector", 503, "The model server is overloaded or failing; try again in a moment."),
    ],
)
def test_what_cannot_be_searched_is_said(
    alice: Person, shelves: OllamaStandIn, query: str, status: int, told: str
) -> None:
    shelves.script_embeddings(EmbedReply(status=503), times=9)
    page = opened(alice, f"q=kiln&{query}", status=status)
    assert words(page, "main [role=alert]") == told
    assert attribute(page, "input[name=q]", "value") == "kiln"
    assert titles(page) == []


def test_without_its_model_it_compares_words_and_says_so(alice: Person, shelves: OllamaStandIn) -> None:
    shelves.script_embeddings(EmbedReply(status=400))
    page = opened(alice, "q=kiln")
    assert len(titles(page)) == 4
    assert "The embedding model is away: only words were compared." in words(page, ".search-count")


def test_strangers_and_people_of_other_organisations_have_no_such_page(alice: Person, charlie: Person) -> None:
    path = f"/o/{alice.slug}/documents/search/?q=kiln"
    foreign: Any = charlie.client.get(path)
    missing: Any = charlie.client.get("/o/nobody/documents/search/?q=kiln")
    assert (foreign.status_code, missing.status_code) == (404, 404)
