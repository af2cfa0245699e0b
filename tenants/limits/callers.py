"""Whose token called lately, so that a flood is refused before anything is looked up in the database.

Only for counting: a call that the bucket lets pass is looked at anew, so a token that was revoked meanwhile
opens nothing. For the seconds that it is remembered its flood is told to slow down instead of to go away.
"""

import time
from dataclasses import dataclass
from hashlib import sha256

from tenants.access import Access
from tenants.limits.bucket import Person

_SECONDS = 5.0
_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose bucket a token's calls come out of, and its rate in calls a second."""

    person: Person
    rate: int
    until: float


_callers: dict[bytes, Caller] = {}


def caller_of(access: Access) -> Caller:
    return Caller((access.tenant_id, access.user_id), access.rate_limit, time.monotonic() + _SECONDS)


def recall_caller(bearer: str) -> Caller | None:
    """Who called with this token in the last seconds; None: it has to be looked up first."""
    caller = _callers.get(_key(bearer))
    return caller if caller is not None and caller.until > time.monotonic() else None


def remember_caller(bearer: str, caller: Caller) -> None:
    if len(_callers) >= _MAX:
        _callers.clear()
    _callers[_key(bearer)] = caller


def _key(bearer: str) -> bytes:
    """Not the token itself: a dump of the process's memory shows enough as it is."""
    return sha256(bearer.encode()).digest()
