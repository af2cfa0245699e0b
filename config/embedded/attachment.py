"""Using an embedded server: attach to it, start it if nobody did, stop it if nobody else uses it."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from config.embedded.binaries import EmbeddedServerError
from config.embedded.server import READY_WITHIN
from config.locks import exclusive, open_lock, try_lock

_POLL = 0.05  # seconds
PROJECT = Path(__file__).resolve().parents[2]


class Attachment:
    """One process's use of the server ``name``; see ``attached``."""

    def __init__(self, name: str, data: Path) -> None:
        self.name = name
        self._data = data
        self.folder = data / "servers"
        self.folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        self._users = open_lock(self.folder / f"{name}.users")

    @property
    def port(self) -> int:
        """Where it listens on 127.0.0.1."""
        return int((self.folder / f"{self.name}.port").read_text())

    def ensure(self) -> bool:
        """Hold on to the server and start its keeper if none runs; whether it had to. EmbeddedServerError."""
        with exclusive(self.folder / f"{self.name}.start"):
            fcntl.flock(self._users, fcntl.LOCK_SH)
            if self._kept():
                return False
            report = subprocess.run(  # noqa: S603 - our own module, which goes on by itself once it has reported
                [sys.executable, "-m", "config.embedded.keeper", self.name, str(self._data)],
                cwd=PROJECT,
                env={"PATH": os.environ.get("PATH", os.defpath)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                start_new_session=True,
                text=True,
                check=False,
            ).stdout.strip()
            if report != "ready":
                raise EmbeddedServerError(report or f"the keeper of {self.name} died while starting")
        return True

    def settle(self) -> None:
        """Return when somebody listens. EmbeddedServerError if that does not happen.

        A server killed a moment ago is still coming back, and a killed keeper's lock may not yet be free.
        """
        deadline = time.monotonic() + READY_WITHIN
        while not self._listens():
            if time.monotonic() > deadline:
                raise EmbeddedServerError(f"{self.name} does not come back: see {self.folder}")
            time.sleep(_POLL)
            self.ensure()

    def release(self) -> None:
        """Let go; when nobody else uses the server, stop it and return when it has stopped."""
        if try_lock(self._users, fcntl.LOCK_EX):  # we were the last, and nobody gets in before it has stopped
            if self._kept():
                with suppress(
                    FileNotFoundError, ProcessLookupError
                ):  # it ends by itself: its server did not start
                    os.kill(int((self.folder / f"{self.name}.pid").read_text()), signal.SIGTERM)
            self._wait_for_keeper()
        elif not try_lock(self._users, fcntl.LOCK_SH):  # the keeper has it: it saw that nobody was left
            self._wait_for_keeper()
        os.close(self._users)

    def _wait_for_keeper(self) -> None:
        with exclusive(self.folder / f"{self.name}.keeper"):
            pass

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _kept(self) -> bool:
        keeper = open_lock(self.folder / f"{self.name}.keeper")
        try:
            return not try_lock(keeper, fcntl.LOCK_SH)
        finally:
            os.close(keeper)


@contextmanager
def attached(name: str, data: Path) -> Iterator[Attachment]:
    """Use the server for the length of the block."""
    attachment = Attachment(name, data)
    try:
        attachment.ensure()
        attachment.settle()
        yield attachment
    finally:
        attachment.release()
