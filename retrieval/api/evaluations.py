"""`/evaluations/`: question sets that were asked, what came of it, and two runs beside each other."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from retrieval.api.question_sets import QuestionSerializer
from retrieval.api.serializers import MODES
from retrieval.evaluation_results import shown_results
from retrieval.models import EvaluationRun
from retrieval.selectors import (
    Comparison,
    access_evaluation,
    compare,
    list_evaluations,
    list_results,
    require_evaluation,
    require_question_set,
)
from retrieval.services.runs import (
    MAX_K,
    accept_evaluation,
    cancel_evaluation,
    delete_evaluation,
    start_evaluation,
    waive_evaluation,
)
from retrieval.types import Mode
from tenants.addresses.links import absolute
from tenants.api.pages import NewestFirst, NumberedPages, PageQuery
from tenants.api.serializers import ParametersSerializer, StrictSerializer
from tenants.api.views import TenantView
from tenants.permissions import Action


class FigureSerializer(serializers.Serializer[Any]):
    """A mean over `n` questions, and the interval in which it may well lie (95 %)."""

    value = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()
    n = serializers.IntegerField()


class RefusalSerializer(serializers.Serializer[Any]):
    """How many questions were answered and refused, rightly and wrongly."""

    answered = serializers.IntegerField()
    wrongly_refused = serializers.IntegerField()
    wrongly_answered = serializers.IntegerField()
    refused = serializers.IntegerField()


class NumbersSerializer(serializers.Serializer[Any]):
    questions = serializers.IntegerField()
    answerable = serializers.IntegerField()
    unanswerable = serializers.IntegerField()
    failed = serializers.IntegerField(help_text="Questions whose answer failed.")
    figures = serializers.DictField(child=FigureSerializer())
    refusal = RefusalSerializer()
    search_seconds_median = serializers.FloatField(allow_null=True)


class EvaluationErrorSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    detail = serializers.CharField()


class GateSerializer(serializers.Serializer[Any]):
    """What a change of the embedding model waited for; `reasons` say why it did not pass."""

    passed = serializers.BooleanField(allow_null=True)
    reasons = serializers.ListField(child=serializers.CharField())
    waived = serializers.BooleanField()


class EvaluationSerializer(serializers.Serializer[EvaluationRun]):
    """`numbers` stand there when it is finished; runs of one `fingerprint` had the same settings and questions."""

    id = serializers.UUIDField()
    set = serializers.UUIDField(source="set_id")
    set_name = serializers.CharField(source="set.name")
    status = serializers.ChoiceField(choices=[(one.value, one.value) for one in EvaluationRun.Status])
    progress = serializers.FloatField()
    done = serializers.IntegerField()
    total = serializers.IntegerField()
    index = serializers.UUIDField(source="index_id", allow_null=True)
    embedding_model = serializers.CharField(source="model")
    chat_model = serializers.CharField()
    mode = serializers.ChoiceField(choices=MODES)
    k = serializers.IntegerField()
    settings = serializers.DictField()
    fingerprint = serializers.CharField()
    numbers = serializers.SerializerMethodField()
    error = serializers.SerializerMethodField()
    is_accepted = serializers.BooleanField()
    gate = serializers.SerializerMethodField()
    started_by = serializers.UUIDField(source="created_by_id", allow_null=True)
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    seconds = serializers.FloatField()

    @extend_schema_field(NumbersSerializer(allow_null=True))
    def get_numbers(self, run: EvaluationRun) -> dict[str, Any] | None:
        return run.numbers or None

    @extend_schema_field(EvaluationErrorSerializer(allow_null=True))
    def get_error(self, run: EvaluationRun) -> dict[str, str] | None:
        return {"code": run.error_code, "detail": run.error_detail} if run.error_code else None

    @extend_schema_field(GateSerializer(allow_null=True))
    def get_gate(self, run: EvaluationRun) -> dict[str, Any] | None:
        if not run.for_gate and run.has_passed is None:
            return None
        return {"passed": run.has_passed, "reasons": run.reasons, "waived": run.is_waived}


class EvaluationQuery(PageQuery):
    set = serializers.UUIDField(required=False)


class EvaluationInput(StrictSerializer):
    set = serializers.UUIDField()
    k = serializers.IntegerField(min_value=1, max_value=MAX_K, default=10, help_text="How many hits count.")
    mode = serializers.ChoiceField(choices=MODES, default=Mode.HYBRID.value)


class PlaceSerializer(serializers.Serializer[Any]):
    """A passage; `document` and `url` are null where it is gone or out of sight."""

    document = serializers.UUIDField(allow_null=True)
    name = serializers.CharField()
    version = serializers.IntegerField()
    page = serializers.IntegerField()
    score = serializers.FloatField()
    url = serializers.SerializerMethodField()
    is_right = serializers.BooleanField(source="is_gold")

    def get_url(self, place: Any) -> str | None:
        return absolute(place.path) if place.path else None


class ResultSerializer(serializers.Serializer[Any]):
    """Ranks count hits from 1, null where the right one is not among them. `refused` is null where it failed."""

    id = serializers.UUIDField(source="question.id")
    question = QuestionSerializer()
    document_rank = serializers.IntegerField(source="row.document_rank", allow_null=True)
    page_rank = serializers.IntegerField(source="row.page_rank", allow_null=True)
    refused = serializers.BooleanField(source="row.is_refused", allow_null=True)
    right = serializers.BooleanField(
        source="row.is_right", allow_null=True, help_text="Answered or refused rightly."
    )
    score = serializers.FloatField(source="row.score", allow_null=True, help_text="How sure it was of an answer.")
    error = serializers.CharField(source="row.error")
    seconds = serializers.FloatField(source="row.seconds")
    found = PlaceSerializer(many=True)
    citations = PlaceSerializer(many=True)


class DifferenceSerializer(FigureSerializer):
    """What a figure gained over the `n` questions that both were asked; sure when the interval is on one side."""

    before = serializers.FloatField()
    after = serializers.FloatField()
    is_sure = serializers.BooleanField()


class ComparisonSerializer(serializers.Serializer[Comparison]):
    before = serializers.UUIDField(source="before.id")
    after = serializers.UUIDField(source="after.id")
    common = serializers.IntegerField(help_text="Questions that both were asked.")
    differences = serializers.SerializerMethodField()
    better = QuestionSerializer(many=True)
    worse = QuestionSerializer(many=True)

    @extend_schema_field(serializers.DictField(child=DifferenceSerializer()))
    def get_differences(self, found: Comparison) -> dict[str, Any]:
        return {name: one.as_json() for name, one in found.differences.items()}


class ComparisonQuery(ParametersSerializer):
    before = serializers.UUIDField(help_text="The earlier evaluation.")


class EvaluationsView(TenantView):
    actions_by_method = {"GET": Action.MANAGE_TENANT, "POST": Action.MANAGE_TENANT}
    pagination_class = NewestFirst

    @extend_schema(
        operation_id="evaluations_list", parameters=[EvaluationQuery], responses=EvaluationSerializer(many=True)
    )
    def get(self, request: Request) -> Response:
        """Evaluations, newest first; of one set with `set=`."""
        query = EvaluationQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        runs: QuerySet[EvaluationRun] = list_evaluations(self.access)
        if "set" in query.validated_data:
            chosen = require_question_set(self.access, query.validated_data["set"], pointer="/set")
            runs = runs.filter(set=chosen)
        return self.paged(runs, EvaluationSerializer)

    @extend_schema(
        operation_id="evaluations_start", request=EvaluationInput, responses={202: EvaluationSerializer}
    )
    def post(self, request: Request) -> Response:
        """Ask a set's questions in the background; 409 while that is being done already."""
        body = EvaluationInput(data=request.data)
        body.is_valid(raise_exception=True)
        wanted = body.validated_data
        question_set = require_question_set(self.access, wanted["set"], pointer="/set")
        run = start_evaluation(
            access=self.access, question_set=question_set, k=wanted["k"], mode=Mode(wanted["mode"])
        )
        return Response(EvaluationSerializer(run).data, status=status.HTTP_202_ACCEPTED)


class EvaluationView(TenantView):
    actions_by_method = {"GET": Action.MANAGE_TENANT, "DELETE": Action.MANAGE_TENANT}

    @extend_schema(operation_id="evaluations_read", responses=EvaluationSerializer)
    def get(self, request: Request, evaluation_id: UUID) -> Response:
        """How far it is and, when it is finished, its figures."""
        return Response(EvaluationSerializer(access_evaluation(self.access, evaluation_id)).data)

    @extend_schema(operation_id="evaluations_delete", responses={204: None})
    def delete(self, request: Request, evaluation_id: UUID) -> Response:
        """Delete it with its results; one that is under way stops."""
        delete_evaluation(access=self.access, run=access_evaluation(self.access, evaluation_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class EvaluationResultsView(TenantView):
    actions_by_method = {"GET": Action.MANAGE_TENANT}
    pagination_class = NumberedPages

    @extend_schema(
        operation_id="evaluation_results", parameters=[PageQuery], responses=ResultSerializer(many=True)
    )
    def get(self, request: Request, evaluation_id: UUID) -> Response:
        """What became of each question, in the set's order."""
        PageQuery(data=request.query_params).is_valid(raise_exception=True)
        run = access_evaluation(self.access, evaluation_id)
        pages = self.pagination_class()
        found = pages.paginate_queryset(list_results(run), request, view=self) or []
        shown = ResultSerializer(shown_results(self.access, found), many=True)
        return pages.get_paginated_response(shown.data)


class EvaluationCancelView(TenantView):
    actions_by_method = {"POST": Action.MANAGE_TENANT}

    @extend_schema(operation_id="evaluations_cancel", request=None, responses=EvaluationSerializer)
    def post(self, request: Request, evaluation_id: UUID) -> Response:
        """Stop one that waits or runs; 409 for one that is over."""
        run = cancel_evaluation(access=self.access, run=access_evaluation(self.access, evaluation_id))
        return Response(EvaluationSerializer(run).data)


class EvaluationAcceptView(TenantView):
    actions_by_method = {"POST": Action.MANAGE_TENANT}

    @extend_schema(operation_id="evaluations_accept", request=None, responses=EvaluationSerializer)
    def post(self, request: Request, evaluation_id: UUID) -> Response:
        """Hold later ones of its set against this one; 409 for one that is not finished."""
        run = accept_evaluation(access=self.access, run=access_evaluation(self.access, evaluation_id))
        return Response(EvaluationSerializer(run).data)


class EvaluationWaiveView(TenantView):
    actions_by_method = {"POST": Action.MANAGE_TENANT}

    @extend_schema(operation_id="evaluations_waive", request=None, responses=EvaluationSerializer)
    def post(self, request: Request, evaluation_id: UUID) -> Response:
        """Let the embedding model that did not pass here answer all the same; 409 where none was held up."""
        run = waive_evaluation(access=self.access, run=access_evaluation(self.access, evaluation_id))
        return Response(EvaluationSerializer(run).data)


class ComparisonView(TenantView):
    actions_by_method = {"GET": Action.MANAGE_TENANT}

    @extend_schema(
        operation_id="evaluations_compare", parameters=[ComparisonQuery], responses=ComparisonSerializer
    )
    def get(self, request: Request, evaluation_id: UUID) -> Response:
        """What each figure gained since another one, and which questions got better or worse.

        Questions of two sets are the same when their words are. 409 unless this one is finished.
        """
        after = access_evaluation(self.access, evaluation_id)
        query = ComparisonQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        before = require_evaluation(self.access, query.validated_data["before"], pointer="/before")
        return Response(ComparisonSerializer(compare(before, after)).data)
