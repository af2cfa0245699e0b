"""What a web process does besides answering: checks its database role, warms up, keeps its replies' leases."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from django.core.exceptions import ImproperlyConfigured

from conversations import replies
from conversations.keeper import keep
from retrieval.search import embed_question
from tenants.checks import role_faults
from tenants.db import run_unit

logger = logging.getLogger(__name__)


@asynccontextmanager
async def web_process() -> AsyncIterator[None]:
    """Open while the process serves. Refuses to start with a database role that could pass the walls."""
    faults = await run_unit(role_faults)
    if faults:
        raise ImproperlyConfigured(f"The database role {' and '.join(faults)}: Docent does not start with it.")
    keeper = asyncio.create_task(keep(), name="keeper")
    warming = asyncio.create_task(_warm_up(), name="warm-up")
    try:
        yield
    finally:
        warming.cancel()
        await replies.stop_all()
        keeper.cancel()
        with suppress(asyncio.CancelledError):
            await keeper


async def _warm_up() -> None:
    """The first question should not wait for the embedding model to load."""
    try:
        await asyncio.to_thread(embed_question, "warm up")
    except Exception:
        logger.exception("The embedding model could not be loaded.")
