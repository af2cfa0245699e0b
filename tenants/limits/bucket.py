"""The rate limit: each person of a tenant has a bucket of calls, one for all processes and doors.

A token bucket: it holds as many calls as the tenant's rate says, and is refilled at that rate. Valkey keeps
it and its clock, and one script looks and takes in one step, so no two processes take the same call. While
Valkey is away each process keeps stricter buckets of its own: half of its share of the rate.

A call is judged by when it came, not by when its turn came: waiting in line fills no bucket, and of two
hundred calls at one instant exactly as many pass as the bucket holds, however long the rest takes.
"""

import math
import time
from dataclasses import dataclass
from functools import cache
from threading import Lock
from uuid import UUID

from django.conf import settings
from django.utils.translation import ngettext
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from tenants.access import Access
from tenants.errors import RateLimited

_TIMEOUT_SECONDS = 0.25
_BREAK_SECONDS = 5.0
_MAX_LOCAL_BUCKETS = 10_000

# A call counted in parts: `rate` calls a second are then `rate` parts a microsecond, in whole numbers.
_CALL = 1_000_000
_TAKE = """
local rate, call, waited = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2] - waited
local kept = redis.call('HMGET', KEYS[1], 'left', 'at')
local left, at = tonumber(kept[1]) or rate * call, tonumber(kept[2]) or now
if at - now > 60000000 then at = now end  -- the clock was set back
left = math.min(rate * call, left + math.max(0, now - at) * rate)
local passes = left >= call
if passes then left = left - call end
redis.call('HSET', KEYS[1], 'left', string.format('%.0f', left), 'at', string.format('%.0f', math.max(now, at)))
redis.call('EXPIRE', KEYS[1], 60)  -- it is full a second after the last call that came, which may wait in line
return {passes and 1 or 0, left}
"""


Person = tuple[UUID, UUID]
"""Whose bucket it is: tenant and user."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the bucket said to a call. `limit` and `remaining` are calls, the times whole seconds, rounded up."""

    is_allowed: bool
    limit: int
    remaining: int
    retry_after: int
    reset: int

    @property
    def headers(self) -> dict[str, str]:
        """`RateLimit-*` as in draft-ietf-httpapi-ratelimit-headers-05: the reset in seconds from now."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset),
        }

    def refusal(self) -> RateLimited:
        said = ngettext(
            "That was too fast. Try again in {n} second.",
            "That was too fast. Try again in {n} seconds.",
            self.retry_after,
        )
        return RateLimited(said.format(n=self.retry_after), retry_after=self.retry_after)


def count_call(who: Person, *, rate: int, arrived_at: float) -> Verdict:
    """Count an API call or a question of this person, whichever token, address or door it came by.

    `rate` is in calls a second, `arrived_at` on `time.monotonic()`.
    """
    # With a rate of nothing not even those could come in who can raise it.
    return _buckets().take(who, rate=max(1, rate), arrived_at=arrived_at)


def require_call(access: Access, *, arrived_at: float) -> None:
    """Count a question that comes by a socket. Raises `RateLimited`."""
    who = (access.tenant_id, access.user_id)
    verdict = count_call(who, rate=access.rate_limit, arrived_at=arrived_at)
    if not verdict.is_allowed:
        raise verdict.refusal()


@cache
def _buckets() -> "Buckets":
    return Buckets(settings.REDIS_URL, processes=settings.DOCENT_WEB_PROCESSES)


class Buckets:
    """Everybody's buckets: those in Valkey, or this process's own while Valkey does not answer.

    After a failure it is left alone for `break_seconds`; then one call tries it, so that nobody waits for
    it twice and hardly anybody once.
    """

    def __init__(self, url: str, *, processes: int, break_seconds: float = _BREAK_SECONDS) -> None:
        client = Redis.from_url(
            url,
            socket_connect_timeout=_TIMEOUT_SECONDS,
            socket_timeout=_TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self._script = client.register_script(_TAKE)
        self._local = LocalBuckets(processes)
        self._break_seconds = break_seconds
        self._lock = Lock()
        self._away_until = 0.0  # on the monotonic clock; 0 while Valkey answers

    def take(self, who: Person, *, rate: int, arrived_at: float) -> Verdict:
        """Take one call out of a person's bucket, if there is one."""
        if self._may_try():
            key = f"t:{who[0]}:rate:{who[1]}"
            waited = int((time.monotonic() - arrived_at) * 1_000_000)
            try:
                allowed, left = self._script(keys=[key], args=[rate, _CALL, waited])
            except (RedisError, OSError):
                self._away_until = time.monotonic() + self._break_seconds
            else:
                self._away_until = 0.0
                return _verdict(is_allowed=bool(allowed), left=left, size=rate, refill=rate)
        return self._local.take(who, rate=rate, arrived_at=arrived_at)

    def _may_try(self) -> bool:
        if not self._away_until:
            return True
        with self._lock:
            now = time.monotonic()
            if now < self._away_until:
                return False
            self._away_until = now + self._break_seconds  # this call tries, the others do not wait with it
            return True


class LocalBuckets:
    """What one of `processes` web processes allows by itself: half of its share, but a single call at least."""

    def __init__(self, processes: int) -> None:
        self._share = 1 / (2 * processes)
        self._lock = Lock()
        self._kept: dict[Person, tuple[float, float]] = {}

    def take(self, who: Person, *, rate: int, arrived_at: float) -> Verdict:
        refill = rate * self._share
        size = max(1, int(refill))
        now = arrived_at * 1_000_000
        with self._lock:
            left, at = self._kept.get(who, (size * _CALL, now))
            left = min(size * _CALL, left + max(0.0, now - at) * refill)
            is_allowed = left >= _CALL
            if is_allowed:
                left -= _CALL
            if len(self._kept) >= _MAX_LOCAL_BUCKETS:
                self._forget_full(now)
            self._kept[who] = (left, max(now, at))
        return _verdict(is_allowed=is_allowed, left=left, size=size, refill=refill)

    def _forget_full(self, now: float) -> None:
        """Forget who has not called for a while: even the smallest share has refilled a call by then."""
        longest = _CALL / self._share
        self._kept = {key: kept for key, kept in self._kept.items() if now - kept[1] < longest}


def _verdict(*, is_allowed: bool, left: float, size: int, refill: float) -> Verdict:
    """`left` is in parts, `size` in calls, `refill` in calls a second."""

    def seconds_until(parts: float) -> int:
        return math.ceil(max(0.0, parts - left) / refill / 1_000_000)

    return Verdict(
        is_allowed=is_allowed,
        limit=size,
        remaining=int(left // _CALL),
        retry_after=0 if is_allowed else max(1, seconds_until(_CALL)),
        reset=seconds_until(size * _CALL),
    )


__all__ = ["Buckets", "LocalBuckets", "Verdict", "count_call", "require_call"]
