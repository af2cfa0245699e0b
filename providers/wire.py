"""Talking to model servers over HTTP: second tries, deadlines, and no answer believed unseen."""

import json
import math
import ssl
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import TypeVar

import stamina

from providers.errors import ProviderError

R = TypeVar("R")

CONNECT_TIMEOUT = 5.0
_MAX_ANSWER_BYTES = 64 * 1024 * 1024
_PASSING_STATUSES = frozenset({408, 429, 500, 502, 503, 504})


@cache
def trusted() -> ssl.SSLContext:
    """Whom this machine trusts. Read once: it takes 20 ms, and each organisation's key has a client of its own."""
    return ssl.create_default_context()


class PassingError(Exception):
    """A second try may do better; `told` says what is wrong when it does not.

    `after` is how many seconds the server asks to wait before it, if it says so.
    """

    def __init__(self, told: ProviderError, *, after: float | None = None) -> None:
        super().__init__(str(told))
        self.told = told
        self.after = after


def try_again(ask: Callable[[], R], deadline: float, *, attempts: int = 3) -> R:
    """What `ask` gives, if need be at another attempt before the deadline (monotonic). Raises ProviderError.

    Where time runs out in a second try, the error is that of the first: it says why there was no time left.
    """
    first: PassingError | None = None
    try:
        for attempt in stamina.retry_context(
            on=PassingError,
            attempts=attempts,
            timeout=max(0.0, deadline - time.monotonic()),
            wait_initial=0.2,
            wait_jitter=0.3,
        ):
            with attempt:
                try:
                    return ask()
                except PassingError as error:
                    first = first or error
                    raise
    except PassingError as error:
        raise error.told from error
    except ProviderError as error:
        if first is None or error.code != "model_timeout":
            raise
        raise first.told from error
    raise AssertionError("stamina returns or raises")


def read_json(pieces: Iterable[bytes], deadline: float) -> object:
    """The JSON that a response is, of bounded size and by the deadline. Raises ProviderError."""
    received = bytearray()
    for piece in pieces:
        received += piece
        if len(received) > _MAX_ANSWER_BYTES:
            raise not_understood("far more than was asked for")
        if time.monotonic() > deadline:
            raise too_late()
    try:
        return json.loads(received)
    except (ValueError, RecursionError) as error:
        raise not_understood("something that is not JSON") from error


def require_ok(status: int, *, model: str, task: str, after: float | None = None) -> None:
    """Raises what a response's status means, unless it is 200. `model` and `task` name both to a person.

    `after` is the server's Retry-After, in seconds.
    """
    match status:
        case 200:
            return
        case 401 | 403:
            raise ProviderError("model_error", "The model server does not accept Docent's key.", permanent=True)
        case 404:
            detail = f"The model server does not have the {model} that was asked for."
            raise ProviderError("model_error", detail, permanent=True)
        case _ if status in _PASSING_STATUSES:
            detail = "The model server is overloaded or failing; try again in a moment."
            raise PassingError(ProviderError("model_error", detail, permanent=False), after=after)
        case _:
            raise ProviderError("model_error", f"The model server refused to {task}.", permanent=True)


def seconds_of(retry_after: str | None) -> float | None:
    """The value of a Retry-After header, a number of seconds or a date; None where it is neither."""
    if not retry_after:
        return None
    try:
        seconds = float(retry_after)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def unreachable() -> PassingError:
    return PassingError(ProviderError("model_unreachable", "The model server cannot be reached.", permanent=False))


def too_late() -> ProviderError:
    return ProviderError("model_timeout", "The model server did not answer in time.", permanent=False)


def not_understood(what: str) -> ProviderError:
    """`what` came instead of an answer, in our own words."""
    return ProviderError("model_error", f"The model server sent {what}.", permanent=False)
