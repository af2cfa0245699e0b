"""Receiving files: each is accepted, recognised as a duplicate, or refused with its reason."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db import IntegrityError

from documents.events import announce
from documents.extraction import ExtractionError
from documents.extraction.types import ZIP
from documents.models import Collection, Document, DocumentVersion, Source
from documents.services.archives import members_of
from documents.services.documents import hold_collection
from documents.services.files import AcceptedFile, IncomingFile, accept, display_name, find_twin, stored
from documents.services.processing import READ
from documents.services.sizes import chosen_sizes
from documents.storage import delete_files
from tenants.access import Access
from tenants.audit.recording import record
from tenants.db import tenant_atomic
from tenants.errors import DocentError, InvalidInput, UnsupportedType
from tenants.jobs import outbox
from tenants.limits.quotas import require_quotas
from tenants.models import QuotaKind
from tenants.permissions import Action


@dataclass(frozen=True, slots=True)
class UploadOptions:
    """What the sender may say about all files of one upload. Sizes: characters; None: as the collection says."""

    chunk_size: int | None = None
    chunk_overlap: int | None = None
    tags: list[str] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a file comes from that nobody sent by hand: see `documents.sources.Item`."""

    source: Source
    key: str
    marker: str
    title: str = ""
    changed_at: datetime | None = None

    @property
    def properties(self) -> dict[str, str]:
        """What is known of the file beside what it says itself."""
        return {"modified": self.changed_at.isoformat()} if self.changed_at else {}


@dataclass(frozen=True, slots=True)
class UploadResult:
    """What became of one file. Without a document it was refused, and `error` says why.

    The `name` of a file in an archive is the archive's, a slash, and the path inside.
    """

    name: str
    document: Document | None = None
    is_duplicate: bool = False
    error: DocentError | None = None


def receive_files(
    *,
    access: Access,
    files: Sequence[IncomingFile],
    collection: Collection,
    options: UploadOptions,
    action: Action = Action.WRITE_DOCUMENTS,
) -> list[UploadResult]:
    """Store each file, of an archive each one in it, and queue its processing, in the order given and in one unit.

    Nothing is stored of a file refused at the door. If all are refused, the first reason is raised. A disk that is
    full is an OSError, and nothing stays of any of them.
    """
    access.require(action)
    chosen_sizes(collection, size=options.chunk_size, overlap=options.chunk_overlap)
    if not files:
        raise InvalidInput.at("/files", "Send at least one file.", "required")
    results = []
    with ExitStack() as undo, tenant_atomic(access.tenant_id):
        for file in files:
            results += _receive(access, file, collection, options, undo)
        undo.pop_all()
    refusals = [result.error for result in results if result.error]
    if len(refusals) == len(results):
        raise refusals[0]
    return results


def _receive(
    access: Access, incoming: IncomingFile, collection: Collection, options: UploadOptions, undo: ExitStack
) -> list[UploadResult]:
    try:
        file = accept(incoming, may_be_archive=True)
        if file.media_type == ZIP:
            return _receive_archive(access, file, collection, options, undo)
        return [store(access, file, collection, options, undo=undo)]
    except DocentError as error:
        return [UploadResult(display_name(incoming.name), error=error)]


def _receive_archive(
    access: Access, archive: AcceptedFile, collection: Collection, options: UploadOptions, undo: ExitStack
) -> list[UploadResult]:
    """The files in it one by one; nothing of an archive that turns out to be bad as a whole."""
    results = []
    with ExitStack() as own, tenant_atomic(access.tenant_id):
        try:
            for member in members_of(archive):
                name = f"{archive.name}/{member.name}"
                try:
                    result = store(access, accept(member.file), collection, options, undo=own)
                    results.append(replace(result, name=name))
                except DocentError as error:
                    results.append(UploadResult(name, error=error))
        except ExtractionError as error:
            raise UnsupportedType(error.detail, code=error.code) from error
        undo.push(own.pop_all())
    return results


def store(
    access: Access,
    file: AcceptedFile,
    collection: Collection,
    options: UploadOptions,
    *,
    undo: ExitStack,
    origin: Origin | None = None,
) -> UploadResult:
    """Make a document of a file, or say which one of the collection holds its bytes. Raises `QuotaExceeded`.

    `undo` is told how to remove the stored file, should the caller's unit come to nothing.
    """
    with tenant_atomic(access.tenant_id):
        if (twin := find_twin(collection.id, file.sha256)) is not None:
            return UploadResult(file.name, twin, is_duplicate=True)
    try:
        with stored(access, file) as version, tenant_atomic(access.tenant_id):
            document = _create(access, file, version, collection, options, origin=origin)
            undo.callback(delete_files, [version.storage_key])
            return UploadResult(file.name, document)
    except IntegrityError:
        # Somebody uploaded the same bytes at the same moment.
        with tenant_atomic(access.tenant_id):
            twin = find_twin(collection.id, file.sha256)
        if twin is None:
            raise
        return UploadResult(file.name, twin, is_duplicate=True)


def _create(
    access: Access,
    file: AcceptedFile,
    version: DocumentVersion,
    collection: Collection,
    options: UploadOptions,
    *,
    origin: Origin | None,
) -> Document:
    hold_collection(collection)
    sizes = chosen_sizes(collection, size=options.chunk_size, overlap=options.chunk_overlap)
    require_quotas(access, {QuotaKind.DOCUMENTS: 1, QuotaKind.BYTES: file.size})
    document: Document = Document.objects.create(
        collection=collection,
        name=file.name,
        title=(origin and origin.title) or file.name,
        sha256=file.sha256,
        size=file.size,
        media_type=file.media_type,
        chunk_size=sizes.size,
        chunk_overlap=sizes.overlap,
        tags=options.tags,
        metadata=options.metadata,
        source=origin and origin.source,
        source_key=origin.key if origin else "",
        source_marker=origin.marker if origin else "",
        uploaded_by_id=access.user_id,
    )
    version.document, version.number = document, 1
    version.properties = origin.properties if origin else {}
    version.save(force_insert=True)
    outbox.enqueue(READ, version.id)
    record(access, "document.uploaded", target_kind="document", target_id=document.id)
    announce(document)
    return document
