"""Who a visitor is: a token of ours, or before that the word of the site's own server.

Nothing about visitors is stored but what they ask. A token names one at random, or is made of what the site's
server calls them, so that they find their conversations again; it is never in a cookie.
"""

import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4, uuid5

import jwt
from django.core import signing
from django.utils.translation import gettext

from conversations.models import Site, Visitors
from conversations.selectors.sites import public_key
from conversations.services.sites import secret_purpose
from tenants.errors import NotAuthenticated
from tenants.vault import unseal

_SALT = "docent.widget.visitor"
_LASTS = 3600
# Clocks of two servers differ: what may be an hour ahead by one may be a little more by the other.
_CLOCKS = 60
_LONGEST_SUBJECT, _LONGEST_NAME = 255, 100


@dataclass(frozen=True, slots=True)
class Visitor:
    """`until`, in seconds since 1970, is when the site's server is asked again; None for nobody's word."""

    id: UUID
    name: str = ""
    until: int | None = None


def stranger() -> Visitor:
    return Visitor(uuid4())


def vouched_for(site: Site, token: str) -> Visitor:
    """The visitor of a JWT that the site's server made: HS256, for this site, for an hour at most."""
    secret = unseal(bytes(site.sealed_secret), tenant_id=site.tenant_id, purpose=secret_purpose(site))
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            secret,
            algorithms=["HS256"],
            audience=public_key(site),
            options={"require": ["aud", "exp", "sub"], "strict_aud": True, "verify_iat": False},
        )
    except jwt.InvalidTokenError as error:
        raise _unknown(gettext("The page's word for who you are is wrong or has expired.")) from error
    subject, name, until = claims["sub"], claims.get("name", ""), claims["exp"]
    is_short = isinstance(subject, str) and 0 < len(subject) <= _LONGEST_SUBJECT and isinstance(name, str)
    if not is_short or int(until) > time.time() + _LASTS + _CLOCKS:
        raise _unknown(gettext("The page's word for who you are is wrong or lasts too long."))
    return Visitor(uuid5(site.id, subject), " ".join(name.split())[:_LONGEST_NAME], int(until))


def issue(site: Site, visitor: Visitor) -> tuple[str, int]:
    """A visitor's token, and the seconds that it lasts."""
    now = int(time.time())
    ends = now + _LASTS if visitor.until is None else min(now + _LASTS, visitor.until)
    claims = {"s": str(site.id), "e": site.epoch, "v": str(visitor.id), "x": ends, "u": visitor.until}
    return signing.dumps(claims, salt=_SALT), max(0, ends - now)


def visitor_of(site: Site, token: str | None) -> Visitor:
    """Whose token it is. Raises `NotAuthenticated` for a forged, expired, void or another site's one."""
    if not token:
        raise _unknown(gettext("A visitor's token is needed."))
    try:
        claims = signing.loads(token, salt=_SALT)
    except signing.BadSignature as error:
        raise _unknown(gettext("The visitor's token is wrong.")) from error
    is_here = claims["s"] == str(site.id) and claims["e"] == site.epoch
    if not is_here or claims["x"] <= time.time():
        raise _unknown(gettext("The visitor's token has expired."))
    return Visitor(UUID(claims["v"]), until=claims["u"])


def renewed(site: Site, token: str | None) -> Visitor:
    """The same visitor for another hour, or a new one. Whom somebody has to vouch for is vouched for anew."""
    if site.visitors == Visitors.SIGNED:
        raise _unknown(gettext("This page has to say who you are."))
    try:
        return visitor_of(site, token)
    except NotAuthenticated:
        return stranger()


def _unknown(detail: str) -> NotAuthenticated:
    return NotAuthenticated(detail, code="visitor_unknown")
