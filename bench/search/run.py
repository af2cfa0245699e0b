"""Filling the database, then every figure. Imported once Django is set up."""

from __future__ import annotations

import multiprocessing
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

import django
import psycopg
from django.conf import settings
from django.core.management import call_command

from bench.figures import Figure
from bench.search.asking import by_words, first_token, load, recall
from bench.search.filling import new_organisation
from bench.search.organisations import Organisation, admin_url, open_organisation
from bench.search.shared import build_shared, shared_load, shared_recall

_TARGET = 95.0
_SLOWEST = {10_000: 30.0, 200_000: 60.0}
_FIRST_TOKEN = 40.0
_RESTRICTED = (5, 3, 1)
"""Of ten collections, how many a person sees."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Sizes by kind; `small` and `middle` are under the threshold."""

    threshold: int
    large: tuple[int, ...]
    middle: tuple[int, ...]
    small: tuple[int, ...]
    timed: tuple[int, int]
    memory_mb: int


_FULL = Plan(
    threshold=20_000,
    large=(200_000, 100_000, 60_000, 40_000, 40_000, 30_000, 25_000),
    middle=(10_000,) * 15 + (5_000,) * 20,
    small=tuple(100 + 333 * number // 957 for number in range(958)),
    timed=(10_000, 200_000),
    memory_mb=400,
)
_SMALL = Plan(
    threshold=4_000,
    large=(12_000, 6_000),
    middle=(3_000, 2_000),
    small=tuple(100 + 5 * number for number in range(50)),
    timed=(3_000, 12_000),
    memory_mb=400,
)


def measure(*, is_small: bool) -> list[Figure]:
    plan = _SMALL if is_small else _FULL
    settings.DOCENT_EXACT_UP_TO = plan.threshold
    settings.DOCENT_INDEXING_MEMORY_MB = plan.memory_mb
    with _stage("filled"):
        ids = _fill(plan)
    with _stage("vacuumed"), psycopg.connect(admin_url(), autocommit=True) as admin:
        admin.execute("VACUUM ANALYZE")
    with _stage("graphs of their own built and measured"):
        call_command("tend_graphs")
    organisations = {
        size: [open_organisation(one) for one in chosen] for size, chosen in _chosen(plan, ids).items()
    }
    figures = [*_recalls(plan, organisations), *_times(plan, organisations)]
    return [*figures, *_shared(plan, ids, organisations)]


def _fill(plan: Plan) -> dict[int, list[UUID]]:
    """The organisations' ids by size, the largest first so that two processes end together."""
    sizes = [*plan.large, *plan.middle, *plan.small]
    ids: dict[int, list[UUID]] = {}
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=spawn, initializer=django.setup) as pool:
        seeds = range(1, len(sizes) + 1)
        slugs = [f"t{seed}" for seed in seeds]
        for size, tenant_id in zip(sizes, pool.map(new_organisation, slugs, seeds, sizes), strict=True):
            ids.setdefault(size, []).append(tenant_id)
    return ids


def _chosen(plan: Plan, ids: dict[int, list[UUID]]) -> dict[int, list[UUID]]:
    """The ones to ask: all large ones, a few of each other size, twenty of the small ones."""
    small = set(plan.small[:: max(1, len(plan.small) // 20)])
    return {size: found[:3] for size, found in ids.items() if size in {*plan.large, *plan.middle} or size in small}


def _recalls(plan: Plan, organisations: dict[int, list[Organisation]]) -> Iterator[Figure]:
    kinds: dict[str, Sequence[int]] = {"small": plan.small, "middling": plan.middle, "large": plan.large}
    for kind, sizes in kinds.items():
        asked = {size: organisations[size] for size in dict.fromkeys(sizes) if size in organisations}
        found = {size: recall(some) for size, some in asked.items()}
        yield Figure(
            name=f"Recall@10, {kind} organisations ({min(asked):,} to {max(asked):,} passages), the least",
            value=100 * min(found.values()),
            unit="%",
            target=100.0 if kind != "large" else _TARGET,
            more_is_better=True,
            details={f"{size:,} passages, %": 100 * value for size, value in found.items()}
            if kind == "large"
            else {},
        )
    for number in _RESTRICTED:
        found = {size: recall(organisations[size], collections=number) for size in dict.fromkeys(plan.large)}
        yield Figure(
            name=f"Recall@10 for somebody who sees {number} of 10 collections of a large one, the least",
            value=100 * min(found.values()),
            unit="%",
            target=_TARGET,
            more_is_better=True,
            details={f"{size:,} passages, %": 100 * value for size, value in found.items()},
        )


def _times(plan: Plan, organisations: dict[int, list[Organisation]]) -> Iterator[Figure]:
    for size, target in zip(plan.timed, _SLOWEST.values(), strict=True):
        organisation = organisations[size][0]
        hybrid = load(organisation)
        restricted = load(organisation, collections=3)
        lexical = by_words(organisation)
        yield Figure(
            name=f"Search among {size:,} passages, eight people asking every 2 s, P95",
            value=hybrid.slow,
            unit="ms",
            target=target,
            details={
                "P50, ms": hybrid.median,
                "who sees 3 of 10 collections, P50, ms": restricted.median,
                "who sees 3 of 10 collections, P95, ms": restricted.slow,
                "by words alone, one person, P50, ms": lexical.median,
                "by words alone, one person, P95, ms": lexical.slow,
            },
        )
    embedding, search = first_token(organisations[plan.timed[0]][0])
    yield Figure(
        name=f"What retrieval adds to the first token, one person, {plan.timed[0]:,} passages, median",
        value=embedding + search,
        unit="ms",
        target=_FIRST_TOKEN,
        details={"embedding the question, ms": embedding, "search, ms": search},
    )


def _shared(
    plan: Plan, ids: dict[int, list[UUID]], organisations: dict[int, list[Organisation]]
) -> Iterator[Figure]:
    """Beside it: no targets, but what the graphs of one's own are for."""
    asked = {min(organisations), *plan.timed, min(plan.large), plan.small[-1]} & organisations.keys()
    tenants = {tenant for size in {*asked, *plan.small} for tenant in ids[size]}
    with _stage("copied, and the shared graph built"):
        build_shared(sorted(tenants))
    for size in sorted(asked):
        organisation = organisations[size][0]
        times = shared_load(organisation) if size in plan.timed else None
        yield Figure(
            name=f"For comparison, one HNSW shared by {len(tenants)}, {size:,} passages: recall@10",
            value=100 * shared_recall(organisation),
            unit="%",
            target=0.0,
            more_is_better=True,
            details={"P50, ms": times.median, "P95, ms": times.slow} if times else {},
        )


@contextmanager
def _stage(name: str) -> Iterator[None]:
    begun = time.perf_counter()
    yield
    print(f"{name} in {time.perf_counter() - begun:.0f} s", file=sys.stderr, flush=True)
