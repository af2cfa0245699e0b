"""Reads: organisations."""

from uuid import UUID

from tenants.models import Tenant


def get_tenant(tenant_id: UUID) -> Tenant:
    """The tenant of an access; it exists as long as its access does."""
    return Tenant.objects.get(id=tenant_id)
