"""``manage.py init``: make Docent's roles, database and schema on a PostgreSQL server of your own."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psycopg

from config.embedded import DATABASE, PROJECT
from config.mounted import MissingSecretError, mounted_secrets
from config.provisioning import (
    APP,
    OPS,
    OWNER,
    Passwords,
    ProvisioningError,
    provision,
    with_database,
    with_login,
)
from config.secrets import Secrets, load_secrets, write_private

_PASSWORDS = ("owner_password", "app_password", "ops_password")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options, for this module and for Django's ``help``."""
    parser.add_argument(
        "--admin-url",
        default=(given := os.environ.get("DATABASE_ADMIN_URL")),
        required=given is None,
        help="address of a login that may create roles and databases ($DATABASE_ADMIN_URL)",
    )
    parser.add_argument("--database", default=DATABASE, help=f"name of the database to make ({DATABASE})")


def main(arguments: Sequence[str], data: Path) -> int:
    """Run the command; ``data`` is the state folder. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="manage.py init", description=__doc__)
    add_arguments(parser)
    parsed = parser.parse_args(arguments)
    return run(parsed.admin_url, parsed.database, data)


def run(admin_url: str, database: str, data: Path) -> int:
    """Provision and migrate; leave the addresses in ``<data>/database.env``, which only its owner reads.

    With the passwords given as files the addresses are known already, and nothing is written.
    """
    given = os.environ.get("DOCENT_SECRETS")
    try:
        secrets = mounted_secrets(Path(given), needed=_PASSWORDS) if given else load_secrets(data)
        passwords = Passwords(owner=secrets.owner_password, app=secrets.app_password, ops=secrets.ops_password)
        made = provision(admin_url, database, passwords)
    except (MissingSecretError, ProvisioningError, psycopg.Error) as error:
        print(f"docent: {error}", file=sys.stderr)  # noqa: T201 - a command
        return 1
    urls = _addresses(admin_url, database, secrets)
    environ = os.environ | {
        "DATABASE_URL": urls["DATABASE_URL"],
        "DATABASE_OWNER_URL": urls["DATABASE_OWNER_URL"],
    }
    migrate = [sys.executable, str(PROJECT / "manage.py"), "migrate", "--no-input"]
    if (code := subprocess.run(migrate, env=environ, check=False).returncode) != 0:  # noqa: S603 - our own command
        return code
    if not made.ops_bypasses_rls:
        print(f"{OPS} could not be given BYPASSRLS here; backups use --enable-row-security.")  # noqa: T201
    if given:
        print("The database is ready.")  # noqa: T201
        return 0
    target = data / "database.env"
    write_private(target, "".join(f"{name}={url}\n" for name, url in urls.items()))
    print(f"The database is ready. Its addresses are in {target}; add them to .env:")  # noqa: T201
    print(f"  cat '{target}' >> .env")  # noqa: T201
    return 0


def _addresses(admin_url: str, database: str, secrets: Secrets) -> dict[str, str]:
    """The three roles' addresses by the names of their variables."""
    url = with_database(admin_url, database)
    return {
        "DATABASE_URL": with_login(url, APP, secrets.app_password),
        "DATABASE_OWNER_URL": with_login(url, OWNER, secrets.owner_password),
        "DATABASE_OPS_URL": with_login(url, OPS, secrets.ops_password),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path(os.environ["DOCENT_DATA"])))
