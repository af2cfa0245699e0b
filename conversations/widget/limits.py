"""How much visitors may ask: each, those at one address, and a site's all together.

What the organisation's people may do is not touched by it: a site has a bucket of calls as one person has.
"""

import time
from collections import Counter
from datetime import timedelta
from ipaddress import IPv6Address, ip_address
from math import ceil
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext, ngettext

from conversations.models import Message, Role, Site
from conversations.valkey import ValkeyAway, valkey
from tenants.access import Access
from tenants.errors import RateLimited
from tenants.limits.bucket import count_call
from tenants.limits.meters import meter_of
from tenants.limits.quotas import resets_at
from tenants.models import QuotaKind

_HOUR = 3600
# From one address, where many visitors may be, whatever it is that is called.
_CALLS_A_SECOND = 50
_MOST_ADDRESSES = 10_000


def require_calm(site: Site, address: str | None, *, arrived_at: float) -> None:
    """Count a call from an address. Raises `RateLimited`."""
    who = (site.id, UUID(hex=_digest(address)[:32]))
    verdict = count_call(who, rate=_CALLS_A_SECOND, arrived_at=arrived_at)
    if not verdict.is_allowed:
        raise verdict.refusal()


async def require_address(site: Site, address: str | None) -> None:
    """Count a question from an address in this hour. Raises `RateLimited`."""
    now = int(time.time())
    hour, left = now // _HOUR, _HOUR - now % _HOUR
    key = f"t:{site.tenant_id}:site:{site.id}:{hour}:{_digest(address)}"

    async def count(client: Any) -> int:
        async with client.pipeline(transaction=True) as together:
            together.incr(key)
            together.expire(key, _HOUR)
            counted, _ = await together.execute()
        return int(counted)

    try:
        counted = await valkey().ask(count)
    except ValkeyAway:
        counted = _counted_here(key, hour)
    if counted > site.address_hour:
        raise _refused("From where you are enough was asked for this hour.", left)


def require_questions_left(access: Access, site: Site, *, arrived_at: float) -> None:
    """Raise `RateLimited` unless the visitor and the site may ask once more, in the unit that asks.

    Until the unit ends nobody else of the site asks.
    """
    verdict = count_call((access.tenant_id, site.id), rate=access.rate_limit, arrived_at=arrived_at)
    if not verdict.is_allowed:
        raise verdict.refusal()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"site {site.id}"])
    now = timezone.now()
    asked = Message.objects.filter(
        conversation__author_id=access.user_id, role=Role.USER, created_at__gt=now - timedelta(hours=1)
    )
    latest = list(asked.order_by("-created_at").values_list("created_at", flat=True)[: site.visitor_hour])
    if len(latest) >= site.visitor_hour:
        again = latest[-1] + timedelta(hours=1)
        raise _refused(gettext("You have asked enough for this hour."), ceil((again - now).total_seconds()))
    midnight = resets_at(QuotaKind.QUESTIONS_DAY)
    assert midnight is not None
    if meter_of(QuotaKind.QUESTIONS_DAY).read(site.id) >= site.site_day:
        raise _refused(gettext("Enough was asked here for today."), ceil((midnight - now).total_seconds()))


def _refused(detail: str, seconds: int) -> RateLimited:
    seconds = max(1, seconds)
    minutes = ceil(seconds / 60)
    hours = ceil(minutes / 60)
    if minutes > 90:  # noqa: PLR2004
        again = ngettext("Try again in {n} hour.", "Try again in {n} hours.", hours).format(n=hours)
    elif minutes > 1:
        again = ngettext("Try again in {n} minute.", "Try again in {n} minutes.", minutes).format(n=minutes)
    else:
        again = gettext("Try again in a minute.")
    return RateLimited(f"{detail} {again}", retry_after=seconds)


def _digest(address: str | None) -> str:
    """An address that is kept nowhere in clear. Of the newer kind a household has a whole network."""
    text = address or ""
    try:
        parsed = ip_address(text)
    except ValueError:
        parsed = None
    if isinstance(parsed, IPv6Address):
        text = str(parsed.ipv4_mapped or IPv6Address(int(parsed) >> 64 << 64))
    return salted_hmac("docent.widget.address", text, algorithm="sha256").hexdigest()


_here: Counter[str] = Counter()
_hour_here = 0


def _counted_here(key: str, hour: int) -> int:
    """In this process alone, while Valkey is away."""
    global _hour_here  # noqa: PLW0603 - one count for the process
    if hour != _hour_here or len(_here) > _MOST_ADDRESSES:
        _here.clear()
        _hour_here = hour
    _here[key] += 1
    return _here[key]
