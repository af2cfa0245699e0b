"""`/messages/{id}/feedback/` and `/feedback/`: what people think of answers, and who reads it."""

from collections.abc import AsyncIterator, Sequence
from itertools import islice
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import ISO_8601, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from conversations.api.serializers import CitationSerializer, OwnFeedbackSerializer
from conversations.models import Feedback, Rating, Status
from conversations.selectors.conversations import own_feedback
from conversations.selectors.feedback import (
    FeedbackFilter,
    access_feedback,
    feedback_views,
    list_feedback,
)
from conversations.services.feedback import (
    Expected,
    give_feedback,
    keep_as_question,
    mark_feedback_seen,
    withdraw_feedback,
)
from retrieval.api.question_sets import QuestionSerializer
from retrieval.selectors import access_question_set
from tenants.access import Access
from tenants.api.asynchronous import json_response
from tenants.api.pages import PageQuery, Pages
from tenants.api.serializers import StrictSerializer
from tenants.api.views import TenantView
from tenants.audit.recording import record
from tenants.db import run_in_tenant
from tenants.errors import NotFound
from tenants.files.spreadsheets import csv_lines
from tenants.permissions import Action
from tenants.revocable_work import each_while_allowed

_BATCH = 200  # rows that an export reads at once
_TIMES = [ISO_8601, "%Y-%m-%d"]
_COLUMNS = (
    "id", "updated_at", "rating", "comment", "author", "question", "answer", "status", "documents", "message",
)  # fmt: skip


class FeedbackInput(StrictSerializer):
    rating = serializers.ChoiceField(choices=Rating.choices())
    comment = serializers.CharField(required=False, allow_blank=True, default="", trim_whitespace=False)


class FeedbackAuthorSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    email = serializers.EmailField()


class FeedbackSerializer(serializers.Serializer[Any]):
    """A view of `conversations.selectors.feedback.feedback_views`."""

    id = serializers.UUIDField()
    message = serializers.UUIDField()
    rating = serializers.ChoiceField(choices=Rating.choices())
    comment = serializers.CharField()
    author = FeedbackAuthorSerializer(
        allow_null=True, help_text="For admins; null for others, and once they have left."
    )
    question = serializers.CharField()
    answer = serializers.CharField(
        allow_null=True, help_text="Null where it rests on a document that you do not see."
    )
    status = serializers.ChoiceField(choices=Status.choices())
    citations = CitationSerializer(many=True, help_text="Those of documents that you see.")
    withheld = serializers.IntegerField(help_text="How many citations you do not see.")
    is_new = serializers.BooleanField(help_text="Whether it came or changed since you looked last.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class FeedbackQuery(PageQuery):
    rating = serializers.ChoiceField(choices=Rating.choices(), required=False)
    collection = serializers.UUIDField(required=False, help_text="Of answers that cite something in it.")
    document = serializers.UUIDField(required=False, help_text="Of answers that cite it.")
    author = serializers.UUIDField(required=False, help_text="For admins.")
    after = serializers.DateTimeField(required=False, input_formats=_TIMES, help_text="At this time or later.")
    before = serializers.DateTimeField(required=False, input_formats=_TIMES, help_text="Earlier than this time.")
    commented = serializers.BooleanField(required=False, allow_null=True, default=None)
    new = serializers.BooleanField(
        required=False, allow_null=True, default=None, help_text="What came since you looked last."
    )
    own = serializers.BooleanField(
        required=False, allow_null=True, default=None, help_text="For admins: what is about their own documents."
    )
    format = serializers.ChoiceField(
        choices=["csv"], required=False, help_text="All of it as a file, instead of a page."
    )


class ExpectedInput(StrictSerializer):
    """What is right. Of an answer that was liked, what it cites if nothing is said."""

    answerable = serializers.BooleanField(required=False, allow_null=True, default=None)
    document = serializers.CharField(
        required=False, allow_null=True, default=None, help_text="A file's name, or a document's id."
    )
    pages = serializers.ListField(
        child=serializers.IntegerField(min_value=1), required=False, allow_null=True, default=None
    )
    answer = serializers.CharField(required=False, allow_blank=True, default="")


class MessageFeedbackView(TenantView):
    actions_by_method = {"POST": Action.CHAT, "DELETE": Action.CHAT}

    @extend_schema(
        operation_id="feedback_give",
        request=FeedbackInput,
        responses={200: OwnFeedbackSerializer, 201: OwnFeedbackSerializer},
    )
    def post(self, request: Request, message: UUID) -> Response:
        """Say what you think of an answer, or say it anew. Owners of what it cites and admins read it."""
        body = FeedbackInput(data=request.data)
        body.is_valid(raise_exception=True)
        wanted = body.validated_data
        feedback, is_first = give_feedback(
            access=self.access,
            message_id=message,
            rating=Rating(wanted["rating"]),
            comment=wanted["comment"],
        )
        return Response(own_feedback(feedback), status=201 if is_first else 200)

    @extend_schema(operation_id="feedback_withdraw", responses={204: None})
    def delete(self, request: Request, message: UUID) -> Response:
        """Take back what you said."""
        if not withdraw_feedback(access=self.access, message_id=message):
            raise NotFound("You have said nothing about this answer.")
        return Response(status=204)


class FeedbackPages(Pages):
    ordering = ("-updated_at", "-id")


class FeedbackListView(TenantView):
    actions_by_method = {"GET": Action.READ_DOCUMENTS}

    @extend_schema(
        operation_id="feedback_list",
        parameters=[FeedbackQuery],
        responses={
            (200, "application/json"): FeedbackSerializer(many=True),
            (200, "text/csv"): OpenApiTypes.BINARY,
        },
    )
    async def get(self, request: HttpRequest, access: Access) -> HttpResponseBase:
        """What people think of answers that cite your documents, the latest first; for admins, of all answers."""
        query = FeedbackQuery(data=request.GET.dict())
        query.is_valid(raise_exception=True)
        wanted = FeedbackFilter.of(query.validated_data)
        if "format" in query.validated_data:
            return await export_feedback(access, wanted)
        return json_response(await run_in_tenant(access.tenant_id, _page, access, wanted, request))


class FeedbackSeenView(TenantView):
    actions_by_method = {"POST": Action.READ_DOCUMENTS}

    @extend_schema(operation_id="feedback_seen", request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        """What there is now is not new to you any more."""
        mark_feedback_seen(access=self.access)
        return Response(status=204)


class ToQuestionSetView(TenantView):
    actions_by_method = {"POST": Action.MANAGE_TENANT}

    @extend_schema(
        operation_id="feedback_to_question_set", request=ExpectedInput, responses={201: QuestionSerializer}
    )
    def post(self, request: Request, feedback: UUID) -> Response:
        """Put the question into the set that collects them, with what is right."""
        return _kept(self.access, feedback, None, request.data)


class ToChosenSetView(TenantView):
    actions_by_method = {"POST": Action.MANAGE_TENANT}

    @extend_schema(
        operation_id="feedback_to_chosen_set", request=ExpectedInput, responses={201: QuestionSerializer}
    )
    def post(self, request: Request, feedback: UUID, question_set: UUID) -> Response:
        """Put the question into a set of your own, with what is right."""
        return _kept(self.access, feedback, question_set, request.data)


def _kept(access: Access, feedback: UUID, question_set: UUID | None, data: Any) -> Response:
    found = access_feedback(access, feedback)
    chosen = access_question_set(access, question_set) if question_set else None
    body = ExpectedInput(data=data)
    body.is_valid(raise_exception=True)
    question = keep_as_question(
        access=access, feedback=found, question_set=chosen, expected=Expected(**body.validated_data)
    )
    return Response(QuestionSerializer(question).data, status=201)


def _page(access: Access, wanted: FeedbackFilter, request: HttpRequest) -> Any:
    pages = FeedbackPages()
    found: list[Feedback] = pages.paginate_queryset(list_feedback(access, wanted), Request(request)) or []
    return pages.get_paginated_response(feedback_views(access, found)).data


async def export_feedback(access: Access, wanted: FeedbackFilter) -> StreamingHttpResponse:
    """All of it as CSV, written while it is read. Recorded before the first byte."""
    await run_in_tenant(access.tenant_id, _record_export, access, wanted)
    name = f"feedback-{access.tenant_slug}-{timezone.now():%Y-%m-%d}.csv"
    return StreamingHttpResponse(
        each_while_allowed(access, _as_csv(_batches(access, wanted))),
        content_type="text/csv; charset=utf-8",
        headers={
            "Cache-Control": "no-store",
            "Content-Disposition": f'attachment; filename="{name}"',
            "X-Content-Type-Options": "nosniff",
        },
    )


def _record_export(access: Access, wanted: FeedbackFilter) -> None:
    # Refused before the first byte, or not at all.
    list_feedback(access, wanted)
    record(access, "feedback.exported", target_kind="tenant", target_id=access.tenant_id)


async def _batches(access: Access, wanted: FeedbackFilter) -> AsyncIterator[list[dict[str, Any]]]:
    """The latest first, each batch read in a short unit of its own; at least one, if empty."""
    last: dict[str, Any] | None = None
    while True:
        batch: list[dict[str, Any]] = await run_in_tenant(access.tenant_id, _batch, access, wanted, last)
        yield batch
        if len(batch) < _BATCH:
            return
        last = batch[-1]


def _batch(access: Access, wanted: FeedbackFilter, last: dict[str, Any] | None) -> list[dict[str, Any]]:
    rows = list_feedback(access, wanted).order_by("-updated_at", "-id")
    if last is not None:
        earlier = Q(updated_at__lt=last["updated_at"])
        rows = rows.filter(earlier | Q(updated_at=last["updated_at"], id__lt=last["id"]))
    return feedback_views(access, list(rows[:_BATCH]))


async def _as_csv(batches: AsyncIterator[list[dict[str, Any]]]) -> AsyncIterator[str]:
    lines_to_skip = 0
    async for batch in batches:
        rows = [_cells(view) for view in batch]
        yield "".join(islice(csv_lines(_COLUMNS, rows), lines_to_skip, None))
        lines_to_skip = 1  # the header stands there


def _cells(view: dict[str, Any]) -> Sequence[object]:
    documents = dict.fromkeys(f"{one['title']}, p. {one['page']}" for one in view["citations"])
    shown = {**view, "author": (view["author"] or {}).get("email", ""), "documents": "; ".join(documents)}
    return ["" if shown[column] is None else shown[column] for column in _COLUMNS]
