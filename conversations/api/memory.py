"""A conversation's memory over REST: its summary, and what its next question would be told."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from conversations.models import MemoryKind, Role, Summary
from conversations.prompting.next_context import next_context
from conversations.selectors.conversations import access_conversation
from conversations.services.summaries import MAX_EDITED, access_summary, edit_summary, forget_summary
from tenants.access import Access
from tenants.api.asynchronous import json_response
from tenants.api.serializers import StrictSerializer
from tenants.api.views import TenantView
from tenants.permissions import Action


class SummarySerializer(serializers.Serializer[Any]):
    conversation = serializers.UUIDField(source="conversation_id")
    text = serializers.CharField(source="words")
    is_edited = serializers.SerializerMethodField(help_text="Whether a person's words stand at its beginning.")
    until = serializers.UUIDField(source="until_id", help_text="The last message that it is of.")
    model = serializers.SerializerMethodField(help_text="What wrote it; null for a person, or rules.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    def get_is_edited(self, summary: Summary) -> bool:
        return bool(summary.edited)

    def get_model(self, summary: Summary) -> str | None:
        return summary.model or None


class SummaryChangeSerializer(StrictSerializer):
    # An empty one is the service's to refuse, with its own words.
    text = serializers.CharField(max_length=MAX_EDITED, allow_blank=True)


class ToldMessageSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    role = serializers.ChoiceField(choices=Role.choices())
    tokens = serializers.IntegerField()
    is_cut = serializers.BooleanField()


class ToldSummarySerializer(serializers.Serializer[Any]):
    text = serializers.CharField()
    is_edited = serializers.BooleanField()
    until = serializers.UUIDField()


class ContextSerializer(serializers.Serializer[Any]):
    """What the next question would be told beside itself; tokens are estimates."""

    memory = serializers.ChoiceField(choices=MemoryKind.choices())
    memory_turns = serializers.IntegerField()
    model = serializers.CharField(allow_null=True)
    window = serializers.IntegerField(help_text="Tokens of the model's context that are used.")
    answer_tokens = serializers.IntegerField(help_text="Of it kept for the answer.")
    estimated_tokens = serializers.IntegerField(help_text="Of it taken by instructions, summary and messages.")
    room = serializers.IntegerField(help_text="What is left for question and passages.")
    questions = serializers.IntegerField(help_text="All questions of the branch.")
    questions_told = serializers.IntegerField()
    answers_withheld = serializers.IntegerField(help_text="Those whose documents are out of sight.")
    messages = ToldMessageSerializer(many=True)
    summary = ToldSummarySerializer(allow_null=True)


class SummaryView(TenantView):
    actions_by_method = {"GET": Action.CHAT, "PUT": Action.CHAT, "DELETE": Action.CHAT}

    @extend_schema(operation_id="conversations_summary", responses=SummarySerializer)
    def get(self, request: Request, conversation: UUID) -> Response:
        """What is remembered of the older turns, where the conversation's memory is `summary`."""
        found = access_conversation(self.access, conversation)
        return Response(SummarySerializer(access_summary(access=self.access, conversation=found)).data)

    @extend_schema(
        operation_id="conversations_summary_edit", request=SummaryChangeSerializer, responses=SummarySerializer
    )
    def put(self, request: Request, conversation: UUID) -> Response:
        """Write it oneself: one's words are kept, and what is said later is added to them."""
        found = access_conversation(self.access, conversation)
        change = SummaryChangeSerializer(data=request.data)
        change.is_valid(raise_exception=True)
        edited = edit_summary(access=self.access, conversation=found, text=change.validated_data["text"])
        return Response(SummarySerializer(edited).data)

    @extend_schema(operation_id="conversations_summary_delete", responses={204: None})
    def delete(self, request: Request, conversation: UUID) -> Response:
        """Forget it; after the next answer another is made from the messages."""
        forget_summary(access=self.access, conversation=access_conversation(self.access, conversation))
        return Response(status=204)


class ContextView(TenantView):
    actions_by_method = {"GET": Action.CHAT}

    @extend_schema(operation_id="conversations_context", responses=ContextSerializer)
    async def get(self, request: HttpRequest, access: Access, conversation: UUID) -> HttpResponseBase:
        """What the next question would be told: which messages, which summary, and how much room there is."""
        return json_response(await next_context(access, conversation))
