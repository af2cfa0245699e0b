"""Collections as programs send and see them."""

from typing import Any

from rest_framework import serializers

from tenants.api.serializers import StrictSerializer

MAX_NAME = 120


class CollectionInput(StrictSerializer):
    name = serializers.CharField(max_length=MAX_NAME)


class CollectionSerializer(serializers.Serializer[Any]):
    """A row of `selectors.with_totals`."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    slug = serializers.CharField(help_text="Unique in the organisation; stays when the name changes.")
    is_default = serializers.BooleanField(help_text="Uploads without a collection go here.")
    documents = serializers.IntegerField(source="document_total")
    chunks = serializers.IntegerField(source="chunk_total")
    bytes = serializers.IntegerField(source="byte_total")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class CollectionStatsSerializer(serializers.Serializer[Any]):
    documents = serializers.IntegerField(source="document_total")
    chunks = serializers.IntegerField(source="chunk_total")
    bytes = serializers.IntegerField(source="byte_total")
    changed_at = serializers.DateTimeField(help_text="When the collection or a document in it last changed.")
