"""``manage.py serve PART``: one process of Docent, for whoever keeps them running: containers, systemd.

`up` starts the same commands. This process becomes the part: signals reach it, and its end is seen.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from config.supervisor import Program
from config.up import OPERATOR, Options, StartError, listen, programs

PARTS = ("web", "worker", "embedder", "platform", "admin")
_LISTENING = ("web", "admin")
_NEEDED = ("DATABASE_URL", "REDIS_URL")
# How many processes there are on all machines together: said to each, and not how many this one becomes.
_ALTOGETHER = ("DOCENT_WORKERS", "DOCENT_EMBED_WORKERS", "DOCENT_WEB_PROCESSES")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options, for this module and for Django's ``help``."""
    parser.add_argument("part", choices=PARTS, help="which of Docent's processes")
    parser.add_argument("--host", default="127.0.0.1", help="address on which web and admin listen (127.0.0.1)")
    parser.add_argument(
        "--port", default=os.environ.get("PORT") or "8000", type=int, help="their port ($PORT or 8000)"
    )
    parser.add_argument("--processes", default=1, type=int, metavar="N", help="children of a worker (1)")


def main(arguments: Sequence[str], data: Path) -> int:
    """Become the part; ``data`` is the state folder. Returns only if it cannot: the exit code."""
    parser = argparse.ArgumentParser(prog="manage.py serve", description=__doc__)
    add_arguments(parser)
    parsed = parser.parse_args(arguments)
    return run(parsed.part, parsed.host, parsed.port, parsed.processes, data)


def run(part: str, host: str, port: int, processes: int, data: Path) -> int:
    """Replace this process by the part. Returns 1, with a line that says why, where it cannot start."""
    options = Options(host=host, port=port, workers=1, demo=False)
    try:
        program = program_of(part, options, processes, data)
        os.execvpe(program.command[0], list(program.command), program.environ)  # noqa: S606 - our own command
    except StartError as error:
        print(f"docent: {error}", file=sys.stderr)  # noqa: T201 - a command
    return 1


def program_of(part: str, options: Options, processes: int, data: Path) -> Program:
    """What `up` would start, on a listening socket of its own that stays open. Raises StartError."""
    if missing := [name for name in _NEEDED if not os.environ.get(name)]:
        raise StartError(f"serve needs {' and '.join(missing)}: `up` brings servers of its own")
    descriptor = -1
    if part in _LISTENING:
        listener = listen(options)
        listener.set_inheritable(True)
        descriptor = listener.detach()
    environ = dict(os.environ)
    # Only the process that is asked for may find it.
    environ.pop(OPERATOR, None)
    counted = environ | {"DOCENT_WORKERS": str(processes), "DOCENT_EMBED_WORKERS": "1"}
    started = {program.name: program for program in programs(options, counted, data, descriptor)}
    program = started["web" if part == "admin" else part]
    variables = _without_counts(program.environ) | {name: environ[name] for name in _ALTOGETHER if name in environ}
    if part == "admin":
        variables[OPERATOR] = "1"
    return Program(name=part, command=program.command, environ=variables)


def _without_counts(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name not in _ALTOGETHER}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path(os.environ["DOCENT_DATA"])))
