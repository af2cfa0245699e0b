"""Secrets that are given as files: read, never made, and each missing one is named."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from config.embedded import PROJECT
from config.mounted import MissingSecretError, mounted_secrets, take_files


def test_a_variable_comes_from_the_file_that_its_twin_names(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://docent_app@db/docent\n")
    environ = {
        "DATABASE_URL_FILE": str(tmp_path / "url"),
        "REDIS_URL_FILE": str(tmp_path / "url"),
        "REDIS_URL": "redis://given",
        "DOCENT_EMAIL_URL_FILE": "",
        "ANOTHERS_FILE": "/nowhere",
    }
    take_files(environ)
    assert environ == {
        "DATABASE_URL": "postgresql://docent_app@db/docent",
        "REDIS_URL": "redis://given",
        "ANOTHERS_FILE": "/nowhere",
    }


@pytest.mark.parametrize("content", [None, "", "\n"])
def test_a_file_that_is_not_there_or_says_nothing_is_named(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "url").write_text(content)
    with pytest.raises(MissingSecretError, match=str(tmp_path / "url")):
        take_files({"DATABASE_URL_FILE": str(tmp_path / "url")})


def test_a_process_has_the_secrets_that_it_was_given_and_nothing_is_made(tmp_path: Path) -> None:
    for name in ("django_key", "task_key", "vault_key"):
        (tmp_path / name).write_text(f"{name} of this test\n")
    given = mounted_secrets(tmp_path)
    assert (given.django_key, given.task_key, given.vault_key) == (
        "django_key of this test",
        "task_key of this test",
        "vault_key of this test",
    )
    assert given.audit_key == given.owner_password == given.valkey_password == ""
    assert {path.name for path in tmp_path.iterdir()} == {"django_key", "task_key", "vault_key"}
    (tmp_path / "task_key").unlink()
    with pytest.raises(MissingSecretError, match="task_key"):
        mounted_secrets(tmp_path)


def test_a_command_says_in_one_line_which_secret_is_missing(tmp_path: Path) -> None:
    variables = {"PATH": "/usr/bin:/bin", "DOCENT_DATA": str(tmp_path), "DATABASE_URL_FILE": "/nowhere/url"}
    command = [sys.executable, "manage.py", "check"]
    done = subprocess.run(command, cwd=PROJECT, env=variables, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "docent: the secret /nowhere/url cannot be read: No such file or directory\n"
