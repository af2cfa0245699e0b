"""Models that a worker loads when it first needs them are dropped when it has nothing to do for a minute."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_IDLE_SECONDS = 60.0


class IdleUnloader:
    """Calls what is registered a minute after the last work: workers are idle most of the day."""

    def __init__(self) -> None:
        self._unload: list[Callable[[], None]] = []
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()

    def register(self, unload: Callable[[], None]) -> None:
        """`unload()` gives memory back; what it drops is loaded again when it is needed."""
        self._unload.append(unload)

    @contextmanager
    def working(self) -> Iterator[None]:
        """Keep everything for the length of the block and a minute more."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
        try:
            yield
        finally:
            with self._lock:
                self._timer = threading.Timer(_IDLE_SECONDS, self._unload_all)
                self._timer.daemon = True
                self._timer.start()

    def _unload_all(self) -> None:
        for unload in self._unload:
            unload()


idle_unloader = IdleUnloader()
