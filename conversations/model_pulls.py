"""Models are fetched here, apart from any connection: readers come and go, the fetching goes on.

One task of the process that was asked. What it has reached is kept in Postgres every second; readers, on any
process, follow what Postgres has.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from functools import partial
from uuid import UUID

from conversations.chat_models import ModelName, OwnModels, chooser, list_servers
from conversations.models import PullStatus
from conversations.services.model_pulls import STOPPED, access_pull, end_pull, note_progress, pull_view
from providers.chat.base import PullProgress
from providers.errors import ProviderError
from tenants.access import Access
from tenants.api.asynchronous import event_frame
from tenants.db import run_in_tenant
from tenants.errors import InvalidInput

logger = logging.getLogger(__name__)

_NOTE_SECONDS = 1.0
_LOOK_SECONDS = 0.5


class _Pull:
    """A model being fetched by this process."""

    def __init__(self, own: OwnModels, pull_id: UUID, name: ModelName) -> None:
        self._own = own
        self._id = pull_id
        self._name = name
        self._progress: PullProgress | None = None

    async def run(self) -> None:
        fetching = asyncio.create_task(self._fetch(), name=f"fetch-{self._id}")
        try:
            while not fetching.done():
                await asyncio.wait([fetching], timeout=_NOTE_SECONDS)
                if not await self._in_tenant(partial(note_progress, self._id, self._progress)):
                    fetching.cancel()
            await self._end(fetching)
        except asyncio.CancelledError:
            await self._in_tenant(
                partial(end_pull, self._id, PullStatus.FAILED, code="interrupted", detail=STOPPED)
            )
            raise
        except Exception:
            # It falls silent, and is found to have failed by that.
            logger.exception("model %s could not be followed while it was fetched", self._id)
        finally:
            fetching.cancel()
            chooser().directory.forget(self._name.server)

    async def _fetch(self) -> None:
        server = list_servers()[self._name.server]
        provider = chooser().directory.connection(self._own, server).provider
        async with aclosing(provider.pull(self._name.model)) as parts:
            async for progress in parts:
                self._progress = progress

    async def _end(self, fetching: asyncio.Task[None]) -> None:
        end = partial(end_pull, self._id)
        try:
            await fetching
        except asyncio.CancelledError:
            await self._in_tenant(partial(end, PullStatus.CANCELLED))
        except ProviderError as error:
            await self._in_tenant(partial(end, PullStatus.FAILED, code=error.code, detail=error.detail))
        except Exception:
            logger.exception("model %s could not be fetched", self._id)
            detail = "Something went wrong here. Try again."
            await self._in_tenant(partial(end, PullStatus.FAILED, code="internal_error", detail=detail))
        else:
            await self._in_tenant(partial(end, PullStatus.DONE))

    async def _in_tenant(self, write: "partial[bool] | partial[None]") -> bool | None:
        return await run_in_tenant(self._own.tenant_id, write)


_running: dict[UUID, asyncio.Task[None]] = {}


def start(own: OwnModels, pull_id: UUID, name: ModelName) -> None:
    """Begin to fetch what was just noted."""
    task = asyncio.create_task(_Pull(own, pull_id, name).run(), name=f"pull-{pull_id}")
    _running[pull_id] = task
    task.add_done_callback(lambda _task: _running.pop(pull_id, None))


async def stop_all() -> None:
    """The process goes down; what was being fetched is fetched on when somebody asks for it again."""
    tasks = list(_running.values())
    for task in tasks:
        task.cancel()
    with suppress(asyncio.CancelledError):
        await asyncio.gather(*tasks, return_exceptions=True)


async def frames(access: Access, pull_id: UUID, number: int) -> AsyncIterator[str]:
    """Server-sent events of each state after `number`, up to the last."""
    while True:
        pull = await run_in_tenant(access.tenant_id, access_pull, access, pull_id)
        if pull.number > number or pull.is_over:
            number = pull.number
            yield event_frame(pull_view(pull), number=number)
        if pull.is_over:
            return
        await asyncio.sleep(_LOOK_SECONDS)


def number_of(raw: str | None) -> int:
    """What a reader has, by its `Last-Event-ID`."""
    raw = "0" if raw is None else raw
    if not (raw.isascii() and raw.isdigit() and len(raw) < 10):  # noqa: PLR2004
        raise InvalidInput("Last-Event-ID is the number of an event.", code="invalid")
    return int(raw)
