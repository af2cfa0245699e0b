"""llama.cpp's own server, in a process of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from bench.portal import BenchError
from config.processes import child_of

_READY_WITHIN = 60.0
_POLL = 0.02


@dataclass(slots=True)
class LlamaServer:
    """Started and killed as often as one likes, always at the same address."""

    program: Path
    model: Path
    log: Path
    port: int
    key: str = ""
    options: tuple[str, ...] = ()
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, *, wait: bool = True) -> None:
        """With `wait` it has loaded its model afterwards."""
        given = ["--model", str(self.model), "--host", "127.0.0.1", "--port", str(self.port), "--offline"]
        key = ["--api-key", self.key] if self.key else []
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(self.program), *given, *key, *self.options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "LD_LIBRARY_PATH": str(self.program.parent)},
                preexec_fn=child_of(os.getpid(), signal.SIGTERM),  # noqa: PLW1509 - no other thread runs yet
            )
        if wait:
            self.wait_until(lambda: self.status("/health") == httpx.codes.OK, within=_READY_WITHIN)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def status(self, path: str) -> int:
        """What it answers to a path; 0 when it does not."""
        try:
            return self._get(path).status_code
        except httpx.TransportError:
            return 0

    def ask(self, path: str) -> Any:
        return self._get(path).raise_for_status().json()

    def is_idle(self) -> bool:
        """Whether it reads no prompt and writes no answer."""
        return not any(slot["is_processing"] for slot in self.ask("/slots"))

    def wait_until(self, is_so: Callable[[], bool], *, within: float) -> float:
        """Seconds until something is so."""
        begun = time.perf_counter()
        while not is_so():
            if self._process is not None and self._process.poll() is not None:
                raise BenchError(f"llama.cpp's server ended:\n{self.log.read_text()[-2000:]}")
            if time.perf_counter() - begun > within:
                raise BenchError(f"llama.cpp's server: nothing within {within:g} s")
            time.sleep(_POLL)
        return time.perf_counter() - begun

    def _get(self, path: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        return httpx.get(self.url + path, headers=headers, timeout=60, trust_env=False)


@contextmanager
def running(*servers: LlamaServer) -> Iterator[None]:
    """All of them, killed afterwards."""
    try:
        for server in servers:
            server.start()
        yield
    finally:
        for server in servers:
            with contextlib.suppress(OSError):
                server.kill()
