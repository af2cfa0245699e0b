"""Writes: how an organisation looks."""

import hashlib

from tenants.access import Access
from tenants.audit.recording import record
from tenants.db import tenant_atomic
from tenants.errors import InvalidInput
from tenants.models import Logo, Tenant
from tenants.permissions import Action
from tenants.presentation.accent_colours import is_colour


def change_brand(*, access: Access, accent: str, shows_brand_at_log_in: bool) -> Tenant:
    """Change the organisation's colour, empty for Docent's, and who sees it. Raises `InvalidInput`."""
    access.require(Action.MANAGE_TENANT)
    accent = accent.strip().lower()
    if accent and not is_colour(accent):
        raise InvalidInput.at("/accent", "A colour reads like #0b6160.", "invalid")
    with tenant_atomic(access.tenant_id):
        tenant = Tenant.objects.select_for_update(no_key=True).get(id=access.tenant_id)
        wanted = {"accent": accent, "shows_brand_at_log_in": shows_brand_at_log_in}
        changed = sorted(field for field, value in wanted.items() if getattr(tenant, field) != value)
        for field in changed:
            setattr(tenant, field, wanted[field])
        if changed:
            _keep(access, tenant, changed)
    return tenant


def set_logo(*, access: Access, image: bytes, width: int, height: int) -> Tenant:
    """Show this WebP, which Docent must have encoded itself, in the place of the mark."""
    access.require(Action.MANAGE_TENANT)
    sha256 = hashlib.sha256(image).hexdigest()
    with tenant_atomic(access.tenant_id):
        tenant = Tenant.objects.select_for_update(no_key=True).get(id=access.tenant_id)
        if tenant.logo_sha256 != sha256:
            Logo.objects.all().delete()
            Logo.objects.create(image=image, sha256=sha256, width=width, height=height)
            tenant.logo_sha256 = sha256
            _keep(access, tenant, ["logo_sha256"])
    return tenant


def remove_logo(*, access: Access) -> Tenant:
    """Show Docent's mark again."""
    access.require(Action.MANAGE_TENANT)
    with tenant_atomic(access.tenant_id):
        tenant = Tenant.objects.select_for_update(no_key=True).get(id=access.tenant_id)
        if tenant.logo_sha256:
            Logo.objects.all().delete()
            tenant.logo_sha256 = ""
            _keep(access, tenant, ["logo_sha256"])
    return tenant


def _keep(access: Access, tenant: Tenant, changed: list[str]) -> None:
    tenant.save(update_fields=changed)
    record(access, "tenant.changed", target_kind="tenant", target_id=tenant.id, fields=changed)
