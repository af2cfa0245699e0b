"""Archives, statistics, and what an organisation keeps how long."""

from io import BytesIO
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from conversations.api.serializers import ConversationSerializer
from conversations.models import ArchiveRecord
from conversations.selectors.archives import access_archive, archive_view, list_archives
from conversations.selectors.life import DAYS, MINUTES, LifeRules, deletions, life_rules
from conversations.selectors.statistics import conversation_stats
from conversations.services.importing import import_archive
from conversations.services.retention import changed_rules, set_life_rules
from tenants.api.pages import NewestFirst, PageQuery
from tenants.api.serializers import ParametersSerializer, StrictJSONParser, StrictSerializer
from tenants.api.views import TenantView
from tenants.errors import TooLarge
from tenants.permissions import Action


class ArchiveSerializer(serializers.Serializer[ArchiveRecord]):
    """`bytes` and `sha256` are the stored file's, which keeps what its reader may not see today."""

    id = serializers.UUIDField()
    conversation = serializers.UUIDField(source="conversation_id")
    title = serializers.CharField(source="conversation.title")
    messages = serializers.IntegerField()
    bytes = serializers.IntegerField()
    sha256 = serializers.CharField()
    schema = serializers.CharField(source="schema_version")
    created_at = serializers.DateTimeField()


class RecordSerializer(serializers.Serializer[Any]):
    """An archived conversation; `conversations/records/conversation-1.json` is its JSON Schema."""

    schema = serializers.CharField()
    conversation = serializers.DictField()
    collections = serializers.ListField(child=serializers.CharField(), required=False)
    documents = serializers.ListField(child=serializers.CharField(), required=False)
    attachments = serializers.ListField(child=serializers.CharField(), required=False, help_text="names of files")
    messages = serializers.ListField(child=serializers.DictField())


class RecordParser(BaseParser):
    """JSON that may be longer than that of other requests."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        content = stream.read(settings.DOCENT_MAX_ARCHIVE_BYTES + 1)
        if len(content) > settings.DOCENT_MAX_ARCHIVE_BYTES:
            megabytes = settings.DOCENT_MAX_ARCHIVE_BYTES // (1024 * 1024)
            raise TooLarge(gettext("An archive may have up to {megabytes} MB.").format(megabytes=megabytes))
        return StrictJSONParser().parse(BytesIO(content), media_type, parser_context)


class StatsQuery(ParametersSerializer):
    scope = serializers.ChoiceField(choices=["own", "tenant"], default="own")


class StatsSerializer(serializers.Serializer[Any]):
    active = serializers.IntegerField()
    ended = serializers.IntegerField()
    archived = serializers.IntegerField()
    messages = serializers.IntegerField()
    mean_messages = serializers.FloatField()
    bytes = serializers.IntegerField(help_text="of messages, in the database and in archives")


class RulesSerializer(StrictSerializer):
    """null: never. Idle minutes end a conversation; the last three rules delete."""

    query_idle_minutes = serializers.IntegerField(allow_null=True, required=False)
    chat_idle_minutes = serializers.IntegerField(allow_null=True, required=False)
    archive_after_days = serializers.IntegerField(allow_null=True, required=False)
    delete_idle_days = serializers.IntegerField(allow_null=True, required=False)
    delete_query_days = serializers.IntegerField(allow_null=True, required=False)
    delete_archived_days = serializers.IntegerField(allow_null=True, required=False)
    spares_pinned = serializers.BooleanField(required=False)
    spares_shared = serializers.BooleanField(required=False)
    allows_temporary = serializers.BooleanField(
        required=False, help_text="whether people may begin temporary conversations"
    )


class DeletionsSerializer(serializers.Serializer[Any]):
    """By rule, those that go now; in all, those that go now and soon if nothing happens in them."""

    idle = serializers.IntegerField()
    query = serializers.IntegerField()
    archived = serializers.IntegerField()
    now = serializers.IntegerField()
    within_7_days = serializers.IntegerField()
    within_30_days = serializers.IntegerField()
    files = serializers.IntegerField(help_text="attached to those that go now; they go too")


class RetentionSerializer(serializers.Serializer[Any]):
    rules = RulesSerializer()
    deletes = DeletionsSerializer()


class ArchivesView(TenantView):
    actions_by_method = {"GET": Action.CHAT, "POST": Action.CHAT}
    pagination_class = NewestFirst
    parser_classes = [RecordParser]

    @extend_schema(operation_id="archives_list", parameters=[PageQuery], responses=ArchiveSerializer(many=True))
    def get(self, request: Request) -> Response:
        """One's own archived conversations, the latest first."""
        PageQuery(data=request.query_params).is_valid(raise_exception=True)
        return self.paged(list_archives(self.access), ArchiveSerializer)

    @extend_schema(
        operation_id="archives_import", request=RecordSerializer, responses={201: ConversationSerializer}
    )
    def post(self, request: Request) -> Response:
        """Begin a conversation of one's own with what an archive says. Quotes that do not stand there go."""
        conversation = import_archive(access=self.access, content=request.data)
        return Response(ConversationSerializer(conversation).data, status=status.HTTP_201_CREATED)


class ArchiveView(TenantView):
    actions_by_method = {"GET": Action.CHAT}

    @extend_schema(operation_id="archives_read", responses=RecordSerializer)
    def get(self, request: Request, archive: UUID) -> Response:
        """The record as one may read it today; POSTing it to the list begins a copy."""
        return Response(archive_view(self.access, access_archive(self.access, archive)))


class StatsView(TenantView):
    actions_by_method = {"GET": Action.CHAT}

    @extend_schema(operation_id="conversations_stats", parameters=[StatsQuery], responses=StatsSerializer)
    def get(self, request: Request) -> Response:
        """How many of one's own conversations there are; with `scope=tenant`, for admins, the organisation's."""
        query = StatsQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        return Response(conversation_stats(self.access, everybodys=query.validated_data["scope"] == "tenant"))


class RetentionView(TenantView):
    actions_by_method = {"GET": Action.MANAGE_TENANT, "PATCH": Action.MANAGE_TENANT}

    @extend_schema(
        operation_id="retention_read",
        parameters=[OpenApiParameter(name, int) for name in (*MINUTES, *DAYS)],
        responses=RetentionSerializer,
    )
    def get(self, request: Request) -> Response:
        """The organisation's rules and what they delete; parameters say what others would, and change nothing."""
        # A plain dictionary: in a form, a box that is missing is one that is not ticked.
        return Response(_retention(self._asked({name: one or None for name, one in request.query_params.items()})))

    @extend_schema(operation_id="retention_change", request=RulesSerializer, responses=RetentionSerializer)
    def patch(self, request: Request) -> Response:
        """Change some rules. What they delete goes within the hour: look at it by GET first."""
        rules = self._asked(request.data)
        set_life_rules(access=self.access, rules=rules)
        return Response(_retention(rules))

    def _asked(self, data: Any) -> LifeRules:
        body = RulesSerializer(data=data)
        body.is_valid(raise_exception=True)
        return changed_rules(life_rules(), body.validated_data)


def _retention(rules: LifeRules) -> dict[str, Any]:
    return {"rules": rules.view(), "deletes": deletions(rules)}
