"""What the README quotes is what a benchmark prints."""

from __future__ import annotations

import re

from bench.__main__ import COMMANDS, row
from bench.quoted import ELSEWHERE, QUOTED
from config.embedded import PROJECT

MEASURED = (PROJECT / "README.md").read_text(encoding="utf-8").partition("## Measured")[2].partition("\n## ")[0]
ROWS = [
    line for line in re.findall(r"^\| (.+?) \|", MEASURED, re.MULTILINE) if line.strip() not in {"", "| target"}
]


def test_each_figure_of_the_readme_is_one_that_a_benchmark_prints() -> None:
    known = [one.row for one in QUOTED] + list(ELSEWHERE)
    for line in ROWS:
        assert [one for one in known if line.startswith(one)], f"nobody prints: {line}"
    for beginning in known:
        assert [line for line in ROWS if line.startswith(beginning)], f"the README does not quote: {beginning}"
    for one in QUOTED:
        source = PROJECT / "bench" / f"{one.module.replace('.', '/')}.py"
        assert one.figure in source.read_text(encoding="utf-8"), one


def test_each_of_them_is_run_by_all_benchmarks() -> None:
    run = {command.module for command in COMMANDS}
    of_basics = {"first_token", "ingestion", "memory"}
    packages = {one.module.partition(".")[0] for one in QUOTED}
    assert {f"bench.{name}" for name in packages - of_basics} <= run
    assert "bench.basics" in run


def test_a_row_says_what_was_wanted_and_what_came() -> None:
    figure = {"name": "Speed", "value": 3.0, "unit": "m", "target": 4, "more_is_better": True, "is_met": False}
    assert row(figure) == "| Speed | ≥ 4 m | 3.0 m | MISSED |"
    assert (
        row({"name": "bench.x: ended with 1", "value": None, "is_met": False})
        == "| bench.x: ended with 1 | | | MISSED |"
    )
