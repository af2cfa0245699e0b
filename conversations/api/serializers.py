"""Shapes of conversations, for requests and for the schema."""

from typing import Any

from django.conf import settings
from django.utils.translation import gettext
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from conversations.chat_models import LONGEST_NAME
from conversations.models import Conversation, MemoryKind, Mode, Origin, Rating, Role, Status
from documents.api.serializers.documents import MetadataField
from tenants.api.pages import PageQuery
from tenants.api.serializers import StrictSerializer
from tenants.errors import TooLarge


class SpeakerSerializer(serializers.Serializer[Any]):
    """A conversation's persona; one that is archived speaks no longer."""

    id = serializers.UUIDField()
    slug = serializers.CharField()
    name = serializers.CharField()
    is_archived = serializers.SerializerMethodField()

    def get_is_archived(self, persona: Any) -> bool:
        return persona.archived_at is not None


class PersonaRefField(serializers.CharField):
    """A persona's id or slug; whether there is such a one is the service's to say."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=100, required=False, allow_null=True, **kwargs)


class ConversationSerializer(serializers.Serializer[Conversation]):
    id = serializers.UUIDField()
    title = serializers.CharField()
    mode = serializers.ChoiceField(choices=Mode.choices())
    persona = SpeakerSerializer(allow_null=True)
    status = serializers.SerializerMethodField()
    origin = serializers.ChoiceField(choices=Origin.choices())
    collections = serializers.SerializerMethodField()
    documents = serializers.SerializerMethodField()
    memory = serializers.ChoiceField(choices=MemoryKind.choices())
    memory_turns = serializers.IntegerField(allow_null=True)
    metadata = serializers.DictField()
    leaf = serializers.UUIDField(
        source="leaf_id", allow_null=True, help_text="the message that ends the branch one is at"
    )
    pinned = serializers.SerializerMethodField()
    temporary = serializers.BooleanField(source="is_temporary", help_text="in no list, and gone when left")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    archived_at = serializers.DateTimeField(allow_null=True)

    def get_pinned(self, conversation: Conversation) -> bool:
        return conversation.pinned_at is not None

    def get_status(self, conversation: Conversation) -> str:
        if conversation.archived_at:
            return "archived"
        return "ended" if conversation.ended_at else "active"

    def get_collections(self, conversation: Conversation) -> list[str]:
        return _chosen(conversation, "collection")

    def get_documents(self, conversation: Conversation) -> list[str]:
        return _chosen(conversation, "document")


def _chosen(conversation: Conversation, kind: str) -> list[str]:
    """Read together with a page of conversations (`selectors.conversations.with_chosen`), or now."""
    ids = vars(conversation).get(f"{kind}_ids")
    if ids is None:
        ids = getattr(conversation, f"chosen_{kind}s").values_list(f"{kind}_id", flat=True).order_by(f"{kind}_id")
    return [str(one) for one in ids]


class ConversationHitSerializer(serializers.Serializer[Any]):
    message = serializers.UUIDField(allow_null=True, help_text="null where it is the title that fits")
    role = serializers.ChoiceField(choices=Role.choices(), allow_null=True)
    snippet = serializers.CharField()
    marks = serializers.ListField(
        child=serializers.ListField(child=serializers.IntegerField()),
        help_text="the code points [start, end) of the snippet that are words looked for",
    )


class FoundConversationSerializer(ConversationSerializer):
    hit = ConversationHitSerializer(required=False, help_text="of a search: what fits best")


class NewConversationSerializer(StrictSerializer):
    title = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    mode = serializers.ChoiceField(
        choices=Mode.choices(), required=False, help_text="The persona's if left out, else grounded."
    )
    persona = PersonaRefField(help_text="Id or slug.")
    collections = serializers.ListField(
        child=serializers.UUIDField(), required=False, default=list, max_length=100
    )
    documents = serializers.ListField(child=serializers.UUIDField(), required=False, default=list, max_length=1000)
    memory = serializers.ChoiceField(choices=MemoryKind.choices(), default=MemoryKind.WINDOW.value)
    memory_turns = serializers.IntegerField(min_value=1, max_value=50, allow_null=True, default=None)
    metadata = MetadataField(required=False, default=dict)
    temporary = serializers.BooleanField(
        default=False,
        help_text="In no list or search, and gone an hour after its last question, or with its page.",
    )


class ConversationChangeSerializer(StrictSerializer):
    title = serializers.CharField(max_length=200, required=False)
    memory = serializers.ChoiceField(choices=MemoryKind.choices(), required=False)
    memory_turns = serializers.IntegerField(min_value=1, max_value=50, allow_null=True, required=False)
    mode = serializers.ChoiceField(choices=Mode.choices(), required=False)
    persona = PersonaRefField(
        help_text="Id or slug; null takes it away. Its mode comes with it unless one is given."
    )
    metadata = MetadataField(required=False)
    collections = serializers.ListField(
        child=serializers.UUIDField(), required=False, max_length=100, help_text="asked from the next question on"
    )
    documents = serializers.ListField(
        child=serializers.UUIDField(), required=False, max_length=1000, help_text="asked from the next question on"
    )
    leaf = serializers.UUIDField(required=False, help_text="a message of the branch to be at from now on")
    pinned = serializers.BooleanField(required=False)


class BranchQuery(PageQuery):
    leaf = serializers.UUIDField(required=False)


class MessageQuery(PageQuery):
    search = serializers.CharField()

    def validate_search(self, value: str) -> str:
        if len(value.encode()) > settings.DOCENT_MAX_QUESTION_BYTES:
            limit = settings.DOCENT_MAX_QUESTION_BYTES // 1000
            raise TooLarge(
                gettext("What is looked for may have up to {limit} kB.").format(limit=limit),
                code="question_too_long",
            )
        return value


@extend_schema_field({"type": "string", "minLength": 1, "pattern": r"\S"})
class QuestionField(serializers.CharField):
    """An empty question is the service's to refuse, with its own words."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_blank=True, trim_whitespace=False, **kwargs)


class NewMessageSerializer(StrictSerializer):
    content = QuestionField()
    parent = serializers.UUIDField(  # type: ignore[assignment]
        required=False,
        allow_null=True,
        default=None,
        help_text="the answer that it follows, else the latest one",
    )
    model = serializers.CharField(required=False, allow_blank=True, default="", max_length=LONGEST_NAME)


class RegenerateSerializer(StrictSerializer):
    model = serializers.CharField(required=False, allow_blank=True, default="", max_length=LONGEST_NAME)


class EditSerializer(StrictSerializer):
    content = QuestionField()


class NothingSerializer(StrictSerializer):
    """A body without fields."""


class QuerySerializer(StrictSerializer):
    query = QuestionField()
    session_id = serializers.UUIDField(required=False, allow_null=True, default=None)
    collection = serializers.UUIDField(required=False, allow_null=True, default=None)
    mode = serializers.ChoiceField(choices=Mode.choices(), required=False)
    persona = PersonaRefField(help_text="Id or slug.")


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


class OwnFeedbackSerializer(serializers.Serializer[Any]):
    rating = serializers.ChoiceField(choices=Rating.choices())
    comment = serializers.CharField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class ErrorSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    detail = serializers.CharField()
    retryable = serializers.BooleanField()


class SiblingsSerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField(help_text="from 1, oldest first")
    count = serializers.IntegerField()
    previous = serializers.UUIDField(allow_null=True)
    next = serializers.UUIDField(allow_null=True)


class MessageSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    conversation = serializers.UUIDField()
    role = serializers.ChoiceField(choices=Role.choices())
    parent = serializers.UUIDField(  # type: ignore[assignment]
        allow_null=True, help_text="an answer's question; a question's answer that it follows"
    )
    siblings = SiblingsSerializer(help_text="the questions or answers with the same parent")
    content = serializers.CharField()
    status = serializers.ChoiceField(choices=Status.choices())
    finish_reason = serializers.CharField(allow_null=True)
    model = serializers.CharField(allow_null=True)
    searched_for = serializers.CharField(
        allow_null=True, help_text="The question as it was made whole from the conversation, if it was."
    )
    citations = CitationSerializer(many=True)
    sources = SourceSerializer(many=True)
    feedback = OwnFeedbackSerializer(allow_null=True, help_text="Your own of this answer.")
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
