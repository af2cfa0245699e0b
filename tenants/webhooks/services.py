"""Writes: webhooks, their secrets, and deliveries that people ask for."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models.functions import Now
from django.utils.translation import gettext

from tenants.access import Access
from tenants.audit.recording import record, record_of_platform
from tenants.db import tenant_atomic
from tenants.errors import Conflict, InvalidInput, NotFound
from tenants.jobs import outbox
from tenants.models import DeliveryStatus, DisabledReason, Tenant, Webhook, WebhookDelivery, WebhookEvent
from tenants.vault import seal, unseal
from tenants.webhooks.announcing import SEND, announce_ping
from tenants.webhooks.posting import clean_address
from tenants.webhooks.selectors import require_webhooks
from tenants.webhooks.signing import new_secret

MOST = 20
# After a rotation the former secret signs as well for so long.
OVERLAP = timedelta(hours=24)
_MAX_DESCRIPTION = 200


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A webhook at the one moment when its secret is shown."""

    webhook: Webhook
    secret: str = field(repr=False)


def create_webhook(*, access: Access, url: str, events: Sequence[str], description: str = "") -> NewSecret:
    """Tell an address of events from now on, as far as the person of `access` sees what they are about.

    Raises `InvalidInput` for an address that is never posted to, and `Conflict` where there are enough.
    """
    require_webhooks(access)
    given = {
        "url": clean_address(url),
        "events": clean_events(events),
        "description": _clean_description(description),
    }
    with tenant_atomic(access.tenant_id):
        # Whoever makes another at the same moment waits here, and is counted then.
        Tenant.objects.select_for_update(no_key=True).get(id=access.tenant_id)
        if Webhook.objects.count() >= MOST:
            raise Conflict(
                gettext("There are {most} webhooks already: delete one first.").format(most=MOST), code="too_many"
            )
        webhook = Webhook(**given, acts_for_id=access.user_id)
        secret = _set_secret(webhook)
        webhook.save()
        record(access, "webhook.created", target_kind="webhook", target_id=webhook.id, events=webhook.events)
    return NewSecret(webhook, secret)


def change_webhook(
    *,
    access: Access,
    webhook: Webhook,
    url: str | None = None,
    events: Sequence[str] | None = None,
    description: str | None = None,
    is_active: bool | None = None,
) -> Webhook:
    """Change what is given. Who says where it goes or enables it anew is whose sight it has from then on."""
    require_webhooks(access)
    with tenant_atomic(access.tenant_id):
        webhook = _lock(webhook)
        changed = _changes(webhook, url=url, events=events, description=description)
        if changed & {"url", "events"} or (is_active and not webhook.is_active):
            webhook.acts_for_id = access.user_id
        if is_active is not None and is_active is not webhook.is_active:
            changed.add("is_active")
            if is_active:
                webhook.is_active, webhook.disabled_reason = True, ""
                webhook.failing_since = webhook.rests_until = None
            else:
                _disable(webhook, DisabledReason.BY_HAND)
        if "url" in changed:
            webhook.failing_since = webhook.rests_until = None
        webhook.save()
        if changed:
            record(access, "webhook.changed", target_kind="webhook", target_id=webhook.id, changed=sorted(changed))
    return webhook


def _changes(
    webhook: Webhook, *, url: str | None, events: Sequence[str] | None, description: str | None
) -> set[str]:
    """Set what is given; the names of what is another than before."""
    given: dict[str, Any] = {}
    if url is not None:
        given["url"] = clean_address(url)
    if events is not None:
        given["events"] = clean_events(events)
    if description is not None:
        given["description"] = _clean_description(description)
    changed = {name for name, value in given.items() if getattr(webhook, name) != value}
    for name in changed:
        setattr(webhook, name, given[name])
    return changed


def delete_webhook(*, access: Access, webhook: Webhook) -> None:
    """Tell the address nothing more, and forget what it was told."""
    require_webhooks(access)
    with tenant_atomic(access.tenant_id):
        # Waits for whoever is announcing, and keeps the job for last, which announcers take last too.
        webhook = _lock(webhook, to_delete=True)
        record(access, "webhook.deleted", target_kind="webhook", target_id=webhook.id)
        Webhook.objects.filter(id=webhook.id).delete()
        outbox.cancel(SEND, webhook.id)


def rotate_secret(*, access: Access, webhook: Webhook) -> NewSecret:
    """A new secret, shown once; for a day the one before it signs too."""
    require_webhooks(access)
    with tenant_atomic(access.tenant_id):
        webhook = _lock(webhook)
        former = secrets_of(webhook)[0]
        secret = _set_secret(webhook)
        webhook.sealed_former_secret = seal(former, tenant_id=access.tenant_id, purpose=_purpose(webhook))
        webhook.former_until = Now() + OVERLAP
        webhook.save()
        record(access, "webhook.secret_rotated", target_kind="webhook", target_id=webhook.id)
        webhook.refresh_from_db()
    return NewSecret(webhook, secret)


def send_ping(*, access: Access, webhook: Webhook) -> WebhookDelivery:
    """Send a `ping` now, whatever the webhook is told of. `Conflict` for one that is disabled."""
    require_webhooks(access)
    with tenant_atomic(access.tenant_id):
        webhook = _ready(webhook)
        delivery = announce_ping(webhook)
        record(access, "webhook.tested", target_kind="webhook", target_id=webhook.id)
        delivery.refresh_from_db()
    return delivery


def redeliver(*, access: Access, delivery: WebhookDelivery) -> WebhookDelivery:
    """Send an event again, now, with the id that it had. `Conflict` where the webhook is disabled."""
    require_webhooks(access)
    with tenant_atomic(access.tenant_id):
        webhook = _ready(delivery.webhook)
        WebhookDelivery.objects.filter(id=delivery.id).update(
            status=DeliveryStatus.PENDING, attempts=0, next_at=Now(), error=""
        )
        outbox.hasten(SEND, webhook.id)
        record(
            access, "webhook.redelivered", target_kind="webhook", target_id=webhook.id, delivery=str(delivery.id)
        )
        delivery.refresh_from_db()
    return delivery


def disable_webhooks_of(user_id: UUID) -> int:
    """Disable those in whose sight a person's is who left or lost the role, in the caller's unit; how many."""
    found = list(Webhook.objects.filter(acts_for_id=user_id, is_active=True).select_for_update().order_by("id"))
    for webhook in found:
        disable_by_itself(webhook, DisabledReason.PERSON_LEFT)
    return len(found)


def forget_person(user_id: UUID, removed: Any) -> None:
    """Let nothing name them; what had their sight is disabled. Registered with `on_person_erased`."""
    disable_webhooks_of(user_id)
    removed["tenants_webhook.acts_for_id"] += Webhook.objects.filter(acts_for_id=user_id).update(acts_for_id=None)


def forget_objects(ids: Iterable[UUID]) -> None:
    """Forget what was told of objects that are about to go, in the caller's unit."""
    WebhookDelivery.objects.filter(object_id__in=list(ids)).delete()


def disable_by_itself(webhook: Webhook, reason: DisabledReason) -> None:
    """Disable one that is locked, in the caller's unit, without anybody having asked for it."""
    _disable(webhook, reason)
    webhook.save()
    record_of_platform(None, "webhook.disabled", target_kind="webhook", target_id=webhook.id, reason=reason)


def secrets_of(webhook: Webhook) -> list[str]:
    """What signs, the newest first, whether or not the former one's time is over."""
    sealed = [webhook.sealed_secret, *([webhook.sealed_former_secret] if webhook.sealed_former_secret else [])]
    return [unseal(bytes(one), tenant_id=webhook.tenant_id, purpose=_purpose(webhook)) for one in sealed]


def rewrap_secrets(rewrap: Callable[[bytes, str], bytes]) -> None:
    """Registered with `on_keys_rotated`."""
    for webhook in Webhook.objects.select_for_update().order_by("id"):
        webhook.sealed_secret = rewrap(bytes(webhook.sealed_secret), _purpose(webhook))
        if webhook.sealed_former_secret:
            webhook.sealed_former_secret = rewrap(bytes(webhook.sealed_former_secret), _purpose(webhook))
        webhook.save(update_fields=["sealed_secret", "sealed_former_secret"])


def clean_events(events: Sequence[str]) -> list[str]:
    known = [value for value, _ in WebhookEvent.subscribable()]
    if not events:
        raise InvalidInput.at("/events", "Name at least one event.", "required")
    for place, event in enumerate(events):
        if event not in known:
            raise InvalidInput.at(f"/events/{place}", "There is no such event.", "unknown_event")
    return sorted(set(events), key=known.index)


def _clean_description(text: str) -> str:
    text = " ".join(text.split())
    if len(text) > _MAX_DESCRIPTION:
        said = gettext("A description has at most {max_description} characters.").format(
            max_description=_MAX_DESCRIPTION
        )
        raise InvalidInput.at("/description", said, "max_length")
    return text


def _set_secret(webhook: Webhook) -> str:
    secret = new_secret()
    webhook.sealed_secret = seal(secret, tenant_id=webhook.tenant_id, purpose=_purpose(webhook))
    return secret


def _purpose(webhook: Webhook) -> str:
    return f"webhook {webhook.id}"


def _disable(webhook: Webhook, reason: DisabledReason) -> None:
    """What waits will not be sent; it can be sent again by hand."""
    webhook.is_active, webhook.disabled_reason = False, reason
    fail_waiting(webhook)
    outbox.cancel(SEND, webhook.id)


def fail_waiting(webhook: Webhook) -> None:
    WebhookDelivery.objects.filter(webhook=webhook, status=DeliveryStatus.PENDING).update(
        status=DeliveryStatus.FAILED, next_at=None, error="disabled"
    )


def _lock(webhook: Webhook, *, to_delete: bool = False) -> Webhook:
    rows = Webhook.objects.select_for_update(no_key=not to_delete)
    found: Webhook | None = rows.filter(id=webhook.id).first()
    if found is None:
        raise NotFound("There is no such webhook.")
    return found


def _ready(webhook: Webhook) -> Webhook:
    """Locked, and rested enough: a person who asks is not made to wait."""
    found = _lock(webhook)
    if not found.is_active:
        raise Conflict("This webhook is disabled. Enable it first.", code="webhook_disabled")
    if found.rests_until is not None:
        found.rests_until = None
        found.save(update_fields=["rests_until"])
    return found
