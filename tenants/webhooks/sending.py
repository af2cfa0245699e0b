"""The job of one webhook: sends what is due, one after the other, so that a slow receiver is asked once at a time.

What fails is tried again later and later, and meanwhile the webhook rests. Order is not promised; the id of an
event is the same each time, so that receivers can tell what they have had already.
"""

import random
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.db.models import ExpressionWrapper, F, fields
from django.db.models.functions import Now
from django.utils import timezone

from tenants.access import Access, Carrier, access_by_membership
from tenants.context import current_tenant_id
from tenants.db import tenant_atomic
from tenants.errors import NotFound
from tenants.jobs import leases
from tenants.jobs.leases import Lease, LeaseLost, TurnOver
from tenants.models import DeliveryStatus, DisabledReason, Tenant, User, Webhook, WebhookDelivery
from tenants.permissions import Action
from tenants.webhooks.announcing import message_id, within_sight
from tenants.webhooks.notices import tell_of_disabling
from tenants.webhooks.posting import Outcome, post
from tenants.webhooks.services import disable_by_itself, fail_waiting, secrets_of
from tenants.webhooks.signing import signed_headers

_TURN_SECONDS = 5.0
_CLOSED_SECONDS = 3600.0
_DATABASE_SECONDS = 30.0
_LONGEST_REST = 300.0


@dataclass(frozen=True, slots=True)
class _Errand:
    """One attempt, in plain values."""

    delivery_id: UUID
    message_id: str
    url: str
    body: bytes
    keys: tuple[str, ...] = field(repr=False)


def send_due(webhook_id: UUID, lease: Lease) -> None:
    """Send what is due, for a turn. See `tenants.jobs.handlers.JobHandler`."""
    began = time.monotonic()
    try:
        while (errand := _next(webhook_id, lease)) is not None:
            connection.close()  # nobody keeps one while a stranger takes their time
            stamp = int(timezone.now().timestamp())
            headers = signed_headers(errand.message_id, stamp, errand.body, errand.keys)
            outcome = post(errand.url, errand.body, headers)
            _note(webhook_id, errand, outcome, lease)
            if time.monotonic() - began > _TURN_SECONDS:
                raise TurnOver
    except OperationalError as error:
        # The database is away or busy: that says nothing about the webhook.
        raise TurnOver(delay_seconds=_DATABASE_SECONDS) from error


def give_up(_webhook_id: UUID, _code: str, _detail: str) -> None:
    """What waits stays: the next event, or whoever retries the job, begins anew."""


def _next(webhook_id: UUID, lease: Lease) -> _Errand | None:
    """What is to be sent now, its attempt counted; None when this job is over, or waits for a later time."""
    lease.check()
    with tenant_atomic(lease.tenant_id):
        webhook = _hold(webhook_id, lease)
        if webhook is None:
            leases.finish(lease)
            return None
        access = _access_of(webhook)
        if access is None:
            if Tenant.objects.filter(id=lease.tenant_id, is_active=True).exists():
                _disable(webhook, DisabledReason.PERSON_LEFT)
            else:
                leases.pass_on(lease, delay_seconds=_CLOSED_SECONDS)
            return None
        delivery, wait = _first(webhook, access)
        if delivery is None:
            # In this unit, which holds the job's row: who announces at this moment finds it gone.
            leases.finish(lease)
            return None
        if wait > 0:
            leases.pass_on(lease, delay_seconds=wait)
            return None
        WebhookDelivery.objects.filter(id=delivery.id).update(attempts=F("attempts") + 1, tried_at=Now())
        return _Errand(
            delivery.id, message_id(delivery), webhook.url, delivery.payload.encode(), _keys_of(webhook)
        )


def _hold(webhook_id: UUID, lease: Lease) -> Webhook | None:
    """The webhook, then its job, locked in the order in which services lock them; None if it is disabled."""
    webhook: Webhook | None = Webhook.objects.select_for_update(no_key=True).filter(id=webhook_id).first()
    if not leases.renew(lease, seconds=settings.DOCENT_JOB_LEASE_SECONDS):
        raise LeaseLost
    if webhook is None or webhook.is_active:
        return webhook
    # What was announced while it was being disabled.
    fail_waiting(webhook)
    return None


def _access_of(webhook: Webhook) -> Access | None:
    """What the person whose sight it has may do now; None where that is too little."""
    if webhook.acts_for_id is None:
        return None
    user = User.objects.filter(id=webhook.acts_for_id).first()
    tenant = Tenant.objects.get(id=current_tenant_id())
    if user is None:
        return None
    try:
        access = access_by_membership(user, tenant.slug, carrier=Carrier.WORKER)
    except NotFound:
        return None
    return access if access.allows(Action.MANAGE_TENANT) else None


def _first(webhook: Webhook, access: Access) -> tuple[WebhookDelivery | None, float]:
    """What is sent next, and in how many seconds. What the person does not see (any more) is never told."""
    left = ExpressionWrapper(F("next_at") - Now(), output_field=fields.DurationField())
    waiting = WebhookDelivery.objects.filter(webhook=webhook, status=DeliveryStatus.PENDING).annotate(left=left)
    while (delivery := waiting.order_by("next_at").first()) is not None:
        if delivery.object_id is None or within_sight(access, delivery.kind, [delivery.object_id]):
            return delivery, max(delivery.left.total_seconds(), _rest_of(webhook))
        delivery.delete()
    return None, 0.0


def _rest_of(webhook: Webhook) -> float:
    if webhook.rests_until is None:
        return 0.0
    return float((webhook.rests_until - _database_time()).total_seconds())


def _keys_of(webhook: Webhook) -> tuple[str, ...]:
    newest, *former = secrets_of(webhook)
    is_over = webhook.former_until is None or webhook.former_until <= _database_time()
    return (newest,) if is_over else (newest, *former)


def _database_time() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        [now] = cursor.fetchone()
    assert isinstance(now, datetime)
    return now


def _note(webhook_id: UUID, errand: _Errand, outcome: Outcome, lease: Lease) -> None:
    """Write down what came of an attempt, and what follows from it."""
    with tenant_atomic(lease.tenant_id):
        webhook = _hold(webhook_id, lease)
        delivery = WebhookDelivery.objects.filter(id=errand.delivery_id).first()
        if webhook is None or delivery is None:
            return
        delivery.error, delivery.response_status = outcome.error, outcome.status
        delivery.duration_ms, delivery.answer = outcome.duration_ms, outcome.answer
        if outcome.error:
            _postpone(webhook, delivery, outcome)
        else:
            delivery.status, delivery.next_at = DeliveryStatus.DELIVERED, None
            webhook.failing_since = webhook.rests_until = None
        delivery.save()
        webhook.save(update_fields=["failing_since", "rests_until"])
        if outcome.is_gone:
            _disable(webhook, DisabledReason.GONE)
        elif _has_failed_for_long(webhook):
            _disable(webhook, DisabledReason.FAILING)
        else:
            leases.forgive(lease)


def _postpone(webhook: Webhook, delivery: WebhookDelivery, outcome: Outcome) -> None:
    """Try again later, and longer after each attempt; meanwhile the webhook rests, longer the longer it fails."""
    now = _database_time()
    webhook.failing_since = webhook.failing_since or now
    schedule: list[float] = settings.DOCENT_WEBHOOK_RETRIES
    if delivery.attempts > len(schedule):
        delivery.status, delivery.next_at = DeliveryStatus.FAILED, None
    else:
        wait = schedule[delivery.attempts - 1] * random.uniform(0.8, 1.2)  # noqa: S311 - no secret
        delivery.next_at = now + timedelta(seconds=max(wait, outcome.retry_after))
    failing = (now - webhook.failing_since).total_seconds()
    rest = max(min(failing / 10, _LONGEST_REST), outcome.duration_ms / 1000)
    webhook.rests_until = now + timedelta(seconds=rest)


def _has_failed_for_long(webhook: Webhook) -> bool:
    patience = timedelta(days=settings.DOCENT_WEBHOOK_PATIENCE_DAYS)
    return webhook.failing_since is not None and _database_time() - webhook.failing_since > patience


def _disable(webhook: Webhook, reason: DisabledReason) -> None:
    disable_by_itself(webhook, reason)
    transaction.on_commit(lambda: tell_of_disabling(webhook, reason), robust=True)
