"""What the platform does from time to time, one process at a time."""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections


@contextmanager
def only_here(name: str) -> Iterator[bool]:
    """True for the one process that is at it; whoever dies lets go with the connection.

    The lock is a transaction's, on a connection that does nothing else meanwhile: behind a bouncer each
    transaction may be on another of the server's sessions, and the lock of a session would stay with one that
    others use.
    """
    own = connections.create_connection(DEFAULT_DB_ALIAS)
    try:
        own.set_autocommit(False)
        with own.cursor() as cursor:
            # It is idle for as long as the work takes.
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [f"periodic {name}"])
            row = cursor.fetchone()
        yield bool(row and row[0])
    finally:
        with suppress(DatabaseError):  # it died while the work went on
            own.rollback()
        own.close()


def one_at_a_time(work: Callable[[], int]) -> Callable[[], int]:
    """Leave the work to whoever is at it already, and return 0 then: two timetables do it once."""

    @functools.wraps(work)
    def guarded() -> int:
        with only_here(f"{work.__module__}.{work.__name__}") as is_free:
            return work() if is_free else 0

    return guarded
