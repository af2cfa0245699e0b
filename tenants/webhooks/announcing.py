"""Saying what happened, in the transaction in which it did: what is rolled back is never told, nothing is lost."""

import json
from collections.abc import Callable, Collection, Mapping
from typing import Any
from uuid import UUID, uuid4, uuid5

from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone

from tenants.access import Access
from tenants.context import current_tenant_id
from tenants.jobs import outbox
from tenants.models import QuotaKind, Webhook, WebhookDelivery, WebhookEvent

SEND = "tenants.webhook"
# Names that an event's id is made of, where the same must not be told twice.
_NAMES = UUID("5b9f0f3e-8a52-4c8f-9a1c-3d6d1f2c7e10")

# Of objects of events: those that a member sees now. Called in the tenant's unit.
Gate = Callable[[Access, Collection[UUID]], Collection[UUID]]
_gates: dict[WebhookEvent, Gate] = {}


def register_gate(*kinds: WebhookEvent, gate: Gate) -> None:
    """Apps above say in `AppConfig.ready` who sees what their events are about. Without one admins do."""
    _gates.update(dict.fromkeys(kinds, gate))


def within_sight(access: Access, kind: str, object_ids: Collection[UUID]) -> set[UUID]:
    """Those of the objects of events of one kind that a member sees now."""
    gate = _gates.get(WebhookEvent(kind))
    return set(object_ids) if gate is None or not object_ids else set(gate(access, object_ids))


def announce(kind: WebhookEvent, happened: Mapping[UUID, Mapping[str, Any]]) -> None:
    """Tell webhooks what happened to each of some objects, in the caller's unit: ids, names and states."""
    for webhook in _listeners(kind):
        _write(webhook, [_delivery(webhook, kind, data, object_id=one) for one, data in happened.items()])


def announce_quota(kind: QuotaKind, percent: int, period: str, data: Mapping[str, Any]) -> None:
    """Tell that so much of an organisation's limit is used: once in a period, each time where it names none."""
    name = f"{current_tenant_id()} {kind} {percent} {data['amount']} {period}"
    event_id = uuid5(_NAMES, name) if period else uuid4()
    listeners = _listeners(WebhookEvent.QUOTA_NEAR)
    told = WebhookDelivery.objects.filter(webhook__in=listeners, event_id=event_id).values_list(
        "webhook", flat=True
    )
    known = set(told) if listeners else set()
    for webhook in (one for one in listeners if one.id not in known):
        _write(webhook, [_delivery(webhook, WebhookEvent.QUOTA_NEAR, data, event_id=event_id)])


def announce_ping(webhook: Webhook) -> WebhookDelivery:
    """Tell one webhook that it is heard."""
    delivery = _delivery(webhook, WebhookEvent.PING, {"webhook": str(webhook.id)})
    _write(webhook, [delivery])
    return delivery


def _listeners(kind: WebhookEvent) -> list[Webhook]:
    # Chosen here: no index serves a comparison of arrays, and there are few.
    rows = Webhook.objects.filter(is_active=True).order_by("id").only("id", "tenant_id", "events")
    return _kept([webhook for webhook in rows if kind in webhook.events])


def _kept(webhooks: list[Webhook]) -> list[Webhook]:
    """Those of them that are still there, and stay until the unit ends: a delivery needs its webhook."""
    if not webhooks:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM tenants_webhook WHERE tenant_id = %s AND id = ANY(%s) FOR KEY SHARE",
            [current_tenant_id(), [webhook.id for webhook in webhooks]],
        )
        found = {webhook_id for (webhook_id,) in cursor.fetchall()}
    return [webhook for webhook in webhooks if webhook.id in found]


def _write(webhook: Webhook, deliveries: list[WebhookDelivery]) -> None:
    """What is to be told, and the job that does it. The same event is written once."""
    WebhookDelivery.objects.bulk_create(deliveries, ignore_conflicts=True)
    outbox.hasten(SEND, webhook.id)


def _delivery(
    webhook: Webhook,
    kind: WebhookEvent,
    data: Mapping[str, Any],
    *,
    object_id: UUID | None = None,
    event_id: UUID | None = None,
) -> WebhookDelivery:
    delivery = WebhookDelivery(
        webhook=webhook, event_id=event_id or uuid4(), kind=kind, object_id=object_id, next_at=Now()
    )
    delivery.payload = _payload(message_id(delivery), kind, data)
    return delivery


def message_id(delivery: WebhookDelivery) -> str:
    """What receivers know an event by: the same however often it is sent."""
    return f"evt_{delivery.event_id.hex}"


def _payload(event: str, kind: WebhookEvent, data: Mapping[str, Any]) -> str:
    content = {
        "id": event,
        "type": kind.value,
        "timestamp": timezone.now().isoformat(timespec="milliseconds"),
        "organisation": str(current_tenant_id()),
        "data": data,
    }
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))
