"""Where files lie: `t/<tenant>/…`, under names that are ids, never what a person typed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO, cast
from uuid import UUID

from django.core.files import File
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from documents.extraction import ExtractionError
from tenants.files.listing import listed

_BLOCK = 1024 * 1024
_DIGEST = hashlib.sha256().digest_size


def file_key(tenant_id: UUID, version_id: UUID) -> str:
    return f"t/{tenant_id}/files/{version_id}"


def save_original(tenant_id: UUID, version_id: UUID, source: BinaryIO) -> str:
    """Store a version's bytes; returns the key to find them by. Nothing stays of what does not fit."""
    source.seek(0)
    key = file_key(tenant_id, version_id)
    try:
        return default_storage.save(key, File(source))
    except OSError:
        default_storage.delete(key)
        raise


def page_image_key(tenant_id: UUID, version_id: UUID, page: int) -> str:
    return f"t/{tenant_id}/pages/{version_id}/{page}.png"


def find_image(key: str) -> bytes | None:
    """A page image as `save_image` stored it; None for what is missing, half written or altered since."""
    try:
        with default_storage.open(key) as stored:
            kept: bytes = stored.read()
    except FileNotFoundError:
        return None
    digest, image = kept[:_DIGEST], kept[_DIGEST:]
    return image if hashlib.sha256(image).digest() == digest else None


def save_image(key: str, image: bytes) -> None:
    """Keep a page image, its hash before it. Nothing stays of what does not fit, nor of what stood there."""
    default_storage.delete(key)
    try:
        default_storage.save(key, ContentFile(hashlib.sha256(image).digest() + image))
    except OSError:
        default_storage.delete(key)
        raise


def list_originals(tenant_id: UUID) -> list[str]:
    """The keys of all stored originals, whether a version has them or not."""
    folder = f"t/{tenant_id}/files"
    return [f"{folder}/{name}" for name in listed(folder)[1]]


def list_page_images(tenant_id: UUID) -> dict[str, list[str]]:
    """The keys of all page images by their version's id, whether that is there or not."""
    folder = f"t/{tenant_id}/pages"
    return {
        version: [f"{folder}/{version}/{name}" for name in listed(f"{folder}/{version}")[1]]
        for version in listed(folder)[0]
    }


def is_older(key: str, before: datetime) -> bool:
    """Whether a file was last written before then; False for one that is gone."""
    try:
        return bool(default_storage.get_modified_time(key) < before)
    except FileNotFoundError:
        return False


def delete_files(keys: list[str]) -> None:
    """Remove stored files; missing ones are fine."""
    for key in keys:
        default_storage.delete(key)


def delete_page_images(tenant_id: UUID, version_id: UUID | str) -> None:
    """Remove a version's rendered pages, which can be made anew."""
    folder = f"t/{tenant_id}/pages/{version_id}"
    delete_files([f"{folder}/{name}" for name in listed(folder)[1]])
    default_storage.delete(folder)


@contextmanager
def local_path(key: str, size: int) -> Iterator[Path]:
    """A path that a parser can open, whatever storage holds the file; a copy of it is no longer than `size`."""
    try:
        own = Path(default_storage.path(key))
    except NotImplementedError:
        own = None
    if own is not None:
        yield own
        return
    with NamedTemporaryFile() as copy:
        with default_storage.open(key) as stored:
            _require_size(stored, size)
            for block in stored.chunks(_BLOCK):
                copy.write(block)
        copy.flush()
        yield Path(copy.name)


@contextmanager
def verified_path(key: str, sha256: str, size: int) -> Iterator[Path]:
    """As `local_path`, for bytes that are still those which were stored; `ExtractionError` for others."""
    try:
        with local_path(key, size) as path:
            with path.open("rb") as file:
                _require(file, sha256)
            yield path
    except FileNotFoundError as error:
        raise _missing() from error


def open_verified(key: str, sha256: str, size: int) -> BinaryIO:
    """A stored file at its start, its bytes still those which were stored; `ExtractionError` for others."""
    try:
        stored = default_storage.open(key)
    except FileNotFoundError as error:
        raise _missing() from error
    file = cast("BinaryIO", stored)
    try:
        _require_size(stored, size)
        _require(file, sha256)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


def _require_size(stored: File[bytes], size: int) -> None:
    """Looked at first: of what somebody put in its place nothing is copied, however long it is."""
    if stored.size != size:
        raise _damaged()


def _require(file: BinaryIO, sha256: str) -> None:
    if sha256_of(file) != sha256:
        raise _damaged()


def _damaged() -> ExtractionError:
    return ExtractionError("file_damaged", "The stored file is not what was uploaded any more. Upload it again.")


def _missing() -> ExtractionError:
    return ExtractionError("file_missing", "The stored file is gone. Upload it again.")


def sha256_of(source: BinaryIO) -> str:
    """The hash of a file's bytes, read from its start in blocks."""
    source.seek(0)
    digest = hashlib.sha256()
    while block := source.read(_BLOCK):
        digest.update(block)
    return digest.hexdigest()
