"""Before another embedding model answers, it is asked the questions of every set that is a gate."""

from uuid import UUID

from documents.models import EmbeddingIndex
from documents.registry import SwitchRefused
from retrieval.evaluation_job import ask_all
from retrieval.models import QuestionSet
from retrieval.services.gates import judge_run, run_of_gate
from tenants.access import access_in_absence
from tenants.db import tenant_atomic
from tenants.errors import DocentError
from tenants.jobs.leases import Lease
from tenants.permissions import Action

GATE_FAILED = "gate_failed"


def require_pass(index_id: UUID, lease: Lease) -> None:
    """Raise `SwitchRefused` unless the index passes every gate. Registered with `on_before_switch`.

    What was asked already is not asked again, so that this may be interrupted at any point.
    """
    with tenant_atomic(lease.tenant_id):
        gates = list(QuestionSet.objects.filter(is_gate=True).order_by("created_at", "id"))
        index = EmbeddingIndex.objects.filter(id=index_id).first()
    if index is None:
        return
    for gate in gates:
        try:
            _require_pass_of(gate, index, lease)
        except DocentError as error:
            detail = f"The question set “{gate.name}”, which has to be passed, could not be asked. {error.detail}"
            raise SwitchRefused(GATE_FAILED, detail) from error


def _require_pass_of(gate: QuestionSet, index: EmbeddingIndex, lease: Lease) -> None:
    access = access_in_absence(lease.tenant_id, gate.created_by_id, Action.MANAGE_TENANT)
    run = run_of_gate(access=access, question_set=gate, index=index)
    if run.has_passed or run.is_waived:
        return
    if run.is_under_way:
        ask_all(run, lease)
    reasons = judge_run(lease.tenant_id, run)
    if reasons:
        detail = f"It did not pass the question set “{gate.name}”. {' '.join(reasons)}"
        raise SwitchRefused(GATE_FAILED, detail)
