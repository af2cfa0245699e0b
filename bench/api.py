"""How soon programs hear: a hundred that ask at the same time, and the list of a thousand conversations.

Each client is a person of their own with a connection that stays open. They come over ten seconds and ask twice,
with `Prefer: respond-async`; measured is the answer that says where the events will be. The model's stand-in and
the clients run on the same machine.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import Iterable

import httpx

from bench.corpus import pdfs, questions
from bench.figures import Figure, parser, report
from bench.portal import BenchError, Portal, manage, portal, upload

CLIENTS = 100
SPREAD = 10.0
ROUNDS = 2
CONVERSATIONS = 1000
READS = 200
_PAGES = 40


def measure(running: Portal) -> Iterable[Figure]:
    upload(running, pdfs(None, _PAGES))
    people = _people(running)
    asyncio.run(_acknowledged(running, people[:10]))  # the model is loaded, connections are open
    waited = sorted(asyncio.run(_acknowledged(running, people)))
    yield Figure(
        name=f"Acknowledged with {CLIENTS} clients, P95",
        value=1000 * waited[int(0.95 * len(waited))],
        unit="ms",
        target=200,
        details={"P50": 1000 * waited[len(waited) // 2], "worst": 1000 * waited[-1], "questions": len(waited)},
    )
    yield _listed(running)


def _people(running: Portal) -> list[tuple[str, str]]:
    environ = {**os.environ, "DOCENT_DATA": str(running.data)}
    call = f"from bench.chat.people import make; make({running.slug!r}, 'c', {CLIENTS})"
    return [(token, conversation) for token, conversation in json.loads(manage(environ, "shell", "-c", call))]


async def _acknowledged(running: Portal, people: list[tuple[str, str]]) -> list[float]:
    """Seconds until each question was acknowledged."""
    asked = questions(len(people))

    async def one(number: int, token: str, conversation: str) -> list[float]:
        headers = {"Authorization": f"Bearer {token}", "Prefer": "respond-async"}
        waited = []
        async with httpx.AsyncClient(base_url=running.url, headers=headers, timeout=60, trust_env=False) as client:
            (await client.get("/api/v1/me/")).raise_for_status()
            await asyncio.sleep(SPREAD * number / len(people))
            for _ in range(ROUNDS):
                begun = time.perf_counter()
                path = f"/api/v1/conversations/{conversation}/messages/"
                answer = await client.post(path, json={"content": asked[number]})
                waited.append(time.perf_counter() - begun)
                if answer.status_code not in {202, 409}:
                    raise BenchError(f"asking was answered {answer.status_code}: {answer.text}")
                await asyncio.sleep(max(0.0, SPREAD - waited[-1]))
        return waited

    found = await asyncio.gather(*(one(number, *person) for number, person in enumerate(people)))
    return [seconds for waited in found for seconds in waited]


def _listed(running: Portal) -> Figure:
    environ = {**os.environ, "DOCENT_DATA": str(running.data)}
    call = (
        "from conversations.services.conversations import create_conversation as make\n"
        "from tenants.access import access_of_cli\n"
        f"access = access_of_cli({running.slug!r})\n"
        f"for number in range({CONVERSATIONS}): make(access=access, title=f'Conversation {{number}}')\n"
        "print('made')"
    )
    manage(environ, "shell", "-c", call)
    waited = []
    with running.client() as client:
        for _ in range(READS):
            begun = time.perf_counter()
            page = client.get("/conversations/").raise_for_status()
            waited.append(1000 * (time.perf_counter() - begun))
        if len(page.json()["results"]) != 50 or page.json()["next"] is None:
            raise BenchError("the list is not a page of the thousand")
    return Figure(
        name=f"GET /conversations/ of {CONVERSATIONS:,} conversations, median",
        value=statistics.median(waited),
        unit="ms",
        target=15,
        details={"P95": sorted(waited)[int(0.95 * READS)]},
    )


def main() -> int:
    options = parser(__doc__)
    options.add_argument("--workers", type=int, default=os.cpu_count() or 1, metavar="N", help="web processes")
    given = options.parse_args()
    with portal(workers=given.workers) as running:
        return report(list(measure(running)), as_json=given.json)


if __name__ == "__main__":
    sys.exit(main())
