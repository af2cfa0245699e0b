"""Writes: evaluations. A job asks the questions; see `retrieval.evaluation_job`."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext

from documents.models import EmbeddingIndex
from documents.reindex import retry as build_on
from documents.selectors import find_active_index
from retrieval.evaluation.asking import Plan
from retrieval.evaluation.measures import summary
from retrieval.evaluation.rows import Row
from retrieval.models import EvaluationResult, EvaluationRun, Question, QuestionSet
from retrieval.selectors import find_threshold, rows_of
from retrieval.types import Mode
from tenants.access import Access
from tenants.audit.recording import record
from tenants.db import tenant_atomic
from tenants.errors import Conflict, NotFound
from tenants.jobs import outbox
from tenants.permissions import Action
from tenants.services.jobs import JobProgress, JobReason

EVALUATE = "retrieval.evaluate"
GATE_K = 10
MAX_K = 50
Status = EvaluationRun.Status
UNDER_WAY = (Status.QUEUED, Status.RUNNING)


def start_evaluation(
    *, access: Access, question_set: QuestionSet, k: int = 10, mode: Mode = Mode.HYBRID
) -> EvaluationRun:
    """Have a set asked in the background. `Conflict` while it is asked already, or where nothing can be."""
    access.require(Action.MANAGE_TENANT)
    with tenant_atomic(access.tenant_id):
        # Whoever starts one at the same moment waits here, and then finds this one.
        list(QuestionSet.objects.select_for_update().filter(id=question_set.id))
        if EvaluationRun.objects.filter(set=question_set, for_gate=False, status__in=UNDER_WAY).exists():
            raise Conflict("This set is being asked already.", code="in_progress")
        run = create_run(access=access, question_set=question_set, index=find_active_index(), k=k, mode=mode)
        outbox.enqueue(EVALUATE, run.id)
        record(access, "evaluation.started", target_kind="evaluation", target_id=run.id, set=str(run.set_id))
    return run


def create_run(
    *,
    access: Access,
    question_set: QuestionSet,
    index: EmbeddingIndex | None,
    k: int,
    mode: Mode,
    for_gate: bool = False,
) -> EvaluationRun:
    """The row, in the caller's unit. `Conflict` where there is nothing to ask, or nothing to ask it of."""
    questions = Question.objects.filter(set=question_set)
    total = questions.count()
    if not total:
        raise Conflict("The set has no questions.", code="empty")
    if index is None:
        raise Conflict("There is no document yet that could be asked.", code="no_documents")
    if question_set.collection_id is None and question_set.collection_name:
        raise Conflict(
            gettext("The collection “{collection_name}” is gone. Choose another for this set.").format(
                collection_name=question_set.collection_name
            ),
            code="no_collection",
        )
    chosen = _settings(question_set, index, k, mode)
    run: EvaluationRun = EvaluationRun.objects.create(
        set=question_set,
        index=index,
        model=index.model,
        mode=mode,
        k=k,
        settings=chosen,
        fingerprint=_hash(chosen),
        total=total,
        for_gate=for_gate,
        created_by_id=access.user_id,
    )
    return run


def _settings(question_set: QuestionSet, index: EmbeddingIndex, k: int, mode: Mode) -> dict[str, Any]:
    """What the figures depend on beside the documents."""
    asked = Question.objects.filter(set=question_set).order_by("number")
    questions = list(asked.values_list("text", "is_answerable", "document", "pages"))
    return {
        "embedding_model": index.model,
        "dimensions": index.dimensions,
        "mode": mode.value,
        "k": k,
        "passages": settings.DOCENT_PASSAGES,
        "reranking_model": settings.DOCENT_RERANK_MODEL if settings.DOCENT_RERANK_URL else None,
        "threshold": find_threshold(index.id),
        "collection": question_set.collection_name,
        "questions": _hash(questions),
    }


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def finish_run(run: EvaluationRun) -> None:
    """All is asked: work out the figures, on the row that the caller holds and saves."""
    rows = rows_of(run)
    run.numbers = summary(rows, run.k)
    run.chat_model = next((row.model for row in rows if row.model), "")
    run.status, run.finished_at = Status.FINISHED, timezone.now()
    run.error_code = run.error_detail = ""


def keep_run(
    *, plan: Plan, question_set: QuestionSet, questions: Sequence[UUID], rows: Sequence[Row]
) -> EvaluationRun:
    """Store as a run what was asked here and now; `rows` in the order of `questions`, which are ids."""
    access = plan.access
    access.require(Action.MANAGE_TENANT)
    with tenant_atomic(access.tenant_id):
        run = create_run(access=access, question_set=question_set, index=plan.index, k=plan.k, mode=plan.mode)
        EvaluationResult.objects.bulk_create(
            [
                EvaluationResult(run=run, question_id=question, number=number, row=row.as_json())
                for number, (question, row) in enumerate(zip(questions, rows, strict=True), start=1)
            ]
        )
        run.started_at = run.created_at
        run.done, run.seconds = len(rows), round(sum(row.seconds for row in rows), 3)
        finish_run(run)
        run.save()
        record(access, "evaluation.started", target_kind="evaluation", target_id=run.id, set=str(run.set_id))
    return run


def cancel_evaluation(*, access: Access, run: EvaluationRun) -> EvaluationRun:
    """Stop one that waits or runs. `Conflict` for one that is over, or that a change of model waits for."""
    access.require(Action.MANAGE_TENANT)
    with tenant_atomic(access.tenant_id):
        held = _lock(run)
        if not held.is_under_way:
            raise Conflict("This evaluation is over.", code="not_running")
        if held.for_gate:
            raise Conflict("A change of the embedding model waits for it: stop that instead.", code="for_gate")
        stop_runs(EvaluationRun.objects.filter(id=held.id))
        record(access, "evaluation.cancelled", target_kind="evaluation", target_id=held.id)
        held.refresh_from_db()
    return held


def stop_runs(runs: QuerySet[EvaluationRun]) -> None:
    """Cancel those of them that wait or run, in the caller's unit."""
    for run in runs.filter(status__in=UNDER_WAY).select_for_update().order_by("id"):
        run.status, run.finished_at = Status.CANCELLED, timezone.now()
        run.save()
        outbox.cancel(EVALUATE, run.id)


def delete_evaluation(*, access: Access, run: EvaluationRun) -> None:
    """With its results; one that is under way stops."""
    access.require(Action.MANAGE_TENANT)
    with tenant_atomic(access.tenant_id):
        held = _lock(run)
        if held.for_gate and held.is_under_way:
            raise Conflict("A change of the embedding model waits for it: stop that instead.", code="for_gate")
        if held.is_accepted and held.set.is_gate and not held.set.minimums:
            raise Conflict("The gate holds others against this run. Accept another one first.", code="accepted")
        stop_runs(EvaluationRun.objects.filter(id=held.id))
        record(access, "evaluation.deleted", target_kind="evaluation", target_id=held.id)
        EvaluationRun.objects.filter(id=held.id).delete()


def accept_evaluation(*, access: Access, run: EvaluationRun) -> EvaluationRun:
    """Hold later ones of its set against this one. `Conflict` for one that is not finished."""
    access.require(Action.MANAGE_TENANT)
    with tenant_atomic(access.tenant_id):
        list(QuestionSet.objects.select_for_update().filter(id=run.set_id))
        held = _lock(run)
        if held.status != Status.FINISHED:
            raise Conflict("Only a finished evaluation can be accepted.", code="not_finished")
        EvaluationRun.objects.filter(set=held.set_id, is_accepted=True).update(is_accepted=False)
        held.is_accepted = True
        held.save()
        record(access, "evaluation.accepted", target_kind="evaluation", target_id=held.id)
    return held


def waive_evaluation(*, access: Access, run: EvaluationRun) -> EvaluationRun:
    """Let the index that did not pass here answer all the same. `Conflict` where there is none that could."""
    access.require(Action.MANAGE_TENANT)
    with tenant_atomic(access.tenant_id):
        # First the index, then its run, in the order in which building takes them.
        index = EmbeddingIndex.objects.filter(id=run.index_id, status=EmbeddingIndex.Status.FAILED).first()
        if not run.for_gate or run.has_passed is not False or index is None:
            raise Conflict("No change of the embedding model was held up by this.", code="nothing_held_up")
        build_on(access, index.id)
        held = _lock(run)
        held.is_waived = True
        held.save()
        record(access, "evaluation.waived", target_kind="evaluation", target_id=held.id, index=str(index.id))
    return held


def _lock(run: EvaluationRun) -> EvaluationRun:
    held: EvaluationRun | None = (
        EvaluationRun.objects.select_for_update(of=["self"]).select_related("set").filter(id=run.id).first()
    )
    if held is None:
        raise NotFound("There is no such evaluation.")
    return held


def mark_failed(run: EvaluationRun, code: str, detail: str) -> None:
    """It will have no figures; what was asked stays until it is retried or deleted. The caller holds the row."""
    run.status, run.finished_at = Status.FAILED, timezone.now()
    run.error_code, run.error_detail = code, detail
    run.save()


def reasons(run_ids: list[UUID]) -> Mapping[UUID, JobReason]:
    """Why evaluations failed. See `tenants.services.jobs`."""
    failed = EvaluationRun.objects.filter(id__in=run_ids).exclude(error_code="")
    return {run.id: JobReason(run.error_code, run.error_detail) for run in failed}


def progress(run_ids: list[UUID]) -> Mapping[UUID, JobProgress]:
    """How far evaluations are. See `tenants.services.jobs`."""
    runs = EvaluationRun.objects.filter(id__in=run_ids)
    return {run.id: JobProgress("asking", round(run.progress, 3)) for run in runs}


def retry(access: Access, run_id: UUID) -> None:
    """Go on with a failed evaluation where it stopped. See `tenants.services.jobs`."""
    access.require(Action.MANAGE_TENANT)
    run = EvaluationRun.objects.select_for_update().filter(id=run_id).first()
    if run is None:
        raise NotFound("The evaluation is gone.")
    run.status, run.finished_at = Status.QUEUED, None
    run.error_code = run.error_detail = ""
    run.save()
    outbox.enqueue(EVALUATE, run.id)
    record(access, "job.retried", target_kind="evaluation", target_id=run.id, kind=EVALUATE)


def cancel(access: Access, run_id: UUID) -> None:
    """Stop one by its job. See `tenants.services.jobs`."""
    run = EvaluationRun.objects.filter(id=run_id).first()
    if run is None:
        raise NotFound("The evaluation is gone.")
    cancel_evaluation(access=access, run=run)
