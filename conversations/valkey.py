"""Valkey as asynchronous code asks it: within half a second, or not at all while it is away."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar
from weakref import WeakKeyDictionary

from django.conf import settings
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

T = TypeVar("T")

_TIMEOUT_SECONDS = 0.5
# A busy process may take an answer that came in time for one that did not: asked twice, that is unlikely.
_ATTEMPTS = 2
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 2.0
_MOST_CONNECTIONS = 32


class ValkeyAway(Exception):
    """It does not answer. Nobody waits for it until it does again."""


class Valkey:
    """One for each event loop."""

    def __init__(self) -> None:
        pool = BlockingConnectionPool.from_url(
            settings.REDIS_URL,
            max_connections=_MOST_CONNECTIONS,
            timeout=_TIMEOUT_SECONDS,
            socket_connect_timeout=_TIMEOUT_SECONDS,
            socket_timeout=_TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self._client = Redis.from_pool(pool)
        self._probing: asyncio.Task[None] | None = None

    async def ask(self, call: Callable[[Redis], Awaitable[T]]) -> T:
        """What it says. What is called may be called twice. Raises `ValkeyAway`."""
        if self._probing is not None:
            raise ValkeyAway
        for _ in range(_ATTEMPTS):
            try:
                async with asyncio.timeout(_TIMEOUT_SECONDS):
                    return await call(self._client)
            except (RedisError, OSError, TimeoutError) as error:
                failure = error
        if self._probing is None:
            logger.warning("Valkey cannot be asked: %s", failure or "it does not answer")
            self._probing = asyncio.create_task(self._probe(), name="valkey-probe")
        raise ValkeyAway from failure

    async def _probe(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
            with suppress(RedisError, OSError, TimeoutError):
                async with asyncio.timeout(_TIMEOUT_SECONDS):
                    # It answers, and has room.
                    await self._client.set("probe", 1, ex=60)
                self._probing = None
                return

    async def close(self) -> None:
        if self._probing is not None:
            self._probing.cancel()
        with suppress(RedisError, OSError):
            await self._client.aclose()


_of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, Valkey] = WeakKeyDictionary()


def valkey() -> Valkey:
    """This event loop's."""
    loop = asyncio.get_running_loop()
    if loop not in _of_loops:
        _of_loops[loop] = Valkey()
    return _of_loops[loop]


async def close_valkey() -> None:
    """The event loop ends."""
    connection = _of_loops.pop(asyncio.get_running_loop(), None)
    if connection is not None:
        await connection.close()
