"""Writes: the roll-ups that the operator sees instead of content."""

from django.db.models.functions import Now

from tenants.db import tenant_atomic
from tenants.limits.meters import meter_of
from tenants.models import Job, Membership, QuotaKind, Tenant, TenantTotals


def count_totals() -> int:
    """Count every organisation anew, each in its own context; returns how many there are.

    Running it twice, or at once, changes nothing but the time.
    """
    tenants = list(Tenant.objects.all())
    for tenant in tenants:
        with tenant_atomic(tenant.id):
            TenantTotals.objects.update_or_create(
                tenant=tenant,
                defaults={
                    "members": Membership.objects.count(),
                    "documents": meter_of(QuotaKind.DOCUMENTS).read(),
                    "bytes": meter_of(QuotaKind.BYTES).read(),
                    "questions_today": meter_of(QuotaKind.QUESTIONS_DAY).read(),
                    "tokens_today": meter_of(QuotaKind.TOKENS_DAY).read(),
                    "dead_jobs": Job.objects.filter(tenant_id=tenant.id).exclude(dead_at=None).count(),
                    "counted_at": Now(),
                },
            )
    return len(tenants)
