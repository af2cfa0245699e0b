"""Connections to the database that do not wait for a server that is stopped, for a machine that is gone, or for
one whose place another has taken.

Plain Python: the settings name the class.
"""

import os
import socket
import struct
import threading
import time
from dataclasses import dataclass
from typing import TypeVar

from psycopg import Connection, InternalError, OperationalError
from psycopg.abc import PQGen
from psycopg.errors import ReadOnlySqlTransaction
from psycopg_pool import ConnectionPool

T = TypeVar("T")

# What a server says of itself that ends every connection, whatever else is wrong.
_GOING_DOWN = ("FATAL", "PANIC")

# Seconds without an answer until the server is asked whether it lives, and those it then has.
_QUIET_SECONDS, _ASKED_SECONDS = 2.0, 2.0
_AGAIN_SECONDS = 0.25
# PostgreSQL answers it with one byte, before any log-in. That a statement takes long is no reason to give it up.
_ASK_FOR_TLS = struct.pack("!ii", 8, 80877103)


class AnsweredConnection(Connection[tuple[object, ...]]):
    """A statement that is not answered fails, if the server answers nobody else either."""

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        return super().wait(self._watched(gen), interval, timeout)

    def _watched(self, gen: PQGen[T]) -> PQGen[T]:
        heard = time.monotonic()
        try:
            wish = next(gen)
            while True:
                ready = yield wish
                if ready:
                    heard = time.monotonic()
                elif time.monotonic() - heard >= _QUIET_SECONDS:
                    server = _Server(self.info.hostaddr or self.info.host, self.info.port)
                    if not server.lives():
                        gen.close()
                        self.pgconn.finish()
                        _wait_for(server)
                        raise OperationalError("the database server does not answer")
                    heard = time.monotonic()
                wish = gen.send(ready)
        except StopIteration as end:
            answer: T = end.value
            return answer
        except ReadOnlySqlTransaction as error:
            self._leave_standby()
            raise OperationalError("the database server takes no writes") from error
        except InternalError as error:
            if error.diag.severity_nonlocalized not in _GOING_DOWN:
                raise
            raise OperationalError("the database server goes down") from error

    def _leave_standby(self) -> None:
        """Another server writes now: the connections that lead here are given up, all of the pool's."""
        self.pgconn.finish()
        pool: object = getattr(self, "_pool", None)
        if isinstance(pool, ConnectionPool):
            pool.drain()


@dataclass(frozen=True, slots=True)
class _Server:
    host: str
    port: int

    def lives(self) -> bool:
        """Whether it takes another connection."""
        try:
            with self._connect() as pipe:
                pipe.sendall(_ASK_FOR_TLS)
                return bool(pipe.recv(1))
        except OSError:
            return False

    def _connect(self) -> socket.socket:
        if not self.host.startswith("/"):
            return socket.create_connection((self.host, self.port), timeout=_ASKED_SECONDS)
        pipe = socket.socket(socket.AF_UNIX)
        pipe.settimeout(_ASKED_SECONDS)
        pipe.connect(f"{self.host}/.s.PGSQL.{self.port}")
        return pipe


_away = threading.Event()
_found_away = threading.Lock()
# The thread that asks is not in a process that is forked off.
os.register_at_fork(after_in_child=_away.clear)


def is_away() -> bool:
    """Whether the server has been found to answer nobody, and has not answered since."""
    return _away.is_set()


def _wait_for(server: _Server) -> None:
    """Whoever comes meanwhile is refused at once."""
    with _found_away:
        if _away.is_set():
            return
        _away.set()
    threading.Thread(target=_ask_until_it_lives, args=(server,), name="database-probe", daemon=True).start()


def _ask_until_it_lives(server: _Server) -> None:
    while not server.lives():
        time.sleep(_AGAIN_SECONDS)
    _away.clear()
