"""One soak: the scene is set, and everybody works at once until the operations are spent."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from bench.soak import jobs
from bench.soak.calls import Caller
from bench.soak.ledger import Ledger
from bench.soak.seats import Seat, furnish, marks, take_seats
from bench.soak.talkers import Budget, Talker
from bench.soak.units import Side
from tenants.db import run_unit, tenant_atomic
from tenants.jobs import outbox
from tenants.models import Job

# Jobs of which Celery hears, and those that are taken away while they wait or run.
_JOBS_AHEAD, _TAKEN_AWAY = 6, 0.03
_LOOK_EVERY = 0.1
# Seconds without any report in which jobs count as stuck.
_STUCK_AFTER = 120.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How many operations over which way. Over sockets an operation is an opening or a frame.

    `programs` is how many of each seat send requests at once; beside them one is on sockets.
    """

    seed: int
    tasks: int
    http: int
    sockets: int
    of_a_job: int = 250
    programs: int = 2


@dataclass(slots=True)
class Scene:
    """What the people of a soak have, and the word of each organisation."""

    seats: list[Seat]
    ledger: Ledger


def set_scene(url: str, seed: int) -> Scene:
    """Make organisations, people and their things, by a web process that is up. Needs the worker."""
    words = marks(random.Random(seed))
    seats = take_seats(words)
    furnish(seats, url)
    ledger = Ledger(words, seed)
    for seat in seats:
        ledger.own(seat.slug, [str(seat.tenant_id), *seat.ids])
    jobs.write_sides([_side(slug, seats) for slug in words])
    return Scene(seats, ledger)


def _nothing(_line: str) -> None:
    """Say nothing."""


async def soak(scene: Scene, plan: Plan, urls: Sequence[str], *, say: Callable[[str], None] = _nothing) -> float:
    """Spend the plan's operations against these web processes and the worker; the seconds that it took.

    What came of them stands in the scene's ledger. `say` is told every ten seconds how far it is.
    """
    begun = time.monotonic()
    http, sockets = Budget(plan.http), Budget(plan.sockets)
    async with _told(scene.ledger, begun, say), asyncio.TaskGroup() as everybody:
        for place, seat in enumerate(scene.seats):
            for number in range(plan.programs):
                everybody.create_task(_talker(scene, seat, urls, f"{plan.seed} h{place}.{number}").over_http(http))
            everybody.create_task(_talker(scene, seat, urls, f"{plan.seed} s{place}").over_sockets(sockets))
        everybody.create_task(_feed(scene, plan))
    return time.monotonic() - begun


def _talker(scene: Scene, seat: Seat, urls: Sequence[str], seed: str) -> Talker:
    rng = random.Random(seed)
    return Talker(seat, Caller(seat, scene.seats, rng), rng, urls, scene.ledger)


def _side(slug: str, seats: Sequence[Seat]) -> Side:
    own = next(seat for seat in seats if seat.slug == slug)
    others = [seat for seat in seats if seat.slug != slug]
    strangers: dict[str, list[str]] = {}
    for seat in others:
        for kind, ids in seat.kept.items():
            strangers.setdefault(kind, []).extend(ids)
    return Side(
        slug=slug,
        tenant_id=str(own.tenant_id),
        mark=own.mark,
        author=str(own.user_id),
        foreign_marks=sorted({seat.mark for seat in others}),
        foreign_tenant=str(others[0].tenant_id),
        strangers=strangers,
    )


async def _feed(scene: Scene, plan: Plan) -> None:
    """Keep some jobs ahead of the worker until they have told of enough operations, then wait for the rest."""
    rng = random.Random(f"{plan.seed} jobs")
    told, moved = 0, time.monotonic()
    while (ahead := await run_unit(_waiting)) or told < plan.tasks or jobs.is_working():
        if told + ahead * plan.of_a_job < plan.tasks and ahead < _JOBS_AHEAD:
            await run_unit(partial(_enqueue, scene, rng, plan.of_a_job))
            continue
        await asyncio.sleep(_LOOK_EVERY)
        await run_unit(outbox.dispatch)  # as beat does: jobs that failed wait to be sent again
        if reported := jobs.collect(scene.ledger.outcomes, scene.ledger.violations):
            told, moved = told + reported, time.monotonic()
        elif time.monotonic() - moved > _STUCK_AFTER:
            raise RuntimeError("the worker does none of the jobs")


def _waiting() -> int:
    """Jobs that are not over; one that is dead is, and is reported by its attempts."""
    return Job.objects.filter(kind=jobs.KIND, dead_at=None).count()


def _enqueue(scene: Scene, rng: random.Random, operations: int) -> None:
    seat, target = rng.choice(scene.seats), jobs.target_of(rng, operations)
    with tenant_atomic(seat.tenant_id):
        outbox.enqueue(jobs.KIND, target)
        if rng.random() < _TAKEN_AWAY:
            for job in Job.objects.filter(kind=jobs.KIND, tenant_id=seat.tenant_id).exclude(target_id=target)[:1]:
                outbox.cancel(jobs.KIND, job.target_id)


@asynccontextmanager
async def _told(ledger: Ledger, begun: float, say: Callable[[str], None]) -> AsyncIterator[None]:
    """Say how far it is every ten seconds, until the block ends."""

    async def tell() -> None:
        while True:
            await asyncio.sleep(10)
            number, seconds = ledger.operations, time.monotonic() - begun
            say(f"{seconds:,.0f} s: {number:,} operations, {len(ledger.violations)} violations")

    telling = asyncio.create_task(tell())
    try:
        yield
    finally:
        telling.cancel()
