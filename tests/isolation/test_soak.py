"""The soak of `bench.isolation_soak`, short: nothing crosses, and what does cross is found."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.soak import units
from bench.soak.ledger import Ledger
from bench.soak.run import Plan, Scene, set_scene, soak
from bench.soak.units import Desk, Side
from tenants.db import tenant_atomic
from tenants.models import Group
from tests.environment import Environment
from tests.people import Person
from tests.processes import LiveServer, Running, web_server
from tests.standins.ollama import OllamaStandIn

SEED = 20


@pytest.mark.django_db(transaction=True)
def test_F13_a_jumble_of_reads_and_writes_crosses_nothing(  # noqa: PLR0917 - fixtures
    live_server: LiveServer,
    extractive_server: LiveServer,
    ollama: OllamaStandIn,
    worker: Running,
    run_environment: Environment,
    logs: Path,
) -> None:
    plan = Plan(seed=SEED, tasks=1280, http=180, sockets=40, of_a_job=100, programs=1)
    scene = set_scene(live_server.url, plan.seed)
    asyncio.run(soak(scene, plan, [live_server.url, extractive_server.url]))
    _check_clean(scene.ledger, plan)
    _check_found_out(scene, run_environment, logs / "web-unlocked.log")


def _check_clean(ledger: Ledger, plan: Plan) -> None:
    """No violation, and every kind of operation was among them."""
    assert ledger.violations == []
    assert ledger.total("http") == plan.http
    assert ledger.total("task") >= plan.tasks
    assert ledger.total("socket") >= plan.sockets // 2
    outcomes = {kind: {outcome for of, outcome in ledger.outcomes if of == kind} for kind, _ in ledger.outcomes}
    assert {"200", "201", "400", "403", "404", "cancelled"} <= outcomes["http"]
    assert {outcome for outcome in outcomes["http"] if outcome.startswith("5")} == set()
    assert {"opened", "heard finished", "heard failed"} <= outcomes["socket"]
    assert {"done"} <= outcomes["job"] <= {"done", "interrupted", "taken away"}
    assert outcomes["task"] == {
        "change",
        "change a stranger",
        "delete",
        "give away",
        "left in the middle",
        "look for a stranger",
        "make",
        "read in SQL",
        "read rows",
        "roll back",
        "stand outside",
        "step into another",
    }


def _check_found_out(scene: Scene, environment: Environment, log: Path) -> None:
    """The same against a server that row-level security does not bind, with Django's own managers, is all red."""
    variables = {**environment.variables, "DATABASE_URL": environment.admin_url, "DOCENT_DB_POOL": "4"}
    bare = Scene(scene.seats, replace(scene.ledger, outcomes=Counter(), violations=[]))
    with web_server(
        variables, log, health="live", application="bench.unlocked:application", lifespan="off"
    ) as running:
        asyncio.run(soak(bare, Plan(seed=SEED, tasks=0, http=100, sockets=0, programs=1), [running.url]))
    found = " ".join(bare.ledger.violations)
    for words in ("the word of", "an id of", "was not refused"):
        assert words in found


OWN, OTHER = "0b8f1c1e-0000-4000-8000-000000000001", "0b8f1c1e-0000-4000-8000-000000000002"


@pytest.mark.parametrize(
    ("answer", "asked", "violations"),
    [
        (f'{{"id": "{OWN}", "title": "About norwex"}}', "", 0),
        ('{"title": "About norwex", "text": "as souplim says"}', "", 1),
        (f'{{"title": "About norwex", "collection": "{OTHER}"}}', "", 1),
        (f'{{"title": "About norwex", "collection": "{OTHER}"}}', f"/{OTHER}/", 0),
        ('{"results": []}', "", 1),
        (f'{{"id": "{OTHER}", "title": "About souplim"}}', "", 3),
    ],
)
def test_F13_a_poisoned_answer_is_found(answer: str, asked: str, violations: int) -> None:
    ledger = Ledger({"north": "norwex", "south": "souplim"}, SEED)
    ledger.own("north", [OWN])
    ledger.own("south", [OTHER])
    ledger.check("north", "read", answer, asked=asked, shows_own=True)
    assert len(ledger.violations) == violations, ledger.violations
    assert all("north, read (seed 20)" in one for one in ledger.violations)


@pytest.mark.django_db(transaction=True)
def test_F13_a_poisoned_row_is_found(alice: Person, charlie: Person) -> None:
    """A job that is told a wrong word, or that its own rows are strangers, says so in every way it has to look."""
    with tenant_atomic(alice.access.tenant_id):
        groups = [Group.objects.create(name=f"Board norwex {number}") for number in range(12)]
    side = Side(
        slug="acme",
        tenant_id=str(alice.access.tenant_id),
        mark="norwex",
        author=str(alice.access.user_id),
        foreign_marks=["souplim"],
        foreign_tenant=str(charlie.access.tenant_id),
        strangers={"groups": ["0b8f1c1e-0000-4000-8000-000000000003"]},
    )
    own = {"groups": [str(group.id) for group in groups]}
    poisons: dict[str, tuple[Side, Callable[[Desk], Any]]] = {
        "read rows": (replace(side, foreign_marks=["norwex"]), units.read_rows),
        "read in SQL": (replace(side, foreign_marks=["norwex"]), units.read_plainly),
        "look for a stranger": (replace(side, strangers=own), units.look_for_stranger),
        "give away": (replace(side, foreign_tenant=side.tenant_id), units.give_away),
        "change a stranger": (replace(side, strangers=own), units.change_stranger),
        "step into another": (replace(side, foreign_tenant=side.tenant_id), units.step_into_another),
    }
    for name, (poisoned, operation) in poisons.items():
        assert _accused(side, operation) == [], name
        accused = _accused(poisoned, operation)
        assert accused, name
        assert all(one.startswith(f"acme, {name} of ") for one in accused)


def _accused(side: Side, operation: Callable[[Desk], Any]) -> list[str]:
    """The violations of sixty times the operation in one unit: often enough to come upon every table."""
    desk = Desk(side, random.Random(SEED))
    with tenant_atomic(desk.tenant_id):
        for _ in range(60):
            operation(desk)
    return desk.violations
