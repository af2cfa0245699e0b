"""Writes: whether a run is good enough for what it is the gate of."""

from uuid import UUID

from documents.models import EmbeddingIndex
from retrieval.evaluation.measures import differences
from retrieval.models import EvaluationRun, QuestionSet
from retrieval.selectors import accepted_run, rows_by_question
from retrieval.services.runs import GATE_K, UNDER_WAY, create_run, stop_runs
from retrieval.types import Mode
from tenants.access import Access
from tenants.audit.recording import record
from tenants.db import tenant_atomic

# What must not get worse, at the depth of the run. Neighbouring depths would find the same thing several times.
_GUARDED = ("document_hit@{k}", "page_hit@{k}", "page_mrr", "citation_precision", "refusal_accuracy")


def run_of_gate(*, access: Access, question_set: QuestionSet, index: EmbeddingIndex) -> EvaluationRun:
    """The run that decides whether an index passes: one that is not judged yet or let it pass, else a new one.

    `Conflict` where the set cannot be asked.
    """
    with tenant_atomic(access.tenant_id):
        list(QuestionSet.objects.select_for_update().filter(id=question_set.id))
        known = EvaluationRun.objects.filter(set=question_set, index=index, for_gate=True)
        last: EvaluationRun | None = known.order_by("-created_at", "-id").first()
        if last is not None and (last.has_passed or last.is_waived or _is_undecided(last)):
            return last
        run = create_run(
            access=access, question_set=question_set, index=index, k=GATE_K, mode=Mode.HYBRID, for_gate=True
        )
        record(
            access,
            "evaluation.started",
            target_kind="evaluation",
            target_id=run.id,
            set=str(run.set_id),
            index=str(index.id),
        )
    return run


def _is_undecided(run: EvaluationRun) -> bool:
    return run.status in UNDER_WAY or (run.status == EvaluationRun.Status.FINISHED and run.has_passed is None)


def forget_building(index_id: UUID) -> None:
    """Nobody waits for what an index is asked any more. Registered with `on_building_ended`."""
    stop_runs(EvaluationRun.objects.filter(index=index_id, for_gate=True))


def judge_run(tenant_id: UUID, run: EvaluationRun) -> list[str]:
    """Note on a finished run whether it passes its set's gate; returns why it does not, empty when it does."""
    with tenant_atomic(tenant_id):
        run = EvaluationRun.objects.select_for_update(of=["self"]).select_related("set").get(id=run.id)
        run.reasons = failings(run.set, run)
        run.has_passed = not run.reasons
        run.save()
    found: list[str] = run.reasons
    return found


def failings(question_set: QuestionSet, run: EvaluationRun) -> list[str]:
    """Why a finished run does not pass; empty when it does. In the tenant's unit.

    With minimums each must be reached. Without any it must not be worse than the accepted run: where, of the same
    questions, the whole interval of what a figure lost lies below nothing, it is worse.
    """
    if question_set.minimums:
        return _below_minimum(question_set.minimums, run.numbers["figures"])
    accepted = accepted_run(question_set)
    if accepted is None or accepted.id == run.id:
        return []
    old, new = rows_by_question(accepted), rows_by_question(run)
    found = differences([(old[one], new[one]) for one in old if one in new], run.k)
    guarded = [name.format(k=run.k) for name in _GUARDED]
    return [
        f"{name} fell from {found[name].before:.3f} to {found[name].after:.3f}"
        f" ({found[name].change.low:+.3f} to {found[name].change.high:+.3f})."
        for name in guarded
        if name in found and found[name].change.high < 0
    ]


def _below_minimum(minimums: dict[str, float], figures: dict[str, dict[str, float]]) -> list[str]:
    found = []
    for name, least in minimums.items():
        if name not in figures:
            found.append(f"{name} could not be measured: no question says what is right about it.")
        elif figures[name]["value"] < least:
            found.append(f"{name} is {figures[name]['value']:.3f}; at least {least:.3f} is asked for.")
    return found
