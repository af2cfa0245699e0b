"""Numbers: all that the rules ask for is told, by one process for all, and no label says whose it is (I15)."""

from __future__ import annotations

import re
from pathlib import Path
from shutil import rmtree

import httpx
import pytest

from config.settings.observing import shared_numbers
from tenants.metrics import LABELS
from tests.config.polling import wait_for
from tests.environment import Environment
from tests.observing.conftest import MARKERS, Observed, free_port
from tests.people import Person
from tests.plain import NO_TLS
from tests.processes import celery_worker

pytestmark = pytest.mark.django_db(transaction=True)

# Of the libraries: bounds of buckets, and which versions run.
_THEIR_LABELS = {"le", "version", "python", "django"}
_ID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}|[0-9A-Za-z_-]{30,}")


def test_I15_no_label_says_whose_it_is(two_at_work: Observed, alice: Person, charlie: Person) -> None:
    told = two_at_work.scrape()
    samples = [sample for metric in told for sample in metric.samples]
    assert {name for sample in samples for name in sample.labels} == LABELS | _THEIR_LABELS
    values = {value for sample in samples for name, value in sample.labels.items() if name != "le"}
    theirs = [word for one in (alice, charlie) for word in (one.slug, one.user.email, one.user.name)]
    assert {value for value in values for word in (*MARKERS, *theirs) if word.lower() in value.lower()} == set()
    assert {value for value in values if _ID.search(value)} == set()
    assert len(values) < 150


def test_work_is_counted_wherever_it_is_done(two_at_work: Observed) -> None:
    told = two_at_work
    assert told.value("docent_replies_total", provider="ollama") >= 6
    assert told.value("docent_first_token_seconds_count", provider="ollama") >= 6
    assert told.value("docent_tokens_total", direction="out") > 0
    assert told.value("docent_retrieval_seconds_count", stage="lists") >= 6
    assert told.value("docent_documents_total", outcome="ready") >= 1
    assert told.value("docent_ingest_pages_total") >= 1
    assert told.value("docent_ingest_seconds_count", stage="embedding") >= 1
    done = {"kind": "documents.ingest", "outcome": "done"}
    # A document is ready before the job that read it is over.
    wait_for("its job is over", lambda: told.value("docent_jobs_total", **done) >= 1)
    assert told.value("docent_http_requests_total", status="2xx", method="POST") >= 6
    assert told.value("docent_http_requests_total", status="4xx") >= 2
    assert told.value("docent_http_request_seconds_count", route="health-ready") >= 1
    assert told.value("docent_build_info") == 1
    assert told.value("docent_database_up") == told.value("docent_valkey_up") == 1
    wait_for("its pool is told", lambda: told.value("docent_database_pool_connections", state="most") >= 20)


def test_another_process_serves_when_the_one_that_did_is_killed(
    run_environment: Environment, logs: Path, tmp_path: Path
) -> None:
    port = free_port()
    own = {"DOCENT_METRICS_PORT": str(port), "DOCENT_DATA": str(tmp_path)}
    variables = {**run_environment.variables, **own}
    url = f"http://127.0.0.1:{port}/metrics"

    def answers() -> bool:
        try:
            return "docent_database_up 1.0" in httpx.get(url, timeout=10, verify=NO_TLS).text
        except httpx.TransportError:
            return False

    with celery_worker(variables, logs / "solo-1.log", queues="none", pool="solo") as first:
        wait_for("the first tells its numbers", answers)
        with celery_worker(variables, logs / "solo-2.log", queues="none", pool="solo"):
            first.process.kill()
            first.process.wait()
            wait_for("the second does", answers)
    rmtree(shared_numbers(tmp_path))


def test_metrics_are_served_there_and_nowhere_else(observed: Observed) -> None:
    for url in (f"http://127.0.0.1:{observed.port}/", f"{observed.web.url}/metrics"):
        assert httpx.get(url, timeout=30, verify=NO_TLS).status_code == 404
