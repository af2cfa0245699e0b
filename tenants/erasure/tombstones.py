"""What was erased, written down outside the database, so that a restored backup does not bring it back.

One file for each erasure in `DOCENT_DATA/erasures`, for this user's eyes only. It begins as the order to erase
and ends as the certificate: what was removed, and what a search for leftovers found. Ids and counts, no names.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings

from tenants.files.private_files import write_private


class Kind(StrEnum):
    TENANT = "tenant"
    PERSON = "person"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """`subject` is the tenant's or the person's id; of a person within one tenant, `tenant` is that one.

    `addresses` are SHA-256 of the person's. `removed` counts by table, `files`, `keys` and `tasks`; `residue`
    names what was still found, so that of a finished erasure it is empty.
    """

    kind: Kind
    subject: UUID
    tenant: UUID | None = None
    addresses: tuple[str, ...] = ()
    id: UUID = field(default_factory=uuid4)
    ordered_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    finished_at: datetime | None = None
    removed: Mapping[str, int] = field(default_factory=dict)
    residue: tuple[str, ...] = ()

    @property
    def is_finished(self) -> bool:
        return self.finished_at is not None

    @property
    def can_recur(self) -> bool:
        """Ids are used once, but a person may come back to an organisation and ask again."""
        return self.kind is Kind.PERSON and self.tenant is not None


def order(kind: Kind, subject: UUID, *, tenant: UUID | None = None, addresses: tuple[str, ...] = ()) -> Tombstone:
    """The tombstone of this erasure: the one that lies there already, or a new one."""
    for known in list_tombstones():
        is_same = (known.kind, known.subject, known.tenant) == (kind, subject, tenant)
        if is_same and not (known.is_finished and known.can_recur):
            return known
    tombstone = Tombstone(kind=kind, subject=subject, tenant=tenant, addresses=addresses)
    _write(tombstone)
    return tombstone


def note_removed(tombstone: Tombstone, removed: Mapping[str, int]) -> Tombstone:
    """Add to what was removed."""
    total = Counter(tombstone.removed)
    total.update(removed)
    changed = replace(tombstone, removed=dict(+total))  # asdict() takes a Counter apart
    _write(changed)
    return changed


def note_residue(tombstone: Tombstone, residue: tuple[str, ...]) -> Tombstone:
    """Write down what a search found. The erasure is finished when it found nothing."""
    changed = replace(tombstone, residue=residue, finished_at=None if residue else datetime.now(UTC))
    _write(changed)
    return changed


def list_tombstones() -> Iterator[Tombstone]:
    """Every erasure that was ever ordered here, in no order."""
    for path in _folder().glob("*.json"):
        content = json.loads(path.read_text())
        yield Tombstone(
            kind=Kind(content["kind"]),
            subject=UUID(content["subject"]),
            tenant=UUID(content["tenant"]) if content["tenant"] else None,
            addresses=tuple(content["addresses"]),
            id=UUID(content["id"]),
            ordered_at=datetime.fromisoformat(content["ordered_at"]),
            finished_at=datetime.fromisoformat(content["finished_at"]) if content["finished_at"] else None,
            removed=content["removed"],
            residue=tuple(content["residue"]),
        )


def path_of(tombstone: Tombstone) -> Path:
    """The certificate's file."""
    return _folder() / f"{tombstone.id}.json"


def _folder() -> Path:
    return Path(settings.DOCENT_DATA) / "erasures"


def _write(tombstone: Tombstone) -> None:
    write_private(path_of(tombstone), json.dumps(asdict(tombstone), default=_plain, indent=2, sort_keys=True))


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
