"""The embedded Valkey: it wakes people up and forgets. Nothing is lost with it: it writes nothing to disk."""

from __future__ import annotations

import signal
import socket
import subprocess
from pathlib import Path
from typing import IO

from config.embedded.binaries import Place, find_valkey, place_for
from config.embedded.server import spawn, wait_until
from config.processes import end, identity
from config.secrets import load_secrets

_STOP_GRACE = 5.0  # seconds
_CONFIGURATION = """
bind 127.0.0.1
port {port}
requirepass {password}
maxmemory 128mb
maxmemory-policy noeviction
save ""
appendonly no
daemonize no
logfile ""
loglevel warning
"""


class Valkey:
    """Valkey on 127.0.0.1 with a password."""

    name = "valkey"
    stop_signal = signal.SIGTERM

    def __init__(self, data: Path) -> None:
        self._data = data
        self._place: Place | None = None

    @property
    def place(self) -> Place:
        """Where it runs, decided once."""
        if self._place is None:
            self._place = place_for(self.name, find_valkey(), self._data)
        return self._place

    def prepare(self) -> None:
        """End a server that outlived its keeper."""
        if self._process_file.exists():
            end(self._process_file.read_text(), self.stop_signal, grace=_STOP_GRACE)

    def start(self, port: int, log: IO[bytes]) -> subprocess.Popen[bytes]:
        """Start it and wait until it answers PING. Its settings come by standard input: one is secret."""
        password = load_secrets(self._data).valkey_password
        process = spawn(self.place, [str(self.place.program), "-"], log, self.stop_signal, subprocess.PIPE)
        self._process_file.write_text(identity(process.pid) or "0 0")
        if process.stdin is not None:
            with process.stdin as configuration:
                configuration.write(_CONFIGURATION.format(port=port, password=password).encode())
        wait_until(lambda: _answers(port, password), process, "Valkey", Path(log.name))
        return process

    @property
    def _process_file(self) -> Path:
        return self.place.home / "process"


def _answers(port: int, password: str) -> bool:
    """Whether AUTH and PING are answered as they should be (the protocol's inline commands)."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(f"AUTH {password}\r\nPING\r\n".encode())
            with connection.makefile("rb") as answer:
                return [answer.readline(), answer.readline()] == [b"+OK\r\n", b"+PONG\r\n"]
    except OSError:
        return False
