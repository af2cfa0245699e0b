"""Writes: API tokens."""

from dataclasses import dataclass
from datetime import datetime

from tenants.access import Access, encode_token_id, hash_secret, new_secret
from tenants.audit import record
from tenants.db import tenant_atomic
from tenants.errors import InvalidInput
from tenants.models import ApiToken
from tenants.permissions import Scope, scopes_of_role


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
