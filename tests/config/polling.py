"""Waiting for what another process does: with a deadline, and with the wish in the failure's words."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path


def wait_for(wish: str, fulfilled: Callable[[], object], *, within: float = 60.0) -> None:
    """Return as soon as ``fulfilled()`` is true; fail when ``within`` seconds have passed."""
    deadline = time.monotonic() + within
    while not fulfilled():
        assert time.monotonic() < deadline, f"not within {within:g} s: {wish}"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Whether the process lives; one that is dead and not yet waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
