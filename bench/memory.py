"""Memory of everything that `manage.py up` started, servers included, after a question, with no upload running.

The proportional set sizes are summed: a page that processes share counts once. Worker and embedder give
their models back a minute after the last upload; the figure is taken when they have.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from bench.corpus import pdfs, questions
from bench.figures import Figure, parser, report
from bench.portal import Portal, ask, portal, upload

TARGET_MB = 800.0
_SETTLED_WITHIN = 100.0
_POLL = 1.0


def measure(running: Portal) -> Iterable[Figure]:
    """Ask once, wait until the models are dropped, ask again and sum up."""
    with running.client() as client:
        ask(client, questions(1)[0])
        loaded = memory_of(running)
        lowest = _settled(running)
        ask(client, questions(2)[1])
    sizes = memory_of(running)
    yield Figure(
        name="Memory after a question",
        value=sum(sizes.values()),
        unit="MB",
        target=TARGET_MB,
        details={
            **{f"{name}, MB": size for name, size in sorted(sizes.items(), key=lambda one: -one[1])},
            "right after the upload, MB": sum(loaded.values()),
            "worker and embedder right after the upload, MB": loaded["worker"] + loaded["embedder"],
            "at rest, MB": lowest,
        },
    )


def _settled(running: Portal) -> float:
    """The sum at rest: the lowest seen until the idle minute is over."""
    deadline = time.monotonic() + _SETTLED_WITHIN
    lowest = float("inf")
    while time.monotonic() < deadline:
        lowest = min(lowest, sum(memory_of(running).values()))
        time.sleep(_POLL)
    return lowest


def memory_of(running: Portal) -> dict[str, float]:
    """MB by kind of process."""
    sizes: dict[str, float] = {}
    for pid in running.pids():
        with contextlib.suppress(OSError):  # gone meanwhile
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            size = next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
            name = _name(Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0"))
            sizes[name] = sizes.get(name, 0.0) + size * 1024 / 1e6
    return sizes


def _name(command: list[str]) -> str:
    words = " ".join(command)
    for sign, name in (
        ("config.up", "up"),
        ("config.embedded.keeper", "keepers"),
        ("uvicorn", "web"),
        ("--queues=work", "worker"),
        ("--queues=embed", "embedder"),
        ("--queues=platform", "platform"),
        ("postgres", "postgres"),
        ("valkey", "valkey"),
    ):
        if sign in words:
            return name
    return Path(command[0]).name


def main() -> int:
    options = parser(__doc__).parse_args()
    with portal() as running:
        upload(running, pdfs(options.pdfs, options.pages))
        return report(measure(running), as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
