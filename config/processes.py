"""What Linux knows about processes: who they are, whom they follow into death, how to end them."""

from __future__ import annotations

import ctypes
import os
import select
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(signum: int, parent: int) -> None:
    """Let the kernel send ``signum`` to this process when the thread that started it ends (prctl(2)).

    Ends it here and now if ``parent`` died before the request was made.
    """
    _libc.prctl(_PR_SET_PDEATHSIG, signum, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def child_of(parent: int, signum: int) -> Callable[[], None]:
    """A ``preexec_fn``: the child gets ``signum`` when ``parent`` dies, and starts with no signal blocked.

    It runs after subprocess has changed the user, which is when the kernel would forget the request.
    """

    def prepare() -> None:
        die_with_parent(signum, parent)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())

    return prepare


def identity(pid: int) -> str | None:
    """``"<pid> <start in clock ticks since boot>"``, which no later process shares; None if it is dead."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    state, *fields = stat.rpartition(")")[2].split()  # the name before ")" may hold anything
    return None if state in "ZX" else f"{pid} {fields[18]}"


def working_in(folder: Path) -> set[int]:
    """The processes whose working directory is ``folder``, as far as this user may see them."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # gone meanwhile, or another user's
            if (process / "cwd").samefile(folder):
                found.add(int(process.name))
    return found


def end(process: str, signum: int, *, grace: float) -> None:
    """Send ``signum`` to the process of that ``identity`` if it lives; SIGKILL after ``grace`` seconds."""
    pid = int(process.partition(" ")[0])
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if identity(pid) != process:
            return
        signal.pidfd_send_signal(handle, signum)
        if not select.select([handle], [], [], grace)[0]:
            signal.pidfd_send_signal(handle, signal.SIGKILL)
            select.select([handle], [], [], grace)
    except ProcessLookupError:
        return
    finally:
        os.close(handle)


def end_carriers(variable: str, value: str) -> int:
    """Kill every process that was started with ``variable=value`` in its environment; how many there were.

    Children inherit the environment, so this finds grandchildren that their dead parents no longer name.
    """
    wanted = os.fsencode(f"{variable}={value}")
    ended = 0
    for folder in Path("/proc").glob("[0-9]*"):
        pid = int(folder.name)
        with suppress(OSError):  # gone meanwhile, or another user's
            if pid != os.getpid() and wanted in (folder / "environ").read_bytes().split(b"\0"):
                os.kill(pid, signal.SIGKILL)
                ended += 1
    return ended
