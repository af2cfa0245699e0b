"""What answers from servers have in common, whatever their protocol: patience, second tries, and clear ends."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final, Generic, TypeVar
from weakref import WeakKeyDictionary

import httpx
import httpx2
import stamina

from providers.chat.base import ChatDelta
from providers.errors import ProviderError
from providers.wire import PassingError

R = TypeVar("R")

# The connection was refused, broke or spoke no HTTP. The SDK of OpenAI stands on the second library.
LOST: Final = (httpx.TransportError, httpx2.TransportError)
_ATTEMPTS = 3
# Whoever is to wait longer than this is told so instead.
_LONGEST_PAUSE = 10.0
_JITTER = 0.3
_DRAIN_SECONDS = 0.05


class PerLoop(Generic[R]):
    """Something that belongs to one event loop, such as pooled connections: made when a loop first asks for it."""

    def __init__(self, make: Callable[[], R]) -> None:
        self._make = make
        self._made: WeakKeyDictionary[asyncio.AbstractEventLoop, R] = WeakKeyDictionary()

    def get(self) -> R:
        loop = asyncio.get_running_loop()
        if loop not in self._made:
            self._made[loop] = self._make()
        return self._made[loop]

    def pop(self) -> R | None:
        return self._made.pop(asyncio.get_running_loop(), None)


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds from the question to the first token, second tries included, and between two tokens."""

    first_token: float
    idle: float

    def too_late(self, *, has_begun: bool) -> ProviderError:
        if has_begun:
            detail = f"The model fell silent for {self.idle:g} seconds in the middle of its answer."
        else:
            detail = f"The model did not begin to answer within {self.first_token:g} seconds."
        return ProviderError("model_timeout", detail, permanent=False)


async def open_answer(send: Callable[[], Awaitable[R]], deadline: float, patience: Patience) -> R:
    """What `send` gives, if need be at the second or third attempt before the deadline of the event loop.

    A server that asks to be left alone for a moment is left alone that long. Raises ProviderError.
    """

    def pause(error: Exception) -> bool | float:
        if not isinstance(error, PassingError):
            return False
        if error.after is None:
            return True
        left = deadline - asyncio.get_running_loop().time()
        # Jitter: everybody whom it turned away was told the same.
        wait = error.after + random.uniform(0, _JITTER)  # noqa: S311
        return wait if wait < min(left, _LONGEST_PAUSE) else False

    try:
        async with asyncio.timeout_at(deadline):
            async for attempt in stamina.retry_context(
                on=pause, attempts=_ATTEMPTS, timeout=None, wait_initial=0.2, wait_jitter=_JITTER
            ):
                with attempt:
                    return await send()
    except TimeoutError as error:
        raise patience.too_late(has_begun=False) from error
    except PassingError as error:
        raise _told(error) from error
    except LOST as error:
        raise unreachable() from error
    raise AssertionError("stamina returns or raises")


def _told(error: PassingError) -> ProviderError:
    if error.after is None or error.after <= _LONGEST_PAUSE:
        return error.told
    detail = f"The model server takes no more questions for now; try again in {round(error.after)} seconds."
    return ProviderError(error.told.code, detail, permanent=False)


async def next_piece(
    pieces: AsyncIterator[bytes], deadline: float, patience: Patience, *, has_begun: bool
) -> bytes:
    """The next bytes of an answer, or none at its end. Raises ProviderError."""
    try:
        async with asyncio.timeout_at(deadline):
            return await anext(pieces, b"")
    except TimeoutError as error:
        raise patience.too_late(has_begun=has_begun) from error
    except LOST as error:
        raise (incomplete() if has_begun else unreachable()) from error


async def drain(pieces: AsyncIterator[bytes]) -> None:
    """Read the end of a response, so that its connection can serve the next question."""
    with contextlib.suppress(TimeoutError, *LOST):
        async with asyncio.timeout(_DRAIN_SECONDS):
            async for _ in pieces:
                pass


def together(deltas: Iterable[ChatDelta]) -> Iterator[ChatDelta]:
    """Deltas that came at once, text after text as one: whoever reads on is woken for each."""
    last: ChatDelta | None = None
    try:
        for delta in deltas:
            if last is not None and _goes_on(last, delta):
                last = replace(last, text=last.text + delta.text, thinking=last.thinking + delta.thinking)
                continue
            if last is not None:
                yield last
            last = delta
    except ProviderError:
        if last is not None:
            yield last
        raise
    if last is not None:
        yield last


def _goes_on(last: ChatDelta, delta: ChatDelta) -> bool:
    """Thinking and text keep their order; what says more than these stands for itself."""
    return (
        last.finish_reason is delta.finish_reason is None
        and last.completion_tokens is delta.completion_tokens is None
        and last.prompt_tokens is delta.prompt_tokens is None
        and not (last.model or delta.model)
        and not (last.text and delta.thinking)
    )


def text_of(value: object, *, protocol: str) -> str:
    """What can be stored and sent on: PostgreSQL takes no NUL, and UTF-8 no half of a surrogate pair."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise not_protocol(protocol)
    return value.replace("\0", "").encode("utf-8", "replace").decode()


def count_of(value: object) -> int | None:
    """A number of something, or None where the server has sent no such thing."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def require_text(*, has_text: bool) -> None:
    if not has_text:
        raise ProviderError("model_empty", "The model gave an empty answer.", permanent=False)


def incomplete() -> ProviderError:
    detail = "The model server broke off before the answer was complete."
    return ProviderError("model_incomplete", detail, permanent=False)


def unreachable() -> ProviderError:
    return ProviderError("model_unreachable", "The model server cannot be reached.", permanent=False)


def reported() -> ProviderError:
    return ProviderError("model_error", "The model server reported an error.", permanent=False)


def not_protocol(protocol: str) -> ProviderError:
    """`protocol` is whose it should have been."""
    detail = f"The model server sent something that is not {protocol}'s protocol."
    return ProviderError("model_error", detail, permanent=False)
