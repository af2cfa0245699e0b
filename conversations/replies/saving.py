"""Texts of replies so far, on their way to Postgres: all that an organisation's people are told, at one go."""

import asyncio
from uuid import UUID
from weakref import WeakKeyDictionary

from conversations.services.outcomes import Said, save_texts
from tenants.db import run_in_tenant

FLUSH_SECONDS = 1.0
# Those whose second has come as well join in.
_JOIN_SECONDS = 0.01


def next_second() -> float:
    """When all replies of this process are kept next, by the event loop's clock."""
    now = asyncio.get_running_loop().time()
    return (now // FLUSH_SECONDS + 1) * FLUSH_SECONDS


class _Gatherer:
    """Belongs to one event loop."""

    def __init__(self) -> None:
        self._waiting: dict[UUID, list[Said]] = {}
        self._work: dict[UUID, asyncio.Task[None]] = {}

    async def keep(self, tenant_id: UUID, said: Said) -> None:
        self._waiting.setdefault(tenant_id, []).append(said)
        if tenant_id not in self._work:
            self._work[tenant_id] = asyncio.create_task(self._keep_all(tenant_id))
        await asyncio.shield(self._work[tenant_id])

    async def _keep_all(self, tenant_id: UUID) -> None:
        await asyncio.sleep(_JOIN_SECONDS)
        del self._work[tenant_id]
        await run_in_tenant(tenant_id, save_texts, self._waiting.pop(tenant_id))


_gatherers: WeakKeyDictionary[asyncio.AbstractEventLoop, _Gatherer] = WeakKeyDictionary()


async def keep_text(tenant_id: UUID, said: Said) -> None:
    """Store a reply's text so far, with those that come at the same moment. Raises `DatabaseError`."""
    loop = asyncio.get_running_loop()
    await _gatherers.setdefault(loop, _Gatherer()).keep(tenant_id, said)
