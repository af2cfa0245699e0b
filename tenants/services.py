"""Writes: organisations, their people and their tokens."""

from dataclasses import dataclass
from datetime import datetime

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.db import transaction
from django.utils.text import slugify

from tenants.access import Access, Carrier, access_by_membership, encode_token_id, hash_secret, new_secret
from tenants.audit import record
from tenants.db import tenant_atomic
from tenants.errors import InvalidInput
from tenants.links import global_url
from tenants.models import ApiToken, Membership, Tenant, User
from tenants.permissions import Role, Scope, scopes_of_role
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


def add_member(*, access: Access, user: User, role: Role) -> Membership:
    """Make a person a member, in the tenant of `access`. Raises `InvalidInput` when they are one."""
    with tenant_atomic(access.tenant_id):
        if Membership.objects.filter(user=user).exists():
            raise InvalidInput.at("/user", f"{user.email} is a member already.", "taken")
        membership: Membership = Membership.objects.create(user=user, role=role)
        record(access, "member.added", target_kind="user", target_id=user.pk, role=role)
    return membership


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token at the one moment when its secret is known."""

    token: ApiToken
    value: str


def create_token(
    *, access: Access, name: str, scopes: frozenset[Scope] | None = None, expires_at: datetime | None = None
) -> NewToken:
    """Create an API token for the person of `access`.

    Without `scopes`: all that the role has but `admin`. A scope that the role lacks raises `InvalidInput`.
    """
    own = scopes_of_role(access.role)
    if scopes is None:
        scopes = own - {Scope.ADMIN}
    if excess := scopes - own:
        raise InvalidInput.at(
            "/scopes", f"The role {access.role} lacks {', '.join(sorted(excess))}.", "forbidden_scope"
        )
    secret = new_secret()
    with tenant_atomic(access.tenant_id):
        token: ApiToken = ApiToken.objects.create(
            user_id=access.user_id,
            name=name,
            secret_sha256=hash_secret(secret),
            scopes=sorted(scopes),
            expires_at=expires_at,
        )
        record(access, "token.created", target_kind="token", target_id=token.id, scopes=sorted(scopes))
    return NewToken(token, f"dct_{encode_token_id(access.tenant_id, token.id)}_{secret}")


def password_link(user: User) -> str:
    """The path of a page where a person sets a password; good once, for an hour."""
    key = default_token_generator.make_token(user)
    return global_url("account_reset_password_from_key", user_pk_to_url_str(user), key)
