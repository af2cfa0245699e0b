"""The keeper: a small process that runs one embedded server for as long as somebody uses it.

Users hold a shared lock on ``<name>.users``. The keeper waits for that lock alone: the kernel grants it
when the last user has let go or died, however it died, and then the server is stopped. A server that
dies before is started again on the same port. If the keeper itself is killed, the kernel stops the server.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from subprocess import Popen, TimeoutExpired
from typing import IO

from config.embedded.binaries import EmbeddedServerError
from config.embedded.postgres import Postgres
from config.embedded.server import Server, free_port
from config.embedded.valkey import Valkey
from config.locks import open_lock, try_lock

SERVERS: dict[str, Callable[[Path], Server]] = {"postgres": Postgres, "valkey": Valkey}
_ENDINGS = {signal.SIGTERM, signal.SIGINT}
_STOP_GRACE = 20.0  # seconds, as the following
_STEADY_AFTER = 30.0
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0


def main(name: str, data: Path) -> int:
    """Run the server ``name`` of the state folder ``data``; report "ready" or an error on standard output."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD, *_ENDINGS})
    folder = data / "servers"
    if not try_lock(open_lock(folder / f"{name}.keeper"), fcntl.LOCK_EX):
        return _report(f"another keeper of {name} is still running")
    (folder / f"{name}.pid").unlink(missing_ok=True)  # the last keeper's number: anybody's by now
    if os.fork():  # the starter does not have to wait for us, init will
        os._exit(0)
    server = SERVERS[name](data)
    with _new_log(folder / f"{name}.log") as log:
        os.dup2(log.fileno(), sys.stderr.fileno())
        try:
            server.prepare()
            port = _choose_port(folder / f"{name}.port")
            process = server.start(port, log)
        except (EmbeddedServerError, OSError) as error:
            return _report(str(error))
        (folder / f"{name}.pid").write_text(str(os.getpid()))
        threading.Thread(target=_end_when_unused, args=(folder / f"{name}.users",), daemon=True).start()
        _report("ready")
        _keep(server, process, port, log)
    return 0


def _keep(server: Server, process: Popen[bytes], port: int, log: IO[bytes]) -> None:
    """Start the server again whenever it dies, until a signal says that it is no longer needed."""
    started, pause = time.monotonic(), _FIRST_PAUSE
    while signal.sigwait({signal.SIGCHLD, *_ENDINGS}) == signal.SIGCHLD:
        while process.poll() is not None:
            steady = time.monotonic() - started > _STEADY_AFTER
            pause = _FIRST_PAUSE if steady else min(pause * 2, _LONGEST_PAUSE)
            if signal.sigtimedwait(_ENDINGS, pause):
                return
            started = time.monotonic()
            with suppress(EmbeddedServerError):  # its log says why; the next attempt follows
                server.prepare()
                process = server.start(port, log)
    process.send_signal(server.stop_signal)
    try:
        process.wait(_STOP_GRACE)
    except TimeoutExpired:
        process.kill()
        process.wait()


def _new_log(path: Path) -> IO[bytes]:
    """An empty log; the one before is kept beside it, so that both stay small."""
    if path.exists():
        path.replace(path.with_suffix(".log.previous"))
    return path.open("wb")


def _end_when_unused(users: Path) -> None:
    """Wait until nobody holds the users' lock, then end this keeper; the lock goes when it has ended."""
    fcntl.flock(open_lock(users), fcntl.LOCK_EX)
    os.kill(os.getpid(), signal.SIGTERM)


def _choose_port(file: Path) -> int:
    """The port of last time if it is free, else a new one, kept for users and for next time."""
    wished = int(file.read_text()) if file.exists() else None
    port = free_port(wished)
    file.write_text(str(port))
    return port


def _report(line: str) -> int:
    """Tell whoever started the keeper, if it still lives, and close the line; the exit code for an error."""
    with suppress(BrokenPipeError):
        print(line, flush=True)  # noqa: T201 - the line to the process that started this one
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
