"""How a web process goes down: it takes no more questions, and what is being written has a while to end."""

import asyncio
import logging
import signal
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from types import FrameType
from typing import Any

from django.conf import settings

from conversations.replies import runner

logger = logging.getLogger(__name__)

# Connections are closed by then: their time begins when the server has noticed the signal.
_SLACK = 0.5


class Drain:
    """Begins with the signal to end, before the server closes its connections, or with `finish`.

    Who has a connection may still come with a question for a while: `announce` has the next answer tell them to
    look for another one.
    """

    def __init__(self, announce: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._announce = announce
        self._is_unasked = asyncio.Event()
        self._work: asyncio.Task[None] | None = None

    def listen(self) -> None:
        """Hear of the signals beside the server, which handles them too; in no other thread than the main one."""
        for signum in (signal.SIGTERM, signal.SIGINT):
            served = signal.getsignal(signum)
            if callable(served):
                self._listen_to(signum, served)

    def _listen_to(self, signum: signal.Signals, served: Any) -> None:
        def hear(number: int, frame: FrameType | None) -> None:
            self._loop.call_soon_threadsafe(self.begin)
            served(number, frame)

        try:
            signal.signal(signum, hear)
        except ValueError:
            logger.warning("Not the main thread: answers are not waited for before connections are closed.")

    def begin(self) -> None:
        if self._work is None:
            self._announce()
            self._work = self._loop.create_task(_drain(self._is_unasked), name="drain")

    async def finish(self) -> None:
        """Return when nothing is written here any more. By now nobody has a connection to ask by."""
        self._is_unasked.set()
        self.begin()
        assert self._work is not None
        await self._work


async def _drain(is_unasked: asyncio.Event) -> None:
    until = time.monotonic() + settings.DOCENT_DRAIN_SECONDS
    with suppress(TimeoutError):
        async with asyncio.timeout(settings.DOCENT_LINGER_SECONDS + _SLACK):
            await is_unasked.wait()
    runner.close()
    if runner.running:
        logger.warning("%d answers are being written: they have %g seconds to end.", *_state())
    await _within(until, runner.all_stored())
    await runner.stop_all()


def _state() -> tuple[int, float]:
    return len(runner.running), settings.DOCENT_DRAIN_SECONDS


async def _within(until: float, work: Coroutine[Any, Any, None]) -> None:
    try:
        async with asyncio.timeout(until - time.monotonic()):
            await work
    except TimeoutError:
        logger.warning("%d answers are interrupted.", len(runner.running))
