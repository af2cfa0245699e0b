"""How an audit event is bound to all that stood before it, and where each chain's end is kept.

The digest of an event is HMAC-SHA256 over the digest before it, the tenant, the number and every column of
the event (a hash chain as in Schneier and Kelsey, "Secure audit logs to support computer forensics", 1999, with
one installation key instead of an evolving one). The key lies outside the database, and so does a copy of each
chain's last link, its head: whoever owns the database alone can neither forge a link nor cut the end off unseen.
"""

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from tenants.files.private_files import write_private

# Every column of an event as text, the same for whoever asks: the owner who seals, the application that verifies.
EVENT_COLUMNS: dict[str, LiteralString] = {
    "id": "event.id::text",
    "tenant_id": "event.tenant_id::text",
    "at": "to_char(event.at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US')",
    "action": "event.action",
    "actor_id": "event.actor_id::text",
    "carrier": "event.carrier",
    "token_id": "event.token_id::text",
    "address": "event.address::text",
    "target_kind": "event.target_kind",
    "target_id": "event.target_id::text",
    "data": "event.data::text",
}
EVENT_TEXT: LiteralString = ", ".join(EVENT_COLUMNS.values())

EventText = tuple[str | None, ...]
"""An event as the values of `EVENT_COLUMNS`, in their order."""


@dataclass(frozen=True, slots=True)
class Link:
    """A place in a tenant's chain: its number, from 1, and the 32 bytes that bind it to all before it."""

    number: int
    digest: bytes


START = Link(0, bytes(32))


def digest_of(
    previous: bytes, tenant_id: UUID, number: int, event: Sequence[str | None], *, key: str = ""
) -> bytes:
    """The digest of an event that stands at `number`, after the one whose digest is `previous`.

    Under the installation's present key, or this one.
    """
    columns = dict(zip(EVENT_COLUMNS, event, strict=True))
    canonical = json.dumps(columns, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    if not settings.DOCENT_AUDIT_KEY:
        raise ImproperlyConfigured("This process was not given the key of the audit log (secrets/audit_key).")
    message = previous + f"{tenant_id}\n{number}\n{canonical}".encode()
    return hmac.new((key or settings.DOCENT_AUDIT_KEY).encode(), message, hashlib.sha256).digest()


def lock_key(tenant_id: UUID) -> int:
    """The advisory lock of a tenant's chain: exclusive while it grows, shared while it is read as a whole."""
    return int.from_bytes(hashlib.sha256(b"audit" + tenant_id.bytes).digest()[:8], signed=True)


def read_head(tenant_id: UUID) -> Link | None:
    """The last link of a tenant's chain as the state folder knows it; None before the first."""
    try:
        content = json.loads(_head_path(tenant_id).read_text())
    except FileNotFoundError:
        return None
    return Link(content["number"], bytes.fromhex(content["digest"]))


def write_head(tenant_id: UUID, head: Link) -> None:
    """Keep the last link, for this user's eyes only; there whole or not at all, also after a power cut."""
    write_private(_head_path(tenant_id), json.dumps({"number": head.number, "digest": head.digest.hex()}))


def remove_head(tenant_id: UUID) -> None:
    """Forget an erased tenant's chain; one that is gone already is fine."""
    _head_path(tenant_id).unlink(missing_ok=True)


def tenants_with_heads() -> set[UUID]:
    """Whose chains the state folder knows."""
    return {UUID(path.stem) for path in _folder().glob("*.head")}


def mark_sealing() -> None:
    """Note that the platform process has just sealed what it found."""
    _folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    (_folder() / "sealed").touch(mode=0o600)


def last_sealing() -> float | None:
    """When it did so last, in seconds since the epoch; None if never."""
    try:
        return (_folder() / "sealed").stat().st_mtime
    except FileNotFoundError:
        return None


def _folder() -> Path:
    return Path(settings.DOCENT_DATA) / "audit"


def _head_path(tenant_id: UUID) -> Path:
    return _folder() / f"{tenant_id}.head"
