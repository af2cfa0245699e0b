"""`/webhooks/`: addresses that are told what happens. A secret stands in one answer only, that of making it."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.access import Access
from tenants.api.pages import NewestFirst, PageQuery
from tenants.api.serializers import StrictSerializer
from tenants.api.views import TenantView
from tenants.models import DeliveryStatus, DisabledReason, WebhookDelivery, WebhookEvent
from tenants.permissions import Action
from tenants.webhooks.announcing import message_id
from tenants.webhooks.selectors import access_delivery, access_webhook, list_deliveries, list_webhooks, show_data
from tenants.webhooks.services import (
    NewSecret,
    change_webhook,
    create_webhook,
    delete_webhook,
    redeliver,
    rotate_secret,
    send_ping,
)

_EVENTS = WebhookEvent.subscribable()


class WebhookSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    url = serializers.CharField()
    description = serializers.CharField()
    events = serializers.ListField(child=serializers.ChoiceField(choices=_EVENTS))
    is_active = serializers.BooleanField()
    disabled_reason = serializers.ChoiceField(choices=[("", ""), *DisabledReason.choices()])
    acts_for = serializers.UUIDField(
        source="acts_for_id",
        allow_null=True,
        help_text="The member whose sight it has: of nothing else it is told.",
    )
    failing_since = serializers.DateTimeField(allow_null=True)
    former_secret_until = serializers.DateTimeField(
        source="former_until",
        allow_null=True,
        help_text="Until then the secret before the last rotation signs too.",
    )
    created_at = serializers.DateTimeField()


class NewWebhookSerializer(WebhookSerializer):
    secret = serializers.CharField(help_text="What signatures are checked with, this once.")


class WebhookInput(StrictSerializer):
    url = serializers.CharField(max_length=2048)
    events = serializers.ListField(child=serializers.ChoiceField(choices=_EVENTS), min_length=1, max_length=20)
    description = serializers.CharField(max_length=200, required=False, allow_blank=True)


class WebhookChange(StrictSerializer):
    url = serializers.CharField(max_length=2048, required=False)
    events = serializers.ListField(
        child=serializers.ChoiceField(choices=_EVENTS), required=False, allow_empty=False
    )
    description = serializers.CharField(max_length=200, required=False, allow_blank=True)
    is_active = serializers.BooleanField(required=False)


class DeliverySerializer(serializers.Serializer[Any]):
    """`event` is the `webhook-id` that the receiver gets; `about` is null for what you do not see."""

    id = serializers.UUIDField()
    event = serializers.SerializerMethodField()
    type = serializers.ChoiceField(source="kind", choices=WebhookEvent.choices())
    about = serializers.DictField(source="data", allow_null=True, help_text="The event's `data`.")
    status = serializers.ChoiceField(choices=DeliveryStatus.choices())
    attempts = serializers.IntegerField()
    next_at = serializers.DateTimeField(allow_null=True)
    tried_at = serializers.DateTimeField(allow_null=True)
    error = serializers.CharField(help_text="Of the last attempt; empty when it was taken.")
    response_status = serializers.IntegerField(allow_null=True)
    duration_ms = serializers.IntegerField(allow_null=True)
    answer = serializers.CharField(help_text="The beginning of what was answered.")
    created_at = serializers.DateTimeField()

    def get_event(self, delivery: WebhookDelivery) -> str:
        return message_id(delivery)


class DeliveriesQuery(PageQuery):
    status = serializers.ChoiceField(choices=DeliveryStatus.choices(), required=False)


def _shown(access: Access, made: NewSecret) -> dict[str, Any]:
    return {**WebhookSerializer(access_webhook(access, made.webhook.id)).data, "secret": made.secret}


def _shown_delivery(access: Access, delivery: WebhookDelivery) -> dict[str, Any]:
    show_data(access, [delivery])
    return dict(DeliverySerializer(delivery).data)


class WebhooksView(TenantView):
    actions_by_method = {"GET": Action.MANAGE_TENANT, "POST": Action.MANAGE_TENANT}

    @extend_schema(operation_id="webhooks_list", parameters=[PageQuery], responses=WebhookSerializer(many=True))
    def get(self, request: Request) -> Response:
        """The organisation's webhooks, oldest first."""
        PageQuery(data=request.query_params).is_valid(raise_exception=True)
        return self.paged(list_webhooks(self.access), WebhookSerializer)

    @extend_schema(operation_id="webhooks_create", request=WebhookInput, responses={201: NewWebhookSerializer})
    def post(self, request: Request) -> Response:
        """Have an address told of events; its secret is shown in this answer alone."""
        body = WebhookInput(data=request.data)
        body.is_valid(raise_exception=True)
        made = create_webhook(access=self.access, **body.validated_data)
        return Response(_shown(self.access, made), status=status.HTTP_201_CREATED)


class WebhookView(TenantView):
    actions_by_method = {
        "GET": Action.MANAGE_TENANT,
        "PATCH": Action.MANAGE_TENANT,
        "DELETE": Action.MANAGE_TENANT,
    }

    @extend_schema(operation_id="webhooks_read", responses=WebhookSerializer)
    def get(self, request: Request, webhook_id: UUID) -> Response:
        """One webhook."""
        return Response(WebhookSerializer(access_webhook(self.access, webhook_id)).data)

    @extend_schema(operation_id="webhooks_change", request=WebhookChange, responses=WebhookSerializer)
    def patch(self, request: Request, webhook_id: UUID) -> Response:
        """Change it; whoever gives it another address or other events, or enables it, lends it their sight."""
        webhook = access_webhook(self.access, webhook_id)
        body = WebhookChange(data=request.data)
        body.is_valid(raise_exception=True)
        changed = change_webhook(access=self.access, webhook=webhook, **body.validated_data)
        return Response(WebhookSerializer(changed).data)

    @extend_schema(operation_id="webhooks_delete", responses={204: None})
    def delete(self, request: Request, webhook_id: UUID) -> Response:
        """Tell it nothing more, and forget what it was told."""
        delete_webhook(access=self.access, webhook=access_webhook(self.access, webhook_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class WebhookTestView(TenantView):
    actions_by_method = {"POST": Action.MANAGE_TENANT}

    @extend_schema(operation_id="webhooks_test", request=None, responses={202: DeliverySerializer})
    def post(self, request: Request, webhook_id: UUID) -> Response:
        """Send it a `ping` now; 409 when it is disabled."""
        delivery = send_ping(access=self.access, webhook=access_webhook(self.access, webhook_id))
        return Response(_shown_delivery(self.access, delivery), status=status.HTTP_202_ACCEPTED)


class WebhookSecretView(TenantView):
    actions_by_method = {"POST": Action.MANAGE_TENANT}

    @extend_schema(operation_id="webhooks_rotate_secret", request=None, responses=NewWebhookSerializer)
    def post(self, request: Request, webhook_id: UUID) -> Response:
        """Give it a new secret, shown in this answer alone; for 24 hours the one before it signs as well."""
        made = rotate_secret(access=self.access, webhook=access_webhook(self.access, webhook_id))
        return Response(_shown(self.access, made))


class DeliveriesView(TenantView):
    actions_by_method = {"GET": Action.MANAGE_TENANT}

    @extend_schema(
        operation_id="webhook_deliveries_list",
        parameters=[DeliveriesQuery],
        responses=DeliverySerializer(many=True),
    )
    def get(self, request: Request, webhook_id: UUID) -> Response:
        """What it was told and is to be told, newest first; of the last 30 days."""
        query = DeliveriesQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        rows = list_deliveries(self.access, access_webhook(self.access, webhook_id))
        if "status" in query.validated_data:
            rows = rows.filter(status=query.validated_data["status"])
        pages = NewestFirst()
        found = pages.paginate_queryset(rows, request, view=self) or []
        show_data(self.access, found)
        return pages.get_paginated_response(DeliverySerializer(found, many=True).data)


class DeliveryAgainView(TenantView):
    actions_by_method = {"POST": Action.MANAGE_TENANT}

    @extend_schema(operation_id="webhook_deliveries_redeliver", request=None, responses={202: DeliverySerializer})
    def post(self, request: Request, webhook_id: UUID, delivery_id: UUID) -> Response:
        """Send it again now, with the id that it had; 409 when the webhook is disabled."""
        webhook = access_webhook(self.access, webhook_id)
        delivery = redeliver(access=self.access, delivery=access_delivery(self.access, webhook, delivery_id))
        return Response(_shown_delivery(self.access, delivery), status=status.HTTP_202_ACCEPTED)
