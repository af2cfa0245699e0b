"""Settings of production: nothing to be warned of, and no secret that two installations share (P5)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from config.embedded import PROJECT

SHOW = """
import django
from django.conf import settings

django.setup()
names = ("SECRET_KEY", "DOCENT_TASK_KEY", "DOCENT_VAULT_KEY", "DOCENT_AUDIT_KEY")
print(*(getattr(settings, name) for name in names), settings.DEBUG)
"""


def production(data: Path, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
    variables = {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "config.settings.production",
        "DOCENT_DATA": str(data),
        "DOCENT_PUBLIC_URL": "https://docent.example.org",
        "DOCENT_ALLOWED_HOSTS": "docent.example.org,localhost",
    }
    words = [sys.executable, *command]
    return subprocess.run(
        words, cwd=PROJECT, env=variables | more, capture_output=True, text=True, check=False, timeout=120
    )


def test_P5_djangos_own_check_finds_nothing(tmp_path: Path) -> None:
    checked = production(tmp_path, "manage.py", "check", "--deploy", "--fail-level=WARNING")
    assert (checked.returncode, checked.stderr) == (0, "")
    assert checked.stdout == "System check identified no issues (0 silenced).\n"


def test_P5_no_two_installations_have_a_secret_in_common(tmp_path: Path) -> None:
    one, other = (production(tmp_path / name, "-c", SHOW).stdout.split() for name in ("one", "other"))
    assert (one.pop(), other.pop()) == ("False", "False")
    assert min(map(len, one + other)) >= 43
    assert len(set(one + other)) == 8


def test_P5_where_secrets_are_given_none_is_made_up(tmp_path: Path) -> None:
    refused = production(tmp_path, "manage.py", "check", DOCENT_SECRETS=str(tmp_path / "given"))
    assert refused.returncode == 1
    assert refused.stderr.strip().endswith(
        f"{tmp_path}/given/django_key cannot be read: No such file or directory"
    )
    assert not (tmp_path / "secrets").exists()


def test_P5_one_process_alone_brings_no_servers_and_no_passwords_of_its_own(tmp_path: Path) -> None:
    refused = production(tmp_path, "manage.py", "serve", "web")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == "docent: serve needs DATABASE_URL and REDIS_URL: `up` brings servers of its own\n"
    assert list(tmp_path.iterdir()) == []
