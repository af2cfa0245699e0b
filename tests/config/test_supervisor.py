"""The supervisor with real processes: shells and sleeping Pythons, real signals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config.embedded import PROJECT
from config.processes import end_carriers
from config.supervisor import Program, Supervisor
from tests.config.polling import alive, wait_for

# Runs one supervisor over the shell programs named on its command line until it is told to stop.
DRIVER = """
import os, sys
from config.supervisor import Program, Supervisor

programs = [
    Program(name=f"p{number}", command=["/bin/sh", "-c", script], environ=dict(os.environ))
    for number, script in enumerate(sys.argv[2:], 1)
]
supervisor = Supervisor(programs, write=lambda line: print(line, flush=True), grace=float(sys.argv[1]))
sys.exit(supervisor.run(lambda: 0.05))
"""


Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a supervisor of shell scripts in a process of its own; it is killed after the test."""
    started = []

    def start(*scripts: str, grace: float = 5.0) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", DRIVER, str(grace), *scripts]
        started.append(subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for supervisor in started:
        supervisor.kill()
        supervisor.communicate()


def read_until(supervisor: subprocess.Popen[str], text: str) -> list[str]:
    """The lines it wrote, up to the first that contains the text."""
    lines: list[str] = []
    assert supervisor.stdout is not None
    for line in supervisor.stdout:
        lines.append(line.rstrip("\n"))
        if text in line:
            return lines
    raise AssertionError(f"ended without {text!r}: {lines}")


def number_after(lines: list[str], word: str) -> int:
    """The process number that a script printed behind the word."""
    return next(int(line.rpartition(" ")[2]) for line in lines if f"{word} " in line)


def test_lines_carry_their_programs_name_also_the_last_without_an_end(start: Start) -> None:
    supervisor = start("printf 'one\\ntwo'; exit 3")
    assert read_until(supervisor, "ended") == [
        "p1 | one",
        "p1 | two",
        "p1 | ended with code 3; starts again in 0.5 s",
    ]


def test_a_crashed_program_starts_again_ever_later_and_the_others_stay(start: Start) -> None:
    supervisor = start("kill -9 $$", "echo steady $$; exec sleep 60")
    lines = read_until(supervisor, "again in 2 s")
    assert [line for line in lines if "ended" in line] == [
        f"p1 | ended with signal 9; starts again in {pause} s" for pause in ("0.5", "1", "2")
    ]
    assert sum("steady" in line for line in lines) == 1
    assert alive(number_after(lines, "steady"))


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_every_program_in_order(signum: int, start: Start) -> None:
    script = "trap 'echo farewell; exit 0' TERM; echo number $$; while :; do sleep 0.1; done"
    supervisor = start(script)
    program = number_after(read_until(supervisor, "number"), "number")
    supervisor.send_signal(signum)
    rest, _ = supervisor.communicate(timeout=20)
    assert rest == "p1 | farewell\n"
    assert supervisor.returncode == 0
    assert not alive(program)


def test_who_ignores_the_signal_is_killed_after_the_grace_with_its_children(start: Start) -> None:
    script = "trap '' TERM; sleep 61 & echo child $!; echo number $$; wait; while :; do sleep 1; done"
    supervisor = start(script, grace=0.5)
    lines = read_until(supervisor, "number")
    began = time.monotonic()
    supervisor.terminate()
    supervisor.communicate(timeout=20)
    assert 0.4 < time.monotonic() - began < 5
    assert not alive(number_after(lines, "number"))
    wait_for("the child is killed too", lambda: not alive(number_after(lines, "child")))


def test_a_second_signal_does_not_wait_for_the_grace(start: Start) -> None:
    supervisor = start("trap '' TERM; echo number $$; while :; do sleep 1; done", grace=60)
    read_until(supervisor, "number")
    began = time.monotonic()
    supervisor.terminate()
    while supervisor.poll() is None and time.monotonic() - began < 20:
        supervisor.send_signal(signal.SIGINT)
        time.sleep(0.1)
    assert supervisor.returncode == 0
    assert time.monotonic() - began < 10


def test_what_a_program_leaves_behind_ends_with_it(start: Start) -> None:
    supervisor = start("sleep 62 & echo child $!; exit 1")
    child = number_after(read_until(supervisor, "ended"), "child")
    wait_for("the abandoned child is killed", lambda: not alive(child))


def test_nothing_survives_a_killed_supervisor(start: Start) -> None:
    supervisor = start("echo number $$; exec sleep 63")
    program = number_after(read_until(supervisor, "number"), "number")
    supervisor.kill()
    wait_for("the program is dead", lambda: not alive(program))


def test_leftovers_are_found_by_their_environment_and_nobody_else_is(tmp_path: Path) -> None:
    def sleeper(folder: Path) -> subprocess.Popen[bytes]:
        return subprocess.Popen(["sleep", "64"], env=os.environ | {"DOCENT_TEST_MARK": str(folder)})

    leftover, neighbour = sleeper(tmp_path / "a"), sleeper(tmp_path / "ab")
    try:
        wait_for("both run", lambda: all(_has_mark(p.pid) for p in (leftover, neighbour)))
        assert end_carriers("DOCENT_TEST_MARK", str(tmp_path / "a")) == 1
        assert leftover.wait(10) == -signal.SIGKILL
        assert neighbour.poll() is None
    finally:
        neighbour.kill()
        neighbour.wait()


def _has_mark(pid: int) -> bool:
    return b"DOCENT_TEST_MARK" in Path(f"/proc/{pid}/environ").read_bytes()


def test_stop_ends_with_its_code() -> None:
    written: list[str] = []
    supervisor = Supervisor(
        [Program(name="one", command=["/bin/sh", "-c", "exit 7"], environ={})], write=written.append
    )

    def stop_at_first_crash() -> float:
        if supervisor.crashes["one"]:
            supervisor.stop(4)
        return 0.01

    assert supervisor.run(stop_at_first_crash) == 4
    assert written == ["one | ended with code 7; starts again in 0.5 s"]
