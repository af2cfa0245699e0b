"""A disk that is full for one process: what it writes past a few bytes of a file is refused by the system."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def full_for(pid: int, *, beyond: int = 512) -> Iterator[None]:
    """The process and its children write no further than so many bytes into any file, until the block ends."""
    pids = [pid, *_children(pid)]
    before = [resource.prlimit(one, resource.RLIMIT_FSIZE) for one in pids]
    for one, (_soft, hard) in zip(pids, before, strict=True):
        resource.prlimit(one, resource.RLIMIT_FSIZE, (beyond, hard))
    try:
        yield
    finally:
        for one, limits in zip(pids, before, strict=True):
            resource.prlimit(one, resource.RLIMIT_FSIZE, limits)


def _children(pid: int) -> Iterator[int]:
    for child in map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()):
        yield child
        yield from _children(child)
