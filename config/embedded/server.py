"""What the keeper needs from a server, whichever it is."""

from __future__ import annotations

import itertools
import os
import secrets
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Protocol

from config.embedded.binaries import EmbeddedServerError, Place
from config.processes import child_of

READY_WITHIN = 120.0  # seconds; recovery after a crash replays the log first
_POLL = 0.01
_PORTS = range(20000, 32000)
_PORT_ATTEMPTS = 100


class Server(Protocol):
    """One embedded server: ``prepare`` what it needs on disk, then ``start`` it, as often as it dies."""

    @property
    def name(self) -> str:
        """What its folder and files are called."""

    @property
    def stop_signal(self) -> int:
        """What ends it in an orderly way."""

    def prepare(self) -> None:
        """Make or repair what must be on disk before a start. Raises EmbeddedServerError."""

    def start(self, port: int, log: IO[bytes]) -> subprocess.Popen[bytes]:
        """Start it on 127.0.0.1 and return when it answers. Raises EmbeddedServerError."""


def spawn(
    place: Place, command: Sequence[str], log: IO[bytes], stop_signal: int, stdin: int = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    """Run a server's program under its account; it gets ``stop_signal`` when the keeper dies."""
    return subprocess.Popen(  # noqa: S603 - our own program and arguments
        command,
        cwd=place.home,
        env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
        stdin=stdin,
        stdout=log,
        stderr=log,
        user=place.account.uid,
        group=place.account.gid,
        extra_groups=place.account.groups,
        start_new_session=True,
        preexec_fn=child_of(os.getpid(), stop_signal),  # noqa: PLW1509 - the keeper's other thread only waits
    )


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes], name: str, log: Path) -> None:
    """Return as soon as ``ready()``; EmbeddedServerError if the process ends or READY_WITHIN passes first."""
    deadline = time.monotonic() + READY_WITHIN
    while not ready():
        if process.poll() is not None:
            raise EmbeddedServerError(f"{name} ended with code {process.returncode} while starting: see {log}")
        if time.monotonic() > deadline:
            process.kill()
            process.wait()
            raise EmbeddedServerError(f"{name} did not answer within {READY_WITHIN:.0f} s: see {log}")
        time.sleep(_POLL)


def free_port(wished: int | None) -> int:
    """The wished port of 127.0.0.1 if it is free, else a random one.

    Random ones are below the range that the system gives to outgoing connections, so that none of those
    sits on the port when the server has to come back to it.
    """
    candidates = (secrets.choice(_PORTS) for _ in range(_PORT_ATTEMPTS))
    for port in itertools.chain([wished] if wished else [], candidates):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
    raise EmbeddedServerError("no free port on 127.0.0.1")
