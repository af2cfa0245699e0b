"""`/usage/`: what was used, and the limits that admins set."""

from datetime import date, timedelta
from typing import Any

from django.utils.translation import gettext
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.api.serializers import ParametersSerializer, StrictSerializer
from tenants.api.views import TenantView
from tenants.errors import InvalidInput
from tenants.limits.meters import today
from tenants.limits.quotas import list_quotas
from tenants.limits.usage import GroupBy, UsageQuery, list_usage
from tenants.models import Quota, QuotaFor, QuotaKind
from tenants.permissions import Action
from tenants.prices import Cost
from tenants.services.limits import NewQuota, replace_quotas

_MAX_DAYS = 366
_DEFAULT_DAYS = 30
# As many as an organisation can sensibly tell apart; more is a program gone wrong.
_MAX_QUOTAS = 1000


class UsageInput(ParametersSerializer):
    """Query parameters. Days are UTC's and both included; without them, the last thirty."""

    of = serializers.ChoiceField(choices=["me", "tenant"], default="me")
    to = serializers.DateField(required=False)
    group = serializers.ChoiceField(choices=[(one.value, one.value) for one in GroupBy], default="day")

    def get_fields(self) -> dict[str, Any]:
        # `from` cannot be the name of an attribute.
        return {"from": serializers.DateField(required=False), **super().get_fields()}

    def query(self) -> UsageQuery:
        """What is asked for; raises `InvalidInput` for days in the wrong order or too many."""
        self.is_valid(raise_exception=True)
        wanted = self.validated_data
        last = wanted.get("to", today())
        first = wanted.get("from") or last - min(timedelta(days=_DEFAULT_DAYS - 1), last - date.min)
        if first > last:
            raise InvalidInput.at("/from", "The first day is after the last.", "out_of_range")
        if (last - first).days >= _MAX_DAYS:
            raise InvalidInput.at(
                "/from", gettext("Ask for at most {max_days} days.").format(max_days=_MAX_DAYS), "out_of_range"
            )
        return UsageQuery(first, last, GroupBy(wanted["group"]), of_tenant=wanted["of"] == "tenant")


class CostSerializer(serializers.Serializer[Any]):
    amount = serializers.FloatField()
    currency = serializers.CharField()

    def to_representation(self, cost: Cost) -> dict[str, Any]:
        return cost.view()


class UsageRowSerializer(serializers.Serializer[Any]):
    key = serializers.CharField(
        allow_null=True, help_text="A day, a person's or token's id, a model; null for none."
    )
    label = serializers.CharField()  # type: ignore[assignment]
    questions = serializers.IntegerField()
    prompt_tokens = serializers.IntegerField()
    completion_tokens = serializers.IntegerField()
    costs = CostSerializer(many=True, help_text="At the prices of the time; one for each currency.")


class UsageSerializer(serializers.Serializer[Any]):
    to = serializers.DateField(source="last")
    results = UsageRowSerializer(many=True)

    def get_fields(self) -> dict[str, Any]:
        return {"from": serializers.DateField(source="first"), **super().get_fields()}


class QuotaInput(StrictSerializer):
    kind = serializers.ChoiceField(choices=QuotaKind.choices())
    applies_to = serializers.ChoiceField(choices=QuotaFor.choices())
    user = serializers.UUIDField(required=False, allow_null=True, default=None, source="user_id")
    amount = serializers.IntegerField()


class QuotasInput(StrictSerializer):
    limits = QuotaInput(many=True, max_length=_MAX_QUOTAS)  # type: ignore[call-arg]


class QuotaSerializer(serializers.Serializer[Quota]):
    kind = serializers.ChoiceField(choices=QuotaKind.choices())
    applies_to = serializers.ChoiceField(choices=QuotaFor.choices())
    user = serializers.UUIDField(source="user_id", allow_null=True)
    amount = serializers.IntegerField()


class QuotasSerializer(serializers.Serializer[Any]):
    limits = QuotaSerializer(many=True)


def new_quota(validated: dict[str, Any]) -> NewQuota:
    return NewQuota(
        kind=QuotaKind(validated["kind"]),
        applies_to=QuotaFor(validated["applies_to"]),
        amount=validated["amount"],
        user_id=validated["user_id"],
    )


class UsageView(TenantView):
    # The whole organisation's is for admins, which `list_usage` asks.
    actions_by_method = {"GET": Action.READ_SELF}

    @extend_schema(operation_id="usage", parameters=[UsageInput], responses=UsageSerializer)
    def get(self, request: Request) -> Response:
        """Questions and tokens: one's own, or for admins everybody's, by day, person, token or model."""
        query = UsageInput(data=request.query_params.dict()).query()
        rows = list_usage(self.access, query)
        return Response(UsageSerializer({"first": query.first, "last": query.last, "results": rows}).data)


class UsageLimitsView(TenantView):
    actions_by_method = {"GET": Action.MANAGE_TENANT, "PUT": Action.MANAGE_TENANT}

    @extend_schema(operation_id="usage_limits", responses=QuotasSerializer)
    def get(self, request: Request) -> Response:
        """Every limit of the organisation."""
        return Response(QuotasSerializer({"limits": list_quotas(self.access)}).data)

    @extend_schema(operation_id="usage_limits_replace", request=QuotasInput, responses=QuotasSerializer)
    def put(self, request: Request) -> Response:
        """Replace all limits. A new one below what is used already is 400 `below_use`; nothing is changed then."""
        body = QuotasInput(data=request.data)
        body.is_valid(raise_exception=True)
        replace_quotas(access=self.access, quotas=[new_quota(one) for one in body.validated_data["limits"]])
        return Response(QuotasSerializer({"limits": list_quotas(self.access)}).data)
