"""Each crowd, and what it shows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.corpus import pdfs, questions
from bench.figures import Figure
from bench.portal import Portal, manage, portal, upload
from config.embedded import PROJECT

Crowd = list[list[str]]
CROWDS = ("spread", "at once", "many")
_PERSONS_QUESTIONS = 2


@dataclass(frozen=True, slots=True)
class Plan:
    """How many people, and seconds over which they come; tokens a second, and tokens an answer."""

    people: int
    spread: float
    rate: float = 50.0
    tokens: int = 100


@dataclass(frozen=True, slots=True)
class Sizes:
    """The three crowds, sockets that are held, pages that are searched, and web processes."""

    spread: Plan
    at_once: Plan
    many: Plan
    idle: int
    pages: int
    workers: int


_CORES = os.cpu_count() or 1
FULL = Sizes(Plan(100, 10.0), Plan(100, 0.0), Plan(300, 30.0, rate=15.0), idle=5000, pages=400, workers=_CORES)
SMALL = Sizes(
    Plan(5, 1.0, 200.0, 20), Plan(5, 0.0, 200.0, 20), Plan(8, 1.0, 100.0, 20), idle=20, pages=30, workers=1
)


def measure(sizes: Sizes, crowd: str | None = None) -> Iterator[Figure]:
    for name, plan in zip(CROWDS, (sizes.spread, sizes.at_once, sizes.many), strict=True):
        if crowd not in {None, name}:
            continue
        with _started(plan, sizes) as running:
            people = _people(running, "p", plan.people)
            _warmed_up(running)
            seen, used = _asked(running, people, plan)
            yield from _figures(name, plan, seen, used, _kept(running, people, seen))
            if name == "spread":
                yield from _held(running, people, plan, sizes.idle, alone=seen)


@contextmanager
def _started(plan: Plan, sizes: Sizes) -> Iterator[Portal]:
    """A whole Docent with documents, and a model at this pace."""
    command = [sys.executable, "-m", "bench.chat.model", "--rate", str(plan.rate), "--tokens", str(plan.tokens)]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as model:
        try:
            assert model.stdout is not None
            with portal(workers=sizes.workers, model=model.stdout.readline().strip()) as running:
                upload(running, pdfs(None, sizes.pages))
                yield running
        finally:
            model.terminate()


def _people(running: Portal, names: str, count: int) -> Crowd:
    environ = {**os.environ, "DOCENT_DATA": str(running.data)}
    call = f"from bench.chat.people import make; make({running.slug!r}, {names!r}, {count})"
    found: Crowd = json.loads(manage(environ, "shell", "-c", call))
    return found


def _warmed_up(running: Portal) -> None:
    """One answer, so that models are loaded and connections open."""
    _asked(running, _people(running, "warm", 1), Plan(1, 0.0))


def _plan(running: Portal, crowd: Crowd, plan: Plan, idle: int = 0) -> dict[str, Any]:
    asked = questions(_PERSONS_QUESTIONS * plan.people)
    return {
        "url": running.url.replace("http", "ws", 1) + f"/o/{running.slug}",
        "people": crowd,
        "arrivals": [plan.spread * number / plan.people for number in range(plan.people)],
        "questions": [asked[_PERSONS_QUESTIONS * n : _PERSONS_QUESTIONS * (n + 1)] for n in range(plan.people)],
        "idle": idle,
    }


def _asked(running: Portal, crowd: Crowd, plan: Plan) -> tuple[dict[str, Any], float]:
    """What the people saw, and the processor seconds that all of Docent's processes took meanwhile."""
    before = running.processor_seconds()
    with _crowd(_plan(running, crowd, plan)) as process:
        assert process.stdout is not None
        seen: dict[str, Any] = json.loads(process.stdout.readline())
    return seen, running.processor_seconds() - before


@contextmanager
def _crowd(plan: dict[str, Any]) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "bench.chat.crowd"]
    with subprocess.Popen(
        command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        process.stdin.write(json.dumps(plan) + "\n")
        process.stdin.flush()
        yield process


def _kept(running: Portal, crowd: Crowd, seen: dict[str, Any]) -> int:
    """How many answers are stored otherwise than they were read, or lack or double a token."""
    stored: dict[str, str] = {}
    for token, conversation in crowd:
        with running.client() as client:
            headers = {"Authorization": f"Bearer {token}"}
            page = client.get(f"/conversations/{conversation}/messages/?limit=100", headers=headers)
            stored |= {one["id"]: one["content"] for one in page.raise_for_status().json()["results"]}
    return sum(
        stored.get(one["message"]) != one["text"] or not (_is_whole(one["text"]) or one["ended"] == "refused")
        for one in seen["answers"]
    )


def _is_whole(text: str) -> bool:
    numbers = [one.partition(":")[0] for one in text.split()]
    return bool(numbers) and numbers == [str(number) for number in range(len(numbers))]


def _figures(name: str, plan: Plan, seen: dict[str, Any], used: float, wrong: int) -> Iterator[Figure]:
    about = f"{plan.people} people {name}" if plan.spread == 0 else f"{plan.people} people over {plan.spread:g} s"
    expected = _PERSONS_QUESTIONS * plan.people
    yield Figure(
        name=f"{about}: errors, and answers that were not read and stored whole",
        value=len(seen["errors"]) + wrong + expected - len(seen["answers"]),
        unit="of " + str(expected),
        target=1,
        details={
            "not whole": wrong,
            "refused for want of a passage": sum(one["ended"] == "refused" for one in seen["answers"]),
            **{f"error: {one}": seen["errors"].count(one) for one in sorted(set(seen["errors"]))[:5]},
        },
    )
    tokens = len(seen["late"])
    yield Figure(
        name=f"{about}: tokens late, P95",
        value=1000 * _slow(seen["late"]),
        unit="ms",
        target=250,
        details={"P50": 1000 * _at(seen["late"], 0.5), "worst": 1000 * max(seen["late"], default=0)},
    )
    if plan.rate >= FULL.spread.rate:
        yield from _quick(about, plan, seen, used, tokens)


def _quick(about: str, plan: Plan, seen: dict[str, Any], used: float, tokens: int) -> Iterator[Figure]:
    yield Figure(
        name=f"{about}: processor seconds of all processes for 1,000 tokens",
        value=1000 * used / max(1, tokens),
        unit="s",
        target=0.7,
        details={"tokens": tokens, "processor seconds": used},
    )
    yield Figure(
        name=f"{about}: acknowledged, P95",
        value=1000 * _slow(seen["accepted"]),
        unit="ms",
        target=200 if plan.spread else 1200,
        details={"P50": 1000 * _at(seen["accepted"], 0.5)},
    )
    yield Figure(
        name=f"{about}: first token over the model's own, P95",
        value=1000 * _slow(seen["first"]),
        unit="ms",
        target=250 if plan.spread else 1200,
        details={"P50": 1000 * _at(seen["first"], 0.5), "worst": 1000 * max(seen["first"], default=0)},
    )


def _held(running: Portal, crowd: Crowd, plan: Plan, idle: int, *, alone: dict[str, Any]) -> Iterator[Figure]:
    """Sockets that are only held: what each takes, and what they do to those who ask beside them."""
    before = _web_memory(running)
    with _crowd(_plan(running, crowd, plan, idle)) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        held = json.loads(process.stdout.readline())["open"]
        each = (_web_memory(running) - before) / held
        process.stdin.write("\n")
        process.stdin.flush()
        seen = json.loads(process.stdout.readline())
    yield Figure(
        name=f"{held:,} idle sockets: memory of the web process for each",
        value=each / 1000,
        unit="kB",
        target=100,
        details={"sockets lost": seen["lost"], "errors of those who asked": len(seen["errors"])},
    )
    usual = _at(alone["first"], 0.99)
    yield Figure(
        name=f"First token beside {held:,} idle sockets, P99, over that without",
        value=100 * (_at(seen["first"], 0.99) / usual - 1),
        unit="%",
        target=20,
        details={"without, ms": 1000 * usual, "beside them, ms": 1000 * _at(seen["first"], 0.99)},
    )


def _web_memory(running: Portal) -> int:
    """Bytes that the web processes have in memory."""
    found = 0
    for pid in running.pids():
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        if b"uvicorn" in command:
            found += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return found


def _slow(seconds: Sequence[float]) -> float:
    return _at(seconds, 0.95)


def _at(seconds: Sequence[float], share: float) -> float:
    return sorted(seconds)[int(share * len(seconds))] if seconds else 0.0
