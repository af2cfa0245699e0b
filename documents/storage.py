"""Where files lie: `t/<tenant>/…`, under names that are ids, never what a person typed."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO
from uuid import UUID, uuid4

from django.core.files import File
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

_BLOCK = 1024 * 1024


def save_original(tenant_id: UUID, source: BinaryIO) -> str:
    """Store a file's bytes; returns the key to find them by."""
    source.seek(0)
    return default_storage.save(f"t/{tenant_id}/files/{uuid4()}", File(source))


def page_image_key(tenant_id: UUID, version_id: UUID, page: int) -> str:
    return f"t/{tenant_id}/pages/{version_id}/{page}.png"


def find_bytes(key: str) -> bytes | None:
    """What is stored under a key, or None."""
    try:
        with default_storage.open(key) as stored:
            content: bytes = stored.read()
            return content
    except FileNotFoundError:
        return None


def save_bytes(key: str, content: bytes) -> None:
    """Store under exactly this key; a second writer of the same key leaves the first one's bytes."""
    if not default_storage.exists(key):
        default_storage.save(key, ContentFile(content))


def delete_files(keys: list[str]) -> None:
    """Remove stored files; missing ones are fine."""
    for key in keys:
        default_storage.delete(key)


def delete_page_images(tenant_id: UUID, version_id: UUID) -> None:
    """Remove a version's rendered pages, which can be made anew."""
    folder = f"t/{tenant_id}/pages/{version_id}"
    if not default_storage.exists(folder):
        return
    delete_files([f"{folder}/{name}" for name in default_storage.listdir(folder)[1]])
    default_storage.delete(folder)


@contextmanager
def local_path(key: str) -> Iterator[Path]:
    """A path that a parser can open, whatever storage holds the file."""
    try:
        yield Path(default_storage.path(key))
    except NotImplementedError:
        with NamedTemporaryFile() as copy, default_storage.open(key) as stored:
            for block in stored.chunks(_BLOCK):
                copy.write(block)
            copy.flush()
            yield Path(copy.name)


def sha256_of(source: BinaryIO) -> str:
    """The hash of a file's bytes, read from its start in blocks."""
    source.seek(0)
    digest = hashlib.sha256()
    while block := source.read(_BLOCK):
        digest.update(block)
    return digest.hexdigest()
