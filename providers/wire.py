"""Talking to model servers over HTTP: second tries, deadlines, and no answer believed unseen."""

import json
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

import stamina

from providers.errors import ProviderError

R = TypeVar("R")

CONNECT_TIMEOUT = 5.0
_MAX_ANSWER_BYTES = 64 * 1024 * 1024
_PASSING_STATUSES = frozenset({408, 429, 500, 502, 503, 504})


class PassingError(Exception):
    """A second try may do better; `told` says what is wrong when it does not."""

    def __init__(self, told: ProviderError) -> None:
        super().__init__(str(told))
        self.told = told


def try_again(ask: Callable[[], R], deadline: float, *, attempts: int = 3) -> R:
    """What `ask` gives, if need be at another attempt before the deadline (monotonic). Raises ProviderError."""
    try:
        for attempt in stamina.retry_context(
            on=PassingError,
            attempts=attempts,
            timeout=max(0.0, deadline - time.monotonic()),
            wait_initial=0.2,
            wait_jitter=0.3,
        ):
            with attempt:
                return ask()
    except PassingError as error:
        raise error.told from error
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


def require_ok(status: int, *, model: str, task: str) -> None:
    """Raises what a response's status means, unless it is 200. `model` and `task` name both to a person."""
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
            raise PassingError(ProviderError("model_error", detail, permanent=False))
        case _:
            raise ProviderError("model_error", f"The model server refused to {task}.", permanent=True)


def unreachable() -> PassingError:
    return PassingError(ProviderError("model_unreachable", "The model server cannot be reached.", permanent=False))


def too_late() -> ProviderError:
    return ProviderError("model_timeout", "The model server did not answer in time.", permanent=False)


def not_understood(what: str) -> ProviderError:
    """`what` came instead of an answer, in our own words."""
    return ProviderError("model_error", f"The model server sent {what}.", permanent=False)
