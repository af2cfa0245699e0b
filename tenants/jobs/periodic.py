"""What the platform does from time to time, one process at a time."""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def only_here(name: str) -> Iterator[bool]:
    """True for the one process that is at it; whoever dies lets go with the connection."""
    key = [f"periodic {name}"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", key)
        row = cursor.fetchone()
    if row is None or not row[0]:
        yield False
        return
    try:
        yield True
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", key)


def one_at_a_time(work: Callable[[], int]) -> Callable[[], int]:
    """Leave the work to whoever is at it already, and return 0 then: two timetables do it once."""

    @functools.wraps(work)
    def guarded() -> int:
        with only_here(f"{work.__module__}.{work.__name__}") as is_free:
            return work() if is_free else 0

    return guarded
