"""Leaves a server alone that fails and fails: whoever asks is told at once, instead of after a minute."""

import math
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass

from providers.chat.base import ChatDelta, ChatModel, ChatRequest
from providers.errors import ErrorCode, ProviderError

_SERVERS_OWN: frozenset[ErrorCode] = frozenset(
    {"model_unreachable", "model_timeout", "model_error", "model_incomplete"}
)
# More are forgotten from the oldest: names of models come from outside.
_MOST_REMEMBERED = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """A model is left alone for `rest` seconds after `failures` of them `within` as many seconds.

    At least half of what was asked must have failed, so that a few among hundreds shut nobody out.
    """

    failures: int = 5
    within: float = 30.0
    rest: float = 15.0


class Breaker:
    """The state of one model: closed, all is asked; open, nothing is; half open, one question as a probe."""

    def __init__(self, rules: Rules, clock: Callable[[], float]) -> None:
        self._rules = rules
        self._clock = clock
        self._ends: deque[tuple[float, bool]] = deque()
        self._opened_at: float | None = None
        self._last_code: ErrorCode = "model_error"
        self._probe: Attempt | None = None

    def seconds_left(self) -> float:
        """How long nothing is asked; 0 where something is."""
        if self._opened_at is None:
            return 0.0
        return max(0.0, self._opened_at + self._rules.rest - self._clock())

    def admit(self) -> "Attempt":
        """Lets a question through, or raises ProviderError. Whoever is let through says how it went."""
        attempt = Attempt(self)
        if self._opened_at is not None:
            if self._probe is not None or self.seconds_left() > 0:
                raise self._resting()
            self._probe = attempt
        return attempt

    def _resting(self) -> ProviderError:
        # At least a second: by then the probe may have brought an answer.
        seconds = max(1, math.ceil(self.seconds_left()))
        wait = "a second" if seconds == 1 else f"{seconds} seconds"
        detail = f"The model server has failed several times and is left alone; try again in {wait}."
        return ProviderError(self._last_code, detail, permanent=False)

    def note(self, attempt: "Attempt", failure: ErrorCode | None) -> None:
        if self._opened_at is not None:
            # What was asked before it opened says nothing of how it is now.
            if attempt is self._probe:
                self._probe = None
                self._opened_at = None if failure is None else self._clock()
                self._last_code = failure or self._last_code
            return
        now = self._clock()
        self._ends.append((now, failure is not None))
        while self._ends and self._ends[0][0] <= now - self._rules.within:
            self._ends.popleft()
        if failure is None:
            return
        failures = sum(failed for _, failed in self._ends)
        if failures >= self._rules.failures and failures * 2 >= len(self._ends):
            self._opened_at, self._last_code = now, failure
            self._ends.clear()

    @property
    def is_open(self) -> bool:
        """Whether nothing is asked of it, or a probe alone."""
        return self._opened_at is not None

    def leave(self, attempt: "Attempt") -> None:
        """The attempt was given up before anything was known: another may probe."""
        if attempt is self._probe:
            self._probe = None


class Attempt:
    """One question that was let through."""

    def __init__(self, breaker: Breaker) -> None:
        self._breaker = breaker

    def went_well(self) -> None:
        self._breaker.note(self, None)

    def failed(self, code: ErrorCode) -> None:
        self._breaker.note(self, code)

    def ended(self) -> None:
        self._breaker.leave(self)


class Breakers:
    """One breaker for each server and model of a process. Whoever asks by another key may get another `server`."""

    def __init__(self, rules: Rules | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._rules = rules or Rules()
        self._clock = clock
        self._breakers: dict[tuple[str, str], Breaker] = {}

    def of(self, server: str, model: str) -> Breaker:
        key = (server, model)
        if key not in self._breakers:
            if len(self._breakers) >= _MOST_REMEMBERED:
                del self._breakers[next(iter(self._breakers))]
            self._breakers[key] = Breaker(self._rules, self._clock)
        return self._breakers[key]

    def open(self) -> int:
        """How many of the models are left alone."""
        return sum(one.is_open for one in list(self._breakers.values()))


class Guarded:
    """A chat model behind breakers. Without any it has its own; those of others see their failures too."""

    def __init__(self, model: ChatModel, *, server: str = "", breakers: Breakers | None = None) -> None:
        self.name = model.name
        self._model = model
        self._server = server or model.name
        self._breakers = breakers or Breakers()

    def seconds_left(self, model: str) -> float:
        """How long nothing is asked of the model, because it has failed too often; 0 where it is asked."""
        return self._breakers.of(self._server, model).seconds_left()

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta]:
        """The model's deltas. Raises ProviderError, at once where the model is left alone."""
        attempt = self._breakers.of(self._server, request.model).admit()
        has_begun = False
        try:
            async with aclosing(self._model.stream(request)) as deltas:
                async for delta in deltas:
                    if not has_begun:
                        has_begun = True
                        attempt.went_well()
                    yield delta
        except ProviderError as error:
            if error.code in _SERVERS_OWN and not error.permanent:
                attempt.failed(error.code)
            elif not has_begun:
                # It refused, but it answered.
                attempt.went_well()
            raise
        finally:
            attempt.ended()
