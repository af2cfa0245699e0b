"""Hours of nonsense, if one likes: requests by schemathesis, requests as bytes and frames, one after the other.

Nothing is to fail: no answer of 500 and more, none that is not as the schema says, the same processes before and
after, and no more memory.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.corpus import pdfs
from bench.figures import Figure, parser, report
from bench.fuzz.contract import Role, try_contract
from bench.fuzz.frames import wrong_frames
from bench.fuzz.raw import wrong_answers, wrong_mutation
from bench.memory import memory_of
from bench.portal import Portal, new_organisation, portal, upload

_MUTATIONS, _FRAMES = 300, 100


def measure(running: Portal, minutes: float, *, begin: int) -> Iterator[Figure]:
    upload(running, pdfs(None, 20))
    roles = [
        _role(running, "owner", running.token),
        _role(running, "stranger", new_organisation(running, "other")),
    ]
    _round(running, roles, begin)  # what is loaded once is loaded, and counts as there before
    processes, memory = _web(running), sum(memory_of(running).values())
    deadline, number, calls, wrong = time.monotonic() + 60 * minutes, begin, 0, list[str]()
    while time.monotonic() < deadline:
        number += 1
        made, found = _round(running, roles, number)
        calls, wrong = calls + made, wrong + found
        print(f"round {number}: {calls:,} calls, {len(wrong)} answered wrongly", file=sys.stderr)
    for one in wrong:
        print(one, file=sys.stderr)
    grown = sum(memory_of(running).values()) - memory
    yield Figure(
        name=f"Wrong answers in {minutes:g} minutes",
        value=len(wrong),
        unit=f"of {calls:,}",
        target=1,
        details={"rounds": number - begin},
    )
    yield Figure(
        name="Web processes that are others than before", value=len(_web(running) ^ processes), unit="", target=1
    )
    yield Figure(name="Memory gained", value=grown, unit="MB", target=100, details={"before, MB": memory})


def _round(running: Portal, roles: list[Role], number: int) -> tuple[int, list[str]]:
    chance = random.Random(number)
    tried = try_contract(running.url, roles, examples=3, number=number)
    wrong = [*tried.wrong, *wrong_answers(running.url, running.token, lambda *_: None)]
    mutations = [wrong_mutation(running.url, running.token, chance) for _ in range(_MUTATIONS)]
    with running.client() as client:
        conversation = client.post("/conversations/", json={}).raise_for_status().json()["id"]
    socket = f"{running.url.replace('http', 'ws', 1)}/o/{running.slug}/ws/conversations/{conversation}/"
    wrong += [one for one in mutations if one] + wrong_frames(socket, running.token, chance, count=_FRAMES)
    return tried.calls + _MUTATIONS + _FRAMES, wrong


def _role(running: Portal, name: str, token: str) -> Role:
    """With ids of what the owner of the portal's organisation has."""
    with running.client() as client:
        document = client.get("/documents/").raise_for_status().json()["results"][0]
        made = client.post("/conversations/", json={}).raise_for_status().json()
    ids = {"document_id": document["id"], "collection_id": document["collection"], "conversation": made["id"]}
    return Role(name, token, {**ids, "number": 1})


def _web(running: Portal) -> set[int]:
    found = set()
    for pid in running.pids():
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        if b"uvicorn" in command or b"celery" in command:
            found.add(pid)
    return found


def main() -> int:
    options = parser(__doc__)
    options.add_argument("--minutes", type=float, default=10.0, help="(%(default)s)")
    options.add_argument("--begin", type=int, default=0, metavar="N", help="which nonsense (%(default)s)")
    given = options.parse_args()
    with portal() as running:
        return report(list(measure(running, given.minutes, begin=given.begin)), as_json=given.json)


if __name__ == "__main__":
    sys.exit(main())
