"""What of the state folder goes with a backup: where the audit log's chains end, and what was erased.

The secrets do not. A backup that is found is of no use without them, nor are they without it.
"""

from __future__ import annotations

import json
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from django.conf import settings
from psycopg import sql

from config.backups.archive import Manifest
from config.embedded import PROJECT
from tenants.files.private_files import write_private

_HEADS = "audit"
_ERASURES = "erasures"


def release() -> str:
    """Which release of Docent this is."""
    about = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    return str(about["project"]["version"])


def read_heads() -> dict[str, str]:
    """The files that say where chains end, by their name."""
    return _texts(Path(settings.DOCENT_DATA) / _HEADS, "*.head")


def list_erasures() -> dict[str, str]:
    """Orders and certificates, by the name of their file."""
    return _texts(Path(settings.DOCENT_DATA) / _ERASURES, "*.json")


def heads_of(connection: psycopg.Connection[Any], known: dict[str, str], tenant: UUID | None) -> dict[str, str]:
    """The chains' ends at a moment, for heads that were known before it.

    One that does not vouch for its chain stays as it is: whoever verifies the restored log is to find that too.
    """
    ends = {}
    # Of a tenant's moment only that one's seals are seen.
    rows = connection.execute(
        "SELECT DISTINCT ON (tenant_id) tenant_id::text, number, digest FROM tenants_auditseal"
        " ORDER BY tenant_id, number DESC"
    ).fetchall()
    for owner, number, digest in rows:
        name = f"{owner}.head"
        if name in known and _vouches(connection, owner, known[name]):
            ends[name] = json.dumps({"number": number, "digest": digest.hex()})
    wanted = f"{tenant}.head" if tenant else ""
    return {name: ends.get(name, text) for name, text in known.items() if not tenant or name == wanted}


def _vouches(connection: psycopg.Connection[Any], owner: str, head: str) -> bool:
    content = json.loads(head)
    query = sql.SQL("SELECT digest FROM tenants_auditseal WHERE tenant_id = %s AND number = %s")
    found = connection.execute(query, [owner, content["number"]]).fetchone()
    return found is not None and found[0].hex() == content["digest"]


def put_state(manifest: Manifest, data: Path) -> None:
    """Into a state folder: the chains' ends in the place of those there, and erasures that it does not know."""
    heads = data / _HEADS
    if heads.exists():
        heads.rename(data / f"{_HEADS}.before-{datetime.now(UTC):%Y%m%dT%H%M%S%f}")
    for name, text in manifest.heads.items():
        write_private(heads / name, text)
    for name, text in manifest.erasures.items():
        if not (data / _ERASURES / name).exists():
            write_private(data / _ERASURES / name, text)


def _texts(folder: Path, pattern: str) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(folder.glob(pattern))}
