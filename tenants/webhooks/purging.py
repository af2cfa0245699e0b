"""Forgetting what was told long ago, and waking what nobody wakes."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from django.db.models.functions import Now

from tenants.db import tenant_atomic
from tenants.jobs import outbox
from tenants.models import DeliveryStatus, Tenant, Webhook, WebhookDelivery
from tenants.webhooks.announcing import SEND

KEPT = timedelta(days=30)
_BATCH = 5000


def purge_deliveries(*, dry_run: bool = False) -> int:
    """Forget deliveries of 30 days ago, and former secrets that sign no more; returns how many deliveries."""
    total = 0
    for tenant_id in _tenants():
        with tenant_atomic(tenant_id):
            old = WebhookDelivery.objects.filter(created_at__lt=Now() - KEPT)
            if dry_run:
                total += old.count()
                continue
            Webhook.objects.filter(former_until__lt=Now()).update(sealed_former_secret=None, former_until=None)
        total += _remove(tenant_id)
    return total


def _remove(tenant_id: UUID) -> int:
    total = 0
    while True:
        with tenant_atomic(tenant_id):
            old = WebhookDelivery.objects.filter(created_at__lt=Now() - KEPT)
            some = list(old.values_list("id", flat=True)[:_BATCH])
            WebhookDelivery.objects.filter(id__in=some).delete()
        total += len(some)
        if len(some) < _BATCH:
            return total


def wake_webhooks() -> int:
    """Let what is due be sent although its job was given up, as after a long failure of the database; how many."""
    total = 0
    for tenant_id in _tenants():
        with tenant_atomic(tenant_id):
            due = WebhookDelivery.objects.filter(status=DeliveryStatus.PENDING, next_at__lt=Now())
            for webhook_id in due.order_by("webhook").values_list("webhook", flat=True).distinct():
                outbox.hasten(SEND, webhook_id)
                total += 1
    return total


def _tenants() -> Iterator[UUID]:
    yield from list(Tenant.objects.filter(is_active=True).order_by("id").values_list("id", flat=True))
