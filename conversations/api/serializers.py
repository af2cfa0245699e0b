"""Shapes of conversations, for requests and for the schema."""

from typing import Any

from django.conf import settings
from rest_framework import serializers

from conversations.models import Conversation, Mode, Role, Status
from documents.api.serializers.documents import MetadataField
from tenants.api.pages import PageQuery
from tenants.api.serializers import StrictSerializer
from tenants.errors import TooLarge


class ConversationSerializer(serializers.Serializer[Conversation]):
    id = serializers.UUIDField()
    title = serializers.CharField()
    mode = serializers.ChoiceField(choices=Mode.choices())
    status = serializers.SerializerMethodField()
    collections = serializers.SerializerMethodField()
    documents = serializers.SerializerMethodField()
    metadata = serializers.DictField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)

    def get_status(self, conversation: Conversation) -> str:
        if conversation.archived_at:
            return "archived"
        return "ended" if conversation.ended_at else "active"

    def get_collections(self, conversation: Conversation) -> list[str]:
        return [str(one.collection_id) for one in conversation.chosen_collections.all()]

    def get_documents(self, conversation: Conversation) -> list[str]:
        return [str(one.document_id) for one in conversation.chosen_documents.all()]


class NewConversationSerializer(StrictSerializer):
    title = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    mode = serializers.ChoiceField(choices=Mode.choices(), default=Mode.GROUNDED.value)
    collections = serializers.ListField(
        child=serializers.UUIDField(), required=False, default=list, max_length=100
    )
    documents = serializers.ListField(child=serializers.UUIDField(), required=False, default=list, max_length=1000)
    metadata = MetadataField(required=False, default=dict)


class ConversationChangeSerializer(StrictSerializer):
    title = serializers.CharField(max_length=200, required=False)
    metadata = MetadataField(required=False)


class MessageQuery(PageQuery):
    search = serializers.CharField()

    def validate_search(self, value: str) -> str:
        if len(value.encode()) > settings.DOCENT_MAX_QUESTION_BYTES:
            limit = settings.DOCENT_MAX_QUESTION_BYTES // 1000
            raise TooLarge(f"What is looked for may have up to {limit} kB.", code="question_too_long")
        return value


class NewMessageSerializer(StrictSerializer):
    # An empty question is the service's to refuse, with its own words.
    content = serializers.CharField(allow_blank=True, trim_whitespace=False)
    parent = serializers.UUIDField(required=False, allow_null=True, default=None)  # type: ignore[assignment]


class QuerySerializer(StrictSerializer):
    query = serializers.CharField(allow_blank=True, trim_whitespace=False)
    session_id = serializers.UUIDField(required=False, allow_null=True, default=None)
    collection = serializers.UUIDField(required=False, allow_null=True, default=None)
    mode = serializers.ChoiceField(choices=Mode.choices(), required=False)


class SourceSerializer(serializers.Serializer[Any]):
    marker = serializers.IntegerField()
    document = serializers.UUIDField(allow_null=True)
    name = serializers.CharField()
    title = serializers.CharField()
    version = serializers.IntegerField()
    page = serializers.IntegerField()
    text = serializers.CharField()
    score = serializers.FloatField()
    start = serializers.IntegerField()
    end = serializers.IntegerField()
    url = serializers.URLField(allow_null=True)


class CitationSerializer(serializers.Serializer[Any]):
    marker = serializers.IntegerField()
    document = serializers.UUIDField(allow_null=True)
    version = serializers.IntegerField()
    title = serializers.CharField()
    page = serializers.IntegerField()
    quote = serializers.CharField()
    start = serializers.IntegerField()
    end = serializers.IntegerField()
    url = serializers.URLField(allow_null=True)
    verified = serializers.BooleanField()


class ErrorSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    detail = serializers.CharField()
    retryable = serializers.BooleanField()


class MessageSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    conversation = serializers.UUIDField()
    role = serializers.ChoiceField(choices=[(one.value, one.value) for one in Role])
    parent = serializers.UUIDField(allow_null=True)  # type: ignore[assignment]
    content = serializers.CharField()
    status = serializers.ChoiceField(choices=[(one.value, one.value) for one in Status])
    finish_reason = serializers.CharField(allow_null=True)
    model = serializers.CharField(allow_null=True)
    searched_for = serializers.CharField(
        allow_null=True, help_text="The question as it was made whole from the conversation, if it was."
    )
    citations = CitationSerializer(many=True)
    sources = SourceSerializer(many=True)
    error = ErrorSerializer(allow_null=True)
    usage = serializers.DictField()
    timings = serializers.DictField()
    created_at = serializers.DateTimeField()


class TracedPassageSerializer(serializers.Serializer[Any]):
    marker = serializers.IntegerField(allow_null=True, help_text="its number, if the model was given it")
    document = serializers.UUIDField(allow_null=True)
    version = serializers.IntegerField()
    title = serializers.CharField()
    page = serializers.IntegerField()
    start = serializers.IntegerField()
    end = serializers.IntegerField()
    url = serializers.URLField(allow_null=True)
    score = serializers.FloatField()
    shares = serializers.DictField(child=serializers.FloatField(), help_text="by list: meaning, words, title")
    ranks = serializers.DictField(child=serializers.IntegerField(), help_text="its place in each list")
    is_cited = serializers.BooleanField()


class WhySerializer(serializers.Serializer[Any]):
    message = serializers.UUIDField()
    searched_for = serializers.CharField()
    by_words_alone = serializers.BooleanField()
    verdict = serializers.DictField()
    reranking = serializers.DictField(allow_null=True)
    passages = TracedPassageSerializer(many=True)
    stages = serializers.DictField(child=serializers.FloatField(), help_text="seconds")


class PendingSerializer(serializers.Serializer[Any]):
    message = serializers.UUIDField()
    events_url = serializers.URLField()


class AnswerSerializer(serializers.Serializer[Any]):
    session_id = serializers.UUIDField()
    message_id = serializers.UUIDField()
    response = serializers.CharField()
    sources = SourceSerializer(many=True)
    sources_count = serializers.IntegerField()
