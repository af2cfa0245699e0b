"""Do the servers answer? Asked on threads of their own, so that whoever wants to know hears it within a second."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from threading import Lock
from typing import Generic, TypeVar

import redis
from django.apps import apps
from django.conf import settings
from django.db import connection, connections
from django.db.migrations.recorder import MigrationRecorder

T = TypeVar("T")

# Of the second that health has, what a server may take.
_PATIENCE_SECONDS = 0.85
_VALKEY_SECONDS = 0.4


class Probe(Generic[T]):
    """One look at a time, whoever asks meanwhile: a server that hangs holds up one thread, and no second one."""

    def __init__(self, look: Callable[[], T]) -> None:
        self._look = look
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="probe")
        self._lock = Lock()
        self._looking: Future[T] | None = None

    def ask(self) -> T:
        """What is seen. Raises what the look raises, and `TimeoutError` when it takes too long."""
        with self._lock:
            if self._looking is None or self._looking.done():
                self._looking = self._threads.submit(self._unit)
            looking = self._looking
        return looking.result(_PATIENCE_SECONDS)

    def _unit(self) -> T:
        try:
            return self._look()
        finally:
            connections.close_all()


def valkey_answers() -> bool:
    """Waits for half a second at most."""
    limits = {"socket_timeout": _VALKEY_SECONDS, "socket_connect_timeout": _VALKEY_SECONDS}
    try:
        with redis.Redis.from_url(settings.REDIS_URL, **limits) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def missing_migrations() -> set[tuple[str, str]]:
    """App and name of what this release needs and the database has not had; an older release misses nothing."""
    return set(_own_migrations()) - set(MigrationRecorder(connection).applied_migrations())


@cache
def _own_migrations() -> frozenset[tuple[str, str]]:
    """By the names of their files: to load them all would take longer than a probe may."""
    found = set()
    for app in apps.get_app_configs():
        try:
            package = import_module(f"{app.name}.migrations")
        except ModuleNotFoundError:
            continue
        found |= {(app.label, one.name) for one in iter_modules(package.__path__) if one.name[0] not in "_~"}
    return frozenset(found)
