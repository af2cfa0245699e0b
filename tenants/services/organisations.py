"""Writes: organisations."""

from django.db import transaction
from django.utils.text import slugify

from tenants.access import Carrier, access_by_membership
from tenants.audit import record
from tenants.db import tenant_atomic
from tenants.errors import InvalidInput
from tenants.models import Canary, Membership, Tenant, User
from tenants.permissions import Role
from tenants.registry import on_tenant_created

# Slugs that would read as Docent's own.
_RESERVED = frozenset({"admin", "api", "accounts", "static", "health", "mcp", "openai", "o"})


def create_tenant(
    *, name: str, owner: User, slug: str = "", rate_limit: int = 5, carrier: Carrier = Carrier.SESSION
) -> Tenant:
    """Create an organisation with its first owner.

    Without `slug` one is made from the name, with a suffix when it is taken; a given slug that is taken
    or malformed raises `InvalidInput`.
    """
    name = name.strip()
    if not name:
        raise InvalidInput.at("/name", "An organisation needs a name.", "required")
    if slug and (slugify(slug) != slug or slug in _RESERVED or len(slug) > 50):  # noqa: PLR2004
        raise InvalidInput.at("/slug", f"“{slug}” cannot be a slug: use a–z, 0–9 and hyphens.", "invalid_slug")
    if slug and Tenant.objects.filter(slug=slug).exists():
        raise InvalidInput.at("/slug", f"The slug “{slug}” is taken.", "taken")
    with transaction.atomic():
        tenant = Tenant.objects.create(name=name, slug=slug or _free_slug(name), rate_limit=rate_limit)
        with tenant_atomic(tenant.id):
            Membership.objects.create(user=owner, role=Role.OWNER)
            Canary.objects.create()
            on_tenant_created.call()
            access = access_by_membership(owner, tenant.slug, carrier=carrier)
            record(access, "tenant.created", target_kind="tenant", target_id=tenant.id)
    return tenant


def _free_slug(name: str) -> str:
    stem = slugify(name)[:50] or "organisation"
    taken = set(Tenant.objects.filter(slug__startswith=stem).values_list("slug", flat=True)) | _RESERVED
    number = 1
    slug = stem
    while slug in taken:
        number += 1
        slug = f"{stem}-{number}"
    return slug
