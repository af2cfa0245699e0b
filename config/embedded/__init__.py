"""PostgreSQL with pgvector and Valkey for a machine that has neither, run only while they are used.

Everything here works without Django.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import ExitStack, contextmanager
from dataclasses import astuple
from pathlib import Path

from config.embedded.attachment import PROJECT, Attachment, attached
from config.embedded.binaries import EmbeddedServerError
from config.locks import exclusive
from config.secrets import Secrets, load_secrets, write_private

__all__ = ["DATABASE", "PROJECT", "EmbeddedServerError", "Servers", "servers"]

DATABASE = "docent"


class Servers:
    """The embedded servers in use by this process."""

    def __init__(self, attachments: tuple[Attachment, ...]) -> None:
        self._attachments = attachments

    def ensure(self) -> list[str]:
        """Bring back what was killed together with its keeper; the names of those. EmbeddedServerError."""
        return [attachment.name for attachment in self._attachments if attachment.ensure()]


@contextmanager
def servers(data: Path, environ: MutableMapping[str, str]) -> Iterator[Servers]:
    """Use the embedded servers for what ``environ`` does not name, for the length of the block.

    Without ``DATABASE_URL``: PostgreSQL; sets it (docent_app's), ``DATABASE_OWNER_URL``, ``DATABASE_OPS_URL``
    and ``DATABASE_ADMIN_URL`` (the superuser's, database ``postgres``). Without ``REDIS_URL``: Valkey.
    ``data`` is the state folder. Afterwards ``environ`` is as before, and servers that nobody else uses have
    stopped. Raises EmbeddedServerError.
    """
    data = data.resolve()
    before = dict(environ)
    used: list[Attachment] = []
    with ExitStack() as stack:
        stack.callback(_restore, environ, before)
        if not environ.get("REDIS_URL"):
            used.append(valkey := stack.enter_context(attached("valkey", data)))
            environ["REDIS_URL"] = f"redis://:{load_secrets(data).valkey_password}@127.0.0.1:{valkey.port}/0"
        if not environ.get("DATABASE_URL"):
            used.append(postgres := stack.enter_context(attached("postgres", data)))
            with exclusive(postgres.folder / "postgres.provision"):
                _provision(data, postgres)
            environ.update(_database_urls(load_secrets(data), postgres.port))
        yield Servers(tuple(used))


def _database_urls(secrets: Secrets, port: int) -> dict[str, str]:
    """The four addresses of the embedded database, by the names of their variables."""
    host = f"127.0.0.1:{port}"
    return {
        "DATABASE_URL": f"postgresql://docent_app:{secrets.app_password}@{host}/{DATABASE}",
        "DATABASE_OWNER_URL": f"postgresql://docent_owner:{secrets.owner_password}@{host}/{DATABASE}",
        "DATABASE_OPS_URL": f"postgresql://docent_ops:{secrets.ops_password}@{host}/{DATABASE}",
        "DATABASE_ADMIN_URL": f"postgresql://postgres:{secrets.superuser_password}@{host}/postgres",
    }


def _provision(data: Path, postgres: Attachment) -> None:
    """Roles and database, unless this very provisioning was already done with these secrets.

    In a process of its own: the one that stays would keep psycopg's 20 MB for good.
    """
    secrets = load_secrets(data)
    source = (PROJECT / "config" / "provisioning.py").read_bytes()
    fingerprint = hashlib.sha256(repr((source, astuple(secrets))).encode()).hexdigest()
    mark = postgres.folder / "postgres.provisioned"
    if mark.exists() and mark.read_text() == fingerprint:
        return
    order = {
        "admin_url": _database_urls(secrets, postgres.port)["DATABASE_ADMIN_URL"],
        "database": DATABASE,
        "owner": secrets.owner_password,
        "app": secrets.app_password,
        "ops": secrets.ops_password,
    }
    finished = subprocess.run(
        [sys.executable, "-m", "config.provisioning"],
        cwd=PROJECT,
        input=json.dumps(order),
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if finished.returncode != 0:
        raise EmbeddedServerError(f"the database could not be provisioned: {finished.stderr.strip()}")
    write_private(mark, fingerprint)


def _restore(environ: MutableMapping[str, str], before: dict[str, str]) -> None:
    for name in set(environ) - set(before):
        del environ[name]
    environ.update(before)
