"""Docent's own processes, as `up` runs them, against the database of the test run."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from config.embedded import PROJECT
from config.processes import child_of
from config.up import CONNECTIONS, tune
from tests.config.polling import wait_for
from tests.plain import NO_TLS


@dataclass(frozen=True, slots=True)
class Running:
    """A process and the file that holds what it printed."""

    process: subprocess.Popen[bytes]
    log: Path

    def require_life(self) -> None:
        """Fail with the process's own words when it has ended."""
        assert self.process.poll() is None, self.log.read_text()


@dataclass(frozen=True, slots=True)
class LiveServer(Running):
    """The web server: `url` like `http://127.0.0.1:1234`, `ws_url` the same for sockets."""

    url: str

    @property
    def ws_url(self) -> str:
        return self.url.replace("http", "ws", 1)


@contextmanager
def celery_worker(
    variables: Mapping[str, str],
    log: Path,
    *,
    include: str = "",
    queues: str = "work,embed",
    pool: str = "prefork",
) -> Iterator[Running]:
    """One worker with one child, or as a `solo` pool none, that takes the queues; ready when the block begins.

    `include` is a module that registers more kinds of jobs.
    """
    command = ["-m", "celery", "-A", "config.celery", "worker", "-Q", queues, "--pool", pool, "-c", "1"]
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "INFO"]
    more = [f"--include={include}"] if include else []
    with _started([*command, *quiet, *more], variables, log) as process:
        running = Running(process, log)

        def is_ready() -> bool:
            running.require_life()
            return " ready." in log.read_text()

        wait_for("the worker is ready", is_ready, within=60)
        yield running


@contextmanager
def web_server(
    variables: Mapping[str, str],
    log: Path,
    *,
    health: str = "ready",
    application: str = "config.asgi:application",
    lifespan: str = "on",
    options: Sequence[str] = (),
) -> Iterator[LiveServer]:
    """uvicorn with `config.asgi` on a free port, which it inherits open: nobody can take it in between.

    One whose Valkey is away is never `ready`, only `live`; so is an `application` without `lifespan`.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        tune(listener)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        own = {**variables, "DOCENT_PUBLIC_URL": url}
        command = [
            "-m",
            "uvicorn",
            application,
            "--fd",
            str(listener.fileno()),
            "--lifespan",
            lifespan,
            "--no-proxy-headers",
            *CONNECTIONS,
            *options,
        ]
        with _started(command, own, log, pass_fds=(listener.fileno(),)) as process:
            listener.close()  # a server that dies now refuses, instead of leaving us waiting
            running = LiveServer(process, log, url)

            def is_ready() -> bool:
                running.require_life()
                try:
                    return httpx.get(f"{url}/health/{health}", timeout=30, verify=NO_TLS).is_success
                except httpx.TransportError:
                    return False

            wait_for("the web server is ready", is_ready, within=60)
            yield running


@contextmanager
def _started(
    arguments: list[str], variables: Mapping[str, str], log: Path, pass_fds: tuple[int, ...] = ()
) -> Iterator[subprocess.Popen[bytes]]:
    """The interpreter with these arguments; ended with its children when the block or this process ends."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=PROJECT,
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=pass_fds,
            start_new_session=True,
            preexec_fn=child_of(os.getpid(), signal.SIGTERM),  # noqa: PLW1509 - no other thread runs yet
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
