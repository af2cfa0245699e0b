"""Reads of question sets and evaluations, and the doors to them."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from retrieval.evaluation.cases import Case
from retrieval.evaluation.measures import Difference, differences
from retrieval.evaluation.rows import Row, row_of_json
from retrieval.models import EvaluationResult, EvaluationRun, Question, QuestionSet, Sufficiency
from retrieval.sufficiency import THRESHOLD
from tenants.access import Access
from tenants.database.prepared_queries import Prepared
from tenants.errors import Conflict, InvalidInput, NotFound
from tenants.permissions import Action


def list_question_sets(access: Access) -> QuerySet[QuestionSet]:
    """With `question_total` and `answerable_total`."""
    access.require(Action.MANAGE_TENANT)
    found: QuerySet[QuestionSet] = QuestionSet.objects.annotate(
        question_total=Count("questions"),
        answerable_total=Count("questions", filter=Q(questions__is_answerable=True)),
    )
    return found


def access_question_set(access: Access, set_id: UUID) -> QuestionSet:
    found = list_question_sets(access).filter(id=set_id).first()
    if found is None:
        raise NotFound("There is no such question set.")
    return found


def require_question_set(access: Access, set_id: UUID, *, pointer: str) -> QuestionSet:
    """One that a body names: an unknown and a foreign id are the same 400."""
    found = list_question_sets(access).filter(id=set_id).first()
    if found is None:
        raise InvalidInput.at(pointer, "There is no such question set.", "unknown_id")
    return found


def list_questions(question_set: QuestionSet) -> QuerySet[Question]:
    found: QuerySet[Question] = Question.objects.filter(set=question_set)
    return found


def access_question(question_set: QuestionSet, question_id: UUID) -> Question:
    found = list_questions(question_set).filter(id=question_id).first()
    if found is None:
        raise NotFound("There is no such question in this set.")
    return found


def case_of(question: Question) -> Case:
    return Case(
        key=question.key,
        text=question.text,
        is_answerable=question.is_answerable,
        document=question.document,
        pages=tuple(question.pages),
        answer=question.answer,
    )


def list_evaluations(access: Access) -> QuerySet[EvaluationRun]:
    access.require(Action.MANAGE_TENANT)
    found: QuerySet[EvaluationRun] = EvaluationRun.objects.select_related("set", "index")
    return found


def access_evaluation(access: Access, run_id: UUID) -> EvaluationRun:
    found = list_evaluations(access).filter(id=run_id).first()
    if found is None:
        raise NotFound("There is no such evaluation.")
    return found


def require_evaluation(access: Access, run_id: UUID, *, pointer: str) -> EvaluationRun:
    """One that a request names beside its path: an unknown and a foreign id are the same 400."""
    found = list_evaluations(access).filter(id=run_id).first()
    if found is None:
        raise InvalidInput.at(pointer, "There is no such evaluation.", "unknown_id")
    return found


def list_results(run: EvaluationRun) -> QuerySet[EvaluationResult]:
    found: QuerySet[EvaluationResult] = EvaluationResult.objects.filter(run=run).select_related("question")
    return found


def rows_of(run: EvaluationRun) -> list[Row]:
    return [row_of_json(one) for one in list_results(run).order_by("number").values_list("row", flat=True)]


def rows_by_question(run: EvaluationRun) -> dict[UUID, Row]:
    found = EvaluationResult.objects.filter(run=run).order_by("number").values_list("question_id", "row")
    return {question: row_of_json(row) for question, row in found}


def accepted_run(question_set: QuestionSet) -> EvaluationRun | None:
    found: EvaluationRun | None = EvaluationRun.objects.filter(set=question_set, is_accepted=True).first()
    return found


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs over the `common` questions that both were asked; `better` and `worse` name those that changed."""

    before: EvaluationRun
    after: EvaluationRun
    common: int
    differences: dict[str, Difference]
    better: list[Question]
    worse: list[Question]


def standing(row: Row) -> int:
    """How well a question went: one for a right page among the hits, one for answering or refusing as is right."""
    is_found = row.page_rank if row.gold_pages else row.document_rank
    return int(is_found is not None) + int(bool(row.is_right))


def compare(before: EvaluationRun, after: EvaluationRun) -> Comparison:
    """`Conflict` unless both are finished. Questions of two sets are the same when their words are."""
    if any(run.status != EvaluationRun.Status.FINISHED for run in (before, after)):
        raise Conflict("Only finished evaluations can be compared.", code="not_finished")
    old = {_words(one): row_of_json(one.row) for one in list_results(before)}
    results = {_words(one): one for one in list_results(after).order_by("number")}
    pairs = {words: (old[words], row_of_json(one.row)) for words, one in results.items() if words in old}
    gains = {words: standing(new) - standing(earlier) for words, (earlier, new) in pairs.items()}
    return Comparison(
        before=before,
        after=after,
        common=len(pairs),
        differences=differences(list(pairs.values()), min(before.k, after.k)),
        better=[results[words].question for words, gain in gains.items() if gain > 0],
        worse=[results[words].question for words, gain in gains.items() if gain < 0],
    )


def _words(result: EvaluationResult) -> str:
    return " ".join(result.question.text.casefold().split())


def find_threshold(index_id: UUID | None) -> float | None:
    """How sure an answer from this index must be; None where the built-in value holds."""
    if index_id is None:
        return None
    return next((threshold for (threshold,) in _thresholds.rows(index=index_id)), None)


_thresholds = Prepared(lambda index: Sufficiency.objects.filter(index=index).values_list("threshold"))


def threshold_of(index_id: UUID) -> float:
    """What holds for this index, its own or built in."""
    own = find_threshold(index_id)
    return THRESHOLD if own is None else own


def latest_runs(set_ids: Iterable[UUID]) -> dict[UUID, EvaluationRun]:
    """The newest run of each set."""
    runs = EvaluationRun.objects.filter(set__in=set_ids).order_by("set_id", "-created_at", "-id")
    return {run.set_id: run for run in runs.distinct("set_id")}
