"""What lets answers at a model, and tells those that wait how many are before them.

Every process has one: it keeps the tickets of whoever asks or waits here, renews them, and hears whose turn it is.
Whoever waits holds nothing but the ticket. What quotes passages without a model needs none.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Self
from uuid import UUID, uuid4
from weakref import WeakKeyDictionary

from django.conf import settings

from conversations.chat_models.chooser import Choice
from conversations.chat_models.waiting_line import TICKET_SECONDS, Limits, LocalLine, Ticket, look
from conversations.events import Queued, StageChanged
from conversations.valkey import ValkeyAway
from providers.errors import ProviderError

# Between two looks while somebody waits, and while all that are here run.
_WAITING_SECONDS, _RUNNING_SECONDS = 0.2, TICKET_SECONDS / 4


class Turn:
    """One answer's place at a model; entered with `with`, and given up where that ends.

    `seconds` is how long it has waited in line.
    """

    def __init__(self, model: str, ticket: Ticket) -> None:
        self.model = model
        self.ticket = ticket
        self.has_come = False
        self.is_waiting = False
        self.seconds = 0.0
        # Its number in line, as far as that is known.
        self.place = 0
        self._changed = asyncio.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def leave(self) -> None:
        """Make room for the next. Leaving twice does no harm."""
        if self.is_waiting or self.has_come:
            self.is_waiting = self.has_come = False
            if self.model:
                _turnstile().take_back(self)

    def hear(self, place: int) -> None:
        """The number in line; 0 lets it through."""
        if place != self.place or not place:
            self.place = place
            self.has_come, self.is_waiting = not place, bool(place)
            self._changed.set()

    async def come(self) -> AsyncGenerator[StageChanged]:
        """Until it is one's turn: each number in line on the way. Raises `ProviderError` when that takes too long.

        Whose turn it is already does not wait again.
        """
        if self.has_come:
            return
        if not self.model:
            self.has_come = True
            return
        self.is_waiting, began, told = True, time.monotonic(), 0
        _turnstile().admit(self)
        while self.is_waiting:
            if self.place != told:
                told = self.place
                yield Queued("queued", _in_words(told), told)
            self._changed.clear()
            if self.is_waiting:
                await self._wait(began + settings.DOCENT_QUEUE_SECONDS)
        if told:
            self.seconds = time.monotonic() - began
            yield StageChanged("writing", "It is your turn now. Writing…")

    async def _wait(self, until: float) -> None:
        try:
            async with asyncio.timeout(until - time.monotonic()):
                await self._changed.wait()
        except TimeoutError:
            self.leave()
            detail = f"The model is busy: your turn did not come within {_minutes()}. Try again."
            raise ProviderError("model_busy", detail, permanent=False) from None


def turn_at(tenant_id: UUID, choice: Choice, *, is_aside: bool = False) -> Turn:
    """A place for one answer of an organisation, not taken yet."""
    model = choice.name.id if choice.name and settings.DOCENT_MODEL_STREAMS else ""
    return Turn(model, Ticket(uuid4().hex, str(tenant_id), is_aside))


@asynccontextmanager
async def turn_aside(tenant_id: UUID, choice: Choice) -> AsyncIterator[None]:
    """A place for what nobody waits for. Raises `ProviderError` when the turn does not come."""
    with turn_at(tenant_id, choice, is_aside=True) as turn:
        async with aclosing(turn.come()) as waiting:
            async for _ in waiting:
                pass
        yield
    # A loop that ends now would take with it that somebody has left.
    await _turnstile().told()


class Turnstile:
    """The tickets of this process; belongs to one event loop."""

    def __init__(self) -> None:
        self._turns: dict[str, dict[str, Turn]] = {}
        self._left: dict[str, list[Ticket]] = {}
        self._local: dict[str, LocalLine] = {}
        self._changed = asyncio.Event()
        self._told = asyncio.Event()
        self._is_telling = False
        # When the tickets of those that run were renewed.
        self._renewed: dict[str, float] = {}
        self._looking: asyncio.Task[None] | None = None

    def admit(self, turn: Turn) -> None:
        self._turns.setdefault(turn.model, {})[turn.ticket.id] = turn
        self._look_soon()

    def take_back(self, turn: Turn) -> None:
        if self._turns.get(turn.model, {}).pop(turn.ticket.id, None) is not None:
            self._left.setdefault(turn.model, []).append(turn.ticket)
            self._look_soon()

    async def told(self) -> None:
        """Wait until the others know who has left."""
        while (self._left or self._is_telling) and self._looking is not None:
            self._told.clear()
            await self._told.wait()

    def _look_soon(self) -> None:
        self._changed.set()
        if self._looking is None:
            self._looking = asyncio.create_task(self._run(), name="turnstile")

    async def _run(self) -> None:
        try:
            while True:
                self._changed.clear()
                await self._look()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._pause()):
                        await self._changed.wait()
                    continue
                if not any(self._turns.values()):
                    return
        finally:
            self._looking = None
            self._told.set()

    def _pause(self) -> float:
        is_waited = any(turn.is_waiting for turns in self._turns.values() for turn in turns.values())
        return _WAITING_SECONDS if is_waited else _RUNNING_SECONDS

    async def _look(self) -> None:
        self._is_telling = True
        try:
            await self._look_at_all()
        finally:
            self._is_telling = False
            self._told.set()

    async def _look_at_all(self) -> None:
        # Who arrives while one line is asked for is in it the next time.
        for model in [*self._turns, *(self._left.keys() - self._turns.keys())]:
            turns, left = dict(self._turns.get(model, {})), self._left.pop(model, [])
            for ticket, place in (await self._places(model, turns, left)).items():
                turn = turns[ticket]
                if turn.is_waiting:
                    turn.hear(place)
            if not self._turns.get(model):
                self._turns.pop(model, None)

    async def _places(self, model: str, turns: dict[str, Turn], left: list[Ticket]) -> dict[str, int]:
        running = [turn.ticket for turn in turns.values() if turn.has_come]
        waiting = [turn.ticket for turn in turns.values() if turn.is_waiting]
        limits = Limits(settings.DOCENT_MODEL_STREAMS, settings.DOCENT_TENANT_STREAMS)
        now = time.monotonic()
        is_due = now - self._renewed.get(model, 0.0) >= _RUNNING_SECONDS
        try:
            places = await look(model, limits, running=running if is_due else [], waiting=waiting, left=left)
        except ValkeyAway:
            self._renewed.clear()
        else:
            self._renewed[model] = now if is_due else self._renewed[model]
            return places
        local = self._local.setdefault(model, LocalLine())
        return local.look(limits.divided(settings.DOCENT_WEB_PROCESSES), running=running, waiting=waiting)


_turnstiles: WeakKeyDictionary[asyncio.AbstractEventLoop, Turnstile] = WeakKeyDictionary()


def _turnstile() -> Turnstile:
    loop = asyncio.get_running_loop()
    found = _turnstiles.get(loop)
    if found is None:
        found = _turnstiles[loop] = Turnstile()
    return found


def _in_words(place: int) -> str:
    before = {1: "you are next", 2: "one question is before yours"}
    return f"The model is busy: {before.get(place, f'{place - 1} questions are before yours')}."


def _minutes() -> str:
    seconds = settings.DOCENT_QUEUE_SECONDS
    return f"{seconds:g} seconds" if seconds < 120 else f"{seconds / 60:g} minutes"  # noqa: PLR2004
