"""The one resolver: from a carrier (session and URL, bearer token, command line) to an `Access`."""

import hashlib
import hmac
import re
import secrets
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext

from tenants.database.prepared_queries import Prepared, PreparedModels
from tenants.db import person_atomic, tenant_atomic
from tenants.errors import NotAuthenticated, NotFound, PermissionRefused
from tenants.models import ApiToken, Membership, Tenant, User
from tenants.permissions import PERMISSIONS, Action, Role, Scope, scopes_of_role

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID_LENGTH = 43  # 62**43 > 2**256: two UUIDs
_USE_NOTED_EVERY = timedelta(minutes=1)
_TOKEN = re.compile(r"dct_([0-9A-Za-z]{43})_([0-9A-Za-z_-]{43})")


class Carrier(StrEnum):
    SESSION = "session"
    TOKEN = "token"  # noqa: S105
    CLI = "cli"
    # What goes on without anybody, as a page that is looked at again every day.
    WORKER = "worker"
    # A visitor of a web site that shows the widget.
    SITE = "site"


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Who acts, for which tenant, and what they may do. Plain values: safe across threads and tasks."""

    tenant_id: UUID
    tenant_slug: str
    tenant_name: str
    user_id: UUID
    email: str
    role: Role
    carrier: Carrier
    scopes: frozenset[Scope]
    token_id: UUID | None = None
    # The site whose visitor `user_id` is: the id of no account.
    site_id: UUID | None = None
    # The only collections that this token or site reaches; None for all that its person sees.
    collections: frozenset[UUID] | None = None
    # Where the request came from.
    address: str | None = None
    # Calls and questions a second.
    rate_limit: int
    # When the token ends by itself.
    expires_at: datetime | None = None
    # By this process's monotonic clock: what is revoked later has not been seen here.
    resolved_at: float = field(default_factory=time.monotonic, compare=False)

    def allows(self, action: Action) -> bool:
        rule = PERMISSIONS[action]
        is_bound = self.carrier in {Carrier.TOKEN, Carrier.SITE}
        has_scope = rule.scope is None or not is_bound or rule.scope in self.scopes
        return has_scope and self.role.covers(rule.role)

    def require(self, action: Action) -> None:
        """Raise `PermissionRefused` unless role and scopes allow the action."""
        if not self.allows(action):
            raise PermissionRefused

    @property
    def sees_restricted(self) -> bool:
        """Whether it needs no grant: admins see every collection, a site those that were chosen for it."""
        return self.carrier is Carrier.SITE or self.allows(Action.SEE_RESTRICTED)

    @property
    def spender_id(self) -> UUID:
        """Whose use it is: a site's visitors spend together."""
        return self.site_id or self.user_id


def _access(membership: Membership, *, carrier: Carrier, address: str | None = None) -> Access:
    role = Role(membership.role)
    return Access(
        tenant_id=membership.tenant.id,
        tenant_slug=membership.tenant.slug,
        tenant_name=membership.tenant.name,
        user_id=membership.user_id,
        email=membership.user.email,
        role=role,
        carrier=carrier,
        scopes=scopes_of_role(role),
        address=address,
        rate_limit=membership.tenant.rate_limit,
    )


def access_by_membership(
    user: User, slug: str, *, carrier: Carrier = Carrier.SESSION, address: str | None = None
) -> Access:
    """A person in the tenant that a URL names. Raises `NotFound` for a missing or foreign one alike."""
    tenant = Tenant.objects.filter(slug=slug, is_active=True).first()
    if tenant is None or not user.is_active:
        raise NotFound("There is no such organisation here, or you are not one of its members.")
    with tenant_atomic(tenant.id):
        membership = Membership.objects.select_related("tenant", "user").filter(user=user).first()
    if membership is None:
        raise NotFound("There is no such organisation here, or you are not one of its members.")
    return _access(membership, carrier=carrier, address=address)


def access_by_token(raw: str, *, address: str | None = None) -> Access:
    """The holder of a bearer token. Raises `NotAuthenticated`, whatever is wrong with it."""
    refused = NotAuthenticated("The bearer token is missing, wrong, expired or revoked.")
    match = _TOKEN.fullmatch(raw)
    ids = decode_token_id(match[1]) if match else None
    if match is None or ids is None:
        raise refused
    tenant_id, token_id = ids
    with tenant_atomic(tenant_id):
        token = _living_token.first(wanted=token_id)
        # Compared even when there is none, so that a miss costs what a hit does.
        stored = bytes(token.secret_sha256) if token else bytes(32)
        if not hmac.compare_digest(stored, hash_secret(match[2])) or token is None:
            raise refused
        holders = _holder.rows(user=token.user_id)
        if holders:
            _note_use(token)
    if not holders:
        raise refused
    return _access_of(tenant_id, token, holders[0], address)


# Every call of a program asks these.
_living_token = PreparedModels(
    ApiToken,
    lambda wanted: ApiToken.objects.filter(
        Q(expires_at=None) | Q(expires_at__gt=Now()), revoked_at=None, id=wanted
    ),
)
_holder = Prepared(
    lambda user: Membership.objects.filter(user=user, user__is_active=True, tenant__is_active=True).values_list(
        "role", "user__email", "tenant__slug", "tenant__name", "tenant__rate_limit"
    )
)


def _access_of(tenant_id: UUID, token: ApiToken, holder: tuple[Any, ...], address: str | None) -> Access:
    role, email, slug, name, rate_limit = holder
    return Access(
        tenant_id=tenant_id,
        tenant_slug=slug,
        tenant_name=name,
        user_id=token.user_id,
        email=email,
        role=Role(role),
        carrier=Carrier.TOKEN,
        scopes=scopes_of_role(Role(role)) & frozenset(Scope(scope) for scope in token.scopes),
        token_id=token.id,
        collections=None if token.collections is None else frozenset(token.collections),
        address=address,
        rate_limit=rate_limit,
        expires_at=token.expires_at,
    )


def _note_use(token: ApiToken) -> None:
    """To the minute: a write for each call would cost more than the call."""
    now = timezone.now()
    if token.last_used_at is None or now - token.last_used_at >= _USE_NOTED_EVERY:
        ApiToken.objects.filter(id=token.id, last_used_at=token.last_used_at).update(last_used_at=now)


def access_of_cli(slug: str, email: str | None = None) -> Access:
    """The command line acts as the person named, or as the tenant's first owner."""
    tenant = Tenant.objects.filter(slug=slug).first()
    if tenant is None:
        raise NotFound(gettext("There is no tenant with the slug “{slug}”.").format(slug=slug))
    with tenant_atomic(tenant.id):
        members = Membership.objects.select_related("tenant", "user").order_by("created_at")
        found = members.filter(user__email=email.lower()) if email else members.filter(role=Role.OWNER)
        membership = found.first()
    if membership is None:
        raise NotFound(
            gettext("“{slug}” has no member {email}.").format(slug=slug, email=email)
            if email
            else gettext("“{slug}” has no owner.").format(slug=slug)
        )
    return _access(membership, carrier=Carrier.CLI)


def access_in_absence(tenant_id: UUID, user_id: UUID | None, action: Action) -> Access:
    """A worker acts as the person who set the work up while they may still do it, else as the first owner."""
    with tenant_atomic(tenant_id):
        members = Membership.objects.select_related("tenant", "user").order_by("created_at")
        for membership in (members.filter(user=user_id).first(), members.filter(role=Role.OWNER).first()):
            if membership is not None:
                access = _access(membership, carrier=Carrier.WORKER)
                if access.allows(action):
                    return access
    raise NotFound("The organisation has no owner.")


def access_of_visitor(
    tenant: Tenant, *, site_id: UUID, visitor_id: UUID, collections: frozenset[UUID], address: str | None
) -> Access:
    """A visitor of a site: may ask, and sees exactly these collections."""
    return Access(
        tenant_id=tenant.id,
        tenant_slug=tenant.slug,
        tenant_name=tenant.name,
        user_id=visitor_id,
        email="",
        role=Role.VIEWER,
        carrier=Carrier.SITE,
        scopes=frozenset({Scope.CHAT}),
        site_id=site_id,
        collections=collections,
        address=address,
        rate_limit=tenant.rate_limit,
    )


@dataclass(frozen=True, slots=True)
class MembershipOf:
    name: str
    slug: str
    role: Role


def memberships_of(user: User) -> list[MembershipOf]:
    """A person's organisations, by name: the one door that looks across tenants."""
    with person_atomic(user.pk):
        rows = Membership.of_person().filter(tenant__is_active=True).select_related("tenant")
        found = [MembershipOf(row.tenant.name, row.tenant.slug, Role(row.role)) for row in rows]
    return sorted(found, key=lambda one: (one.name.casefold(), one.slug))


def bearer_of(authorization: str | None) -> str | None:
    """The token in an `Authorization` header's value; None when the header names no bearer.

    The one parser, for HTTP and sockets. A malformed header raises `NotAuthenticated`.
    """
    if authorization is None:
        return None
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() != "bearer":
        return None
    if not value or value != value.strip() or " " in value:
        raise NotAuthenticated("The Authorization header must read: Bearer dct_….")
    return value


def new_secret() -> str:
    """256 random bits, as 43 base64url characters."""
    return secrets.token_urlsafe(32)


def hash_secret(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def encode_token_id(tenant_id: UUID, token_id: UUID) -> str:
    """Tenant and row as 43 letters and digits."""
    number = tenant_id.int << 128 | token_id.int
    digits = []
    for _ in range(_ID_LENGTH):
        number, digit = divmod(number, 62)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))


def decode_token_id(text: str) -> tuple[UUID, UUID] | None:
    """The inverse; None for what `encode_token_id` cannot have made."""
    number = 0
    for digit in text:
        number = number * 62 + _ALPHABET.index(digit)
    if number >> 256:
        return None
    return UUID(int=number >> 128), UUID(int=number & (1 << 128) - 1)


__all__ = [
    "Access",
    "Carrier",
    "MembershipOf",
    "access_by_membership",
    "access_by_token",
    "access_in_absence",
    "access_of_cli",
    "access_of_visitor",
    "bearer_of",
    "decode_token_id",
    "encode_token_id",
    "hash_secret",
    "memberships_of",
    "new_secret",
]
