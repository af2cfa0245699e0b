"""Uploads while web server, workers, Valkey and PostgreSQL are killed at random moments.

What came of it is compared with a run of the same files that nobody disturbed: each file is over, and pages,
passages and vectors are the same, none missing and none twice. Exits 1 otherwise.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any
from uuid import uuid4

import httpx

from bench.figures import circumstances
from bench.portal import Portal, environment_of, manage, portal
from tests.documents.pdfs import text_pdf

_VICTIMS = ("web", "worker", "embedder", "valkey", "postgres")
_MARKS = {"web": "uvicorn", "worker": "--queues=work", "embedder": "--queues=embed"}
_RAGES_ON = 60.0  # seconds after the last upload
_TERMINAL = {"ready", "failed", "cancelled"}
_COUNT_VECTORS = """
from documents.models import Chunk, ChunkEmbedding
from tenants.db import tenant_atomic
from tenants.models import Tenant
with tenant_atomic(Tenant.objects.get(slug="bench").id):
    vectors = ChunkEmbedding.objects
    print(Chunk.objects.count(), vectors.count(), vectors.filter(is_current=True).count())
"""


@dataclass(frozen=True, slots=True)
class File:
    name: str
    content: bytes


def files(count: int, seed: int) -> list[File]:
    """Texts and PDFs of one to eight pages, and every tenth one broken; the same for the same seed."""
    words = random.Random(seed)
    made = []
    for number in range(count):
        lines = [
            f"Clause {number}.{line}: party {words.randrange(10**6)} pays {words.randrange(10**4)} by day {line}."
            for line in range(words.randrange(10, 160))
        ]
        if number % 10 == 9:
            made.append(File(f"broken-{number}.pdf", b"%PDF-1.7\n" + " ".join(lines).encode()))
        elif number % 2:
            made.append(File(f"contract-{number}.txt", "\n".join(lines).encode()))
        else:
            pages = [lines[start : start + 20] for start in range(0, len(lines), 20)]
            made.append(File(f"contract-{number}.pdf", text_pdf(pages)))
    return made


class Storm:
    """Kills something every now and then, until it is told to stop."""

    def __init__(self, running: Portal, *, seed: int, pause: float) -> None:
        self.kills: Counter[str] = Counter()
        self._running = running
        self._random = random.Random(seed)
        self._pause = pause
        self._over = Event()
        self._thread = Thread(target=self._rage, daemon=True)

    def begin(self) -> None:
        self._thread.start()

    def end(self) -> None:
        self._over.set()
        self._thread.join()

    def _rage(self) -> None:
        while not self._over.wait(self._random.uniform(0.3, 1.7) * self._pause):
            victim = self._random.choice(_VICTIMS)
            for pid in self._processes(victim):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    self.kills[victim] += 1

    def _processes(self, victim: str) -> list[int]:
        if victim not in _MARKS:
            with suppress(OSError, ValueError):
                return [int((self._running.data / "servers" / f"{victim}.pid").read_text().split()[0])]
            return []
        found = []
        for pid in self._running.pids():
            with suppress(OSError):
                if _MARKS[victim].encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                    found.append(pid)
        return found


def send(running: Portal, sent: Sequence[File]) -> None:
    """Upload each file, as often as it takes until the server has said that it has it."""
    for file in sent:
        key = str(uuid4())
        while True:
            with suppress(httpx.TransportError), running.client() as client:
                response = client.post(
                    "/documents/",
                    files={"files": (file.name, file.content)},
                    headers={"Idempotency-Key": key},
                )
                if response.status_code == httpx.codes.ACCEPTED:
                    break
                if response.status_code < 500 and response.status_code not in {409, 429}:
                    raise SystemExit(f"{file.name}: {response.status_code} {response.text}")
            time.sleep(0.3)


def wait_until_over(running: Portal, count: int, *, within: float) -> list[dict[str, Any]]:
    """The documents when none is in a middle state any more. Raises TimeoutError."""
    deadline = time.monotonic() + within
    documents: list[dict[str, Any]] = []
    while time.monotonic() < deadline:
        with suppress(httpx.HTTPError), running.client() as client:
            documents = _all(client, "/documents/")
            if len(documents) == count and {one["status"] for one in documents} <= _TERMINAL:
                return documents
        time.sleep(1)
    raise TimeoutError(f"after {within:g} s: {Counter(one['status'] for one in documents)}")


def digest(running: Portal, documents: Sequence[dict[str, Any]]) -> str:
    """One hash over every document's state, pages and passages, whatever their ids and times are."""
    lines = []
    with running.client() as client:
        for one in documents:
            chunks = _all(client, f"/documents/{one['id']}/chunks/")
            versions = _all(client, f"/documents/{one['id']}/versions/")
            told = [one["name"], one["status"], one["pages"], one["chunks"], (one["error"] or {}).get("code")]
            passages = [[chunk[name] for name in ("number", "page", "start", "end", "text")] for chunk in chunks]
            lines.append(json.dumps([told, len(versions), passages]))
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def vectors(running: Portal) -> tuple[int, ...]:
    """How many passages, vectors, and vectors that are searched there are."""
    return tuple(
        map(int, manage(environment_of(running.data), "shell", "--no-imports", "-c", _COUNT_VECTORS).split())
    )


def _all(client: httpx.Client, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    address: str | None = f"{path}?limit=100"
    while address is not None:
        page = client.get(address).raise_for_status().json()
        found += page["results"]
        address = page["next"]
    return found


def run(sent: Sequence[File], *, seed: int, pause: float | None, within: float) -> tuple[str, tuple[int, ...]]:
    """Upload the files, in a storm if there is a `pause` between two kills; what came of it."""
    with portal() as running:
        storm = Storm(running, seed=seed, pause=pause or 0)
        began = time.monotonic()
        if pause is not None:
            storm.begin()
        try:
            send(running, sent)
            sent_after = time.monotonic() - began
            # It rages on while the files are processed, though not for ever: some work must get done in between.
            with suppress(TimeoutError):
                wait_until_over(running, len(sent), within=_RAGES_ON if pause is not None else within)
        finally:
            if pause is not None:
                storm.end()
        documents = wait_until_over(running, len(sent), within=within)
        states = Counter(one["status"] for one in documents)
        attempts = Counter(one["attempts"] for one in documents)
        print(f"  sent in {sent_after:.0f} s, over after {time.monotonic() - began:.0f} s: {dict(states)}")
        print(f"  attempts: {dict(sorted(attempts.items()))}; killed: {dict(storm.kills)}")
        return digest(running, documents), vectors(running)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--uploads", type=int, default=200, metavar="N")
    parser.add_argument("--pause", type=float, default=4.0, metavar="S", help="seconds between two kills, about")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--within", type=float, default=900.0, metavar="S")
    options = parser.parse_args()
    print(*(f"{name}: {value}" for name, value in circumstances().items()), sep="\n")
    sent = files(options.uploads, options.seed)
    print(f"seed {options.seed}, {len(sent)} uploads, undisturbed:")
    clean = run(sent, seed=options.seed, pause=None, within=options.within)
    print("in a storm:")
    try:
        stormy = run(sent, seed=options.seed, pause=options.pause, within=options.within)
    except (TimeoutError, subprocess.CalledProcessError) as error:
        print(f"FAILED: {error}")
        return 1
    print(f"passages, vectors, searched: {clean[1]} undisturbed, {stormy[1]} in the storm")
    print("the same" if clean == stormy else "DIFFERENT")
    return 0 if clean == stormy else 1


if __name__ == "__main__":
    sys.exit(main())
