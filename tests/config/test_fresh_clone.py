"""`manage.py up` as a whole, on a copy of the tree under a path with spaces, with real kills."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from config.embedded import PROJECT
from config.embedded.server import free_port
from tests.config.polling import wait_for

PRIVILEGED = {"DATABASE_OWNER_URL", "DATABASE_OPS_URL", "DATABASE_ADMIN_URL"}
CONFIGURATION = ("DOCENT_", "DATABASE_", "DJANGO_", "REDIS_")
NOT_COPIED = shutil.ignore_patterns(".venv", ".git", ".docent*", "__pycache__", "tests", "bench", ".*_cache")


@pytest.fixture(scope="module")
def clone() -> Iterator[Path]:
    """A copy of the project where the servers' account may go, as root too."""
    top = Path(tempfile.mkdtemp(prefix="docent clone "))
    top.chmod(0o755)
    shutil.copytree(PROJECT, top / "a clone", ignore=NOT_COPIED)
    yield top / "a clone"
    shutil.rmtree(top)


class Running:
    """One `up`, its output, and every process that belongs to its state folder."""

    def __init__(self, clone: Path, port: int, *options: str) -> None:
        self.data = clone / ".docent"
        self.url = f"http://127.0.0.1:{port}"
        self.output = clone / f"output-{port}"
        command = [sys.executable, str(clone / "manage.py"), "up", "--no-demo", f"--port={port}", *options]
        environ = {name: value for name, value in os.environ.items() if not name.startswith(CONFIGURATION)}
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(command, env=environ, cwd="/", stdout=output, stderr=output)

    def healthy(self) -> bool:
        """Whether the web process answers; the failure shows what `up` wrote if it has ended."""
        assert self.process.poll() is None, self.output.read_text()
        try:
            with urllib.request.urlopen(f"{self.url}/health/live", timeout=2) as answer:  # noqa: S310
                return bool(answer.status == 200)
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            return False

    def ready(self) -> bool:
        """Whether it said that it is ready."""
        self.healthy()
        return f"Docent is ready at {self.url}" in self.output.read_text()

    def processes(self) -> dict[int, dict[str, str]]:
        """The environments of all that `up` started but the servers, by process number."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                variables = (folder / "environ").read_text().split("\0")
            except OSError:
                continue
            environ = dict(variable.partition("=")[::2] for variable in variables if variable)
            if environ.get("DOCENT_UP") == str(self.data):
                found[int(folder.name)] = environ
        return found

    def children(self, word: str) -> list[int]:
        """Its own children whose command holds the word."""
        numbers = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        found = []
        for pid in numbers:
            # One that ends meanwhile is none.
            with suppress(OSError):
                if word in Path(f"/proc/{pid}/cmdline").read_text():
                    found.append(int(pid))
        return found

    def servers(self) -> list[Path]:
        """What works in the state folder: the servers and their keepers."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                command = (folder / "cmdline").read_text()
                place = str((folder / "cwd").readlink())
            except OSError:
                continue
            keeps = "config.embedded.keeper" in command and str(self.data) in command
            if keeps or place.startswith(str(self.data)):
                found.append(folder)
        return found

    def stop(self) -> None:
        """Kill it and all that it started."""
        self.process.kill()
        self.process.wait()
        wait_for("nothing is left", lambda: not self.processes() and not self.servers())


@pytest.fixture(scope="module")
def started(clone: Path) -> Iterator[list[Running]]:
    """Every `up` that a test was given so far."""
    started: list[Running] = []
    yield started
    for up in started:
        up.stop()


@pytest.fixture
def running(clone: Path, started: list[Running]) -> Running:
    """`up`, ready, with two web processes: that of the test before, unless it has ended."""
    if not started or started[-1].process.poll() is not None:
        started.append(Running(clone, free_port(None), "--workers=2"))
        wait_for("it is ready", started[-1].ready, within=90)
    return started[-1]


def test_it_starts_from_nothing_and_each_process_knows_only_the_addresses_it_needs(running: Running) -> None:
    assert running.healthy()
    assert len(running.children("uvicorn")) == 2
    environs = {pid: set(environ) for pid, environ in running.processes().items()}
    platform = running.children("--queues=platform")
    assert len(platform) == 1
    assert environs[platform[0]] & PRIVILEGED == {"DATABASE_OWNER_URL", "DATABASE_OPS_URL"}
    for pid in [*running.children("uvicorn"), *running.children("--queues=work")]:
        assert environs[pid] & PRIVILEGED == set()
        assert environs[pid] >= {"DATABASE_URL", "REDIS_URL"}


def test_a_killed_process_is_started_again(running: Running) -> None:
    for word in ("uvicorn", "--queues=work", "--queues=platform"):
        killed = running.children(word)
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        wait_for(
            f"{word} runs again",
            lambda word=word, killed=killed: (  # type: ignore[misc]
                len(new := running.children(word)) == len(killed) and not set(new) & set(killed)
            ),
        )
    wait_for("it answers again", running.healthy, within=30)


def test_a_second_one_in_the_same_folder_is_refused(running: Running, clone: Path) -> None:
    second = Running(clone, free_port(None))
    assert second.process.wait(30) == 1
    expected = f"docent: it already runs with the state folder {running.data}; stop it or set DOCENT_DATA\n"
    assert second.output.read_text() == expected
    assert running.healthy()


def test_nothing_survives_when_it_is_killed_and_it_starts_again(
    running: Running, clone: Path, started: list[Running]
) -> None:
    running.stop()
    started.append(Running(clone, free_port(None)))
    wait_for("it is ready", started[-1].ready, within=90)


def test_ctrl_c_stops_everything_that_was_started(running: Running) -> None:
    assert running.servers()
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(30) == 0
    assert running.processes() == {}
    assert running.servers() == []
    assert running.output.read_text().endswith("Docent has stopped.\n")


def test_a_taken_port_is_a_clear_error_before_anything_starts(clone: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = Running(clone, port)
        assert refused.process.wait(30) == 1
        assert refused.output.read_text() == (
            f"docent: cannot listen on 127.0.0.1 port {port}: Address already in use; choose another with PORT=\n"
        )
        assert refused.servers() == []
