"""Traces: request, retrieval, model and job are told, with ids and without words; else nothing is."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pytest_django import Settings

from config.asgi import application
from config.embedded import PROJECT
from config.telemetry import collect
from tenants.jobs.handlers import JobHandler, register_job
from tenants.jobs.leases import Lease
from tenants.jobs.models import Job
from tenants.jobs.runner import run_job
from tenants.observing.trace_spans import trace_by, trace_ids
from tests.people import Person
from tests.processes import Running
from tests.shelving import shelved
from tests.standins.ollama import OllamaStandIn

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = "How many days of quixotical paid holiday does a full-time employee have?"


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    """What is collected in this process."""
    made = InMemorySpanExporter()
    collect(SimpleSpanProcessor(made))
    yield made
    trace_by(None)


def _by_name(exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in exporter.get_finished_spans()}


async def _ask(person: Person) -> dict[str, Any]:
    transport = httpx.ASGITransport(app=application)  # type: ignore[arg-type]
    headers = {"Authorization": f"Bearer {person.token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers) as client:
        made = (await client.post("/api/v1/conversations/", json={})).json()["id"]
        path = f"/api/v1/conversations/{made}/messages/"
        answer = await client.post(path, json={"content": QUESTION}, timeout=60)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())


async def test_an_answer_is_one_trace(
    exporter: InMemorySpanExporter, settings: Settings, alice: Person, worker: Running, ollama: OllamaStandIn
) -> None:
    settings.OLLAMA_HOST = ollama.url
    await asyncio.to_thread(shelved, alice)
    message = await _ask(alice)
    spans = _by_name(exporter)
    request = spans[next(name for name in spans if name.startswith("POST") and "message" in name)]
    retrieval, model = spans["retrieval"], spans["model"]
    ids = {span.context.trace_id for span in (request, retrieval, model) if span.context is not None}
    assert len(ids) == 1
    assert dict(retrieval.attributes or {})["docent.reply"] == message["id"]
    assert dict(model.attributes or {})["gen_ai.provider.name"] == "ollama"
    assert dict(request.attributes or {})["http.response.status_code"] == 201
    assert "quixotical" not in "".join(span.to_json() for span in exporter.get_finished_spans())


def test_a_job_is_a_trace_and_its_lines_say_which(exporter: InMemorySpanExporter, alice: Person) -> None:
    seen: list[dict[str, str]] = []

    def work(target_id: UUID, lease: Lease) -> None:
        seen.append(dict(trace_ids()))
        raise RuntimeError("quixotical")

    register_job("tests.traced", JobHandler(work, lambda *_: None))
    job = Job.objects.create(
        tenant_id=alice.access.tenant_id, kind="tests.traced", target_id=uuid4(), run_at=datetime.now(UTC)
    )
    assert run_job(job.id)
    span = _by_name(exporter)["job"]
    about = dict(span.attributes or {})
    assert about == {
        "docent.kind": "tests.traced",
        "docent.job": str(job.id),
        "docent.tenant": str(alice.access.tenant_id),
        "docent.outcome": "failed",
    }
    assert span.context is not None
    assert [ids["trace"] for ids in seen] == [f"{span.context.trace_id:032x}"]
    assert "quixotical" not in span.to_json()


@pytest.mark.parametrize("module", ["config.asgi", "config.celery"])
def test_without_an_endpoint_nothing_is_loaded(module: str) -> None:
    # Of the SDK redis-py loads a part by itself where it finds one.
    theirs = "'config.telemetry', 'opentelemetry.exporter'"
    program = (
        f"import django; django.setup(); import sys, {module}; "
        f"print([one for one in sys.modules if one.startswith(({theirs}))])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
