"""Writes: question sets and their questions, uploaded or collected from what people think of answers."""

from collections import Counter
from collections.abc import Mapping, Sequence
from uuid import UUID

from django.db.models import Max
from django.utils.formats import number_format
from django.utils.translation import gettext

from documents.models import Collection
from retrieval.evaluation.cases import MAX_CASES, Case, cases_of
from retrieval.evaluation.measures import measures
from retrieval.models import EvaluationRun, Question, QuestionSet
from retrieval.selectors import accepted_run
from retrieval.services.runs import GATE_K, stop_runs
from tenants.access import Access
from tenants.audit.recording import record
from tenants.db import tenant_atomic
from tenants.errors import Conflict, InvalidInput
from tenants.models import Tenant
from tenants.permissions import Action

MAX_NAME = 120
MAX_SETS = 100
FEEDBACK_NAME = "Feedback"


def create_question_set(
    *, access: Access, name: str, cases: Sequence[Case], collection: Collection | None = None
) -> QuestionSet:
    """Keep questions under a name. `InvalidInput` for a name that is taken or none."""
    access.require(Action.MANAGE_TENANT)
    with tenant_atomic(access.tenant_id):
        _hold_tenant(access)
        if QuestionSet.objects.count() >= MAX_SETS:
            raise Conflict(
                gettext("There are {max_sets} question sets already: delete one first.").format(max_sets=MAX_SETS),
                code="too_many",
            )
        made: QuestionSet = QuestionSet.objects.create(
            name=_free_name(name),
            collection=collection,
            collection_name=collection.name if collection else "",
            created_by_id=access.user_id,
        )
        _add(access.user_id, made, cases)
        record(access, "question_set.created", target_kind="question_set", target_id=made.id, questions=len(cases))
    return made


def add_questions(*, access: Access, question_set: QuestionSet, cases: Sequence[Case]) -> QuestionSet:
    """Add to a set; runs that are over keep their figures."""
    access.require(Action.MANAGE_TENANT)
    with tenant_atomic(access.tenant_id):
        question_set = _lock(question_set)
        _add(access.user_id, question_set, cases)
        record(
            access,
            "question_set.changed",
            target_kind="question_set",
            target_id=question_set.id,
            questions=len(cases),
        )
    return question_set


def change_question_set(
    *, access: Access, question_set: QuestionSet, name: str, collection: Collection | None
) -> QuestionSet:
    """Rename it, and say where its questions are asked; None for everywhere."""
    access.require(Action.MANAGE_TENANT)
    with tenant_atomic(access.tenant_id):
        _hold_tenant(access)
        question_set = _lock(question_set)
        question_set.name = _free_name(name, other_than=question_set)
        question_set.collection = collection
        question_set.collection_name = collection.name if collection else ""
        question_set.save()
        record(access, "question_set.changed", target_kind="question_set", target_id=question_set.id)
    return question_set


def set_gate(
    *, access: Access, question_set: QuestionSet, is_gate: bool, minimums: Mapping[str, float] | None = None
) -> QuestionSet:
    """Have the set passed before another embedding model answers: by minimum figures, else by the accepted run.

    `InvalidInput` for a figure that there is not, `Conflict` where there is nothing to hold a run against.
    """
    access.require(Action.MANAGE_TENANT)
    minimums = dict(minimums or {})
    known = measures(GATE_K)
    for name, least in minimums.items():
        if name not in known:
            raise InvalidInput.at(
                f"/minimums/{name}", gettext("There is no figure “{name}”.").format(name=name), "unknown_figure"
            )
        if not 0 <= least <= 1:
            raise InvalidInput.at(f"/minimums/{name}", "A minimum lies between 0 and 1.", "invalid")
    with tenant_atomic(access.tenant_id):
        question_set = _lock(question_set)
        if is_gate and not minimums and accepted_run(question_set) is None:
            raise Conflict("Name a minimum, or accept a run that others are held against.", code="no_measure")
        question_set.is_gate, question_set.minimums = is_gate, minimums
        question_set.save()
        record(
            access,
            "question_set.gate_changed",
            target_kind="question_set",
            target_id=question_set.id,
            is_gate=is_gate,
            minimums=minimums,
        )
    return question_set


def delete_question_set(*, access: Access, question_set: QuestionSet) -> None:
    """With its questions, runs and results; a run that is under way stops."""
    access.require(Action.MANAGE_TENANT)
    with tenant_atomic(access.tenant_id):
        stop_runs(EvaluationRun.objects.filter(set=question_set))
        record(access, "question_set.deleted", target_kind="question_set", target_id=question_set.id)
        QuestionSet.objects.filter(id=question_set.id).delete()


def delete_question(*, access: Access, question: Question) -> None:
    """With its results; figures of runs stay as they were."""
    access.require(Action.MANAGE_TENANT)
    with tenant_atomic(access.tenant_id):
        record(access, "question_set.changed", target_kind="question_set", target_id=question.set_id, questions=-1)
        question.delete()


def add_question(
    *,
    access: Access,
    text: str,
    key: str,
    is_answerable: bool = True,
    document: str = "",
    pages: Sequence[int] = (),
    answer: str = "",
    question_set: QuestionSet | None = None,
    asked_by: UUID | None = None,
) -> Question:
    """Keep a question that somebody asked and rated, in the set that collects them; anybody who may ask may.

    The same `key`, as an answer's id, is the same question: what is right about it is changed. Admins choose
    another `question_set`, and keep what others asked: it stays theirs, to take back and to have erased.
    `InvalidInput` for what no question set can hold, `Conflict` when the set is full.
    """
    access.require(Action.CHAT if question_set is None and asked_by is None else Action.MANAGE_TENANT)
    asked_by = asked_by or access.user_id
    sent = {"id": key, "question": text, "answerable": is_answerable, "document": document, "pages": [*pages]}
    [case] = cases_of([{**sent, "answer": answer}])
    with tenant_atomic(access.tenant_id):
        _hold_tenant(access)
        question_set = _feedback_set() if question_set is None else _lock(question_set)
        own = Question.objects.filter(
            set=question_set, key=case.key, created_by_id=asked_by, origin=Question.Origin.FEEDBACK
        )
        known: Question | None = own.first()
        if known is None:
            return _add(asked_by, question_set, [case], origin=Question.Origin.FEEDBACK)[0]
        _fill(known, case).save()
    return known


def withdraw_question(*, access: Access, key: str) -> bool:
    """Remove what `add_question` kept of this person's under a key; False if there is nothing."""
    access.require(Action.CHAT)
    with tenant_atomic(access.tenant_id):
        own = Question.objects.filter(origin=Question.Origin.FEEDBACK, key=key, created_by_id=access.user_id)
        return bool(own.delete()[0])


def forget_person(user_id: UUID, removed: Counter[str]) -> None:
    """What a person asked goes; what they uploaded and ran stays, without them. For `on_person_erased`."""
    asked = Question.objects.filter(origin=Question.Origin.FEEDBACK, created_by_id=user_id)
    for label, count in asked.delete()[1].items():
        removed["retrieval_" + label.rpartition(".")[2].lower()] += count
    for model in (Question, QuestionSet, EvaluationRun):
        changed = model.objects.filter(created_by_id=user_id).update(created_by_id=None)
        removed[f"{model._meta.db_table}.created_by_id"] += changed


def _feedback_set() -> QuestionSet:
    found: QuestionSet | None = QuestionSet.objects.filter(collects_feedback=True).first()
    if found is None:
        name, taken = FEEDBACK_NAME, set(QuestionSet.objects.values_list("name", flat=True))
        for number in range(2, len(taken) + 2):
            if name in taken:
                name = f"{FEEDBACK_NAME} {number}"
        found = QuestionSet.objects.create(name=name, collects_feedback=True)
    return found


def _add(
    created_by: UUID,
    question_set: QuestionSet,
    cases: Sequence[Case],
    *,
    origin: Question.Origin = Question.Origin.UPLOADED,
) -> list[Question]:
    known = Question.objects.filter(set=question_set)
    if known.count() + len(cases) > MAX_CASES:
        raise Conflict(
            gettext("A set has at most {max_cases} questions.").format(
                max_cases=number_format(MAX_CASES, force_grouping=True)
            ),
            code="too_many",
        )
    last = known.aggregate(last=Max("number"))["last"] or 0
    questions = [
        _fill(Question(set=question_set, number=number, origin=origin, created_by_id=created_by), case)
        for number, case in enumerate(cases, start=last + 1)
    ]
    made: list[Question] = Question.objects.bulk_create(questions, batch_size=500)
    return made


def _fill(question: Question, case: Case) -> Question:
    question.key, question.text, question.is_answerable = case.key, case.text, case.is_answerable
    question.document, question.pages, question.answer = case.document, list(case.pages), case.answer
    return question


def _free_name(name: str, *, other_than: QuestionSet | None = None) -> str:
    name = " ".join(name.split())
    if not name or not name.isprintable():
        raise InvalidInput.at("/name", "A question set needs a name.", "required")
    if len(name) > MAX_NAME:
        raise InvalidInput.at(
            "/name", gettext("A name has at most {max_name} characters.").format(max_name=MAX_NAME), "max_length"
        )
    if QuestionSet.objects.filter(name=name).exclude(id=other_than and other_than.id).exists():
        raise InvalidInput.at(
            "/name", gettext("There is a question set “{name}” already.").format(name=name), "taken"
        )
    return name


def _hold_tenant(access: Access) -> None:
    """Whoever makes or names a set at the same moment waits here."""
    Tenant.objects.select_for_update(no_key=True).get(id=access.tenant_id)


def _lock(question_set: QuestionSet) -> QuestionSet:
    held: QuestionSet | None = QuestionSet.objects.select_for_update().filter(id=question_set.id).first()
    if held is None:
        raise Conflict("Somebody has just deleted this question set.", code="gone")
    return held
