"""What changed, who did it, by which carrier, from where. Ids, never names or content."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.models.base import TenantKey, TenantModel


class AuditEvent(TenantModel):
    """One change. The application's role may insert and read these rows, never change or delete them."""

    at = models.DateTimeField(auto_now_add=True)
    action = models.CharField(max_length=60)
    actor_id = models.UUIDField(null=True)
    carrier = models.CharField(max_length=10)
    token_id = models.UUIDField(null=True)
    # Where the request came from; None on the command line and in background work.
    address = models.GenericIPAddressField(null=True)
    target_kind = models.CharField(max_length=40)
    target_id = models.UUIDField(null=True)
    data = models.JSONField(default=dict)

    class Meta(TenantModel.Meta):
        verbose_name = _("audit event")
        verbose_name_plural = _("audit events")
        indexes = [models.Index(fields=["tenant", "at"], name="audit_by_time")]

    def __str__(self) -> str:
        return f"{self.action} {self.target_kind}"


class AuditSeal(TenantModel):
    """An event's place in its tenant's chain. Only the platform process writes these, as the owner.

    `digest` is an HMAC-SHA256 over the digest before it, the number and the event, with a key that the
    database does not hold: see `tenants.audit.sealing`.
    """

    number = models.PositiveBigIntegerField()
    event = TenantKey(AuditEvent, on_delete=models.DO_NOTHING, related_name="+", db_index=False)
    digest = models.BinaryField(max_length=32)
    sealed_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "number"], name="seal_number"),
            models.UniqueConstraint(fields=["tenant", "event"], name="seal_once"),
        ]

    def __str__(self) -> str:
        return f"seal {self.number}"
