"""A week in minutes: documents and questions while everything is restarted, indexed anew and kept for later.

In four quarters. In each a part of the documents comes and a part of the questions is asked, of quotations instead
of a model; amid each every process is told to end and started again; in the second everything is embedded anew, in
the third a backup is made. Afterwards each document that was accepted is ready, each question has one answer,
memory is what it was, no table grows that holds nothing of anybody's, and the backup would bring everything back.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psycopg
from psycopg import sql

from bench.corpus import questions
from bench.figures import Figure, parser, report
from bench.memory import memory_of
from bench.portal import Portal, environment_of, manage, portal
from bench.rolling import restart_each
from bench.storm import wait_until_over
from config.embedded import servers
from tenants.database.table_classes import DISPATCH_TABLES
from tests.standins.ollama import OllamaStandIn

QUARTERS = 4
_AT_ONCE = 12
_FILES_A_REQUEST = 20
_OTHERS = ("--queues=work", "--queues=embed", "--queues=platform")
_UP_AGAIN_WITHIN = 60.0
_OTHER_MODEL = "week-embed"
_GROWTH = 1.15  # of memory, from the end of the first quarter on


@dataclass(slots=True)
class Week:
    """What was sent, what of it went wrong, and what there was at the end of each quarter."""

    running: Portal
    variables: dict[str, str]
    accepted: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    memory: list[float] = field(default_factory=list)
    done: list[str] = field(default_factory=list)

    async def quarter(self, number: int, documents: int, asked: int) -> None:
        limits = httpx.Limits(max_keepalive_connections=_AT_ONCE, keepalive_expiry=60)
        base, headers = f"{self.running.url}/api/v1", self.running.headers
        async with httpx.AsyncClient(
            base_url=base, headers=headers, limits=limits, timeout=120, trust_env=False
        ) as client:
            coming = asyncio.create_task(self._send(client, number, documents))
            asking = asyncio.create_task(self._ask(client, number, asked))
            await asyncio.sleep(1)
            await asyncio.to_thread(self._disturb, number)
            await asyncio.gather(coming, asking)
        await asyncio.to_thread(wait_until_over, self.running, self.accepted, within=1800)
        self.memory.append(sum(memory_of(self.running).values()))

    async def _send(self, client: httpx.AsyncClient, quarter: int, count: int) -> None:
        for first in range(0, count, _FILES_A_REQUEST):
            numbers = range(first, min(first + _FILES_A_REQUEST, count))
            files = [("files", (f"note-{quarter}-{number}.txt", _note(quarter, number))) for number in numbers]
            (await client.post("/documents/", files=files)).raise_for_status()
            self.accepted += len(files)

    async def _ask(self, client: httpx.AsyncClient, quarter: int, count: int) -> None:
        """Each person's questions in conversations of twenty turns."""
        one_each = iter(range(count))
        asked = questions(50)

        async def person() -> None:
            conversation = ""
            for turns, number in enumerate(one_each):
                if turns % 20 == 0:
                    answer = await client.post("/conversations/", json={})
                    conversation = answer.raise_for_status().json()["id"]
                question = f"{asked[number % len(asked)]} ({quarter}-{number})"
                answer = await client.post(f"/conversations/{conversation}/messages/", json={"content": question})
                status = answer.json().get("status", "") if answer.is_success else str(answer.status_code)
                self.answers[status] += 1

        await asyncio.gather(*(person() for _ in range(_AT_ONCE)))

    def _disturb(self, quarter: int) -> None:
        environ = {**environment_of(self.running.data), **self.variables}
        restart_each(self.running)
        for word in _OTHERS:
            self._restart(word)
        if quarter == 1:
            model = f"openai/{_OTHER_MODEL}"
            self.done.append(manage(environ, "reindex", "--tenant", self.running.slug, "--model", model))
        if quarter == 2:
            self.done.append(manage(environ, "backup", str(self.backup)))

    @property
    def backup(self) -> Path:
        return self.running.data / "week.tar.age"

    def would_come_back(self) -> bool:
        """Whether a rehearsal brings back all that the backup holds."""
        environ = {**environment_of(self.running.data), **self.variables}
        try:
            self.done.append(manage(environ, "rehearse_restore", str(self.backup)))
        except subprocess.CalledProcessError:
            return False
        return True

    def _restart(self, word: str) -> None:
        before = self._pids(word)
        for pid in before:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + _UP_AGAIN_WITHIN
        while not (now := self._pids(word)) or now & before:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{word} does not come back")
            time.sleep(0.3)

    def _pids(self, word: str) -> set[int]:
        """Of the programs that `up` has started, not of their children."""
        found = set()
        children = Path(f"/proc/{self.running.process.pid}/task/{self.running.process.pid}/children").read_text()
        for pid in map(int, children.split()):
            with suppress(OSError):  # gone meanwhile
                if word in Path(f"/proc/{pid}/cmdline").read_text():
                    found.add(pid)
        return found


def _note(quarter: int, number: int) -> bytes:
    return f"Note {quarter}-{number}: {' '.join(questions(number % 40 + 1)[-3:])} It was settled in May.".encode()


def _counted(running: Portal) -> tuple[dict[str, int], Counter[int]]:
    """Rows of each table after its maintenance, and how many answers each question has."""
    manage(environment_of(running.data), "purge_expired")
    addresses: dict[str, str] = {}
    with servers(running.data, addresses), psycopg.connect(addresses["DATABASE_OPS_URL"]) as ops:
        names = [name for (name,) in ops.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
        counting = sql.SQL("SELECT count(*) FROM {}")
        rows = {one: _first(ops, counting.format(sql.Identifier(one))) for one in names}
        answers = ops.execute(
            "SELECT q.id, count(a.id) FROM conversations_message q LEFT JOIN conversations_message a"
            " ON a.parent_id = q.id AND a.role = 'assistant' AND a.status IN ('finished', 'refused')"
            " WHERE q.role = 'user' GROUP BY q.id"
        ).fetchall()
    return rows, Counter(count for _, count in answers)


def _first(connection: psycopg.Connection, query: sql.Composed) -> int:
    row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


@dataclass(frozen=True, slots=True)
class Outcome:
    """Afterwards: rows by table, questions by their answers, documents by status, and the week's seconds."""

    rows: dict[str, int]
    answers: Counter[int]
    states: Counter[str]
    would_come_back: bool
    took: float


def _lived(more: dict[str, str], documents: int, asked: int) -> tuple[Week, Outcome]:
    with portal(workers=2, model="", more=more) as running:
        week, begun = Week(running, more), time.monotonic()
        for number in range(QUARTERS):
            asyncio.run(week.quarter(number, documents // QUARTERS, asked // QUARTERS))
        took = time.monotonic() - begun
        states = Counter(str(one["status"]) for one in wait_until_over(running, week.accepted, within=60))
        rows, answers = _counted(running)
        outcome = Outcome(rows, answers, states, week.would_come_back(), took)
    return week, outcome


def measure(*, documents: int, asked: int) -> Iterable[Figure]:
    with OllamaStandIn() as embedding:
        embedding.dimensions = {_OTHER_MODEL: 48}
        more = {"DOCENT_OPENAI_BASE_URL": f"{embedding.url}/v1", "DOCENT_OPENAI_API_KEY": "none"}
        week, outcome = _lived(more, documents, asked)
    for line in week.done:
        print(line, file=sys.stderr)
    yield from _figures(week, outcome, asked)


def _figures(week: Week, outcome: Outcome, asked: int) -> Iterable[Figure]:
    total, rows, answers = sum(week.answers.values()), outcome.rows, outcome.answers
    yield Figure(
        name=f"Documents lost of {week.accepted}",
        value=week.accepted - outcome.states["ready"],
        unit="documents",
        target=1,
        details={"the week, s": outcome.took, **{name: float(count) for name, count in outcome.states.items()}},
    )
    yield Figure(
        name=f"Questions of {total} without exactly one answer",
        value=total - answers[1] + sum(count for number, count in answers.items() if number != 1),
        unit="questions",
        target=1,
        details={f"told {name}": float(count) for name, count in week.answers.items()},
    )
    yield Figure(
        name="Memory after the last quarter, of that after the first",
        value=100 * week.memory[-1] / week.memory[0],
        unit="%",
        target=100 * _GROWTH,
        details={f"quarter {number}, MB": size for number, size in enumerate(week.memory, 1)},
    )
    yield Figure(
        name="Rows in tables that hold nothing of anybody's, after maintenance",
        value=sum(rows[name] for name in DISPATCH_TABLES if name in rows),
        unit="rows",
        target=1000,
        details={f"{name}, rows": float(count) for name, count in sorted(rows.items()) if count > asked // 20},
    )
    yield Figure(
        name="Backups made amid it that would not bring everything back",
        value=float(not outcome.would_come_back),
        unit="of 1",
        target=1,
    )


def main() -> int:
    options = parser(__doc__)
    options.add_argument("--documents", type=int, default=2000, metavar="N")
    options.add_argument("--questions", type=int, default=20000, metavar="N")
    given = options.parse_args()
    return report(measure(documents=given.documents, asked=given.questions), as_json=given.json)


if __name__ == "__main__":
    sys.exit(main())
