"""The job: ask a set's questions one by one, keep what became of each, and at the end work out the figures.

Whatever dies meanwhile, the next one goes on with the questions that have no result. After a turn of about a
second it steps back if any other work waits.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.translation import gettext

from documents.idle_unloader import idle_unloader
from documents.models import EmbeddingIndex
from providers.errors import ProviderError
from retrieval.evaluation.asking import Examiner, Plan
from retrieval.models import EvaluationResult, EvaluationRun, Question
from retrieval.selectors import case_of
from retrieval.services.runs import UNDER_WAY, Status, finish_run, mark_failed
from retrieval.types import Mode, Scope
from tenants.access import access_in_absence
from tenants.db import tenant_atomic
from tenants.errors import DocentError
from tenants.jobs import leases
from tenants.jobs.leases import Lease, LeaseLost, TurnOver
from tenants.permissions import Action

_TURN_SECONDS = 1.0


def run_evaluation(run_id: UUID, lease: Lease) -> None:
    """Ask what has not been asked yet. What cannot be repaired fails; a server that is away is tried again."""
    with tenant_atomic(lease.tenant_id):
        run = EvaluationRun.objects.filter(id=run_id, status__in=UNDER_WAY).first()
    if run is None:
        return
    try:
        ask_all(run, lease)
    except (ProviderError, DocentError) as error:
        with _holding(run, lease) as held:
            if isinstance(error, DocentError) or error.permanent:
                mark_failed(held, error.code, error.detail)
                return
            # For whoever looks meanwhile, and for `give_up`.
            held.error_code, held.error_detail = error.code, error.detail
            held.save()
        raise


def give_up(run_id: UUID, code: str, detail: str) -> None:
    """The job became a dead letter: say so on the run. Runs inside the tenant's unit."""
    run = EvaluationRun.objects.select_for_update().filter(id=run_id, status__in=UNDER_WAY).first()
    if run is not None:
        mark_failed(run, run.error_code or code, run.error_detail or detail)


def ask_all(run: EvaluationRun, lease: Lease) -> None:
    """Work a run off under whatever lease; it is finished when this returns. Raises ProviderError too."""
    plan = _plan_of(run, lease)
    began = time.monotonic()
    with _holding(run, lease) as held:
        held.status, held.started_at = Status.RUNNING, held.started_at or timezone.now()
        held.save()
    with idle_unloader.working(), Examiner(plan) as examiner:
        for question in iter(lambda: _next_of(run, lease), None):
            row = examiner.examine(case_of(question))
            with _holding(run, lease) as held:
                # Deleted meanwhile: nobody wants to know.
                if Question.objects.filter(id=question.id).exists():
                    EvaluationResult.objects.get_or_create(
                        run=held, question=question, defaults={"number": question.number, "row": row.as_json()}
                    )
                held.done = EvaluationResult.objects.filter(run=held).count()
                held.seconds = round(held.seconds + row.seconds, 3)
                held.error_code = held.error_detail = ""
                held.save()
                leases.forgive(lease)
            if time.monotonic() - began > _TURN_SECONDS and leases.others_wait(lease, own_too=True):
                raise TurnOver
    with _holding(run, lease) as held:
        finish_run(held)
        held.total = held.done
        held.save()


def _plan_of(run: EvaluationRun, lease: Lease) -> Plan:
    """As the run was ordered. Raises `DocentError` when that cannot be done any more."""
    access = access_in_absence(lease.tenant_id, run.created_by_id, Action.MANAGE_TENANT)
    with tenant_atomic(lease.tenant_id):
        index = EmbeddingIndex.objects.filter(id=run.index_id).first()
        question_set = run.set
        if index is None:
            raise DocentError("The index that was to be asked is gone.", code="index_gone")
        if question_set.collection_id is None and question_set.collection_name:
            raise DocentError(
                gettext("The collection “{collection_name}” is gone.").format(
                    collection_name=question_set.collection_name
                ),
                code="no_collection",
            )
        collection = question_set.collection_id
    scope = Scope(collections=(collection,)) if collection else Scope()
    return Plan(access=access, index=index, scope=scope, k=run.k, mode=Mode(run.mode))


def _next_of(run: EvaluationRun, lease: Lease) -> Question | None:
    lease.check()
    with tenant_atomic(lease.tenant_id):
        asked = EvaluationResult.objects.filter(run=run, question=OuterRef("id"))
        left = Question.objects.filter(~Exists(asked), set=run.set_id)
        found: Question | None = left.order_by("number").first()
        return found


@contextmanager
def _holding(run: EvaluationRun, lease: Lease) -> Iterator[EvaluationRun]:
    """A transaction that holds the run's row; ends the work if run or job are not ours any more."""
    lease.check()
    with tenant_atomic(lease.tenant_id):
        # First the run, then its job: whoever cancels it takes them in this order too.
        held = EvaluationRun.objects.select_for_update().filter(id=run.id, status__in=UNDER_WAY).first()
        if held is None or not leases.renew(lease, seconds=settings.DOCENT_JOB_LEASE_SECONDS):
            raise LeaseLost
        yield held
