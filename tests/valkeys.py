"""Valkey servers that tests may stop, kill and fill."""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from config.embedded.binaries import find_valkey
from tests.config.polling import wait_for


@dataclass(frozen=True, slots=True)
class Valkey:
    url: str
    process: subprocess.Popen[bytes]


@contextmanager
def own_valkey() -> Iterator[Valkey]:
    """A Valkey that nobody else uses, so that it may be stopped."""
    programs = find_valkey()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [str(programs.root / programs.main), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            wait_for("Valkey listens", lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0)
            yield Valkey(f"redis://127.0.0.1:{port}/0", process)
        finally:
            process.send_signal(signal.SIGCONT)
            process.kill()
