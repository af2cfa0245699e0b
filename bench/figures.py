"""A figure, its target, and where and when it was measured."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from config.embedded import PROJECT


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """`value` in `unit`, against `target`; `details` are what it is made of, in the same or a named unit."""

    name: str
    value: float
    unit: str
    target: float
    more_is_better: bool = False
    details: dict[str, float] = field(default_factory=dict)

    @property
    def is_met(self) -> bool:
        return self.value >= self.target if self.more_is_better else self.value < self.target

    def lines(self) -> Iterable[str]:
        """The figure as people read it."""
        sign = "≥" if self.more_is_better else "<"
        verdict = "met" if self.is_met else "MISSED"
        yield f"{self.name}: {self.value:.1f} {self.unit} (target {sign} {self.target:g}: {verdict})"
        yield from (f"    {name}: {value:.1f}" for name, value in self.details.items())


def circumstances() -> dict[str, str]:
    """Machine, date and commit."""
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "machine": f"{cpu}, {len(os.sched_getaffinity(0))} cores, {memory:.0f} GB, Linux {platform.release()}",
        "python": platform.python_version(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": _git("rev-parse", "--short", "HEAD")
        + (" with changes" if _git("status", "--porcelain") else ""),
    }


def _git(*arguments: str) -> str:
    command = ["git", *arguments]
    result = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    return result.stdout.strip()


def report(figures: Iterable[Figure], *, as_json: bool) -> int:
    """Print the figures; the exit code says whether all targets are met."""
    figures = list(figures)
    if as_json:
        rows = [{**asdict(figure), "is_met": figure.is_met} for figure in figures]
        print(json.dumps({**circumstances(), "figures": rows}, indent=2, ensure_ascii=False))
    else:
        for name, value in circumstances().items():
            print(f"{name}: {value}")
        for figure in figures:
            print(*figure.lines(), sep="\n")
    return 0 if all(figure.is_met for figure in figures) else 1


def parser(description: str | None) -> argparse.ArgumentParser:
    """The options that every figure's command has."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--json", action="store_true", help="one JSON object on standard output")
    options.add_argument("--pdfs", type=Path, metavar="DIR", help="measure on these PDFs instead of our own")
    options.add_argument("--pages", type=int, default=400, help="pages of our own to make (%(default)s)")
    return options
