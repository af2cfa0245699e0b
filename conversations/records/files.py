"""Where records lie: `t/<tenant>/archives/…`, never written over, compared with their hash when they are read."""

import hashlib
import json
from typing import Any
from uuid import UUID, uuid4

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from conversations.models import ArchiveRecord
from tenants.errors import DocentError, NotFound
from tenants.files.listing import listed


class ArchiveUnusable(DocentError):
    """Our own fault: what was archived cannot be read. `code` is `archive_missing` or `archive_damaged`."""

    status, title = 500, "The archived conversation cannot be read"


def store(tenant_id: UUID, record: dict[str, Any]) -> tuple[str, str, int]:
    """Write a record; its key, hash and size. Nothing stays of what does not fit."""
    content = f"{json.dumps(record, ensure_ascii=False, indent=1)}\n".encode()
    key = f"{_folder(tenant_id)}/{uuid4()}.json"
    try:
        saved = default_storage.save(key, ContentFile(content))
    except OSError:
        default_storage.delete(key)
        raise
    return saved, hashlib.sha256(content).hexdigest(), len(content)


def load(row: ArchiveRecord) -> dict[str, Any]:
    """The record, if its bytes are those that were stored. Raises `ArchiveUnusable`, `NotFound` without a row.

    Whoever takes a document's or a person's words out writes another file and removes this one: a row that was
    read before is read once more.
    """
    try:
        content = _content(row.storage_key)
    except FileNotFoundError:
        content = _content_of_today(row)
    if hashlib.sha256(content).hexdigest() != row.sha256:
        raise ArchiveUnusable(
            "The archived conversation's file was altered. It has to be put back from a backup.",
            code="archive_damaged",
        )
    record: dict[str, Any] = json.loads(content)
    return record


def _content_of_today(row: ArchiveRecord) -> bytes:
    try:
        row.refresh_from_db(fields=["storage_key", "sha256", "bytes"])
        return _content(row.storage_key)
    except ArchiveRecord.DoesNotExist as error:
        raise NotFound("There is no such archive.") from error
    except FileNotFoundError as error:
        raise ArchiveUnusable(
            "The archived conversation's file is gone. It has to be put back from a backup.",
            code="archive_missing",
        ) from error


def _content(key: str) -> bytes:
    with default_storage.open(key) as stored:
        content: bytes = stored.read()
    return content


def list_files(tenant_id: UUID) -> list[str]:
    """The keys of all records in storage, whether a row has them or not."""
    folder = _folder(tenant_id)
    return [f"{folder}/{name}" for name in listed(folder)[1]]


def delete_files(keys: list[str]) -> None:
    """Remove records; missing ones are fine."""
    for key in keys:
        default_storage.delete(key)


def _folder(tenant_id: UUID) -> str:
    return f"t/{tenant_id}/archives"
