"""A new embedding model without downtime: built beside the old one, switched at once, taken back, dropped."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Thread

import pytest
from celery import current_app
from django.db import connection, connections
from pytest_django import Settings

from documents.models import Chunk, ChunkEmbedding, Collection, Document, EmbeddingIndex
from documents.reindex import (
    REINDEX,
    drop_indexes,
    start_reindex,
)
from documents.services.documents import delete_document, update_document
from documents.services.processing import EMBED, READ, make_current
from retrieval.search import embed_question, find_passages
from retrieval.types import Mode
from tenants.context import tenant_context
from tenants.db import tenant_atomic
from tenants.errors import DocentError, Unavailable
from tenants.jobs.models import Job
from tenants.jobs.outbox import RUN_JOB
from tenants.jobs.runner import run_job
from tenants.models import AuditEvent
from tests.config.polling import wait_for
from tests.documents.indexed import (
    MANY,
    NEW,
    OLD,
    QUESTION,
    add_version,
    expected_hits,
    found,
    holdings_of,
    index_of,
    indexes_of,
    made_index,
    reindex_job,
    run_reindex,
    stocked,
    unit,
)
from tests.environment import Environment
from tests.people import Person
from tests.processes import celery_worker
from tests.standins.ollama import EmbedReply, OllamaStandIn

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("models")]


@contextmanager
def _aside(work: Callable[[], object]) -> Iterator[Thread]:
    """Work on a thread with connections of its own; waited for at the end."""

    def run() -> None:
        try:
            work()
        finally:
            connections.close_all()

    thread = Thread(target=run)
    thread.start()
    try:
        yield thread
    finally:
        thread.join(60)
    assert not thread.is_alive()


def _process(person: Person) -> None:
    """Read and embed what was uploaded, as workers do."""
    with tenant_context(person.access.tenant_id):
        for kind in (READ, EMBED):
            for job in Job.objects.filter(kind=kind):
                assert run_job(job.id)


def test_a_second_index_is_built_and_takes_the_place_of_the_first(alice: Person, acme_texts: list[str]) -> None:
    by_old = expected_hits(acme_texts, OLD, 12, top_k=5)
    by_new = expected_hits(acme_texts, NEW, 20, top_k=5)
    assert by_old != by_new
    old = index_of(alice, "active")
    new = start_reindex(access=alice.access, model=NEW)
    assert (new.dimensions, new.status, new.embedded, new.total) == (20, "building", 0, 40)
    assert found(alice) == by_old
    run_reindex()
    assert found(alice) == by_new
    assert indexes_of(alice) == {OLD: "retired", NEW: "active"}
    assert holdings_of(alice, new) == holdings_of(alice, old)
    with tenant_atomic(alice.access.tenant_id):
        for row in ChunkEmbedding.objects.filter(index=new).select_related("chunk")[:5]:
            assert row.embedding == pytest.approx(unit(NEW, row.chunk.text, 20), abs=2e-3)
        events = AuditEvent.objects.filter(target_id=new.id).values_list("action", "data")
        assert list(events) == [("index.started", {"model": NEW})]
    active = index_of(alice, "active")
    assert (active.embedded, active.total) == (40, 40)
    assert active.activated_at is not None
    assert index_of(alice, "retired").retired_at is not None
    assert reindex_job() is None


@pytest.mark.parametrize("dimensions", [20, 12], ids=["more dimensions", "as many dimensions"])
def test_F24_questions_are_answered_by_one_model_before_during_and_after(
    alice: Person, models: OllamaStandIn, dimensions: int
) -> None:
    """Vectors of the same length could be mixed without the database noticing; the answers would show it."""
    models.dimensions["new-embed"] = dimensions
    made_index(alice)
    stocked(alice, "clauses.txt", MANY)
    answers = {
        tuple(expected_hits(MANY, OLD, 12, top_k=8)): "old",
        tuple(expected_hits(MANY, NEW, dimensions, top_k=8)): "new",
    }
    assert len(answers) == 2
    start_reindex(access=alice.access, model=NEW)
    models.embed_after = 0.03
    seen = [answers.get(tuple(found(alice, top_k=8)), "mixed")]
    with _aside(run_reindex) as building:
        while building.is_alive():
            seen.append(answers.get(tuple(found(alice, top_k=8)), "mixed"))
    seen.append(answers.get(tuple(found(alice, top_k=8)), "mixed"))
    assert "mixed" not in seen
    assert seen == sorted(seen, reverse=True), "after the first new answer no old one"
    assert (seen[0], seen[-1]) == ("old", "new")
    assert len(seen) > 5


def test_F24_a_question_that_the_switch_overtakes_is_answered_by_its_own_model(
    alice: Person, models: OllamaStandIn, acme_texts: list[str]
) -> None:
    models.dimensions["new-embed"] = 12
    access = alice.access

    def hits(mode: Mode = Mode.VECTOR) -> list[str]:
        with tenant_atomic(access.tenant_id):
            return [hit.text for hit in find_passages(access, QUESTION, asked, top_k=5, mode=mode).hits]

    asked = embed_question(index_of(alice, "active"), QUESTION)
    start_reindex(access=access, model=NEW)
    run_reindex()
    assert hits() == expected_hits(acme_texts, OLD, 12, top_k=5)
    drop_indexes(access=access)
    with pytest.raises(Unavailable):
        hits()
    assert len(hits(Mode.HYBRID)) == 5


def test_F24_what_changes_while_an_index_is_built_is_right_in_the_end(
    alice: Person, models: OllamaStandIn, acme_texts: list[str]
) -> None:
    """Deleted, moved, replaced and uploaded documents, while the model is at work on their passages."""
    access = alice.access
    gone, moved, replaced = (stocked(alice, f"{name}.txt", MANY[:90]) for name in ("gone", "moved", "replaced"))
    with tenant_atomic(access.tenant_id):
        shelf = Collection.objects.create(name="Shelf", slug="shelf")
    new = start_reindex(access=access, model=NEW)
    models.held.add("new-embed")
    begun = len(models.embedded)
    with _aside(run_reindex) as building:
        assert models.wait_embedded(20, count=begun + 1)
        delete_document(access=access, document=gone)
        update_document(access=access, document=moved, collection=shelf)
        with tenant_atomic(access.tenant_id):
            document = Document.objects.select_for_update().get(id=replaced.id)
            version = add_version(document, 2, MANY[90:120], EmbeddingIndex.objects.get(status="active"))
            make_current(document, version)
            document.save()
        uploaded = alice.api.upload(("late.txt", b"The late kiln is fired on Sundays."))
        late = uploaded.json()["results"][0]["id"]
        _process(alice)
        assert building.is_alive(), "all of that came in the middle"
        models.held.clear()
    assert index_of(alice, "active") == new
    with tenant_atomic(access.tenant_id):
        chunks = Chunk.objects.select_related("document", "version")
        expected = {
            (
                chunk.id,
                chunk.document_id,
                chunk.document.collection_id,
                chunk.version.number == chunk.document.current_version,
            )
            for chunk in chunks
        }
        names = {chunk.document.name for chunk in chunks}
        assert Document.objects.get(id=late).status == "ready"
    assert names == {"kilns.txt", "moved.txt", "replaced.txt", "late.txt"}
    assert holdings_of(alice, new) == expected


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("ollama/absent", "400 .* does not have the embedding model"),
        ("http://evil.example/x", "400 .* is called builtin, ollama/… or openai/…"),
        ("openai/x", "400 No server that speaks OpenAI's API"),
        (NEW, "503 .* overloaded or failing"),
    ],
)
def test_F24_a_model_that_cannot_be_used_is_refused_at_once(
    alice: Person, models: OllamaStandIn, acme_texts: list[str], model: str, words: str
) -> None:
    if model == NEW:
        models.script_embeddings(EmbedReply(status=500), times=3)
    with pytest.raises(DocentError) as caught:
        start_reindex(access=alice.access, model=model)
    assert re.match(words, f"{caught.value.status} {caught.value.detail}")
    assert indexes_of(alice) == {OLD: "active"}
    assert reindex_job() is None
    assert found(alice) == expected_hits(acme_texts, OLD, 12, top_k=5)


@pytest.mark.parametrize(
    ("happens", "words"),
    [("removed", "does not have the embedding model"), ("replaced", "gives 21 dimensions and the index has 20")],
)
def test_F24_a_model_that_is_lost_on_the_way_leaves_the_old_index_serving(
    alice: Person, models: OllamaStandIn, acme_texts: list[str], happens: str, words: str
) -> None:
    new = start_reindex(access=alice.access, model=NEW)
    if happens == "removed":
        del models.dimensions["new-embed"]
    else:
        models.dimensions["new-embed"] = 21
    run_reindex()
    failed = index_of(alice, "failed")
    assert (failed, failed.error_code) == (new, "model_error")
    assert words in failed.error_detail
    assert reindex_job() is None
    assert indexes_of(alice)[OLD] == "active"
    assert found(alice) == expected_hits(acme_texts, OLD, 12, top_k=5)
    # The same again, when the model is there again, is a new index.
    models.dimensions["new-embed"] = 20
    start_reindex(access=alice.access, model=NEW)
    run_reindex()
    assert index_of(alice, "active").model == NEW


def test_F24_a_server_that_stays_away_fails_the_index_with_its_reason_and_a_retry_goes_on(
    alice: Person, models: OllamaStandIn
) -> None:
    made_index(alice)
    stocked(alice, "clauses.txt", MANY)
    start_reindex(access=alice.access, model=NEW)
    models.script_embeddings(EmbedReply(), EmbedReply(), *[EmbedReply(fault="garbage")] * 3)
    for _ in range(3):
        with connection.cursor() as cursor:
            cursor.execute("UPDATE tenants_job SET run_at = now()")
        run_reindex()
    failed = index_of(alice, "failed")
    assert (failed.error_code, failed.embedded, failed.total) == ("model_error", 128, 400)
    assert failed.error_detail == "The model server sent something that is not Ollama's protocol."
    [shown] = alice.full_api.get("/api/v1/jobs/").json()["results"]
    assert (shown["kind"], shown["status"], shown["error"]["detail"]) == (REINDEX, "dead", failed.error_detail)
    models.embedded.clear()
    assert alice.full_api.post(f"/api/v1/jobs/{shown['id']}/retry/").status_code == 202
    run_reindex()
    assert [len(body["input"]) for body in models.embedded] == [64, 64, 64, 64, 16], (
        "what it has is not made again"
    )
    assert indexes_of(alice) == {OLD: "retired", NEW: "active"}
    assert found(alice) == expected_hits(MANY, NEW, 20, top_k=5)


def test_F24_a_server_that_is_away_is_waited_for(
    alice: Person, models: OllamaStandIn, settings: Settings, acme_texts: list[str]
) -> None:
    new = start_reindex(access=alice.access, model=NEW)
    settings.OLLAMA_HOST = "http://127.0.0.1:9"
    for _ in range(5):
        run_reindex()
        job = reindex_job()
        assert job is not None
        assert (job.attempts, job.dead_at) == (0, None)
        assert job.run_at > job.created_at + timedelta(seconds=settings.DOCENT_JOB_LEASE_SECONDS / 2)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE tenants_job SET run_at = now()")
    [shown] = alice.full_api.get("/api/v1/jobs/").json()["results"]
    assert (shown["status"], shown["stage"], shown["progress"]) == ("waiting", "waiting_for_model", 0.0)
    building = index_of(alice, "building")
    assert (building, building.error_detail) == (new, "The model server cannot be reached.")
    settings.OLLAMA_HOST = models.url
    assert found(alice) == expected_hits(acme_texts, OLD, 12, top_k=5)
    run_reindex()
    assert index_of(alice, "active") == new
    assert index_of(alice, "active").error_detail == ""


def test_F24_a_killed_worker_loses_nothing(
    alice: Person, models: OllamaStandIn, run_environment: Environment, tmp_path: Path
) -> None:
    made_index(alice)
    stocked(alice, "clauses.txt", MANY)
    new = start_reindex(access=alice.access, model=NEW)
    job = reindex_job()
    assert job is not None
    models.embed_after = 0.4
    variables = {**run_environment.variables, "OLLAMA_HOST": models.url}
    with celery_worker(variables, tmp_path / "worker.log", queues="doomed") as doomed:
        current_app.send_task(RUN_JOB, args=[str(job.id)], queue="doomed", tenant_id=job.tenant_id)
        wait_for("some of it is done", lambda: 0 < index_of(alice, "building").embedded < 400)
        os.killpg(doomed.process.pid, signal.SIGKILL)
        doomed.process.wait(10)
    models.embed_after = 0.0
    assert found(alice) == expected_hits(MANY, OLD, 12, top_k=5)
    done = len(holdings_of(alice, new))
    assert 0 < done < 400
    models.embedded.clear()
    wait_for("the lease is over", lambda: run_job(job.id), within=10)
    assert sum(len(body["input"]) for body in models.embedded) == 400 - done, "what was stored is not made again"
    assert holdings_of(alice, new) == holdings_of(alice, index_of(alice, "retired"))
    assert found(alice) == expected_hits(MANY, NEW, 20, top_k=5)


def test_progress_makes_earlier_attempts_void(alice: Person, models: OllamaStandIn) -> None:
    """Three restarts in hours of work are no poison: only three without any progress are."""
    made_index(alice)
    stocked(alice, "clauses.txt", MANY)
    start_reindex(access=alice.access, model=NEW)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE tenants_job SET attempts = 2")
    models.script_embeddings(EmbedReply(), EmbedReply(fault="garbage"))
    run_reindex()
    job = reindex_job()
    assert job is not None
    assert (job.attempts, job.dead_at) == (1, None)
    building = index_of(alice, "building")
    assert (building.embedded, building.error_code) == (64, "model_error"), "who looks meanwhile sees why it waits"


def test_it_steps_back_for_other_work_after_a_second(alice: Person, models: OllamaStandIn) -> None:
    """Its own organisation's too: what is uploaded meanwhile does not wait until everything is embedded anew."""
    made_index(alice)
    stocked(alice, "clauses.txt", MANY)
    start_reindex(access=alice.access, model=NEW)
    alice.api.upload(("late.txt", b"The late kiln is fired on Sundays."))
    with tenant_context(alice.access.tenant_id):
        assert run_job(Job.objects.get(kind=READ).id)
    models.embed_after = 0.3
    run_reindex()
    building = index_of(alice, "building")
    assert 64 <= building.embedded < 400
    job = reindex_job()
    assert job is not None
    assert (job.dead_at, job.attempts) == (None, 0)
    models.embed_after = 0.0
    _process(alice)
    run_reindex()
    assert index_of(alice, "active") == building
    assert building.total == 400
    assert index_of(alice, "active").total == 401


def test_F24_a_document_whose_model_is_missing_fails_with_a_clear_text(
    alice: Person, models: OllamaStandIn, acme_texts: list[str]
) -> None:
    del models.dimensions["old-embed"]
    document = alice.api.upload(("late.txt", b"The late kiln is fired on Sundays.")).json()["results"][0]["id"]
    _process(alice)
    shown = alice.api.get(f"/api/v1/documents/{document}/").json()
    assert (shown["status"], shown["error"]["code"]) == ("failed", "embedding_failed")
    assert shown["error"]["detail"] == "The model server does not have the embedding model that was asked for."
    models.dimensions["old-embed"] = 12
    assert alice.api.post(f"/api/v1/documents/{document}/reprocess/").status_code == 202
    _process(alice)
    assert alice.api.get(f"/api/v1/documents/{document}/").json()["status"] == "ready"
    assert len(found(alice, top_k=50)) == len(acme_texts) + 1
