"""What a test run stands on: a database cloned from a migrated template, a Valkey database, a state folder.

The servers are Docent's embedded ones, kept under `.docent-test/`, so that the second run starts in seconds.
Another PostgreSQL is used when DATABASE_URL, DATABASE_OWNER_URL and DATABASE_ADMIN_URL all name it, another
Valkey when REDIS_URL does: the database it names, and the ones after it for the second worker of a parallel run
and every further one.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import redis
from psycopg import sql

from config.embedded import PROJECT, servers
from config.locks import exclusive, open_lock, try_lock
from config.provisioning import create_database, drop_database, with_database

CACHE = PROJECT / ".docent-test"
_TEMPLATE = "docent_template_"
_RUN = "docent_test_"
_ADDRESSES = ("DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_ADMIN_URL")
# What the schema depends on.
_SOURCES = ("*/migrations/*.py", "tenants/constraints.py", "config/provisioning.py", "requirements/base.txt")


@dataclass(frozen=True, slots=True)
class Environment:
    """Addresses of this run: docent_app's, the owner's and the administrator's, all of the run's database.

    So is `ops_url`, docent_ops's; where a server is named without one, the administrator's again.
    """

    app_url: str
    owner_url: str
    ops_url: str
    admin_url: str
    redis_url: str
    data: Path

    @property
    def variables(self) -> dict[str, str]:
        """What Django and every process of the run find in their environment."""
        return {
            "DJANGO_SETTINGS_MODULE": "config.settings.test",
            "DATABASE_URL": self.app_url,
            "REDIS_URL": self.redis_url,
            "DOCENT_DATA": str(self.data),
            "OLLAMA_HOST": "",
            "DOCENT_CHAT_MODEL": "",
            "DOCENT_PSEUDO_LANGUAGE": "1",
            # Where stand-ins for other people's web servers listen.
            "DOCENT_WEB_PRIVATE_HOSTS": "127.0.0.1",
            "DOCENT_WEBHOOK_PRIVATE_HOSTS": "127.0.0.1",
        }


@contextmanager
def environment() -> Iterator[Environment]:
    """Everything for one run; gone afterwards but for the template and the converted embedding model."""
    addresses = dict(os.environ)
    if not all(addresses.get(name) for name in _ADDRESSES):
        for name in _ADDRESSES:
            addresses.pop(name, None)
    CACHE.mkdir(exist_ok=True)
    with (
        servers(CACHE, addresses),
        _valkey_database(addresses["REDIS_URL"], is_ours="REDIS_URL" not in os.environ) as redis_url,
        _database(addresses) as name,
        _state_folder() as data,
    ):
        yield Environment(
            app_url=with_database(addresses["DATABASE_URL"], name),
            owner_url=with_database(addresses["DATABASE_OWNER_URL"], name),
            ops_url=with_database(addresses.get("DATABASE_OPS_URL") or addresses["DATABASE_ADMIN_URL"], name),
            admin_url=with_database(addresses["DATABASE_ADMIN_URL"], name),
            redis_url=redis_url,
            data=data,
        )


@contextmanager
def _database(addresses: dict[str, str]) -> Iterator[str]:
    """A database of this run's own."""
    name = f"{_RUN}{os.getpid()}"
    admin_url = addresses["DATABASE_ADMIN_URL"]
    with exclusive(CACHE / "template.lock"), psycopg.connect(admin_url, autocommit=True) as admin:
        _drop_leftovers(admin, admin_url)
        template = _template(admin, addresses)
        admin.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER docent_owner").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
    create_database(admin_url, name)  # the right to connect is no part of a template
    try:
        yield name
    finally:
        drop_database(admin_url, name)


def _template(admin: psycopg.Connection, addresses: dict[str, str]) -> str:
    """The database that the owner has migrated with these very sources; made when it is missing."""
    digest = hashlib.sha256()
    for pattern in _SOURCES:
        for source in sorted(PROJECT.glob(pattern)):
            digest.update(source.read_bytes())
    template = f"{_TEMPLATE}{digest.hexdigest()[:16]}"
    existing = _names(admin, _TEMPLATE)
    if template in existing:
        return template
    for old in existing:
        drop_database(addresses["DATABASE_ADMIN_URL"], old)
    draft = f"{_TEMPLATE}draft"
    create_database(addresses["DATABASE_ADMIN_URL"], draft)
    _migrate(with_database(addresses["DATABASE_OWNER_URL"], draft))
    admin.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(*map(sql.Identifier, (draft, template))))
    return template


def _migrate(owner_url: str) -> None:
    variables = {
        "DJANGO_SETTINGS_MODULE": "config.settings.test",
        "DATABASE_URL": owner_url,
        "DATABASE_OWNER_URL": owner_url,
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "DOCENT_DATA": str(CACHE),
    }
    command = [sys.executable, "manage.py", "migrate", "--no-input", "--skip-checks", "--verbosity", "0"]
    subprocess.run(command, cwd=PROJECT, env=os.environ | variables, check=True)


def _drop_leftovers(admin: psycopg.Connection, admin_url: str) -> None:
    """Databases of runs that were killed."""
    for name in _names(admin, _RUN):
        if not Path("/proc", name.removeprefix(_RUN)).exists():
            drop_database(admin_url, name)


def _names(admin: psycopg.Connection, prefix: str) -> list[str]:
    rows = admin.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [prefix])
    return [name for (name,) in rows]


@contextmanager
def _valkey_database(url: str, *, is_ours: bool) -> Iterator[str]:
    """Of the embedded server, an emptied database that no other run uses; of another server, a named one."""
    if not is_ours:
        named = urlsplit(url)
        worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
        yield named._replace(path=f"/{int(named.path.strip('/') or 0) + worker}").geturl()
        return
    for number in range(1, 16):
        lock = open_lock(CACHE / f"valkey-{number}.lock")
        try:
            if try_lock(lock, fcntl.LOCK_EX):
                own = f"{url.removesuffix('/0')}/{number}"
                with redis.Redis.from_url(own) as client:
                    client.flushdb()
                yield own
                return
        finally:
            os.close(lock)
    raise RuntimeError("fifteen test runs are under way already")


@contextmanager
def _state_folder() -> Iterator[Path]:
    """Secrets and files of this run; the converted embedding model, which takes seconds, is shared."""
    (CACHE / "models").mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="docent-test-"))
    (folder / "models").symlink_to(CACHE / "models")
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
