"""`/evaluations/sets/`: questions with what is right, to measure answers by."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from documents.models import Collection
from documents.selectors import require_collections
from retrieval.evaluation.cases import MAX_CASES, Case, cases_of, read_cases
from retrieval.models import Question, QuestionSet
from retrieval.selectors import access_question, access_question_set, list_question_sets, list_questions
from retrieval.services.question_sets import (
    MAX_NAME,
    add_questions,
    change_question_set,
    create_question_set,
    delete_question,
    delete_question_set,
    set_gate,
)
from tenants.access import Access
from tenants.api.pages import NewestFirst, NumberedPages, PageQuery
from tenants.api.serializers import StrictJSONParser, StrictSerializer
from tenants.api.views import TenantView
from tenants.permissions import Action


class QuestionSetSerializer(serializers.Serializer[QuestionSet]):
    """`collection` null: everything is asked. A gate must be passed before another embedding model answers."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    collection = serializers.UUIDField(source="collection_id", allow_null=True)
    questions = serializers.IntegerField(source="question_total")
    answerable = serializers.IntegerField(source="answerable_total")
    collects_feedback = serializers.BooleanField()
    is_gate = serializers.BooleanField()
    minimums = serializers.DictField(child=serializers.FloatField())
    created_by = serializers.UUIDField(source="created_by_id", allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class QuestionSerializer(serializers.Serializer[Question]):
    """`key` is the `id` that it was uploaded with; `document` a file's name or a document's id."""

    id = serializers.UUIDField()
    number = serializers.IntegerField()
    key = serializers.CharField()
    question = serializers.CharField(source="text")
    answerable = serializers.BooleanField(source="is_answerable")
    document = serializers.CharField()
    pages = serializers.ListField(child=serializers.IntegerField())
    answer = serializers.CharField()
    origin = serializers.ChoiceField(choices=[(one.value, one.value) for one in Question.Origin])
    created_at = serializers.DateTimeField()


class QuestionsInput(StrictSerializer):
    questions = serializers.ListField(
        child=serializers.JSONField(),
        max_length=MAX_CASES,
        help_text="Each {id?, question, answerable?, document?, pages?, answer?}.",
    )


class QuestionSetInput(QuestionsInput):
    name = serializers.CharField(max_length=MAX_NAME)
    collection = serializers.UUIDField(required=False, allow_null=True, help_text="Everything if left out.")


class QuestionSetUpload(StrictSerializer):
    """A multipart form. The file holds JSON Lines, a question a line; its name is the set's if none is given."""

    file = serializers.FileField(allow_empty_file=True)
    name = serializers.CharField(max_length=MAX_NAME, required=False)
    collection = serializers.UUIDField(required=False)


class QuestionSetChange(StrictSerializer):
    """What is left out stays. `minimums` without `is_gate` are those of a gate."""

    name = serializers.CharField(max_length=MAX_NAME, required=False)
    collection = serializers.UUIDField(required=False, allow_null=True)
    is_gate = serializers.BooleanField(required=False)
    minimums = serializers.DictField(child=serializers.FloatField(), required=False)


def _shown(access: Access, set_id: UUID) -> dict[str, Any]:
    return dict(QuestionSetSerializer(access_question_set(access, set_id)).data)


def _collection(access: Access, wanted: UUID | None) -> Collection | None:
    return require_collections(access, [wanted], pointer="/collection")[0] if wanted else None


class QuestionSetsView(TenantView):
    actions_by_method = {"GET": Action.MANAGE_TENANT, "POST": Action.MANAGE_TENANT}
    parser_classes = [StrictJSONParser, MultiPartParser]
    pagination_class = NewestFirst

    @extend_schema(
        operation_id="question_sets_list", parameters=[PageQuery], responses=QuestionSetSerializer(many=True)
    )
    def get(self, request: Request) -> Response:
        """The organisation's question sets, newest first."""
        PageQuery(data=request.query_params).is_valid(raise_exception=True)
        return self.paged(list_question_sets(self.access), QuestionSetSerializer)

    @extend_schema(
        operation_id="question_sets_create",
        request={"application/json": QuestionSetInput, "multipart/form-data": QuestionSetUpload},
        responses={201: QuestionSetSerializer},
    )
    def post(self, request: Request) -> Response:
        """Keep a set: questions as JSON, or a JSON Lines file in a form. What is wrong is named with its line."""
        name, collection, cases = self._sent(request)
        made = create_question_set(
            access=self.access, name=name, cases=cases, collection=_collection(self.access, collection)
        )
        return Response(_shown(self.access, made.id), status=status.HTTP_201_CREATED)

    def _sent(self, request: Request) -> tuple[str, UUID | None, list[Case]]:
        if request.content_type.startswith("multipart/"):
            form = QuestionSetUpload(data=request.data)
            form.is_valid(raise_exception=True)
            file = form.validated_data["file"]
            name = form.validated_data.get("name") or file.name.removesuffix(".jsonl")[:MAX_NAME]
            return name, form.validated_data.get("collection"), read_cases(file.read())
        body = QuestionSetInput(data=request.data)
        body.is_valid(raise_exception=True)
        wanted = body.validated_data
        return wanted["name"], wanted.get("collection"), cases_of(wanted["questions"])


class QuestionSetView(TenantView):
    actions_by_method = dict.fromkeys(("GET", "PATCH", "DELETE"), Action.MANAGE_TENANT)

    @extend_schema(operation_id="question_sets_read", responses=QuestionSetSerializer)
    def get(self, request: Request, question_set_id: UUID) -> Response:
        """One set; its questions are a list of their own."""
        return Response(_shown(self.access, question_set_id))

    @extend_schema(operation_id="question_sets_change", request=QuestionSetChange, responses=QuestionSetSerializer)
    def patch(self, request: Request, question_set_id: UUID) -> Response:
        """Rename it, say where it is asked, make it a gate; 409 for a gate without minimum and accepted run."""
        question_set = access_question_set(self.access, question_set_id)
        body = QuestionSetChange(data=request.data)
        body.is_valid(raise_exception=True)
        wanted = body.validated_data
        if "name" in wanted or "collection" in wanted:
            collection = question_set.collection
            if "collection" in wanted:
                collection = _collection(self.access, wanted["collection"])
            change_question_set(
                access=self.access,
                question_set=question_set,
                name=wanted.get("name", question_set.name),
                collection=collection,
            )
        if "is_gate" in wanted or "minimums" in wanted:
            set_gate(
                access=self.access,
                question_set=question_set,
                is_gate=wanted.get("is_gate", question_set.is_gate),
                minimums=wanted.get("minimums", question_set.minimums),
            )
        return Response(_shown(self.access, question_set_id))

    @extend_schema(operation_id="question_sets_delete", responses={204: None})
    def delete(self, request: Request, question_set_id: UUID) -> Response:
        """Delete a set with its questions and runs; a run that is under way stops."""
        delete_question_set(access=self.access, question_set=access_question_set(self.access, question_set_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class QuestionsView(TenantView):
    actions_by_method = {"GET": Action.MANAGE_TENANT, "POST": Action.MANAGE_TENANT}
    pagination_class = NumberedPages

    @extend_schema(operation_id="questions_list", parameters=[PageQuery], responses=QuestionSerializer(many=True))
    def get(self, request: Request, question_set_id: UUID) -> Response:
        """The questions of a set, in its order."""
        PageQuery(data=request.query_params).is_valid(raise_exception=True)
        question_set = access_question_set(self.access, question_set_id)
        return self.paged(list_questions(question_set), QuestionSerializer)

    @extend_schema(operation_id="questions_add", request=QuestionsInput, responses={201: QuestionSetSerializer})
    def post(self, request: Request, question_set_id: UUID) -> Response:
        """Add questions at its end."""
        question_set = access_question_set(self.access, question_set_id)
        body = QuestionsInput(data=request.data)
        body.is_valid(raise_exception=True)
        cases = cases_of(body.validated_data["questions"])
        add_questions(access=self.access, question_set=question_set, cases=cases)
        return Response(_shown(self.access, question_set_id), status=status.HTTP_201_CREATED)


class QuestionView(TenantView):
    actions_by_method = {"DELETE": Action.MANAGE_TENANT}

    @extend_schema(operation_id="questions_delete", responses={204: None})
    def delete(self, request: Request, question_set_id: UUID, set_question_id: UUID) -> Response:
        """Delete a question with what became of it; figures of runs stay as they were."""
        question_set = access_question_set(self.access, question_set_id)
        delete_question(access=self.access, question=access_question(question_set, set_question_id))
        return Response(status=status.HTTP_204_NO_CONTENT)
