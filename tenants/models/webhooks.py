"""Webhooks: where an organisation wants to be told what happened, and what it was told."""

from enum import StrEnum

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.models.base import TenantKey, TenantModel


class WebhookEvent(StrEnum):
    """What can be told. `ping` is sent when somebody asks for it, to every webhook."""

    DOCUMENT_READY = "document.ready"
    DOCUMENT_FAILED = "document.failed"
    CONVERSATION_ENDED = "conversation.ended"
    QUOTA_NEAR = "quota.near"
    PING = "ping"

    @classmethod
    def choices(cls) -> list[tuple[str, str]]:
        return [(one.value, one.value) for one in cls]

    @classmethod
    def subscribable(cls) -> list[tuple[str, str]]:
        return [choice for choice in cls.choices() if choice[0] != cls.PING]


class DisabledReason(StrEnum):
    """Why a webhook is told nothing."""

    BY_HAND = "by_hand"
    PERSON_LEFT = "person_left"
    GONE = "gone"
    FAILING = "failing"

    @classmethod
    def choices(cls) -> list[tuple[str, str]]:
        return [(one.value, one.value) for one in cls]


class DeliveryStatus(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"

    @classmethod
    def choices(cls) -> list[tuple[str, str]]:
        return [(one.value, one.value) for one in cls]


class Webhook(TenantModel):
    """An address that is told of events, as far as the member `acts_for_id` sees what they are about.

    That is who made it, or who last said where it goes. Secrets are sealed by `tenants.vault`; the former one
    signs too until `former_until`. After failures nothing is tried before `rests_until`.
    """

    url = models.URLField(_("address"), max_length=2048)
    description = models.CharField(_("description"), max_length=200, blank=True)
    events = ArrayField(models.CharField(max_length=40))
    sealed_secret = models.BinaryField()
    sealed_former_secret = models.BinaryField(null=True)
    former_until = models.DateTimeField(_("the former secret signs until"), null=True)
    is_active = models.BooleanField(_("enabled"), default=True)
    disabled_reason = models.CharField(
        _("disabled because"), max_length=20, choices=DisabledReason.choices(), blank=True
    )
    acts_for_id = models.UUIDField(null=True)
    failing_since = models.DateTimeField(_("failing since"), null=True)
    rests_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta(TenantModel.Meta):
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")

    def __str__(self) -> str:
        return self.description or self.url


class WebhookDelivery(TenantModel):
    """One event on its way to one webhook. `payload` is the very text that is signed and sent.

    `object_id` is what the event is about: who may see the payload is who may see that.
    """

    webhook = TenantKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    event_id = models.UUIDField()
    kind = models.CharField(_("event"), max_length=40, choices=WebhookEvent.choices())
    object_id = models.UUIDField(null=True)
    payload = models.TextField()
    status = models.CharField(
        _("status"), max_length=10, choices=DeliveryStatus.choices(), default=DeliveryStatus.PENDING.value
    )
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    # Of one that waits; in the database's time.
    next_at = models.DateTimeField(_("next attempt"), null=True)
    tried_at = models.DateTimeField(_("last attempt"), null=True)
    error = models.CharField(_("error"), max_length=30, blank=True)
    response_status = models.PositiveSmallIntegerField(_("status code"), null=True)
    duration_ms = models.PositiveIntegerField(_("milliseconds"), null=True)
    # The beginning of what was answered: a stranger's words.
    answer = models.CharField(_("answer"), max_length=500, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta(TenantModel.Meta):
        verbose_name = _("webhook delivery")
        verbose_name_plural = _("webhook deliveries")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "webhook", "event_id"], name="webhook_event_once"),
        ]
        indexes = [
            models.Index(
                fields=["tenant", "webhook", "next_at"],
                condition=models.Q(status=DeliveryStatus.PENDING.value),
                name="webhook_delivery_due",
            ),
            models.Index(fields=["tenant", "webhook", "-created_at", "-id"], name="webhook_delivery_recent"),
            models.Index(fields=["tenant", "object_id"], name="webhook_delivery_object"),
            models.Index(fields=["tenant", "created_at"], name="webhook_delivery_age"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.event_id}"
