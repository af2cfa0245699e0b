"""Every fault for which Docent promises something, at the stated times, and what was measured.

The tests of each row, one after the other, then the storm of `bench.storm`: kills at random while files are sent.
Half an hour, and never more than `--minutes`: what has not run by then counts as failed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as ET

from bench.figures import circumstances
from bench.rows import PROMISES, rows_of, shown_by_file
from config.embedded import PROJECT

_STORM_SECONDS = 600.0


@dataclass(slots=True)
class Row:
    """What came of a row's tests, and what they printed of what they measured."""

    passed: int = 0
    failed: list[str] = field(default_factory=list)
    seconds: float = 0.0
    told: list[str] = field(default_factory=list)

    def measured(self) -> str:
        if self.failed:
            return f"FAILED: {', '.join(self.failed)}"
        tests = f"{self.passed} {'test' if self.passed == 1 else 'tests'} in {self.seconds:.0f} s"
        return "; ".join([tests, *self.told]) if self.passed else "not shown by any test"


def run_tests(chosen: Iterable[int], *, within: float) -> dict[int, Row]:
    """Run the tests of these rows in one process, at the stated times."""
    chosen = set(chosen)
    by_file = shown_by_file().items()
    names = [f"{path}::{name}" for path, tests in by_file for name in sorted(tests) if rows_of(name) & chosen]
    rows: dict[int, Row] = defaultdict(Row)
    if not names:
        return rows
    with tempfile.TemporaryDirectory(prefix="docent-faults-") as folder:
        report = Path(folder) / "report.xml"
        kept = ["-o", "junit_logging=system-out", "-o", "junit_log_passing_tests=true", f"--junitxml={report}"]
        command = [sys.executable, "-m", "pytest", "-q", "-n", "0", *kept, *names]
        environ = {**os.environ, "FAULT_TIMES": "stated"}
        try:
            subprocess.run(command, cwd=PROJECT, env=environ, check=False, timeout=within)
        except subprocess.TimeoutExpired:
            print(f"cut off after {within / 60:.0f} minutes")
        _read(report, rows, chosen)
    return rows


def _read(report: Path, rows: Mapping[int, Row], chosen: set[int]) -> None:
    if not report.exists():
        for number in chosen:
            rows[number].failed.append("it did not come to an end")
        return
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 - pytest has just written it
        name = case.get("name") or ""
        for number in rows_of(name) & chosen:
            row = rows[number]
            row.seconds += float(case.get("time") or 0)
            if any(case.find(end) is not None for end in ("failure", "error", "skipped")):
                row.failed.append(name)
                continue
            row.passed += 1
            row.told += [line for line in (case.findtext("system-out") or "").splitlines() if _is_figure(line)]


def _is_figure(line: str) -> bool:
    """Tests print what they measured as a sentence; the rest is pytest's and the log's."""
    return line[:1].isalpha() and any(sign.isdigit() for sign in line) and not line.startswith("-")


def storm() -> tuple[bool, str]:
    """The last line of the storm, and whether it left all as it is without one."""
    begun = time.monotonic()
    command = [sys.executable, "-m", "bench.storm", "--uploads", "100", "--within", "240"]
    try:
        done = subprocess.run(
            command, cwd=PROJECT, check=False, stdout=subprocess.PIPE, text=True, timeout=_STORM_SECONDS
        )
    except subprocess.TimeoutExpired:
        return False, f"FAILED: not over after {_STORM_SECONDS:g} s"
    last = (done.stdout.strip().splitlines() or ["nothing"])[-1]
    return (
        done.returncode == 0,
        f"100 uploads, everything killed at random: {last}; {time.monotonic() - begun:.0f} s",
    )


def table(rows: Mapping[int, Row], chosen: Sequence[int]) -> Iterable[str]:
    yield "| id | promise | measured |"
    yield "|---|---|---|"
    for number in chosen:
        yield f"| F{number} | {PROMISES[number]} | {rows.get(number, Row()).measured()} |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", nargs="*", default=[], metavar="F1", help="these alone, and no storm")
    parser.add_argument("--minutes", type=float, default=45.0, help="for the tests (%(default)g)")
    given = parser.parse_args()
    chosen = sorted(int(one.removeprefix("F")) for one in given.rows) or sorted(PROMISES)
    rows = run_tests(chosen, within=60 * given.minutes)
    is_calm, told = (True, "") if given.rows else storm()
    print(*(f"{name}: {value}" for name, value in circumstances().items()), "", sep="\n")
    print(*table(rows, chosen), sep="\n")
    if told:
        print(f"| F1–F12 | together | {told} |")
    is_kept = all((row := rows.get(number, Row())).passed and not row.failed for number in chosen)
    return 0 if is_kept and is_calm else 1


if __name__ == "__main__":
    sys.exit(main())
