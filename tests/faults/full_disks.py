"""A disk that is full for one process: what it writes past a few bytes of a file is refused by the system."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def full_for(pid: int, *, beyond: int = 512) -> Iterator[None]:
    """The process and its children write no further than so many bytes into any file, until the block ends.

    Children that it starts meanwhile have the limit too, and lose it with the others.
    """
    for one in _with_children(pid):
        _limit(one, beyond)
    try:
        yield
    finally:
        for one in _with_children(pid):
            _limit(one, resource.RLIM_INFINITY)


def _limit(pid: int, size: int) -> None:
    """As the user whose process it is: root may lack the right to set others' limits."""
    child = os.fork()
    if not child:
        code = 1
        with suppress(OSError):
            owner = Path(f"/proc/{pid}").stat()
            if owner.st_uid != os.geteuid():
                os.setgid(owner.st_gid)
                os.setuid(owner.st_uid)
            _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            bounded = size if hard == resource.RLIM_INFINITY else min(size, hard)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (bounded, hard))
            code = 0
        os._exit(code)
    _, status = os.waitpid(child, 0)
    assert status == 0 or not Path(f"/proc/{pid}").exists(), "the limit could not be set"


def _with_children(pid: int) -> Iterator[int]:
    """Each before its children are looked for: what it starts later has what was done to it."""
    yield pid
    with suppress(OSError):  # gone meanwhile
        for child in map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()):
            yield from _with_children(child)
