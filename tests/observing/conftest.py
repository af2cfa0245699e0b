"""Processes that tell their numbers and log every detail as JSON, and the work of two organisations in them."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Any
from uuid import uuid4

import httpx
import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from config.settings.observing import shared_numbers
from tests.config.polling import wait_for
from tests.conversations.doors import Api, by_page, by_rest, by_socket
from tests.environment import Environment
from tests.people import Person
from tests.plain import NO_TLS
from tests.processes import LiveServer, Running, celery_worker, web_server
from tests.standins.ollama import OllamaStandIn, Reply

# In no line and in no label: they stand in what people write.
MARKERS = ("xylophonic", "zanzibarine")


@dataclass(frozen=True, slots=True)
class Observed:
    """A web server, a worker, and where both tell their numbers."""

    web: LiveServer
    worker: Running
    port: int

    def scrape(self) -> list[Metric]:
        answer = httpx.get(f"http://127.0.0.1:{self.port}/metrics", timeout=30, verify=NO_TLS)
        assert answer.status_code == 200
        return list(text_string_to_metric_families(answer.text))

    def value(self, name: str, **labels: str) -> float:
        """The sum of the samples of this name with these labels."""
        return sum(
            sample.value
            for metric in self.scrape()
            for sample in metric.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def lines(self, running: Running) -> list[dict[str, Any]]:
        """Each line that a process has logged."""
        return [json.loads(line) for line in running.log.read_text().splitlines() if line.startswith("{")]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


# No longer than this folder's tests: its worker would take what others put into the broker for theirs.
@pytest.fixture(scope="package")
def observed_processes(
    run_environment: Environment, logs: Path, style_and_scripts: None, _stand_in: OllamaStandIn
) -> Iterator[Observed]:
    port = free_port()
    variables = {
        **run_environment.variables,
        "OLLAMA_HOST": _stand_in.url,
        "DOCENT_METRICS_PORT": str(port),
        "DOCENT_LOG_FORMAT": "json",
        "DOCENT_LOG_LEVEL": "DEBUG",
    }
    with (
        web_server(variables, logs / "web-observed.log") as web,
        celery_worker(variables, logs / "worker-observed.log") as worker,
    ):
        yield Observed(web, worker, port)
    rmtree(shared_numbers(run_environment.data))


@pytest.fixture
def observed(observed_processes: Observed, ollama: OllamaStandIn) -> Observed:
    observed_processes.web.require_life()
    observed_processes.worker.require_life()
    return observed_processes


@pytest.fixture
def two_at_work(observed: Observed, alice: Person, charlie: Person, ollama: OllamaStandIn) -> Observed:
    """Two organisations upload, search, ask at several doors, are refused, and meet a model that breaks."""
    read = observed.value("docent_documents_total")
    for person, marker in zip((alice, charlie), MARKERS, strict=True):
        api = Api(observed.web, person)
        # Another worker of the run may take one: so many until it was this one's.
        for number in range(20):
            upload(api, f"{marker}-{number}.txt", f"The {marker} plan has {number} pages about holidays. " * 30)
            if observed.value("docent_documents_total") > read:
                break
        for door in (by_rest, by_socket, by_page):
            assert door(api, f"What is the {marker} plan?").message["content"]
        api.post("/search/", json={"query": f"{marker} plan"})
        api.get("/documents/", params={"search": marker})
        assert api.get(f"/documents/{uuid4()}/").status_code == 404
        ollama.script(Reply(fault="cut", fault_after=1))
        assert by_rest(api, f"Why is the {marker} plan so long?").message["status"] == "failed"
        assert api.post("/collections/", json={"name": f"Our {marker} files", marker: 1}).status_code == 400
    return observed


def upload(api: Api, name: str, text: str) -> str:
    """The id of a document that is searchable."""
    answer = api.post("/documents/", files={"files": (name, text.encode(), "text/plain")})
    assert answer.status_code == 202, answer.text
    [document] = [one["id"] for one in answer.json()["results"]]

    def is_ready() -> bool:
        told = api.get(f"/documents/{document}/").json()
        assert told["status"] != "failed", told
        return bool(told["status"] == "ready")

    wait_for("the document is searchable", is_ready, within=60)
    return str(document)
