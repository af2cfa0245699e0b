"""Receiving files: each is accepted, recognised as a duplicate, or refused with its reason."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, BinaryIO
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError

from documents import storage
from documents.events import announce
from documents.extraction import SNIFF_BYTES, ExtractionError, sniff
from documents.models import Collection, Document, DocumentVersion, Status
from documents.services.documents import INGEST, hold_collection
from tenants.access import Access
from tenants.audit import record
from tenants.db import tenant_atomic
from tenants.errors import DocentError, InvalidInput, TooLarge, UnsupportedType
from tenants.jobs import outbox
from tenants.limits.quotas import require_quotas
from tenants.models import QuotaKind
from tenants.permissions import Action

MIN_CHUNK, MAX_CHUNK = 200, 1000
DEFAULT_OVERLAP = 200


@dataclass(frozen=True, slots=True)
class IncomingFile:
    """A file as it arrives: the sender's name for it, its size in bytes, and its content."""

    name: str
    size: int
    content: BinaryIO


@dataclass(frozen=True, slots=True)
class UploadOptions:
    """What the sender may say about all files of one upload. Sizes are characters."""

    chunk_size: int = MAX_CHUNK
    chunk_overlap: int = DEFAULT_OVERLAP
    tags: list[str] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)

    def validate(self) -> None:
        if not MIN_CHUNK <= self.chunk_size <= MAX_CHUNK:
            raise InvalidInput.at(
                "/chunk_size", f"A chunk has {MIN_CHUNK} to {MAX_CHUNK} characters.", "out_of_range"
            )
        if not 0 <= self.chunk_overlap <= self.chunk_size // 2:
            raise InvalidInput.at(
                "/chunk_overlap", "The overlap is at most half of the chunk size.", "out_of_range"
            )


@dataclass(frozen=True, slots=True)
class UploadResult:
    """What became of one file. Without a document it was refused, and `error` says why."""

    name: str
    document: Document | None = None
    is_duplicate: bool = False
    error: DocentError | None = None


def receive_files(
    *, access: Access, files: Sequence[IncomingFile], collection: Collection, options: UploadOptions
) -> list[UploadResult]:
    """Store each file and queue its processing, in the order given.

    Nothing is stored of a file refused at the door. If all are refused, the first reason is raised.
    """
    access.require(Action.WRITE_DOCUMENTS)
    options.validate()
    if not files:
        raise InvalidInput.at("/files", "Send at least one file.", "required")
    results = []
    for file in files:
        try:
            results.append(_receive(access, file, collection, options))
        except DocentError as error:
            results.append(UploadResult(display_name(file.name), error=error))
    refusals = [result.error for result in results if result.error]
    if len(refusals) == len(results):
        raise refusals[0]
    return results


def display_name(name: str) -> str:
    """The last part of whatever path the sender gave, without control characters; never empty."""
    last = PurePosixPath(name.replace("\\", "/")).name
    clean = "".join(character for character in last if character.isprintable()).strip()
    return clean[:255] or "unnamed"


def _receive(access: Access, file: IncomingFile, collection: Collection, options: UploadOptions) -> UploadResult:
    name = display_name(file.name)
    media_type = _require_acceptable(file, name)
    sha256 = storage.sha256_of(file.content)
    with tenant_atomic(access.tenant_id):
        if (twin := _find_twin(collection.id, sha256)) is not None:
            return UploadResult(name, twin, is_duplicate=True)
    key = storage.save_original(access.tenant_id, file.content)
    try:
        with tenant_atomic(access.tenant_id):
            document = _create(access, name, sha256, file.size, media_type, key, collection, options)
    except IntegrityError:
        # Somebody uploaded the same bytes at the same moment.
        storage.delete_files([key])
        with tenant_atomic(access.tenant_id):
            twin = _find_twin(collection.id, sha256)
        if twin is None:
            raise
        return UploadResult(name, twin, is_duplicate=True)
    except BaseException:
        storage.delete_files([key])
        raise
    return UploadResult(name, document)


def _require_acceptable(file: IncomingFile, name: str) -> str:
    if file.size == 0:
        raise InvalidInput(f"“{name}” is empty.", code="empty_file")
    if file.size > settings.DOCENT_MAX_FILE_BYTES:
        limit = settings.DOCENT_MAX_FILE_BYTES // (1024 * 1024)
        raise TooLarge(f"“{name}” is larger than {limit} MB.", code="file_too_large")
    file.content.seek(0)
    try:
        return sniff(file.content.read(SNIFF_BYTES), name)
    except ExtractionError as error:
        raise UnsupportedType(error.detail, code=error.code) from error


def _find_twin(collection_id: UUID, sha256: str) -> Document | None:
    alive = Document.objects.exclude(status__in=[Status.FAILED, Status.CANCELLED])
    found: Document | None = alive.filter(collection_id=collection_id, sha256=sha256).first()
    return found


def _create(  # noqa: PLR0917
    access: Access,
    name: str,
    sha256: str,
    size: int,
    media_type: str,
    key: str,
    collection: Collection,
    options: UploadOptions,
) -> Document:
    hold_collection(collection)
    require_quotas(access, {QuotaKind.DOCUMENTS: 1, QuotaKind.BYTES: size})
    document: Document = Document.objects.create(
        collection=collection,
        name=name,
        title=name,
        sha256=sha256,
        size=size,
        media_type=media_type,
        chunk_size=options.chunk_size,
        chunk_overlap=options.chunk_overlap,
        tags=options.tags,
        metadata=options.metadata,
        uploaded_by_id=access.user_id,
    )
    version: DocumentVersion = DocumentVersion.objects.create(
        document=document, number=1, sha256=sha256, size=size, media_type=media_type, storage_key=key
    )
    outbox.enqueue(INGEST, version.id)
    record(access, "document.uploaded", target_kind="document", target_id=document.id)
    announce(document)
    return document
