"""The option of a re-ranking model: what it changes, what it is told, and that its failures change nothing."""

from __future__ import annotations

import asyncio
import io
import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection
from pytest_django import Settings

from conversations.answering.evidence import Question
from conversations.answering.pipeline import Outcome, answer
from conversations.events import SourcesFound
from conversations.models import Mode as AnswerMode
from documents.masking import MaskingRules
from documents.services.masking import set_masking_policy
from retrieval.search import search
from retrieval.types import Scope
from tenants.access import Access
from tenants.db import tenant_atomic
from tests.documents.indexed import made_index, stocked
from tests.documents.shelves import made
from tests.people import Person
from tests.standins.ollama import OllamaStandIn
from tests.standins.rerank import RerankReply, RerankStandIn

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/api/v1/search/"
QUERY = "Which kiln is fired on Fridays?"
# The nearest first, by the words that the stand-in's vectors are made of.
TEXTS = [QUERY, *(f"Which kiln is fired on day {number}? {'Note. ' * number}" for number in range(1, 30))]
KEY = "a-secret-key"


@pytest.fixture
def server() -> Iterator[RerankStandIn]:
    with RerankStandIn() as running:
        yield running


@pytest.fixture(autouse=True)
def stock(ollama: OllamaStandIn, settings: Settings, alice: Person, bob: Person, charlie: Person) -> None:
    """Thirty pages at alice's, one more that bob does not see, one at charlie's."""
    ollama.dimensions = {"old-embed": 64}
    settings.DOCENT_OPENAI_BASE_URL = f"{ollama.url}/v1"
    for person in (alice, charlie):
        made_index(person, "openai/old-embed", dimensions=64)
    stocked(alice, "kilns.txt", TEXTS)
    stocked(alice, "secret.txt", ["Which kiln is secret?"], collection=made(alice)["id"])
    stocked(charlie, "foreign.txt", ["Which kiln is foreign?"])


@pytest.fixture
def set_up(server: RerankStandIn, settings: Settings) -> RerankStandIn:
    settings.DOCENT_RERANK_URL = server.url
    settings.DOCENT_RERANK_MODEL = "judge-v2"
    settings.DOCENT_RERANK_API_KEY = KEY
    settings.DOCENT_RERANK_TIMEOUT = 2.0
    return server


def hits(person: Person, **options: Any) -> list[dict[str, Any]]:
    response = person.api.post(PATH, {"query": QUERY, **options})
    assert response.status_code == 200, response.content
    return list(response.json()["results"])


def texts(person: Person, **options: Any) -> list[str]:
    return [hit["text"] for hit in hits(person, **options)]


def test_without_an_address_nobody_is_asked(alice: Person, server: RerankStandIn) -> None:
    assert len(hits(alice)) == 10
    assert server.requests == []


def test_the_first_twenty_come_in_the_order_of_their_relevance(
    alice: Person, set_up: RerankStandIn, settings: Settings
) -> None:
    settings.DOCENT_RERANK_URL = ""
    before = texts(alice, top_k=20)
    settings.DOCENT_RERANK_URL = set_up.url
    set_up.prefer = before[19]
    found = hits(alice, top_k=5)
    assert (len(found), found[0]["text"], found[0]["score"]) == (5, before[19], 0.99)
    assert [hit["score"] for hit in found] == sorted((hit["score"] for hit in found), reverse=True)
    [request] = set_up.requests
    assert request["documents"] == [f"{'secret.txt' if 'secret' in one else 'kilns.txt'}\n{one}" for one in before]
    assert (request["query"], request["model"], request["top_n"]) == (QUERY, "judge-v2", 20)
    assert set_up.keys == [f"Bearer {KEY}"]


def test_all_that_is_asked_for_is_re_ranked_and_how_many_candidates_is_a_setting(
    alice: Person, set_up: RerankStandIn, settings: Settings
) -> None:
    settings.DOCENT_RERANK_CANDIDATES = 7
    assert len(hits(alice, top_k=3)) == 3
    assert len(hits(alice, top_k=25)) == 25
    assert [len(request["documents"]) for request in set_up.requests] == [7, 25]


@pytest.mark.parametrize("mode", ["vector", "lexical"])
def test_only_what_was_fused_is_re_ranked(alice: Person, set_up: RerankStandIn, mode: str) -> None:
    assert len(hits(alice, mode=mode)) == 10
    assert set_up.requests == []


def test_nothing_found_is_nothing_to_ask(alice: Person, set_up: RerankStandIn) -> None:
    assert hits(alice, tags=["nobody's"]) == []
    assert set_up.requests == []


@pytest.mark.parametrize(
    "reply",
    [
        RerankReply(500),
        RerankReply(401),
        *(
            RerankReply(fault=fault)
            for fault in ("hang", "not_json", "one_too_few", "out_of_range", "not_a_number")
        ),
    ],
    ids=str,
)
def test_a_failing_server_changes_nothing_and_the_log_says_so(
    alice: Person, set_up: RerankStandIn, settings: Settings, reply: RerankReply, caplog: pytest.LogCaptureFixture
) -> None:
    settings.DOCENT_RERANK_URL = ""
    before = hits(alice)
    settings.DOCENT_RERANK_URL, settings.DOCENT_RERANK_TIMEOUT = set_up.url, 1.0
    set_up.script(reply, times=2)
    begun = time.monotonic()
    with caplog.at_level(logging.DEBUG):
        assert hits(alice) == before
    assert time.monotonic() - begun < 3
    assert "Passages keep the order in which they were found" in caplog.text
    for secret in (KEY, set_up.url, "10.0.0.7"):
        assert secret not in "".join(record.getMessage() for record in caplog.records if record.name != "httpcore")


def test_a_server_that_goes_on_failing_is_left_alone_for_a_while(alice: Person, set_up: RerankStandIn) -> None:
    set_up.script(RerankReply(fault="garbage"), times=20)
    for _ in range(5):
        assert len(hits(alice)) == 10
    assert len(set_up.requests) == 3


def test_nobody_waits_and_no_connection_is_held_while_it_hangs(
    alice: Person, set_up: RerankStandIn, settings: Settings, admin_connection: psycopg.Connection
) -> None:
    settings.DOCENT_RERANK_TIMEOUT = 20.0
    set_up.script(RerankReply(fault="hang"), times=2)
    open_units = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE usename = 'docent_app' AND datname = %s AND state LIKE 'idle in transaction%%'"
    )
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(search, alice.access, QUERY, top_k=10)
        assert set_up.wait_requests(10)
        row = admin_connection.execute(open_units, [connection.settings_dict["NAME"]]).fetchone()
        assert row == (0,)
        assert not waiting.done()
        set_up.release()
        assert len(waiting.result(20).hits) == 10


def test_others_are_served_by_the_same_loop_while_one_waits(
    alice: Person, set_up: RerankStandIn, settings: Settings
) -> None:
    settings.DOCENT_RERANK_TIMEOUT = 6.0
    set_up.script(RerankReply(fault="hang"))

    access = alice.access

    async def race() -> tuple[float, int]:
        begun = time.monotonic()
        first = asyncio.create_task(_told(access, Outcome()))
        await asyncio.to_thread(set_up.wait_requests, 10)
        await _told(access, Outcome())
        took = time.monotonic() - begun
        set_up.release()
        return took, len(await first)

    took, count = asyncio.run(race())
    assert took < 5
    assert count == 7


def test_an_answer_is_given_what_came_out_on_top_and_its_trace_says_so(
    alice: Person, set_up: RerankStandIn
) -> None:
    set_up.prefer = "day 17"
    outcome = Outcome()
    sources = asyncio.run(_told(alice.access, outcome))
    assert len(sources) == 7
    assert sources[0] == TEXTS[17]
    assert [hit.text for hit in outcome.hits] == sources
    assert 0 < outcome.timings["rerank"] < outcome.timings["search"]
    found = search(alice.access, QUERY, top_k=7)
    assert found.reranking is not None
    assert (found.reranking.model, found.reranking.passages, found.reranking.failure) == ("judge-v2", 20, "")
    assert found.shortlist is not None
    assert [hit.text for hit in found.hits] == [
        found.shortlist.hits[place - 1].text for place in found.reranking.places
    ]


def test_a_failure_is_said_in_the_trace_and_on_the_command_line_alone(
    alice: Person, set_up: RerankStandIn
) -> None:
    set_up.script(RerankReply(fault="garbage"), times=3)
    found = search(alice.access, QUERY, top_k=7)
    assert found.reranking is not None
    assert found.reranking.failure == "The model server sent something that is not the protocol of re-ranking."
    assert found.reranking.places == ()
    assert len(asyncio.run(_told(alice.access, Outcome()))) == 7
    output, errors = io.StringIO(), io.StringIO()
    call_command("search", QUERY, tenant="acme", stdout=output, stderr=errors)
    assert errors.getvalue() == f"{found.reranking.failure} The passages were not re-ranked.\n"
    assert TEXTS[0] in output.getvalue()


def test_I4_it_is_sent_what_the_asker_sees_and_no_more(
    alice: Person, bob: Person, charlie: Person, set_up: RerankStandIn
) -> None:
    own = {f"kilns.txt\n{text}" for text in TEXTS}
    secret, foreign = "secret.txt\nWhich kiln is secret?", "foreign.txt\nWhich kiln is foreign?"
    for person, expected in ((alice, own | {secret}), (bob, own), (charlie, {foreign})):
        set_up.requests.clear()
        hits(person, top_k=50)
        [request] = set_up.requests
        assert set(request["documents"]) == expected


def test_titles_are_masked_as_for_any_model(alice: Person, charlie: Person, set_up: RerankStandIn) -> None:
    address = "ann@acme.example"
    with tenant_atomic(alice.access.tenant_id):
        set_masking_policy(access=alice.access, rules=MaskingRules(emails=True))
    stocked(alice, f"To {address}", ["Which kiln is whose?"])
    found = hits(alice, top_k=50)
    assert f"To {address}" in {hit["title"] for hit in found}
    [request] = set_up.requests
    assert address not in str(request)
    assert f"To {'•' * len(address)}\nWhich kiln is whose?" in request["documents"]


async def _told(access: Access, outcome: Outcome) -> list[str]:
    """Names and texts of the sources of an answer."""
    asked = Question(
        access=access,
        conversation_id=uuid4(),
        message_id=uuid4(),
        text=QUERY,
        mode=AnswerMode.GROUNDED,
        scope=Scope(),
    )
    events = [event async for event in answer(asked, outcome)]
    [found] = [event for event in events if isinstance(event, SourcesFound)]
    return [item["text"] for item in found.items]
