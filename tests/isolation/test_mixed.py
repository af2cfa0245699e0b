"""Two organisations with the same documents, asked in a jumble over every door at once.

The documents differ in one word alone, which stands in each of their sentences: what an answer, a prompt or a
log holds of the other organisation's copy, shows. `DOCENT_MIXED_QUESTIONS` says how many questions; the run of
`make test` asks fewer than the full thousand.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets.asyncio.client

from tenants.models import User
from tenants.permissions import Role
from tenants.services.members import add_member
from tests.factories import processed
from tests.people import Person, person_of
from tests.plain import NO_TLS
from tests.processes import LiveServer, Running
from tests.standins.ollama import OllamaStandIn

pytestmark = pytest.mark.django_db(transaction=True)

QUESTIONS = int(os.environ.get("DOCENT_MIXED_QUESTIONS", "160"))

CANARIES = {"acme": "quillfeather", "globex": "brambletoast"}
# A sentence of every copy, and what is asked about it.
_TOPICS = {
    "Night shifts on the {canary} line end at six and are paid with a quarter on top.": (
        "When do the night shifts end and how are they paid?"
    ),
    "The ferry to the {canary} island leaves from the second pier every forty minutes.": (
        "From which pier does the ferry to the island leave?"
    ),
    "Broken lamps of the {canary} hall are reported to the caretaker before noon.": (
        "To whom are broken lamps of the hall reported?"
    ),
    "Visitors of the {canary} workshop wear a green badge and are met at the gate.": (
        "Which badge do visitors of the workshop wear?"
    ),
    "The archive keeps {canary} ledgers for eleven years and then has them pulped.": (
        "For how many years does the archive keep ledgers?"
    ),
    "Bicycles for the {canary} round are borrowed at the lodge against a signature.": (
        "Where are bicycles for the round borrowed?"
    ),
    "The kitchen serves {canary} soup on Thursdays and closes at half past two.": (
        "When does the kitchen serve soup and when does it close?"
    ),
    "Parking beside the {canary} barn is free for whoever shares the ride.": (
        "For whom is parking beside the barn free?"
    ),
}


@dataclass(slots=True)
class Exchange:
    """A question and all that came back, as it stood on the wire."""

    slug: str
    received: str = ""


@dataclass(slots=True)
class Asker:
    """Asks its organisation one question after another over one door."""

    person: Person
    server: LiveServer
    numbers: Iterator[int]
    exchanges: dict[int, Exchange] = field(default_factory=dict)

    def question(self) -> tuple[int, str]:
        number = next(self.numbers)
        self.exchanges[number] = Exchange(self.person.slug)
        asked = list(_TOPICS.values())[number % len(_TOPICS)]
        return number, f"{asked} ({number})"

    async def over_query(self, count: int) -> None:
        async with self._http() as http:
            for _ in range(count):
                number, text = self.question()
                response = await http.post("/api/v1/query/", json={"query": text})
                self.exchanges[number].received = _accepted(response)

    async def over_events(self, count: int) -> None:
        async with self._http() as http:
            conversation = json.loads(_accepted(await http.post("/api/v1/conversations/", json={})))["id"]
            for _ in range(count):
                number, text = self.question()
                response = await http.post(
                    f"/api/v1/conversations/{conversation}/messages/",
                    json={"content": text},
                    headers={"Accept": "text/event-stream"},
                )
                self.exchanges[number].received = _accepted(response)

    async def over_bearer_socket(self, count: int) -> None:
        await self._over_socket(count, {"Authorization": f"Bearer {self.person.token}"}, None)

    async def over_cookie_socket(self, count: int) -> None:
        cookie = f"sessionid={self.person.client.cookies['sessionid'].value}"
        await self._over_socket(count, {"Cookie": cookie}, self.server.url)

    async def _over_socket(self, count: int, headers: dict[str, str], origin: str | None) -> None:
        async with self._http() as http:
            conversation = json.loads(_accepted(await http.post("/api/v1/conversations/", json={})))["id"]
        url = f"{self.server.ws_url}/o/{self.person.slug}/ws/conversations/{conversation}/"
        options: Any = {"additional_headers": headers, "origin": origin, "proxy": None}
        async with websockets.asyncio.client.connect(url, **options) as socket:
            for _ in range(count):
                number, text = self.question()
                await socket.send(json.dumps({"type": "ask", "content": text}))
                frames: list[str] = []
                async with asyncio.timeout(60):
                    while not frames or json.loads(frames[-1])["type"] not in {"finished", "failed"}:
                        frames.append(str(await socket.recv()))
                self.exchanges[number].received = "\n".join(frames)

    @asynccontextmanager
    async def _http(self) -> AsyncIterator[httpx.AsyncClient]:
        headers = {"Authorization": f"Bearer {self.person.token}"}
        async with httpx.AsyncClient(base_url=self.server.url, headers=headers, timeout=60, verify=NO_TLS) as http:
            yield http


def _accepted(response: httpx.Response) -> str:
    assert response.is_success, response.text
    return response.text


@pytest.fixture
def traveller(alice: Person, charlie: Person) -> dict[str, Person]:
    """One person who belongs to both, with one session."""
    user = User.objects.create_user(email="erin@example.org", password="a-long-password")
    for person in (alice, charlie):
        add_member(access=person.access, user=user, role=Role.VIEWER)
    both = {person.slug: person_of(user, person.slug) for person in (alice, charlie)}
    both["globex"].client = both["acme"].client
    return both


@pytest.fixture
def twins(alice: Person, charlie: Person, worker: Running) -> dict[str, set[str]]:
    """The ids of each organisation's copies."""
    documents: dict[str, set[str]] = {}
    for person in (alice, charlie):
        canary = CANARIES[person.slug]
        sentences = [sentence.format(canary=canary).encode() for sentence in _TOPICS]
        sent = person.api.upload(*((f"rules-{number}.txt", text) for number, text in enumerate(sentences)))
        documents[person.slug] = {result["id"] for result in sent.json()["results"]}
    for person in (alice, charlie):
        statuses = {processed(person, document)["status"] for document in documents[person.slug]}
        assert statuses == {"ready"}
    return documents


async def test_I4_a_jumble_of_questions_crosses_nothing(  # noqa: PLR0917 - fixtures
    alice: Person,
    charlie: Person,
    traveller: dict[str, Person],
    twins: dict[str, set[str]],
    live_server: LiveServer,
    ollama: OllamaStandIn,
    worker: Running,
) -> None:
    numbers = itertools.count(1)
    people = {"acme": (alice, traveller["acme"]), "globex": (charlie, traveller["globex"])}
    doors: tuple[Callable[[Asker, int], Any], ...] = (
        Asker.over_query,
        Asker.over_events,
        Asker.over_bearer_socket,
        Asker.over_cookie_socket,
    )
    askers, runs = [], []
    for (member, shared), door in itertools.product(people.values(), doors):
        # Over cookie sockets it is the same person, in the same session, on both sides.
        asker = Asker(shared if door is Asker.over_cookie_socket else member, live_server, numbers)
        askers.append(asker)
        runs.append(door(asker, -(-QUESTIONS // (len(doors) * len(people)))))
    await asyncio.gather(*runs)

    exchanges = {number: one for asker in askers for number, one in asker.exchanges.items()}
    assert len(exchanges) >= QUESTIONS
    for number, exchange in exchanges.items():
        own, foreign = _canaries(exchange.slug)
        answer = exchange.received
        assert '"failed"' not in answer, (number, answer)
        assert own in answer, (number, answer)
        assert foreign not in answer, (number, answer)
        cited = set(re.findall(r'"document": *"([0-9a-f-]{36})"', answer))
        assert cited, (number, answer)
        assert cited <= twins[exchange.slug], (number, answer)
    _check_prompts(ollama, exchanges)
    _check_logs(live_server.log, worker.log)


def _canaries(slug: str) -> tuple[str, str]:
    """The own word and the other's."""
    [foreign] = [word for other, word in CANARIES.items() if other != slug]
    return CANARIES[slug], foreign


def _check_prompts(ollama: OllamaStandIn, exchanges: dict[int, Exchange]) -> None:
    """Each question reached the model once, with passages of its own organisation and no others."""
    asked = []
    for request in ollama.requests:
        prompt = json.dumps(request)
        number = int(re.findall(r"\((\d+)\)$", request["messages"][-1]["content"])[0])
        own, foreign = _canaries(exchanges[number].slug)
        assert own in prompt, number
        assert foreign not in prompt, number
        asked.append(number)
    assert sorted(asked) == sorted(exchanges)


def _check_logs(server: Path, worker: Path) -> None:
    """What was asked is logged; what stands in documents is not, not even to its own organisation."""
    logged = server.read_text() + worker.read_text()
    assert "/api/v1/query/" in logged
    for canary in CANARIES.values():
        assert canary not in logged
