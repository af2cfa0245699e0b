"""What a tool may say while it is at work."""

from collections.abc import Awaitable
from typing import Protocol


class Report(Protocol):
    """Tells whoever waits how far one is, by numbers that grow. Says nothing to whoever did not ask for it."""

    def __call__(self, progress: float, *, message: str | None = None) -> Awaitable[None]: ...
