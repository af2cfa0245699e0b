"""Where the numbers come from: processes that are gone, the queues, servers that are away, models left alone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import rmtree
from uuid import uuid4

import pytest
from prometheus_client import REGISTRY, CollectorRegistry
from pytest_django import Settings

from config.embedded import PROJECT
from config.numbers import fold, registry_of
from config.settings.observing import shared_numbers
from conversations.chat_models.connections import Connections
from conversations.chat_models.servers import list_servers
from tenants.jobs.models import Job
from tenants.metrics import sample
from tests.environment import Environment
from tests.people import Person

pytestmark = pytest.mark.django_db(transaction=True)

_COUNTS = """
import django; django.setup()
from tenants.metrics import *
JOBS.labels('tests', 'done').inc(2); JOB_SECONDS.labels('tests').observe(1); sample()
"""
_HOUR = timedelta(hours=1)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """That of processes whose state folder is `tmp_path`."""
    made = shared_numbers(tmp_path)
    yield made
    rmtree(made, ignore_errors=True)


def _told(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(name, labels)


def test_what_processes_counted_that_are_gone_is_kept_in_one_file(
    folder: Path, tmp_path: Path, run_environment: Environment
) -> None:
    variables = {**run_environment.variables, "DOCENT_DATA": str(tmp_path), "DOCENT_METRICS_PORT": "1"}
    for number in range(1, 4):
        subprocess.run([sys.executable, "-c", _COUNTS], cwd=PROJECT, env=variables, check=True)
        fold(folder)
        told = _told(registry_of(folder), "docent_jobs_total", kind="tests", outcome="done")
        assert told == 2 * number
    assert {path.name for path in folder.iterdir()} == {"counter_0.db", "histogram_0.db"}
    assert folder.stat().st_mode & 0o777 == 0o700


def test_queues_are_counted(tmp_path: Path, alice: Person, charlie: Person) -> None:
    now = datetime.now(UTC)
    states = [
        {"run_at": now - _HOUR},
        {"run_at": now - _HOUR, "lease_expires_at": now - _HOUR},
        {"run_at": now + _HOUR},
        {"run_at": now - _HOUR, "lease_expires_at": now + _HOUR},
        {"run_at": now - _HOUR, "dead_at": now},
    ]
    for person, queue in ((alice, "work"), (charlie, "work"), (charlie, "embed")):
        for state in states:
            Job.objects.create(
                tenant_id=person.access.tenant_id, kind="tests", queue=queue, target_id=uuid4(), **state
            )
    registry = registry_of(tmp_path)
    expected = {"waiting": (4, 2, 0), "running": (2, 1, 0), "dead": (2, 1, 0)}
    for name, numbers in expected.items():
        for queue, number in zip(("work", "embed", "send"), numbers, strict=True):
            assert _told(registry, "docent_jobs_queued", queue=queue, state=name) == number
    oldest = _told(registry, "docent_jobs_oldest_seconds", queue="work")
    assert oldest is not None
    assert 3600 <= oldest < 3700
    assert _told(registry, "docent_jobs_oldest_seconds", queue="send") == 0


def test_servers_that_are_away_are_told(tmp_path: Path, settings: Settings) -> None:
    assert _told(registry_of(tmp_path), "docent_valkey_up") == 1
    assert _told(registry_of(tmp_path), "docent_database_up") == 1
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert _told(registry_of(tmp_path), "docent_valkey_up") == 0


def test_models_that_are_left_alone_are_counted_by_their_server(settings: Settings) -> None:
    connections = Connections()
    breaker = connections.to(list_servers()["ollama"], "").breakers.of("ollama", "somebody's-model")
    for _ in range(5):
        breaker.admit().failed("model_error")
    sample()
    assert _told(REGISTRY, "docent_models_resting", provider="ollama") == 1
