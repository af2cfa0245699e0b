"""What a web process does besides answering: checks its role, warms up, keeps leases, hears of revocations."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from django.core.exceptions import ImproperlyConfigured

from conversations import replies
from conversations.keeper import keep
from documents.embedders import DEFAULT_MODEL, measure
from tenants.checks import role_faults
from tenants.db import run_unit
from tenants.revocations import Watch

logger = logging.getLogger(__name__)


@asynccontextmanager
async def web_process() -> AsyncIterator[None]:
    """Open while the process serves. Refuses to start with a database role that could pass the walls."""
    await _require_sound_role()
    watch = Watch()
    # What was announced before this process let anybody in concerns nobody here.
    await run_unit(watch.look)
    tasks = [
        asyncio.create_task(keep(), name="keeper"),
        asyncio.create_task(watch.run(), name="revocations"),
    ]
    warming = asyncio.create_task(_warm_up(), name="warm-up")
    try:
        yield
    finally:
        warming.cancel()
        await replies.stop_all()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def platform_process() -> AsyncIterator[None]:
    """The same for the operator's process, which answers no question and holds nothing open."""
    await _require_sound_role()
    yield


async def _require_sound_role() -> None:
    faults = await run_unit(role_faults)
    if faults:
        raise ImproperlyConfigured(f"The database role {' and '.join(faults)}: Docent does not start with it.")


async def _warm_up() -> None:
    """The first question should not wait for the embedding model to load."""
    try:
        await asyncio.to_thread(measure, DEFAULT_MODEL)
    except Exception:
        logger.exception("The embedding model could not be loaded.")
