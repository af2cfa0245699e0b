"""Collections as programs send and see them."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from documents.models import Collection
from documents.selectors import Sight, may_change, sight_of
from tenants.api.serializers import StrictSerializer
from tenants.permissions import Role

MAX_NAME = 120
MAX_NAMED = 1000


class SightInput(StrictSerializer):
    """Who sees a collection beside its creator and the admins."""

    everyone = serializers.BooleanField(help_text="The whole organisation; then nobody is named.")
    people = serializers.ListField(
        child=serializers.UUIDField(), default=list, max_length=MAX_NAMED, help_text="Ids of users."
    )
    groups = serializers.ListField(child=serializers.UUIDField(), default=list, max_length=MAX_NAMED)
    roles = serializers.ListField(
        child=serializers.ChoiceField(choices=Role.choices()),
        default=list,
        max_length=MAX_NAMED,
        help_text="Each speaks for the roles above it too.",
    )


class SizesInput(StrictSerializer):
    """How documents uploaded from now on are cut; null: as Docent does by default."""

    chunk_size = serializers.IntegerField(required=False, allow_null=True, help_text="Characters.")
    chunk_overlap = serializers.IntegerField(required=False, allow_null=True, help_text="Characters.")


class CollectionInput(SizesInput):
    name = serializers.CharField(max_length=MAX_NAME)
    access = SightInput(required=False, help_text="Everyone if left out.")


class CollectionChange(SizesInput):
    """What may be changed; what is left out stays."""

    name = serializers.CharField(max_length=MAX_NAME, required=False)
    access = SightInput(required=False)


class SightSerializer(serializers.Serializer[Sight]):
    everyone = serializers.BooleanField()
    people = serializers.ListField(child=serializers.UUIDField(), help_text="Ids of users.")
    groups = serializers.ListField(child=serializers.UUIDField())
    roles = serializers.ListField(child=serializers.ChoiceField(choices=Role.choices()))


class CollectionSerializer(serializers.Serializer[Any]):
    """A row of `selectors.with_totals`, as the `access` in the context sees it."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    slug = serializers.CharField(help_text="Unique in the organisation; stays when the name changes.")
    is_default = serializers.BooleanField(help_text="Uploads without a collection go here.")
    documents = serializers.IntegerField(source="document_total")
    chunks = serializers.IntegerField(source="chunk_total")
    bytes = serializers.IntegerField(source="byte_total")
    chunk_size = serializers.IntegerField(
        allow_null=True, help_text="Characters of a passage of what is uploaded here; null: the default, 1,000."
    )
    chunk_overlap = serializers.IntegerField(
        allow_null=True, help_text="Characters that the next passage may repeat; null: the default, 200."
    )
    access = serializers.SerializerMethodField(help_text="Who sees it; null for whoever may not change that.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    @extend_schema_field(SightSerializer(allow_null=True))
    def get_access(self, collection: Collection) -> dict[str, Any] | None:
        if not may_change(self.context["access"], collection):
            return None
        shown: dict[str, Any] = SightSerializer(sight_of(collection)).data
        return shown


class CollectionStatsSerializer(serializers.Serializer[Any]):
    documents = serializers.IntegerField(source="document_total")
    by_status = serializers.DictField(child=serializers.IntegerField(), help_text="Documents in each state.")
    pages = serializers.IntegerField(source="page_total")
    chunks = serializers.IntegerField(source="chunk_total")
    bytes = serializers.IntegerField(source="byte_total")
    changed_at = serializers.DateTimeField(help_text="When the collection or a document in it last changed.")
