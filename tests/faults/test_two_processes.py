"""F4 with two web processes: a reader at the other one is as near, and takes up where it was when its own dies."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from config.embedded import PROJECT
from tests.conversations.doors import Api, Event
from tests.environment import Environment
from tests.people import Person
from tests.processes import LiveServer, Running, web_server
from tests.shelving import shelved

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = "How many days of paid holiday does a full-time employee have?"
REPLIES = 50
RATE, TOKENS = 20, 160
LATE_MS = 250
ENDS_WITHIN = 30


@pytest.fixture
def servers(run_environment: Environment, logs: Path) -> Iterator[list[LiveServer]]:
    """Two web processes at a model whose every token says when it was sent."""
    command = [sys.executable, "-m", "bench.chat.model", "--rate", str(RATE), "--tokens", str(TOKENS)]
    with ExitStack() as stack:
        model = stack.enter_context(subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True))
        stack.callback(model.terminate)
        assert model.stdout is not None
        variables = {**run_environment.variables, "OLLAMA_HOST": model.stdout.readline().strip()}
        variables["DOCENT_WEB_PROCESSES"] = "2"
        yield [stack.enter_context(web_server(variables, logs / f"web-of-two-{n}.log")) for n in (1, 2)]


@dataclass(slots=True)
class Reader:
    """Reads one reply at a server, and at the other when that is gone. `late` is each token's lateness in ms."""

    api: Api
    conversation: str
    message: str = ""
    is_asked: asyncio.Event = field(default_factory=asyncio.Event)
    text: str = ""
    late: list[float] = field(default_factory=list)
    moved_at: int | None = None
    end: Event = field(default_factory=dict)

    async def read(self, *servers: LiveServer) -> None:
        for server in servers:
            path = f"{server.ws_url}/o/{self.api.person.slug}/ws/conversations/{self.conversation}/"
            try:
                async with connect(path, additional_headers=self.api.headers, proxy=None) as socket:
                    if not self.message:
                        await socket.send(json.dumps({"type": "ask", "content": QUESTION}))
                    else:
                        resume = {"type": "resume", "message": self.message, "offset": len(self.text)}
                        await socket.send(json.dumps(resume))
                    async for frame in socket:
                        self._take(json.loads(frame))
                        if self.end:
                            return
            except (OSError, ConnectionClosed, InvalidHandshake):
                pass
            self.moved_at = len(self.text)

    def _take(self, event: Event) -> None:
        now = time.monotonic()
        if event["type"] == "accepted":
            self.message = event["message"]
            self.is_asked.set()
        if event["type"] == "delta":
            assert event["offset"] == len(self.text)
            self.text += event["text"]
            if self.moved_at is None:
                sent = [one.partition(":")[2] for one in event["text"].split()]
                self.late += [1000 * (now - int(one) / 1e6) for one in sent if one.isdigit()]
        if event["type"] in {"finished", "failed"}:
            self.end = event


def check_stored(api: Api, readers: list[Reader]) -> None:
    """What each was shown is what is stored, to the last character."""
    for reader in readers:
        stored = api.message(reader.message)
        assert reader.text == stored["content"], reader
        assert stored["status"] in {"finished", "interrupted"}
        assert (stored["status"] == "finished") == (reader.end["type"] == "finished")


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


async def _read_at_the_other(api: Api, servers: list[LiveServer]) -> list[Reader]:
    """Ten replies, each read at the process that writes it and at the other one."""
    near = [Reader(api, api.conversation()) for _ in range(10)]

    async def follow(reader: Reader) -> Reader:
        await reader.is_asked.wait()
        far = Reader(api, reader.conversation, reader.message)
        await far.read(servers[1])
        return far

    reading = [asyncio.create_task(reader.read(servers[0])) for reader in near]
    far = await asyncio.gather(*(follow(reader) for reader in near))
    await asyncio.gather(*reading)
    return [*near, *far]


def test_readers_at_both_processes_have_each_token_in_time(
    alice: Person, worker: Running, servers: list[LiveServer]
) -> None:
    shelved(alice)
    api = Api(servers[1], alice)
    readers = asyncio.run(_read_at_the_other(api, servers))
    check_stored(api, readers)
    near = p95([late for one in readers[:10] for late in one.late])
    far = p95([late for one in readers[10:] for late in one.late])
    print(f"late at P95: {near:.0f} ms where it is written, {far:.0f} ms at the other process")  # noqa: T201
    assert near < LATE_MS
    assert far < LATE_MS
    assert all(len(one.late) == TOKENS for one in readers)


async def _die_amid(api: Api, servers: list[LiveServer]) -> tuple[list[Reader], float]:
    """Half of the replies are written at each process; the first dies. Returns the readers, and when it did."""
    dying, living = servers
    readers = [Reader(api, api.conversation()) for _ in range(REPLIES)]
    asked = [
        asyncio.create_task(reader.read(dying, living) if number % 2 else reader.read(living, dying))
        for number, reader in enumerate(readers)
    ]
    while not all(len(reader.text) > 200 for reader in readers):
        assert not any(task.done() for task in asked), [reader.end for reader in readers]
        await asyncio.sleep(0.02)
    # At the other process some are read too: what dies with the first is known there.
    others = [Reader(api, reader.conversation, reader.message) for reader in readers[1:20:2]]
    asked += [asyncio.create_task(other.read(living)) for other in others]
    await asyncio.sleep(1.3)
    os.kill(dying.process.pid, signal.SIGKILL)
    killed = time.monotonic()
    await asyncio.wait_for(asyncio.gather(*asked), ENDS_WITHIN)
    return [*readers, *others], killed


def test_F4_kill_9_amid_fifty_replies_loses_nothing_that_was_shown(
    alice: Person, worker: Running, servers: list[LiveServer]
) -> None:
    shelved(alice)
    api = Api(servers[1], alice)
    readers, killed = asyncio.run(_die_amid(api, servers))
    print(f"all ended {time.monotonic() - killed:.1f} s after the process died")  # noqa: T201
    moved = [reader for reader in readers[:REPLIES] if reader.moved_at is not None]
    assert len(moved) == REPLIES // 2
    assert {reader.end["code"] for reader in moved} == {"interrupted"}
    stayed = [reader for reader in readers[:REPLIES] if reader.moved_at is None]
    assert {reader.end["type"] for reader in stayed} == {"finished"}
    check_stored(api, readers)
    beyond = sum(len(reader.text) > (reader.moved_at or 0) for reader in moved)
    print(f"{beyond} of {len(moved)} readers were sent more at the other process")  # noqa: T201
