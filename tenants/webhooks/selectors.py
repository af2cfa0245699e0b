"""Reads of webhooks and their deliveries, and the doors to them."""

import json
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from tenants.access import Access
from tenants.errors import NotFound, PermissionRefused
from tenants.models import Webhook, WebhookDelivery
from tenants.permissions import Action
from tenants.webhooks.announcing import within_sight


def list_webhooks(access: Access) -> QuerySet[Webhook]:
    """The organisation's webhooks.

    A token that reaches some collections only is refused: events are of documents in all of them.
    """
    require_webhooks(access)
    found: QuerySet[Webhook] = Webhook.objects.all()
    return found


def require_webhooks(access: Access) -> None:
    access.require(Action.MANAGE_TENANT)
    if access.collections is not None:
        raise PermissionRefused("A token that is limited to some collections has no webhooks.")


def access_webhook(access: Access, webhook_id: UUID) -> Webhook:
    found = list_webhooks(access).filter(id=webhook_id).first()
    if found is None:
        raise NotFound("There is no such webhook.")
    return found


def list_deliveries(access: Access, webhook: Webhook | None = None) -> QuerySet[WebhookDelivery]:
    """What was told and is to be told, by one webhook or by all of them."""
    require_webhooks(access)
    found: QuerySet[WebhookDelivery] = WebhookDelivery.objects.select_related("webhook")
    return found if webhook is None else found.filter(webhook=webhook)


def access_delivery(access: Access, webhook: Webhook, delivery_id: UUID) -> WebhookDelivery:
    found = list_deliveries(access, webhook).filter(id=delivery_id).first()
    if found is None:
        raise NotFound("There is no such delivery.")
    return found


def show_data(access: Access, deliveries: Sequence[WebhookDelivery]) -> None:
    """Give each its `data`; None for what is about something that this person does not see (any more)."""
    seen = {kind: within_sight(access, kind, ids) for kind, ids in _objects(deliveries).items()}
    for delivery in deliveries:
        is_seen = delivery.object_id is None or delivery.object_id in seen[delivery.kind]
        data: Any = json.loads(delivery.payload)["data"] if is_seen else None
        delivery.data = data  # type: ignore[attr-defined]


def _objects(deliveries: Iterable[WebhookDelivery]) -> dict[str, set[UUID]]:
    found: dict[str, set[UUID]] = {}
    for delivery in deliveries:
        if delivery.object_id is not None:
            found.setdefault(delivery.kind, set()).add(delivery.object_id)
    return found
