"""The programs in docs/widget.md, run as they stand: what they sign lets a visitor in."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from config.embedded import PROJECT
from tests.conversations.visits import Visitor, collection_of, site_of
from tests.docs.test_examples import node
from tests.people import Person
from tests.processes import LiveServer

pytestmark = pytest.mark.django_db(transaction=True)

GUIDE = (PROJECT / "docs" / "widget.md").read_text(encoding="utf-8")


def test_the_guides_programs_vouch_for_a_visitor(alice: Person, live_server: LiveServer, tmp_path: Path) -> None:
    site = site_of(alice, collection_of(alice, "Rules"), visitors="signed")
    [python] = re.findall(r"```python\n(.+?)```", GUIDE, re.DOTALL)
    [javascript] = re.findall(r"```js\n(.+?)```", GUIDE, re.DOTALL)
    found = set()
    for command, name, code in ((sys.executable, "sign.py", python), (node(), "sign.mjs", javascript)):
        program = tmp_path / name
        program.write_text(code, encoding="utf-8")
        keys = {"SITE_KEY": site["key"], "SITE_SECRET": site["secret"]}
        done = subprocess.run([command, program], env=keys, capture_output=True, text=True, timeout=60, check=True)
        response = Visitor(live_server, site["key"]).send(
            "POST", "session/", json={"visitor": done.stdout.strip()}
        )
        assert response.status_code == 200, response.text
        found.add(response.json()["name"])
    assert found == {"Ann"}
