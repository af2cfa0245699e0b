"""What a web process does besides answering: checks its role, warms up, keeps leases, hears of revocations."""

import asyncio
import gc
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from django.core.exceptions import ImproperlyConfigured

from config.connections import leave
from config.observing import be_seen
from conversations import model_pulls
from conversations.replies.draining import Drain
from conversations.replies.lease_keeper import keep
from conversations.valkey import close_valkey
from documents.embedders import DEFAULT_MODEL, measure
from tenants.checks import role_faults
from tenants.db import run_unit
from tenants.revocations import Watch

logger = logging.getLogger(__name__)

# An answer makes thousands of objects that all go with it.
_COLLECT_AFTER = (5_000, 20, 50)


@asynccontextmanager
async def web_process() -> AsyncIterator[None]:
    """Open while the process serves. Refuses to start with a database role that could pass the walls."""
    await _require_sound_role()
    watch = Watch()
    # What was announced before this process let anybody in concerns nobody here.
    await run_unit(watch.look)
    _settle()
    tasks = [
        asyncio.create_task(keep(), name="keeper"),
        asyncio.create_task(watch.run(), name="revocations"),
    ]
    warming = asyncio.create_task(_warm_up(), name="warm-up")
    drain = Drain(leave)
    drain.listen()
    be_unseen = be_seen()
    # Whoever restarts one process after the other waits for this line before the next.
    logger.info("This web process serves.")
    try:
        yield
    finally:
        warming.cancel()
        await drain.finish()
        await model_pulls.stop_all()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await close_valkey()
        be_unseen()


@asynccontextmanager
async def platform_process() -> AsyncIterator[None]:
    """The same for the operator's process, which answers no question and holds nothing open."""
    await _require_sound_role()
    yield


async def _require_sound_role() -> None:
    faults = await run_unit(role_faults)
    if faults:
        raise ImproperlyConfigured(f"The database role {' and '.join(faults)}: Docent does not start with it.")


def _settle() -> None:
    """What is loaded by now stays: the garbage collector need not look through it, again and again, in vain."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)


async def _warm_up() -> None:
    """The first question should not wait for the embedding model to load."""
    try:
        await asyncio.to_thread(measure, DEFAULT_MODEL)
    except Exception:
        logger.exception("The embedding model could not be loaded.")
