"""Several things at one moment."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from django.db import connections

from tenants.errors import DocentError


def at_once(*calls: Callable[[], object]) -> list[str]:
    """What each call came to when all run at the same moment, each on a connection of its own, sorted.

    "done", or the code of a refusal.
    """
    start = Barrier(len(calls))

    def outcome(call: Callable[[], object]) -> str:
        start.wait()
        try:
            call()
        except DocentError as refusal:
            return refusal.code
        else:
            return "done"
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as threads:
        return sorted(threads.map(outcome, calls))
