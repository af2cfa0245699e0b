"""Keep a few long-running programs alive, show their output, and leave none of them behind.

Each program runs in a session of its own, so a Ctrl-C reaches the supervisor alone, which then stops them
in order. If the supervisor is killed, the kernel kills its children; see ``config.processes``.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType

from config.processes import child_of

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_FIRST_PAUSE = 0.5  # seconds, as all that follows
_LONGEST_PAUSE = 30.0
_STEADY_AFTER = 30.0
_LONGEST_LINE = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What to run: ``environ`` is its whole environment, ``descriptors`` are passed on open."""

    name: str
    command: Sequence[str]
    environ: Mapping[str, str]
    descriptors: tuple[int, ...] = ()


@dataclass(slots=True)
class _Child:
    """A program's present process, if it has one, and when it may start again."""

    program: Program
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause: float = _FIRST_PAUSE
    start_at: float = 0.0
    crashes: int = 0
    unfinished_line: bytes = b""


class Supervisor:
    """Runs programs until a signal or ``stop``; what ends by itself is started again, ever more slowly."""

    def __init__(self, programs: Sequence[Program], *, write: Callable[[str], None], grace: float = 10.0) -> None:
        self._children = [_Child(program) for program in programs]
        self._width = max(len(program.name) for program in programs)
        self._write = write
        self._grace = grace
        self._selector = selectors.DefaultSelector()
        self._stop_requests = 0
        self._exit_code = 0

    @property
    def crashes(self) -> Mapping[str, int]:
        """How often each program has ended without being asked to."""
        return {child.program.name: child.crashes for child in self._children}

    def stop(self, exit_code: int) -> None:
        """Let ``run`` stop everything and return ``exit_code``."""
        self._stop_requests += 1
        self._exit_code = exit_code

    def run(self, tick: Callable[[], float]) -> int:
        """Start the programs and stay until they are to stop. Returns the exit code, 0 after a signal.

        ``tick`` is called again and again; it returns the seconds until it wants to be called next.
        """
        with _signal_socket(self._count_stop) as wakeup, self._selector:
            self._selector.register(wakeup, selectors.EVENT_READ)
            next_tick = 0.0
            while not self._stop_requests:
                self._start_due()
                if time.monotonic() >= next_tick:
                    next_tick = time.monotonic() + tick()
                self._wait(min([next_tick, *(child.start_at for child in self._children if not child.process)]))
                self._reap()
            self._stop_all()
        return self._exit_code

    def _count_stop(self, _signum: int, _frame: FrameType | None) -> None:
        self._stop_requests += 1

    def _start_due(self) -> None:
        for child in self._children:
            if child.process or child.start_at > time.monotonic():
                continue
            child.started = time.monotonic()
            child.process = subprocess.Popen(  # noqa: S603 - the caller's own commands
                child.program.command,
                env=child.program.environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=child.program.descriptors,
                start_new_session=True,
                umask=0o077,  # what they write is nobody else's on this machine
                preexec_fn=child_of(os.getpid(), signal.SIGKILL),  # noqa: PLW1509 - one thread
            )
            if child.process.stdout:
                os.set_blocking(child.process.stdout.fileno(), False)
                self._selector.register(child.process.stdout, selectors.EVENT_READ, child)

    def _wait(self, until: float) -> None:
        """Show what the programs write until something happens or the time has come."""
        for key, _ in self._selector.select(max(0.0, until - time.monotonic())):
            if isinstance(key.fileobj, socket.socket):
                key.fileobj.recv(4096)
            elif not self._show(key.data, key.fd):
                self._selector.unregister(key.fileobj)

    def _show(self, child: _Child, descriptor: int) -> bool:
        """Write the lines that have arrived, each under its program's name; False when none will come."""
        try:
            arrived = os.read(descriptor, 65536)
        except BlockingIOError:
            return False
        *lines, rest = (child.unfinished_line + arrived).split(b"\n")
        if not arrived or len(rest) > _LONGEST_LINE:
            lines, rest = [*lines, rest], b""
        child.unfinished_line = rest
        for line in filter(None, lines):
            self._say(child, line.decode(errors="replace"))
        return bool(arrived)

    def _say(self, child: _Child, line: str) -> None:
        self._write(f"{child.program.name:<{self._width}} | {line}")

    def _reap(self) -> None:
        """Note who has ended, and end what they left in their groups before the numbers can be used again."""
        for child in self._children:
            if not child.process or not _has_ended(child.process.pid):
                continue
            with suppress(ProcessLookupError):
                os.killpg(child.process.pid, signal.SIGKILL)
            code = child.process.wait()
            if child.process.stdout:
                while self._show(child, child.process.stdout.fileno()):
                    pass
                with suppress(KeyError):
                    self._selector.unregister(child.process.stdout)
                child.process.stdout.close()
            child.process = None
            if not self._stop_requests:
                self._plan_restart(child, code)

    def _plan_restart(self, child: _Child, code: int) -> None:
        now = time.monotonic()
        child.crashes += 1
        child.pause = _FIRST_PAUSE if now - child.started > _STEADY_AFTER else child.pause
        child.start_at = now + child.pause
        cause = f"signal {-code}" if code < 0 else f"code {code}"
        self._say(child, f"ended with {cause}; starts again in {child.pause:g} s")
        child.pause = min(child.pause * 2, _LONGEST_PAUSE)

    def _stop_all(self) -> None:
        """SIGTERM to each; SIGKILL to its whole group when the grace is over or at a second signal."""
        for child in self._children:
            if child.process:
                child.process.terminate()
        asked, deadline = self._stop_requests, time.monotonic() + self._grace
        while any(child.process for child in self._children):
            self._wait(deadline)
            self._reap()
            if time.monotonic() >= deadline or self._stop_requests > asked:
                deadline = time.monotonic() + self._grace
                for child in self._children:
                    if child.process:
                        os.killpg(child.process.pid, signal.SIGKILL)


def _has_ended(pid: int) -> bool:
    """Whether the child is over, leaving it to be waited for: its number stays its own until then."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


@contextmanager
def _signal_socket(handler: Callable[[int, FrameType | None], None]) -> Iterator[socket.socket]:
    """A socket that becomes readable at each signal to stop, after ``handler``, and at each child's end."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)  # noqa: FBT003 - the standard library's own signature
    theirs.setblocking(False)  # noqa: FBT003
    before = {signum: signal.signal(signum, handler) for signum in _STOP_SIGNALS}
    before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
    wakeup = signal.set_wakeup_fd(theirs.fileno())
    try:
        yield ours
    finally:
        signal.set_wakeup_fd(wakeup)
        for signum, previous in before.items():
            signal.signal(signum, previous)
        ours.close()
        theirs.close()
