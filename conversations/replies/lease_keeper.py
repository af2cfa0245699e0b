"""Per process: keeps the leases of its replies, hears of stop requests, finds replies whose process died."""

import asyncio
import logging
from collections.abc import Callable, Collection
from functools import partial
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError

from conversations.replies import runner
from conversations.services.leases import find_expired_leases, interrupt_reply, read_leases, renew_leases
from tenants.db import run_unit

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.5


async def keep() -> None:
    """Run until cancelled. A database that is away for a while only delays it."""
    last_search = last_renewal = 0.0
    loop = asyncio.get_running_loop()
    while True:
        try:
            if runner.running:
                is_due = loop.time() - last_renewal >= settings.DOCENT_REPLY_LEASE_SECONDS / 3
                await _look_at_leases(renew_leases if is_due else read_leases)
                last_renewal = loop.time() if is_due else last_renewal
            if loop.time() - last_search >= settings.DOCENT_REPLY_LEASE_SECONDS / 3:
                last_search = loop.time()
                await find_interrupted()
        except DatabaseError:
            # It may have been away from everybody: those that live renew their leases first.
            last_search = loop.time()
            logger.warning("The database cannot be reached; leases are renewed when it is back.")
        await asyncio.sleep(LOOK_SECONDS)


async def _look_at_leases(look: Callable[[UUID, Collection[UUID]], dict[UUID, bool]]) -> None:
    before = dict(runner.running)
    leases = await run_unit(partial(look, runner.PROCESS_ID, list(before)))
    for message_id, reply in before.items():
        # A stop was asked for at another process, or the conversation was deleted.
        if leases.get(message_id, True):
            reply.stop()


async def find_interrupted() -> int:
    """Mark every reply whose lease ran out; returns how many."""
    count = 0
    for message_id, tenant_id in await run_unit(find_expired_leases):
        count += await run_unit(partial(interrupt_reply, tenant_id=tenant_id, message_id=message_id))
    return count
