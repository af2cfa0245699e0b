"""Shapes of models and model servers, for requests and for the schema."""

from typing import Any

from rest_framework import serializers

from conversations.chat_models import LONGEST_NAME
from conversations.models import PullStatus
from providers.servers import KINDS
from tenants.api.serializers import StrictSerializer


class PriceSerializer(serializers.Serializer[Any]):
    """For a million tokens that go in and that come out."""

    def get_fields(self) -> dict[str, Any]:
        # `in` cannot be the name of an attribute.
        return {
            "in": serializers.FloatField(),
            "out": serializers.FloatField(),
            "currency": serializers.CharField(),
        }


class ModelSerializer(serializers.Serializer[Any]):
    id = serializers.CharField(help_text="server/name, or the name alone on the default server")
    server = serializers.CharField()
    name = serializers.CharField()
    context_tokens = serializers.IntegerField(help_text="how long a prompt with its answer can be here")
    is_loaded = serializers.BooleanField(allow_null=True)
    size_bytes = serializers.IntegerField(allow_null=True)
    parameters = serializers.CharField()
    is_default = serializers.BooleanField()
    price = PriceSerializer(allow_null=True)
    can_delete = serializers.BooleanField()


class ModelsSerializer(serializers.Serializer[Any]):
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)
    results = ModelSerializer(many=True)


class KeySerializer(serializers.Serializer[Any]):
    is_set = serializers.BooleanField()
    ends_with = serializers.CharField(help_text="the last four characters")
    is_own = serializers.BooleanField(help_text="the organisation's, not the operator's")


class ServerSerializer(serializers.Serializer[Any]):
    server = serializers.CharField()
    kind = serializers.CharField(help_text=" or ".join(KINDS))
    is_enabled = serializers.BooleanField()
    is_reachable = serializers.BooleanField(allow_null=True)
    models = serializers.ListField(
        child=serializers.CharField(), allow_null=True, help_text="all that it has, whether allowed or not"
    )
    takes_keys = serializers.BooleanField()
    can_pull = serializers.BooleanField()
    key = KeySerializer()
    allowed_models = serializers.ListField(child=serializers.CharField(), allow_null=True)
    default_model = serializers.CharField(allow_null=True)


class ServersSerializer(serializers.Serializer[Any]):
    results = ServerSerializer(many=True)


class ServerChangeSerializer(StrictSerializer):
    server = serializers.CharField(max_length=40)
    key = serializers.CharField(
        required=False, allow_blank=True, max_length=500, write_only=True, help_text="empty: the operator's again"
    )
    is_enabled = serializers.BooleanField(required=False)
    allowed_models = serializers.ListField(
        child=serializers.CharField(max_length=LONGEST_NAME), required=False, allow_null=True
    )
    default_model = serializers.CharField(required=False, allow_blank=True, max_length=LONGEST_NAME)


class NewPullSerializer(StrictSerializer):
    model = serializers.CharField(max_length=LONGEST_NAME)
    server = serializers.CharField(required=False, max_length=40)


class PullErrorSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    detail = serializers.CharField()


class PullSerializer(serializers.Serializer[Any]):
    type = serializers.CharField()
    pull = serializers.UUIDField()
    model = serializers.CharField()
    status = serializers.ChoiceField(choices=PullStatus.choices())
    stage = serializers.CharField()
    completed = serializers.IntegerField(allow_null=True)
    total = serializers.IntegerField(allow_null=True)
    error = PullErrorSerializer(allow_null=True)


class PullsSerializer(serializers.Serializer[Any]):
    results = PullSerializer(many=True)


class BegunPullSerializer(PullSerializer):
    events_url = serializers.URLField()


class TrialSerializer(serializers.Serializer[Any]):
    model = serializers.CharField()
    ok = serializers.BooleanField()
    time_to_first_token = serializers.FloatField(allow_null=True, help_text="seconds")
    tokens_per_second = serializers.FloatField(allow_null=True)
    answer = serializers.CharField()
    error = PullErrorSerializer(allow_null=True)
