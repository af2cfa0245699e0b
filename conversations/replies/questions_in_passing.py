"""Questions in passing: nobody comes back to one, so whoever leaves before its answer stops it and its model."""

import asyncio
from contextlib import suppress
from functools import partial

from conversations.chat_models import EXTRACTIVE, chooser
from conversations.replies import runner
from conversations.services.messages import Asked
from conversations.services.questions_in_passing import Passing, ask_in_passing, model_not_found
from tenants.access import Access
from tenants.db import run_unit
from tenants.errors import InvalidInput
from tenants.services.idempotency import Attempt


async def begin(access: Access, passing: Passing, attempt: Attempt | None) -> Asked:
    """Store the question and have it answered. Raises `NotFound` for a model that is none."""
    if passing.model:
        await _require_model(access, passing.model)
    work = partial(
        ask_in_passing, access=access, passing=passing, process_id=runner.writing_process(), attempt=attempt
    )
    asking = asyncio.ensure_future(run_unit(work))
    try:
        asked = await asyncio.shield(asking)
    except asyncio.CancelledError:
        # What is being stored on its thread is not stored in vain: it is said of it that it was stopped.
        asking.add_done_callback(_give_up)
        raise
    runner.start(asked)
    return asked


async def _require_model(access: Access, model: str) -> None:
    try:
        await chooser().require(access, model)
    except InvalidInput as error:
        raise model_not_found(model) from error
    if model == EXTRACTIVE:
        raise model_not_found(model)


def _give_up(asking: "asyncio.Task[Asked] | asyncio.Future[Asked]") -> None:
    with suppress(asyncio.CancelledError):
        if asking.exception() is None:
            runner.start(asking.result())
            leave(asking.result())


def leave(asked: Asked) -> None:
    """Nobody reads it any more. A reply that is over, or that somebody else began, is left alone."""
    reply = runner.find_running(asked.message_id)
    if reply is not None and asked.question is not None:
        reply.stop()
