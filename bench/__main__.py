"""Every benchmark, one after the other, as one table of machine, date and commit; written to a file too.

Each has a time after which it is cut off and counts as missed: four hours in all, and two on two quiet cores.
`--small` leaves out the million passages and the week, and takes half an hour.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.figures import circumstances
from config.embedded import PROJECT


@dataclass(frozen=True, slots=True)
class Command:
    """A module that prints figures as JSON, and the minutes that it has."""

    module: str
    minutes: float
    arguments: Sequence[str] = ()
    small: Sequence[str] | None = ()

    def words(self, *, is_small: bool) -> list[str]:
        return ["-m", self.module, "--json", *((self.small or ()) if is_small else self.arguments)]


COMMANDS = (
    Command("bench.basics", 15),
    Command("bench.api", 10),
    Command("bench.pages", 10),
    Command("bench.rolling", 10),
    Command("bench.chat", 20, small=("--small",)),
    Command("bench.citations", 20, small=("--answers", "100")),
    Command("bench.ingestion", 40, ("--documents", "1000"), small=None),
    Command("bench.search", 60, small=None),
    Command("bench.week", 60, small=("--documents", "200", "--questions", "1000")),
)


def run(command: Command, *, is_small: bool) -> list[dict[str, Any]]:
    """Its figures; one that is missed stands for a command that did not come to its end."""
    words = command.words(is_small=is_small)
    print(f"python {' '.join(words)}", file=sys.stderr, flush=True)
    try:
        done = subprocess.run(
            [sys.executable, *words],
            cwd=PROJECT,
            check=False,
            stdout=subprocess.PIPE,
            text=True,
            timeout=60 * command.minutes,
        )
        return list(json.loads(done.stdout[done.stdout.index("{") :])["figures"])
    except subprocess.TimeoutExpired:
        reason = f"not over after {command.minutes:g} minutes"
    except (ValueError, KeyError):
        reason = f"ended with {done.returncode}"
    return [{"name": f"{command.module}: {reason}", "value": None, "is_met": False}]


def row(figure: dict[str, Any]) -> str:
    if figure["value"] is None:
        return f"| {figure['name']} | | | MISSED |"
    sign = "≥" if figure["more_is_better"] else "<"
    value, target = f"{figure['value']:.1f} {figure['unit']}", f"{sign} {figure['target']:g} {figure['unit']}"
    return f"| {figure['name']} | {target} | {value} | {'met' if figure['is_met'] else 'MISSED'} |"


def table(figures: Iterable[dict[str, Any]]) -> str:
    told = [f"{name}: {value}" for name, value in circumstances().items()]
    rows = ["| figure | target | measured | |", "|---|---|---|---|", *map(row, figures)]
    return "\n".join([*told, "", *rows, ""])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--small", action="store_true", help="half an hour")
    parser.add_argument("--only", nargs="*", default=[], metavar="MODULE", help="as bench.api")
    parser.add_argument(
        "--output", type=Path, default=PROJECT / "figures.md", help="the table's file (%(default)s)"
    )
    given = parser.parse_args()
    figures: list[dict[str, Any]] = []
    for command in COMMANDS:
        is_left_out = given.small and command.small is None
        if not is_left_out and (not given.only or command.module in given.only):
            figures += run(command, is_small=given.small)
            # What is known so far is kept, whatever becomes of the rest.
            given.output.write_text(table(figures), encoding="utf-8")
    print(table(figures))
    return 0 if all(figure["is_met"] for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
