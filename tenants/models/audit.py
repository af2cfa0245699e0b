"""What changed, who did it, by which carrier. Ids, never names or content."""

from django.db import models

from tenants.models.base import TenantModel


class AuditEvent(TenantModel):
    """One change. The application's role may insert and read these rows, never change or delete them."""

    at = models.DateTimeField(auto_now_add=True)
    action = models.CharField(max_length=60)
    actor_id = models.UUIDField(null=True)
    carrier = models.CharField(max_length=10)
    token_id = models.UUIDField(null=True)
    target_kind = models.CharField(max_length=40)
    target_id = models.UUIDField(null=True)
    data = models.JSONField(default=dict)

    class Meta(TenantModel.Meta):
        indexes = [models.Index(fields=["tenant", "at"], name="audit_by_time")]

    def __str__(self) -> str:
        return f"{self.action} {self.target_kind}"
