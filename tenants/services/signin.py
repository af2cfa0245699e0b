"""Writes: an organisation's own OpenID Connect provider, and who comes in by it."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.utils.translation import gettext

from tenants.access import Access, access_by_membership
from tenants.audit.recording import record
from tenants.db import tenant_atomic
from tenants.errors import InvalidInput
from tenants.models import Membership, SignInProvider, Tenant, User
from tenants.permissions import Action, Role
from tenants.vault import seal, unseal

_PURPOSE = "sign-in"
_DOMAIN = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")
# Everybody with a right address gets it, so it is none that manages others.
ROLES = (Role.VIEWER, Role.MEMBER)


def rewrap_secrets(rewrap: Callable[[bytes, str], bytes]) -> None:
    """Registered with `on_keys_rotated`."""
    for provider in SignInProvider.objects.select_for_update().order_by("id"):
        provider.sealed_secret = rewrap(bytes(provider.sealed_secret), _PURPOSE)
        provider.save(update_fields=["sealed_secret"])


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """An enabled provider, as a log-in needs it."""

    tenant_id: UUID
    slug: str
    name: str
    issuer: str
    client_id: str
    sealed_secret: bytes = field(repr=False)
    domains: frozenset[str]
    role: Role

    @property
    def secret(self) -> str:
        """The client's. Raises `VaultError`."""
        return unseal(self.sealed_secret, tenant_id=self.tenant_id, purpose=_PURPOSE)

    def covers(self, email: str) -> bool:
        """Whether the address lies in one of the domains; a subdomain is another domain."""
        return email.rpartition("@")[2].lower() in self.domains


def find_sign_in(slug: str) -> SignIn | None:
    """The provider by which people log in to an organisation; None where there is none, or no organisation."""
    tenant = Tenant.objects.filter(slug=slug, is_active=True).first()
    if tenant is None:
        return None
    with tenant_atomic(tenant.id):
        provider = SignInProvider.objects.filter(is_enabled=True).first()
    if provider is None:
        return None
    return SignIn(
        tenant_id=tenant.id,
        slug=tenant.slug,
        name=provider.name,
        issuer=provider.issuer,
        client_id=provider.client_id,
        sealed_secret=bytes(provider.sealed_secret),
        domains=frozenset(provider.domains),
        role=Role(provider.role),
    )


def set_sign_in(
    *,
    access: Access,
    name: str,
    issuer: str,
    client_id: str,
    secret: str,
    domains: list[str],
    role: str,
    is_enabled: bool,
) -> SignInProvider:
    """Set the organisation's provider. Raises `InvalidInput`.

    An empty `secret` keeps the present one, unless the issuer changes: a secret is sent to nobody but the
    issuer that it was given for.
    """
    access.require(Action.MANAGE_TENANT)
    given = {
        "name": _required("/name", name, 80),
        "issuer": _clean_issuer(issuer),
        "client_id": _required("/client_id", client_id, 200),
        "domains": _clean_domains(domains),
        "role": _clean_role(role),
        "is_enabled": is_enabled,
    }
    with tenant_atomic(access.tenant_id):
        # Where there is none yet, nothing else makes two that set the first one follow one another.
        Tenant.objects.select_for_update(no_key=True).get(id=access.tenant_id)
        before = SignInProvider.objects.first()
        is_new_issuer = before is None or before.issuer != given["issuer"]
        if secret:
            given["sealed_secret"] = seal(secret, tenant_id=access.tenant_id, purpose=_PURPOSE)
        elif is_new_issuer:
            raise InvalidInput.at("/secret", "This issuer's client secret is needed.", "required")
        provider: SignInProvider
        provider, _ = SignInProvider.objects.update_or_create(id=before and before.id, defaults=given)
        facts = {"role": given["role"], "has_new_secret": bool(secret), "has_new_issuer": is_new_issuer}
        record(access, "sign_in.set", target_kind="sign_in", target_id=provider.id, is_enabled=is_enabled, **facts)
    return provider


def remove_sign_in(*, access: Access) -> None:
    """Forget the provider, its secret and whom it knew; members stay members. Nothing happens where none is."""
    access.require(Action.MANAGE_TENANT)
    with tenant_atomic(access.tenant_id):
        provider = SignInProvider.objects.select_for_update().first()
        if provider is None:
            return
        record(access, "sign_in.removed", target_kind="sign_in", target_id=provider.id)
        provider.delete()
        forget_connections(access.tenant_slug)


def forget_connections(slug: str, user_id: UUID | None = None) -> int:
    """Whom an organisation's provider knew, or what it said of one: rows outside every organisation that name it.

    Returns how many.
    """
    known = SocialAccount.objects.filter(provider=slug)
    if user_id is not None:
        known = known.filter(user=user_id)
    forgotten: int = known.delete()[0]
    return forgotten


def is_member_of(sign_in: SignIn, user: User) -> bool:
    """Whether the person belongs to the provider's organisation."""
    with tenant_atomic(sign_in.tenant_id):
        found: bool = Membership.objects.filter(user=user).exists()
    return found


def join_by_sign_in(*, sign_in: SignIn, user: User, address: str | None) -> None:
    """Make a person whom the provider vouches for a member; a member stays what they are."""
    with tenant_atomic(sign_in.tenant_id):
        _, is_new = Membership.objects.get_or_create(user=user, defaults={"role": sign_in.role})
        if is_new:
            access = access_by_membership(user, sign_in.slug, address=address)
            record(access, "member.joined", target_kind="user", target_id=user.pk, role=sign_in.role)


def _required(pointer: str, text: str, length: int) -> str:
    text = text.strip()
    if not text or len(text) > length:
        raise InvalidInput.at(
            pointer, gettext("This takes 1 to {length} characters.").format(length=length), "required"
        )
    return text


def _clean_issuer(text: str) -> str:
    """As the provider's metadata spells it: its closing slash, if any, counts."""
    issuer = text.strip()
    try:
        parts = urlsplit(issuer)
        host = parts.hostname
    except ValueError:
        host = None
    if not host or len(issuer) > 200 or parts.query or parts.fragment or parts.username is not None:  # noqa: PLR2004
        raise InvalidInput.at("/issuer", "This is not the address of an issuer.", "invalid_issuer")
    private = settings.DOCENT_OIDC_PRIVATE_HOSTS
    if parts.scheme != "https" and not (parts.scheme == "http" and {host, parts.netloc} & private):
        raise InvalidInput.at("/issuer", "The issuer's address must begin with https://.", "invalid_issuer")
    return issuer


def _clean_domains(given: list[str]) -> list[str]:
    domains = sorted({domain.strip().lower() for domain in given} - {""})
    if not domains:
        raise InvalidInput.at("/domains", "Name at least one e-mail domain.", "required")
    for number, domain in enumerate(domains):
        if not _DOMAIN.fullmatch(domain):
            raise InvalidInput.at(
                f"/domains/{number}",
                gettext("“{domain}” is not an e-mail domain.").format(domain=domain),
                "invalid_domain",
            )
    return domains


def _clean_role(role: Any) -> Role:
    if role not in ROLES:
        raise InvalidInput.at(
            "/role", gettext("The role can be {names}.").format(names=" or ".join(ROLES)), "invalid_role"
        )
    return Role(role)
