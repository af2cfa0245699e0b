"""Writes: API tokens."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext

from tenants.access import Access, encode_token_id, hash_secret, new_secret
from tenants.audit.recording import record
from tenants.db import tenant_atomic
from tenants.errors import InvalidInput, NotFound, PermissionRefused
from tenants.models import ApiToken, Membership
from tenants.permissions import Action, Scope, scopes_of_role
from tenants.registry import on_collections_named
from tenants.revocations import announce_revocation

_MAX_NAME = 120


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token at the one moment when its secret is known."""

    token: ApiToken
    value: str = field(repr=False)


def create_token(
    *,
    access: Access,
    name: str,
    scopes: frozenset[Scope] | None = None,
    collections: Sequence[UUID] | None = None,
    expires_at: datetime | None = None,
) -> NewToken:
    """Create an API token for the person of `access`.

    Without `scopes`: all that the role has but `admin`. Without `collections`: all that the person sees. A
    token makes none that reaches further or lives longer than itself; what it leaves out, it hands down.
    Raises `InvalidInput` for scopes, collections or an expiry that cannot be had.
    """
    access.require(Action.WRITE_OWN_TOKENS)
    with tenant_atomic(access.tenant_id):
        _require_member(access)
        secret = new_secret()
        token: ApiToken = ApiToken.objects.create(
            user_id=access.user_id,
            name=_clean_name(name),
            secret_sha256=hash_secret(secret),
            scopes=sorted(_granted_scopes(access, scopes)),
            collections=_reached(access, collections),
            expires_at=_expiry(access, expires_at),
        )
        record(access, "token.created", target_kind="token", target_id=token.id, scopes=token.scopes)
    return NewToken(token, f"dct_{encode_token_id(access.tenant_id, token.id)}_{secret}")


def revoke_token(*, access: Access, token: ApiToken) -> None:
    """End a token: one's own, or as an admin anybody's. Raises `NotFound` when that was done already."""
    is_own = token.user_id == access.user_id
    access.require(Action.WRITE_OWN_TOKENS if is_own else Action.MANAGE_TENANT)
    with tenant_atomic(access.tenant_id):
        ended = ApiToken.objects.filter(id=token.id, revoked_at=None).update(revoked_at=timezone.now())
        if not ended:
            raise NotFound("There is no such token.")
        announce_revocation(token_id=token.id)
        record(access, "token.revoked", target_kind="token", target_id=token.id, user=str(token.user_id))


def _require_member(access: Access) -> None:
    """Raise `PermissionRefused` for whoever was removed a moment ago; until the unit ends nobody is removed.

    A token made meanwhile would escape the removal, and work again when the person comes back.
    """
    if not Membership.objects.select_for_update(no_key=True).filter(user=access.user_id).exists():
        raise PermissionRefused("You are not a member any more.")


def _clean_name(name: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise InvalidInput.at("/name", "A token needs a name.", "required")
    if len(name) > _MAX_NAME:
        raise InvalidInput.at(
            "/name",
            gettext("A token's name has at most {max_name} characters.").format(max_name=_MAX_NAME),
            "max_length",
        )
    return name


def _granted_scopes(access: Access, wanted: frozenset[Scope] | None) -> frozenset[Scope]:
    own = access.scopes & scopes_of_role(access.role)
    if wanted is None:
        return own - {Scope.ADMIN}
    if excess := wanted - own:
        raise InvalidInput.at(
            "/scopes",
            gettext("Your role ({role}) or your token lacks {names}.").format(
                role=access.role, names=", ".join(sorted(excess))
            ),
            "forbidden_scope",
        )
    return wanted


def _reached(access: Access, wanted: Sequence[UUID] | None) -> list[UUID] | None:
    if wanted is None:
        return None if access.collections is None else sorted(access.collections)
    # Nobody names what they do not see, and a token sees no more than its own collections.
    on_collections_named.call(access, list(wanted))
    return list(dict.fromkeys(wanted))


def _expiry(access: Access, wanted: datetime | None) -> datetime | None:
    latest = access.expires_at
    if wanted is None:
        return latest
    if wanted <= timezone.now():
        raise InvalidInput.at("/expires_at", "A token expires in the future.", "past")
    if latest is not None and wanted > latest:
        raise InvalidInput.at(
            "/expires_at", "A token makes none that lives longer than itself.", "forbidden_expiry"
        )
    return wanted
