"""What the platform's admin shows of an organisation: numbers, never content."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.models.organisations import Tenant


class TenantTotals(models.Model):
    """Global. Written by the platform process from inside each tenant's own context, now and then."""

    tenant = models.OneToOneField(Tenant, on_delete=models.CASCADE, primary_key=True, related_name="totals")
    members = models.PositiveIntegerField(default=0)
    documents = models.PositiveIntegerField(default=0)
    bytes = models.PositiveBigIntegerField(default=0)
    questions_today = models.PositiveIntegerField(default=0)
    tokens_today = models.PositiveBigIntegerField(default=0)
    dead_jobs = models.PositiveIntegerField(default=0)
    counted_at = models.DateTimeField()

    class Meta:
        verbose_name = _("totals")
        verbose_name_plural = _("totals")

    def __str__(self) -> str:
        return self.tenant.name
