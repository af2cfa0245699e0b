"""A new embedding model has to pass question sets that are gates before it answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from conversations.chat_models import chooser
from documents.models import EmbeddingIndex
from documents.reindex import start_reindex, stop_reindex, take_back
from retrieval.evaluation.cases import Case
from retrieval.models import EvaluationRun, QuestionSet
from retrieval.services.question_sets import create_question_set, set_gate
from retrieval.services.runs import accept_evaluation
from tenants.db import tenant_atomic
from tenants.jobs.models import Job
from tenants.jobs.runner import run_job
from tenants.models import AuditEvent
from tests.documents.indexed import NEW, OLD, QUESTION, index_of, indexes_of, reindex_job, run_reindex, stocked
from tests.factories import work_off
from tests.people import Person
from tests.standins.ollama import EmbedReply, OllamaStandIn

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("acme_texts", "own_chooser")]

PATH = "/api/v1/evaluations/"


@pytest.fixture
def own_chooser(models: OllamaStandIn) -> Iterator[None]:
    """The model that answers is looked for anew, here and after."""
    chooser.cache_clear()
    yield
    chooser.cache_clear()


def gate(person: Person, minimums: dict[str, float], *, pages: tuple[int, ...] = (1,)) -> QuestionSet:
    """Two questions about kilns, whose right pages are these."""
    cases = [
        Case(key=str(number), text=f"{QUESTION} Team {number}?", document="kilns.txt", pages=pages)
        for number in range(2)
    ]
    made = create_question_set(access=person.access, name="Kilns", cases=cases)
    return set_gate(access=person.access, question_set=made, is_gate=True, minimums=minimums) if minimums else made


def runs(person: Person) -> list[dict[str, Any]]:
    return list(person.full_api.get(PATH).json()["results"])


def test_without_a_gate_nothing_is_asked(alice: Person, models: OllamaStandIn) -> None:
    gate(alice, {})
    start_reindex(access=alice.access, model=NEW)
    run_reindex()
    assert indexes_of(alice) == {OLD: "retired", NEW: "active"}
    assert runs(alice) == []


def test_the_new_index_is_asked_and_takes_over_when_it_passes(alice: Person, models: OllamaStandIn) -> None:
    gate(alice, {"document_hit@10": 1.0})
    new = start_reindex(access=alice.access, model=NEW)
    models.embedded.clear()
    run_reindex()
    assert indexes_of(alice) == {OLD: "retired", NEW: "active"}
    [run] = runs(alice)
    assert (run["index"], run["status"], run["gate"]) == (
        str(new.id), "finished", {"passed": True, "reasons": [], "waived": False},
    )  # fmt: skip
    asked = {body["model"] for body in models.embedded if QUESTION in str(body["input"])}
    assert asked == {"new-embed"}, "search and answers look into the new one"
    assert reindex_job() is None


def test_what_fails_does_not_take_over_and_says_why(alice: Person) -> None:
    gate(alice, {"document_hit@10": 1.0, "page_hit@10": 0.5}, pages=(999,))
    new = start_reindex(access=alice.access, model=NEW)
    run_reindex()
    assert indexes_of(alice) == {OLD: "active", NEW: "failed"}
    failed = index_of(alice, "failed")
    reason = "page_hit@10 is 0.000; at least 0.500 is asked for."
    assert (failed, failed.error_code) == (new, "gate_failed")
    assert failed.error_detail == f"It did not pass the question set “Kilns”. {reason}"
    assert runs(alice)[0]["gate"] == {"passed": False, "reasons": [reason], "waived": False}
    assert reindex_job() is None


def test_an_admin_switches_anyway(alice: Person, adam: Person, bob: Person) -> None:
    gate(alice, {"page_hit@10": 0.5}, pages=(999,))
    start_reindex(access=alice.access, model=NEW)
    run_reindex()
    run = runs(alice)[0]["id"]
    assert bob.full_api.post(f"{PATH}{run}/waive/").status_code == 403
    page = adam.client.get(f"/o/acme/settings/evaluations/runs/{run}/").content.decode()
    assert "Switch anyway" in page
    waived = adam.full_api.post(f"{PATH}{run}/waive/")
    assert (waived.status_code, waived.json()["gate"]["waived"]) == (200, True)
    assert adam.full_api.post(f"{PATH}{run}/waive/").status_code == 409
    run_reindex()
    assert indexes_of(alice) == {OLD: "retired", NEW: "active"}
    assert len(runs(alice)) == 1, "it is not asked again"
    with tenant_atomic(alice.access.tenant_id):
        [event] = AuditEvent.objects.filter(action="evaluation.waived")
        assert event.actor_id == adam.user.pk


def test_without_minimums_it_must_not_be_surely_worse_than_the_accepted_run(
    alice: Person, models: OllamaStandIn
) -> None:
    question_set = gate(alice, {}, pages=(999,))
    assert alice.full_api.post(PATH, {"set": str(question_set.id)}).status_code == 202
    work_off(alice)
    with tenant_atomic(alice.access.tenant_id):
        accepted = EvaluationRun.objects.get()
        # As if every right page had been found first; by the new model none is.
        for result in accepted.results.all():
            result.row["page_ranks"] = [1]
            result.save()
    accept_evaluation(access=alice.access, run=accepted)
    set_gate(access=alice.access, question_set=question_set, is_gate=True)
    start_reindex(access=alice.access, model=NEW)
    run_reindex()
    [run, _accepted] = runs(alice)
    assert (run["gate"]["passed"], indexes_of(alice)) == (False, {OLD: "active", NEW: "failed"})
    assert run["gate"]["reasons"] == [
        "page_hit@10 fell from 1.000 to 0.000 (-1.000 to -1.000).",
        "page_mrr fell from 1.000 to 0.000 (-1.000 to -1.000).",
    ]


def test_what_was_asked_is_not_asked_again(alice: Person, models: OllamaStandIn) -> None:
    """The job is given back in the middle of the questions, as when a worker dies."""
    gate(alice, {"document_hit@10": 1.0})
    start_reindex(access=alice.access, model=NEW)
    # Passages, both searches for the first question, and then nothing that can be understood.
    models.script_embeddings(EmbedReply(), EmbedReply(), EmbedReply(), EmbedReply(fault="garbage"))
    run_reindex()
    [run] = runs(alice)
    assert (run["status"], run["done"], indexes_of(alice)[NEW]) == ("running", 1, "building")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE tenants_job SET run_at = now()")
    models.embedded.clear()
    run_reindex()
    [again] = runs(alice)
    assert (again["id"], again["status"], again["done"]) == (run["id"], "finished", 2)
    assert not [body for body in models.embedded if "Team 0" in str(body["input"])]
    assert indexes_of(alice) == {OLD: "retired", NEW: "active"}


def test_when_building_is_stopped_nobody_waits_for_the_questions(alice: Person, models: OllamaStandIn) -> None:
    gate(alice, {"document_hit@10": 1.0})
    start_reindex(access=alice.access, model=NEW)
    models.script_embeddings(EmbedReply(), EmbedReply(), EmbedReply(), EmbedReply(fault="garbage"))
    run_reindex()
    [run] = runs(alice)
    assert alice.full_api.post(f"{PATH}{run['id']}/cancel/").json()["code"] == "for_gate"
    stop_reindex(access=alice.access)
    assert runs(alice)[0]["status"] == "cancelled"


def test_an_index_that_has_answered_before_is_taken_back_at_once(alice: Person) -> None:
    start_reindex(access=alice.access, model=NEW)
    run_reindex()
    gate(alice, {"page_hit@10": 0.5}, pages=(999,))
    stocked(alice, "later.txt", ["The late kiln is fired on Sundays."])
    take_back(access=alice.access)
    run_reindex()
    assert indexes_of(alice) == {OLD: "active", NEW: "retired"}
    assert runs(alice) == []


def test_a_gate_that_cannot_be_asked_lets_nobody_through(alice: Person, charlie: Person) -> None:
    """And another organisation's gate is none of this one's."""
    question_set = gate(alice, {"page_hit@10": 0.5})
    gate(charlie, {"page_hit@10": 0.5}, pages=(999,))
    with tenant_atomic(alice.access.tenant_id):
        QuestionSet.objects.filter(id=question_set.id).update(collection_name="Gone")
    start_reindex(access=alice.access, model=NEW)
    run_reindex()
    failed = index_of(alice, "failed")
    assert failed.error_detail.startswith("The question set “Kilns”, which has to be passed, could not be asked.")
    set_gate(access=alice.access, question_set=question_set, is_gate=False)
    start_reindex(access=alice.access, model=NEW)
    job = Job.objects.get(kind="documents.reindex")
    assert run_job(job.id)
    with tenant_atomic(alice.access.tenant_id):
        assert EmbeddingIndex.objects.get(status="active").model == NEW
