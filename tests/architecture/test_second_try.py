"""Which tests are tried once more, and what that changes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.second_try import AT_MOST, may_try

ROOT = Path(__file__).parents[2]
BROWSER = "tests/browser/test_citations.py::test_19"
# Fails until it has been run as often as its file says.
MODULE = """
from pathlib import Path

def test_one():
    runs = Path(__file__).with_suffix(".runs")
    runs.write_text(runs.read_text() + "x" if runs.exists() else "x")
    assert len(runs.read_text()) >= {passes_from}
"""


def test_a_few_are_tried_again_and_never_one_that_guards_the_wall() -> None:
    many = [f"{BROWSER}[{number}]" for number in range(AT_MOST + 1)]
    assert may_try(1, many[:AT_MOST])
    assert not may_try(1, many)
    assert not may_try(1, [])
    assert not may_try(2, [BROWSER]), "somebody has interrupted it"
    assert not may_try(1, [BROWSER, "tests/isolation/test_matrix.py::test_I1"])
    assert not may_try(1, ["tests/security/test_headers.py::test_S1"])


@pytest.mark.parametrize(("passes_from", "ends_with"), [(1, 0), (2, 0), (3, 1)])
def test_who_passes_alone_is_named_others_are_red(tmp_path: Path, passes_from: int, ends_with: int) -> None:
    (tmp_path / "test_toy.py").write_text(MODULE.format(passes_from=passes_from))
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", *arguments]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    code = run("pytest").returncode
    again = run("tests.second_try", str(code))
    assert (code, again.returncode) == (int(passes_from > 1), ends_with)
    assert ("PASSED ALONE, to be mended: test_toy.py::test_one" in again.stdout) == (passes_from == 2)
    assert (tmp_path / "test_toy.runs").read_text() == "x" * min(passes_from, 2)
