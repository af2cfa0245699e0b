"""The documents say what is there: links lead somewhere, settings and paths exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from config.embedded import PROJECT

DOCUMENTS = sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")])
# Read by `up` and `init`, which do without the settings.
WITHOUT_SETTINGS = {"DATABASE_OWNER_URL", "DATABASE_OPS_URL"}
# Its end is the name of a server.
A_FAMILY = {"DOCENT_MODEL_KEY_NAME"}


def named(document: Path) -> str:
    return str(document.relative_to(PROJECT))


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_links_lead_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
    local = {target for target in targets if "://" not in target}
    assert {target for target in local if not (document.parent / target).exists()} == set()


def test_every_setting_is_described_and_every_described_setting_exists() -> None:
    settings = "".join(path.read_text() for path in (PROJECT / "config" / "settings").glob("*.py"))
    read = set(re.findall(r"env\.\w+\(\s*[\"']([A-Z0-9_]+)", settings))
    table = re.findall(r"^\| (`[A-Z0-9_`, ]+`) \|", (PROJECT / "docs" / "operations.md").read_text(), re.MULTILINE)
    described = {name for cell in table for name in re.findall(r"`(\w+)`", cell)}
    assert described == read | WITHOUT_SETTINGS | A_FAMILY


def test_the_tour_names_files_that_exist() -> None:
    tour = (PROJECT / "docs" / "architecture.md").read_text(encoding="utf-8")
    paths = set(re.findall(r"`((?:config|tenants|documents|retrieval|conversations|providers)/[\w/.]+)`", tour))
    assert len(paths) > 10
    assert {path for path in paths if not (PROJECT / path).exists()} == set()
