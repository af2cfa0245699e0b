"""The embedded PostgreSQL: its cluster, its settings, its start."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import IO

from config.embedded.binaries import EmbeddedServerError, Place, find_postgres, place_for
from config.embedded.server import spawn, wait_until
from config.processes import end, identity, working_in
from config.secrets import load_secrets

SUPERUSER = "postgres"
_STOP_GRACE = 10.0  # seconds
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a socket's path is limited to 107 bytes, a clone's is not
    "max_connections": "200",
    "shared_buffers": "96MB",
    "maintenance_work_mem": "64MB",
    "max_wal_size": "512MB",
    "jit": "off",
    "synchronous_commit": "on",
    "io_method": "sync",  # three I/O workers less in memory
    "autovacuum_max_workers": "1",
    "max_parallel_maintenance_workers": "0",  # a container's /dev/shm holds 64 MB only
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m ",
    "log_checkpoints": "off",
    "log_min_error_statement": "panic",  # statements and error details carry the tenants' words
    "log_parameter_max_length": "0",
    "log_error_verbosity": "terse",
}


class Postgres:
    """PostgreSQL 18 with pgvector; every connection needs a password."""

    name = "postgres"
    stop_signal = signal.SIGINT  # "fast": sessions end, the log is flushed

    def __init__(self, data: Path) -> None:
        self._data = data
        self._place: Place | None = None

    @property
    def place(self) -> Place:
        """Where it runs, decided once."""
        if self._place is None:
            self._place = place_for(self.name, find_postgres(), self._data)
        return self._place

    def prepare(self) -> None:
        """Make the cluster if there is none; end what an earlier keeper left running."""
        if (self._cluster / "PG_VERSION").exists():
            self._end_leftovers()
        else:
            self._initialise()

    def start(self, port: int, log: IO[bytes]) -> subprocess.Popen[bytes]:
        """Start it and wait until its status file says that it takes connections."""
        settings = [f"--{name}={value}" for name, value in (_SETTINGS | {"port": str(port)}).items()]
        command = [str(self.place.program), "-D", str(self._cluster), *settings]
        process = spawn(self.place, command, log, self.stop_signal)

        def ready() -> bool:
            lines = self._status()
            return len(lines) > 7 and lines[0] == str(process.pid) and lines[7].strip() == "ready"  # noqa: PLR2004 - see postmaster.pid

        wait_until(ready, process, "PostgreSQL", Path(log.name))
        return process

    @property
    def _cluster(self) -> Path:
        return self.place.home / "cluster"

    def _status(self) -> list[str]:
        """postmaster.pid: process, folder, start, port, socket folder, address, shared memory, status."""
        try:
            return (self._cluster / "postmaster.pid").read_text().splitlines()
        except OSError:
            return []

    def _initialise(self) -> None:
        """Make the cluster in a draft folder and rename it, so that half a cluster is never taken for one."""
        home, account = self.place.home, self.place.account
        draft, password = home / "draft", home / "password"
        shutil.rmtree(draft, ignore_errors=True)
        password.unlink(missing_ok=True)
        password.touch(mode=0o600)
        password.write_text(load_secrets(self._data).superuser_password)
        account.own(password)
        command = [
            str(self.place.program.with_name("initdb")), f"--pgdata={draft}", f"--username={SUPERUSER}",
            f"--pwfile={password}", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C",
            "--locale-provider=builtin", "--builtin-locale=C.UTF-8",
        ]  # fmt: skip
        finished = subprocess.run(  # noqa: S603 - our own program and arguments
            command,
            cwd=home,
            env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            user=account.uid,
            group=account.gid,
            extra_groups=account.groups,
            capture_output=True,
            text=True,
            check=False,
        )
        password.unlink()
        if finished.returncode != 0:
            raise EmbeddedServerError(f"initdb could not make a database cluster: {finished.stderr.strip()}")
        for mark in (self._data / "servers").glob("postgres.*ed"):
            mark.unlink()
        draft.rename(self._cluster)

    def _end_leftovers(self) -> None:
        """End what still runs on this cluster, then forget its status file.

        A killed server's sessions hold on to its shared memory until they notice, and a new one refuses to
        start meanwhile. It also refuses while any process has the number in the status file: that may be a
        dead one that nobody has waited for, and after a restart of the machine anybody's.
        """
        status = self._status()
        leader = int(status[0]) if status else 0
        for leftover in sorted(working_in(self._cluster), key=lambda pid: pid != leader):  # it ends its own
            if process := identity(leftover):
                end(process, self.stop_signal, grace=_STOP_GRACE)
        (self._cluster / "postmaster.pid").unlink(missing_ok=True)
