"""The import contracts of pyproject.toml: kept by the code, and red when one line breaks them."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from config.embedded import PROJECT
from tests.architecture.sources import APPS

CONTRACTS = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["importlinter"]
BREACHES = {
    "between the apps": ("documents/selectors.py", "import retrieval.search"),
    "inside an app": ("documents/models/documents.py", "import documents.selectors"),
    "providers without Django": ("providers/errors.py", "import django.conf"),
    "parsers without Django": ("documents/extraction/types.py", "import documents.models"),
    "start without Django": ("config/locks.py", "import django"),
    "siblings": ("providers/errors.py", "import tenants.errors"),
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The apps and their contracts, to break."""
    folder = tmp_path_factory.mktemp("copy")
    for app in APPS:
        shutil.copytree(PROJECT / app, folder / app, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PROJECT / "pyproject.toml", folder)
    return folder


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_contracts_cover_every_app() -> None:
    with_code = {path.parent.name for path in PROJECT.glob("*/__init__.py")} - {"bench", "tests"}
    assert set(CONTRACTS["root_packages"]) == set(APPS) == with_code


def test_the_code_keeps_them(copy: Path) -> None:
    checked = lint(copy)
    assert checked.returncode == 0, checked.stdout
    assert f"{len(CONTRACTS['contracts'])} kept, 0 broken" in checked.stdout


@pytest.mark.parametrize("breach", BREACHES)
def test_one_import_too_many_is_found(copy: Path, breach: str) -> None:
    path, line = BREACHES[breach]
    module = copy / path
    original = module.read_text()
    module.write_text(f"{original}\n{line}\n")
    try:
        checked = lint(copy)
    finally:
        module.write_text(original)
    assert checked.returncode == 1
    assert "BROKEN" in checked.stdout


def test_a_module_without_a_place_is_found(copy: Path) -> None:
    stray = copy / "documents" / "anywhere.py"
    stray.write_text('"""Nobody said where this belongs."""\n')
    try:
        checked = lint(copy)
    finally:
        stray.unlink()
    assert checked.returncode == 1
    assert "anywhere" in checked.stdout
