"""F26: a reader that takes nothing costs next to nothing, is let go in time, and nobody else notices."""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
import statistics
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from tests.config.polling import wait_for
from tests.conversations.doors import Api
from tests.environment import Environment
from tests.faults.stuck import ask_by_events, ask_by_socket, closing, held_for, memory_of, open_socket
from tests.processes import web_server
from tests.standins.ollama import OllamaStandIn, Reply

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = "How many days of paid holiday does a full-time employee have?"
TEXT = "".join(f"{number:03}" + "x" * 1996 + " " for number in range(300)).strip()
# Six seconds, 100 kB in each.
LONG = Reply(text=TEXT, tokens_per_second=50)
# So many that what they cost is more than what the process's memory does by itself from one answer to the next.
CROWD, STUCK, BESIDE = 100, 20, 4
READER_SECONDS, TOLD_SECONDS = 2, 10
# The kernel alone would take 45 seconds.
CUT_WITHIN = READER_SECONDS + TOLD_SECONDS + 10
UNSENT_BYTES, NOISE_BYTES = 256 * 1024, 64 * 1024
LATER_MS = 150
LET_GO = b"\x88\x02" + (1013).to_bytes(2, "big")


@pytest.fixture
def impatient(api: Api, ollama: OllamaStandIn, run_environment: Environment, logs: Path) -> Iterator[Api]:
    """Alice's program at a web process that waits two seconds for a reader."""
    own = {"DOCENT_READER_SECONDS": str(READER_SECONDS), "DOCENT_REPLY_CHARACTERS": str(len(TEXT))}
    variables = {**run_environment.variables, "OLLAMA_HOST": ollama.url, **own}
    with web_server(variables, logs / "web-impatient-of-readers.log") as running:
        yield Api(running, api.person)


@dataclass(slots=True)
class Round:
    """What readers of an answer noticed while it was written: the longest gaps, and the process's memory."""

    gaps: list[float] = field(default_factory=list)
    memory: int = 0
    unsent: int = 0

    @property
    def p95(self) -> float:
        return statistics.quantiles(self.gaps, n=20)[-1]


async def _read(api: Api, conversation: str, message: str, noticed: Round) -> None:
    """Read all of an answer, and note the milliseconds between its pieces."""
    path = f"{api.server.ws_url}/o/{api.person.slug}/ws/conversations/{conversation}/"
    times, text = [], ""
    async with connect(path, additional_headers=api.headers, proxy=None, compression=None) as reader:
        await reader.send(json.dumps({"type": "resume", "message": message, "offset": 0}))
        async for frame in reader:
            event = json.loads(frame)
            if event["type"] == "delta":
                times.append(1000 * time.monotonic())
                text += event["text"]
            if event["type"] in {"finished", "failed"}:
                break
    assert text == TEXT
    noticed.gaps += [later - before for before, later in itertools.pairwise(times)]


async def _written(api: Api, conversation: str, message: str, *, is_asked: bool) -> Round:
    """While the answer is written some read it; a crowd has asked for it and does not, or has not asked."""
    noticed = Round()

    def ask() -> list[socket.socket]:
        if is_asked:
            return [ask_by_socket(api, conversation, message) for _ in range(CROWD)]
        return [open_socket(api, conversation) for _ in range(CROWD)]

    reading = [asyncio.create_task(_read(api, conversation, message, noticed)) for _ in range(BESIDE)]
    with closing(await asyncio.to_thread(ask)) as pipes:
        while not all(task.done() for task in reading):
            noticed.memory = max(noticed.memory, memory_of(api.server.process.pid))
            noticed.unsent = max([noticed.unsent, *(one.size for one in held_for(api, pipes))])
            await asyncio.sleep(0.1)
        await asyncio.gather(*reading)
    return noticed


def test_F26_readers_that_take_nothing_cost_little_and_delay_nobody(impatient: Api, ollama: OllamaStandIn) -> None:
    rounds = []
    for is_asked in (False, False, True):
        ollama.script(LONG)
        conversation = impatient.conversation()
        message = impatient.begin(QUESTION, conversation)
        rounds.append(asyncio.run(_written(impatient, conversation, message, is_asked=is_asked)))
        assert impatient.message(message)["content"] == TEXT
    _, alone, beside = rounds
    print(f"gaps at P95: {alone.p95:.0f} ms alone, {beside.p95:.0f} ms beside {CROWD} stuck readers")  # noqa: T201
    cost = (beside.memory - alone.memory) / CROWD
    print(f"each costs {cost / 1024:.0f} kB of the process, {beside.unsent / 1024:.0f} kB of the kernel")  # noqa: T201
    assert beside.p95 < alone.p95 + LATER_MS
    assert beside.unsent > UNSENT_BYTES / 4, "they were stuck"
    assert cost + beside.unsent < UNSENT_BYTES + NOISE_BYTES


def test_F26_a_socket_that_takes_nothing_is_cut_and_comes_back_for_the_rest(
    impatient: Api, ollama: OllamaStandIn
) -> None:
    ollama.script(LONG)
    conversation = impatient.conversation()
    message = impatient.begin(QUESTION, conversation)
    with closing(ask_by_socket(impatient, conversation, message) for _ in range(STUCK)) as pipes:
        assert len(held_for(impatient, pipes)) == STUCK
        wait_for("they are let go", lambda: not held_for(impatient, pipes), within=CUT_WITHIN)
    events = impatient.follow(message, offset=100_000)
    assert "".join(event["text"] for event in events if event["type"] == "delta") == TEXT[100_000:]
    assert events[-1]["type"] == "finished"


def test_F26_a_socket_that_reads_on_late_is_told(impatient: Api, ollama: OllamaStandIn) -> None:
    ollama.script(LONG)
    conversation = impatient.conversation()
    message = impatient.begin(QUESTION, conversation)
    with ask_by_socket(impatient, conversation, message) as pipe:
        wait_for("much is unsent", lambda: held_for(impatient, [pipe])[0].size > 64 * 1024)
        # Between the moment when it is told and the one when it is cut.
        time.sleep(READER_SECONDS + TOLD_SECONDS / 3)
        told = b""
        while not told.endswith(LET_GO):
            piece = pipe.recv(65_536)
            assert piece, told[-200:]
            told += piece
    assert b'"finished"' not in told


def test_F26_a_stream_of_events_that_takes_nothing_ends(impatient: Api, ollama: OllamaStandIn) -> None:
    ollama.script(LONG)
    conversation = impatient.conversation()
    message = impatient.begin(QUESTION, conversation)
    with closing(ask_by_events(impatient, conversation, message) for _ in range(STUCK)) as pipes:
        wait_for(
            "much is unsent",
            lambda: min(one.size for one in held_for(impatient, pipes)) > 64 * 1024,
        )
        wait_for("they are let go", lambda: not held_for(impatient, pipes), within=READER_SECONDS + 10)
        for pipe in pipes:
            told = b""
            with suppress(ConnectionResetError):
                while piece := pipe.recv(65_536):
                    told += piece
            assert told.startswith(b"HTTP/1.1 200 ")
            assert b"event: finished" not in told
    wait_for("the answer is over", lambda: impatient.message(message)["status"] == "finished")
    assert impatient.message(message)["content"] == TEXT
