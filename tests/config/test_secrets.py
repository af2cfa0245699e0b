"""The installation's secrets: private, independent, the same for everybody who asks."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import astuple
from pathlib import Path

from config.embedded import PROJECT
from config.secrets import load_secrets, write_private

ASK = """
import sys
from dataclasses import astuple
from pathlib import Path
from config.secrets import load_secrets

print(*astuple(load_secrets(Path(sys.argv[1]))))
"""


def test_each_value_is_its_own_and_long_enough(tmp_path: Path) -> None:
    values = astuple(load_secrets(tmp_path))
    assert len(set(values)) == 9
    assert [len(value) for value in values] == [64] + 8 * [43]
    assert astuple(load_secrets(tmp_path)) == values
    assert not set(values) & set(astuple(load_secrets(tmp_path / "other")))


def test_only_the_owner_reads_them(tmp_path: Path) -> None:
    load_secrets(tmp_path)
    folder = tmp_path / "secrets"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_a_lost_secret_is_made_again_and_the_others_stay(tmp_path: Path) -> None:
    before = load_secrets(tmp_path)
    (tmp_path / "secrets" / "app_password").unlink()
    after = load_secrets(tmp_path)
    assert after.app_password != before.app_password
    assert after.owner_password == before.owner_password


def test_processes_that_start_at_once_get_the_same(tmp_path: Path) -> None:
    command = [sys.executable, "-c", ASK, str(tmp_path)]
    asking = [subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    answers = {process.communicate(timeout=30)[0] for process in asking}
    assert answers == {" ".join(astuple(load_secrets(tmp_path))) + "\n"}


def test_secrets_do_not_show_in_tracebacks(tmp_path: Path) -> None:
    secrets = load_secrets(tmp_path)
    assert secrets.app_password not in repr(secrets)


def test_a_private_file_replaces_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("old")
    target.chmod(0o644)
    write_private(target, "new")
    assert (target.read_text(), target.stat().st_mode & 0o777) == ("new", 0o600)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
