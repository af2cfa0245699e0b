#!/usr/bin/env python
"""Docent's command line: Django's, with the embedded servers round the commands that need them."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import environ
from django.core.management import execute_from_command_line

from config.embedded import EmbeddedServerError, servers
from config.mounted import MissingSecretError, take_files

PROJECT = Path(__file__).resolve().parent
# Commands that look at the code only. Whatever is not listed gets a database.
WITHOUT_SERVERS = frozenset({
    "help", "version", "--version", "--help", "-h", "check", "makemigrations", "collectstatic", "findstatic",
    "makemessages", "compilemessages", "diffsettings", "spectacular", "startapp",
})  # fmt: skip
# Commands that start Django in other processes and would carry it for nothing themselves.
SEPARATE = frozenset({"up", "init", "serve"})
PRIVILEGED = ("DATABASE_OWNER_URL", "DATABASE_OPS_URL", "DATABASE_ADMIN_URL")
_OWNER, _OPS, _ADMIN = PRIVILEGED
# Commands that do what docent_app may not: besides its address they find these.
BESIDES = {
    "backup": {_OPS},
    "erase_tenant": {_OWNER},
    "rehearse_restore": {_OWNER, _OPS, _ADMIN},
    "replay_erasures": {_OWNER},
    "restore": {_OWNER, _OPS, _ADMIN},
    "rotate_keys": {_OWNER},
    "tend_graphs": {_OWNER},
}


def main(arguments: Sequence[str]) -> int:
    """Run one command. Returns the exit code."""
    if (PROJECT / ".env").is_file():
        environ.Env.read_env(PROJECT / ".env")
    try:
        take_files()
    except MissingSecretError as error:
        print(f"docent: {error}", file=sys.stderr)  # noqa: T201 - a command
        return 1
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")
    return _run(arguments)


def _run(arguments: Sequence[str]) -> int:
    data = Path(os.environ.get("DOCENT_DATA") or PROJECT / ".docent").resolve()
    command = arguments[0] if arguments else "help"
    if command in SEPARATE:
        os.environ["DOCENT_DATA"] = str(data)
        os.chdir(PROJECT)
        os.execv(sys.executable, [sys.executable, "-m", f"config.{command}", *arguments[1:]])  # noqa: S606
    if command in WITHOUT_SERVERS and not any(argument.startswith("--database") for argument in arguments):
        execute_from_command_line(["manage.py", *arguments])
        return 0
    try:
        with servers(data, addresses := dict(os.environ)):
            _run_with(addresses, command, arguments, data)
    except EmbeddedServerError as error:
        print(f"docent: {error}", file=sys.stderr)  # noqa: T201 - a command
        return 1
    return 0


def _run_with(addresses: dict[str, str], command: str, arguments: Sequence[str], data: Path) -> None:
    """Hand the command the addresses it needs and no others: docent_app's, `migrate` and a few the owner's too."""
    if command == "migrate":
        if "DATABASE_OWNER_URL" not in addresses:
            sys.exit("docent: migrations need DATABASE_OWNER_URL beside DATABASE_URL (`init` prints where it is)")
        addresses["DATABASE_URL"] = addresses["DATABASE_OWNER_URL"]
        (data / "servers" / "postgres.migrated").unlink(missing_ok=True)  # `up` looks again next time
    for name in set(PRIVILEGED) - BESIDES.get(command, set()):
        addresses.pop(name, None)
        os.environ.pop(name, None)
    os.environ.update(addresses)
    execute_from_command_line(["manage.py", *arguments])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
