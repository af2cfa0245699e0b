"""Requests, uploads, questions and sockets while each web process is told to end and started again: none may fail.

Programs come twenty times a second and keep their connections open, as programs do. A request has failed that
was not answered, or by an error of the server's; an answer, that did not come to its end: over a socket that the
server closes with 1012 its reader comes back and reads on. With `--migrate` the schema is changed meanwhile,
beside somebody who reads one of its tables for long.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from bench.corpus import pdfs, questions
from bench.figures import Figure, parser, report
from bench.portal import BenchError, Portal, environment_of, portal, upload
from config.embedded import PROJECT, servers

RATE = 20.0
_PROGRAMS = 12
_UP_AGAIN_WITHIN = 90.0
_ENDS_WITHIN = 60.0
_CALM = 2.0  # seconds of load before the first and after the last restart
SERVES = "This web process serves."


@dataclass(slots=True)
class Load:
    """What was sent so far, and what of it failed and why."""

    running: Portal
    sent: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)

    async def come(self, seconds_a_request: float, over: asyncio.Event) -> None:
        """Begin one after the other, whether those before are answered or not; return when all are."""
        limits = httpx.Limits(max_connections=40, max_keepalive_connections=40, keepalive_expiry=60)
        clients = [
            httpx.AsyncClient(
                base_url=f"{self.running.url}/api/v1",
                headers=self.running.headers,
                limits=limits,
                timeout=60,
                trust_env=False,
            )
            for _ in range(_PROGRAMS)
        ]
        ways = [self._read, self._read, self._begin, self._search, self._ask, self._read, self._talk, self._send]
        under_way: set[asyncio.Task[None]] = set()
        choice = random.Random(1)
        due, number = time.monotonic(), 0
        while not over.is_set():
            client, way = choice.choice(clients), ways[number % len(ways)]
            task = asyncio.create_task(self._tried(way, client, number))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            due, number = due + seconds_a_request, number + 1
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        await asyncio.gather(*under_way)
        for client in clients:
            await client.aclose()

    async def _tried(
        self, way: Callable[[httpx.AsyncClient, int], Awaitable[None]], client: httpx.AsyncClient, number: int
    ) -> None:
        name = way.__name__.removeprefix("_")
        self.sent[name] += 1
        begun = time.monotonic()
        try:
            async with asyncio.timeout(_ENDS_WITHIN):
                await way(client, number)
        except (httpx.HTTPError, OSError, TimeoutError, BenchError, InvalidHandshake) as error:
            self.failed.append(f"{name}: {type(error).__name__} {error}")
        self.waited.append(time.monotonic() - begun)

    async def _read(self, client: httpx.AsyncClient, number: int) -> None:
        _checked(await client.get(("/me/", "/documents/", "/conversations/")[number % 3]))

    async def _begin(self, client: httpx.AsyncClient, number: int) -> None:
        _checked(await client.post("/conversations/", json={"title": f"Conversation {number}"}))

    async def _search(self, client: httpx.AsyncClient, number: int) -> None:
        _checked(await client.post("/search/", json={"query": questions(number % 20 + 1)[-1]}))

    async def _send(self, client: httpx.AsyncClient, number: int) -> None:
        file = (f"note-{number}-{uuid4()}.txt", f"Note {number} {uuid4()}: the lease ends in May.".encode())
        _checked(await client.post("/documents/", files={"files": file}))

    async def _ask(self, client: httpx.AsyncClient, number: int) -> None:
        """Server-sent events: who loses them comes back to the reply and reads on."""
        conversation = _checked(await client.post("/conversations/", json={})).json()["id"]
        path, question = f"/conversations/{conversation}/messages/", questions(number % 20 + 1)[-1]
        headers = {"Accept": "text/event-stream"}
        async with client.stream("POST", path, json={"content": question}, headers=headers) as response:
            _checked(response)
            last = ""
            async for line in response.aiter_lines():
                last = json.loads(line.removeprefix("data: "))["type"] if line.startswith("data: ") else last
        if last != "finished":
            raise BenchError(f"an answer ended with {last or 'nothing'}")

    async def _talk(self, client: httpx.AsyncClient, number: int) -> None:
        conversation = _checked(await client.post("/conversations/", json={})).json()["id"]
        await _Talk(self.running, conversation, questions(number % 20 + 1)[-1]).run()


@dataclass(slots=True)
class _Talk:
    """One question over sockets: the first, and those that come after it when it is closed."""

    running: Portal
    conversation: str
    question: str
    request_id: str = field(default_factory=lambda: str(uuid4()))
    message: str = ""
    text: str = ""
    end: str = ""

    async def run(self) -> None:
        url = self.running.url.replace("http", "ws", 1)
        path = f"{url}/o/{self.running.slug}/ws/conversations/{self.conversation}/"
        while True:
            try:
                async with connect(path, additional_headers=self.running.headers, proxy=None) as socket:
                    await socket.send(json.dumps(self._frame()))
                    async for frame in socket:
                        self._take(json.loads(frame))
                        if self.end:
                            break
            except ConnectionClosed as closed:
                if closed.rcvd is None or closed.rcvd.code != 1012:
                    raise BenchError(f"a socket was closed with {closed}") from closed
            if self.end:
                break
            await asyncio.sleep(random.uniform(0.1, 0.5))
        if self.end != "finished":
            raise BenchError(f"an answer over a socket ended with {self.end}")

    def _frame(self) -> dict[str, object]:
        if self.message:
            return {"type": "resume", "message": self.message, "offset": len(self.text)}
        return {"type": "ask", "request_id": self.request_id, "content": self.question}

    def _take(self, event: dict[str, object]) -> None:
        if event["type"] == "delta":
            self.text += str(event["text"])
        self.message = str(event.get("message") or self.message)
        if event["type"] in {"finished", "failed", "error"}:
            self.end = "finished" if event["type"] == "finished" else json.dumps(event)


def _checked(response: httpx.Response) -> httpx.Response:
    if not response.is_success:
        raise BenchError(f"{response.request.method} {response.request.url.path}: {response.status_code}")
    return response


def web_processes(running: Portal) -> set[int]:
    found = set()
    for pid in running.pids():
        with suppress(OSError):  # gone meanwhile
            if b"uvicorn" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.add(pid)
    return found


def restart_each(running: Portal) -> float:
    """One after the other, as the operator's page says; the seconds that it took."""
    begun, log = time.monotonic(), running.data / "up.log"
    for pid in sorted(web_processes(running)):
        serving = log.read_text().count(SERVES)
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + _UP_AGAIN_WITHIN
        while pid in web_processes(running) or log.read_text().count(SERVES) == serving:
            if time.monotonic() > deadline:
                raise BenchError(f"no other web process after {_UP_AGAIN_WITHIN:g} s:\n{log.read_text()[-3000:]}")
            time.sleep(0.5)
    return time.monotonic() - begun


def migrate(running: Portal, target: str = "") -> float:
    """To the schema of a release to come, or back (`zero`), beside one who reads for a while; its seconds."""
    begun = time.monotonic()
    addresses: dict[str, str] = {}
    with servers(running.data, addresses), psycopg.connect(addresses["DATABASE_OWNER_URL"]) as reader:
        reader.execute("SELECT count(*) FROM conversations_conversation")
        owner = dict.fromkeys(("DATABASE_URL", "DATABASE_OWNER_URL"), addresses["DATABASE_OWNER_URL"])
        settings = {"DJANGO_SETTINGS_MODULE": "tests.faults.next_release.settings"}
        command = [sys.executable, "manage.py", "migrate", "next_release", *([target] if target else [])]
        process = subprocess.Popen(
            [*command, "--no-input", "--skip-checks"],
            cwd=PROJECT,
            env={
                **environment_of(running.data),
                **owner,
                **settings,
                "DATABASE_URL": addresses["DATABASE_OWNER_URL"],
            },
        )
        with suppress(subprocess.TimeoutExpired):
            process.wait(6)  # the reader is in its way until then
        reader.rollback()
        if process.wait(60) != 0:
            raise BenchError("the migration failed")
    return time.monotonic() - begun


async def _measured(running: Portal, rate: float, rounds: int, *, migrates: bool) -> tuple[Load, float, float]:
    """The load, the seconds of the restarts and those of the migration."""
    load, over = Load(running), asyncio.Event()
    coming = asyncio.create_task(load.come(1 / rate, over))
    try:
        await asyncio.sleep(_CALM)
        migrating = await asyncio.to_thread(migrate, running) if migrates else 0.0
        restarting = 0.0
        for _ in range(rounds):
            restarting += await asyncio.to_thread(restart_each, running)
        await asyncio.sleep(_CALM)
    finally:
        over.set()
        await coming
    return load, restarting, migrating


def measure(
    running: Portal, *, rate: float = RATE, rounds: int = 1, migrates: bool = False
) -> tuple[Figure, list[str]]:
    """The figure, and what failed."""
    load, restarting, migrating = asyncio.run(_measured(running, rate, rounds, migrates=migrates))
    waited = sorted(load.waited)
    details = {f"sent: {name}": float(count) for name, count in sorted(load.sent.items())}
    details |= {
        "restarts of all web processes, s": restarting,
        "answered, P95, ms": 1000 * waited[int(0.95 * len(waited))],
        "answered, slowest, ms": 1000 * waited[-1],
    }
    beside = " and a migration" if migrates else ""
    name = f"Failed of {len(waited)} at {rate:g} a second during a rolling restart{beside}"
    details |= {"the migration, s": migrating} if migrates else {}
    return Figure(name=name, value=len(load.failed), unit="requests", target=1, details=details), load.failed


def figures(*, rate: float = RATE, workers: int = 2, rounds: int = 1, migrates: bool = False) -> Iterable[Figure]:
    with portal(workers=workers) as running:
        upload(running, pdfs(None, 10))
        figure, failed = measure(running, rate=rate, rounds=rounds, migrates=migrates)
        for line in sorted(set(failed)):
            print(f"{failed.count(line)} × {line}", file=sys.stderr)
        yield figure


def main() -> int:
    options = parser(__doc__)
    options.add_argument("--rate", type=float, default=RATE, help="requests a second (%(default)g)")
    options.add_argument("--workers", type=int, default=2, metavar="N", help="web processes")
    options.add_argument("--rounds", type=int, default=2, metavar="N", help="restarts of each of them")
    options.add_argument("--migrate", action="store_true", help="change the schema meanwhile")
    given = options.parse_args()
    measured = figures(rate=given.rate, workers=given.workers, rounds=given.rounds, migrates=given.migrate)
    return report(measured, as_json=given.json)


if __name__ == "__main__":
    sys.exit(main())
