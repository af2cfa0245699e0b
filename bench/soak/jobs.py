"""A kind of job that reads and writes at random in its organisation: `celery worker --include=bench.soak.jobs`.

The job's target id says which random numbers and how many operations (its last 16 bits). What it may find stands
in `soak/sides` in the state folder; beside it every attempt leaves a report when it is over.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Sequence
from contextvars import Context
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings

from bench.soak.units import Desk, Side
from tenants.db import run_in_tenant
from tenants.jobs.handlers import JobHandler, register_job
from tenants.jobs.leases import Lease, LeaseLost

KIND = "soak.work"
RUNNING, REPORT = ".running", ".report"
# Of the jobs, those whose first attempt fails half-way.
_FAILS = 0.1
# How often, between two units, organisations crowd; how many units then come at once, and how many are left.
_CROWDS, _CROWD, _LEFT = 0.02, 16, 0.25


class _Interrupted(Exception):
    """What a job's first attempt may end with."""


def folder() -> Path:
    return settings.DOCENT_DATA / "soak"


def target_of(rng: random.Random, operations: int) -> UUID:
    """The target of a job of so many operations."""
    return UUID(int=(rng.getrandbits(112) << 16) | operations)


def write_sides(sides: Sequence[Side]) -> None:
    folder().mkdir(exist_ok=True)
    (folder() / "sides").write_text(json.dumps([side.as_json() for side in sides]))


def work(target_id: UUID, lease: Lease) -> None:
    """The handler: some hundred operations, a report, and now and then a failure."""
    sides = [Side(**side) for side in json.loads((folder() / "sides").read_text())]
    [own] = [side for side in sides if side.tenant_id == str(lease.tenant_id)]
    rng = random.Random(f"{target_id} {lease.attempts}")
    desk = Desk(own, rng)
    running = folder() / f"{target_id}-{lease.attempts}{RUNNING}"
    running.touch()
    outcome = "done"
    try:
        _work(desk, lease, sides, operations=target_id.int & 0xFFFF)
    except _Interrupted:
        outcome = "interrupted"
        raise
    except LeaseLost:
        outcome = "taken away"
        raise
    except Exception as error:
        outcome = f"failed: {type(error).__name__}"
        raise
    finally:
        _report(running, desk, outcome)


def _work(desk: Desk, lease: Lease, sides: Sequence[Side], *, operations: int) -> None:
    fails_at = operations // 2 if lease.attempts == 1 and desk.rng.random() < _FAILS else None
    while desk.done.total() < operations:
        lease.check()
        if fails_at is not None and desk.done.total() >= fails_at:
            raise _Interrupted
        if desk.rng.random() < _CROWDS:
            # Outside the job's own organisation: a fresh context knows none.
            Context().run(asyncio.run, _crowd(desk, sides))
        desk.unit()
    desk.leave()


async def _crowd(desk: Desk, sides: Sequence[Side]) -> None:
    """Units of all organisations at once on the threads of asynchronous code; some are left in the middle."""
    desks = [
        Desk(desk.rng.choice(sides), random.Random(desk.rng.getrandbits(64)), desk.done, desk.violations)
        for _ in range(_CROWD)
    ]

    async def one(of: Desk) -> None:
        patience = of.rng.uniform(0, 0.005) if of.rng.random() < _LEFT else None
        try:
            async with asyncio.timeout(patience):
                await run_in_tenant(UUID(of.side.tenant_id), of.operate)
        except TimeoutError:
            of.done["left in the middle"] += 1

    await asyncio.gather(*map(one, desks))


def _report(running: Path, desk: Desk, outcome: str) -> None:
    said: dict[str, Any] = {"outcome": outcome, "done": dict(desk.done), "violations": desk.violations}
    running.write_text(json.dumps(said))
    running.rename(running.with_suffix(REPORT))


def collect(counts: Counter[tuple[str, str]], violations: list[str]) -> int:
    """Take the reports that have come since; returns how many operations they tell of."""
    operations = 0
    for path in folder().glob(f"*{REPORT}"):
        said = json.loads(path.read_text())
        path.unlink()
        operations += sum(said["done"].values())
        for name, number in said["done"].items():
            counts["task", name] += number
        counts["job", said["outcome"]] += 1
        violations += [f"{one} (job {path.stem})" for one in said["violations"]]
    return operations


def is_working() -> bool:
    """Whether some attempt has not reported yet."""
    return any(folder().glob(f"*{RUNNING}"))


def _give_up(target_id: UUID, code: str, detail: str) -> None:
    """Nobody looks at the target; the dead job itself is counted."""


register_job(KIND, JobHandler(run=work, give_up=_give_up))
