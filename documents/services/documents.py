"""Writes: documents that exist."""

from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from documents import storage
from documents.events import announce
from documents.models import Chunk, ChunkEmbedding, Collection, Document, DocumentVersion, Page, Status
from documents.registry import on_documents_erased
from tenants.access import Access
from tenants.audit import record
from tenants.db import tenant_atomic
from tenants.errors import Conflict, InvalidInput, NotFound, PermissionRefused
from tenants.jobs import outbox
from tenants.permissions import Action

INGEST = "documents.ingest"


def require_change(access: Access, document: Document) -> None:
    """Members change what they uploaded, admins all; others get `PermissionRefused`."""
    access.require(Action.WRITE_DOCUMENTS)
    if document.uploaded_by_id != access.user_id and not access.allows(Action.MANAGE_DOCUMENTS):
        raise PermissionRefused("Only an admin or the person who uploaded this document may change it.")


def hold_collection(collection: Collection) -> None:
    """Let nobody delete it until the unit ends. Raises `InvalidInput` when somebody has meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM documents_collection WHERE id = %s FOR KEY SHARE", [collection.id])
        if not cursor.rowcount:
            raise InvalidInput.at("/collection", "There is no such collection.", "unknown_id")


def _locked(document: Document) -> Document:
    """The document as it is now, and stays until the unit ends. Raises `NotFound` if it was deleted meanwhile."""
    found: Document | None = Document.objects.select_for_update().filter(id=document.id).first()
    if found is None:
        raise NotFound("There is no such document.")
    return found


def update_document(
    *,
    access: Access,
    document: Document,
    title: str | None = None,
    tags: list[str] | None = None,
    metadata: dict[str, Any] | None = None,
    collection: Collection | None = None,
) -> Document:
    """Change what is given. Moving to a collection that has the same bytes already raises `Conflict`."""
    require_change(access, document)
    changed: dict[str, Any] = {"title": title, "tags": tags, "metadata": metadata, "collection": collection}
    changed = {name: value for name, value in changed.items() if value is not None}
    with tenant_atomic(access.tenant_id):
        # What embeds the document meanwhile must not add a vector to the collection that it leaves.
        document = _locked(document)
        if collection is not None and collection.id != document.collection_id:
            hold_collection(collection)
            _require_no_twin(document, collection)
            ChunkEmbedding.objects.filter(document=document).update(collection=collection)
        for name, value in changed.items():
            setattr(document, name, value)
        document.save(update_fields=[*changed, "updated_at"])
        record(access, "document.changed", target_kind="document", target_id=document.id, fields=sorted(changed))
    return document


def _require_no_twin(document: Document, collection: Collection) -> None:
    twins = Document.objects.filter(collection=collection, sha256=document.sha256).exclude(id=document.id)
    if twins.exclude(status__in=[Status.FAILED, Status.CANCELLED]).exists():
        raise Conflict("The same file is in that collection already.", code="duplicate")


def delete_document(*, access: Access, document: Document) -> None:
    """Delete a document with all versions, pages, passages, vectors and files."""
    require_change(access, document)
    with tenant_atomic(access.tenant_id):
        erase_documents([_locked(document)])
        record(access, "document.deleted", target_kind="document", target_id=document.id)


def forget_person(user_id: UUID, removed: Counter[str]) -> None:
    """Documents and collections stay, without who brought them. Registered with `on_person_erased`."""
    removed["documents_document.uploaded_by_id"] += Document.objects.filter(uploaded_by_id=user_id).update(
        uploaded_by_id=None
    )
    removed["documents_collection.created_by_id"] += Collection.objects.filter(created_by_id=user_id).update(
        created_by_id=None
    )


def erase_documents(documents: Sequence[Document]) -> None:
    """Remove the rows of documents locked by the caller, and their files after the commit."""
    ids = [document.id for document in documents]
    versions = list(DocumentVersion.objects.filter(document__in=ids))
    on_documents_erased.call(ids)
    for version in versions:
        outbox.cancel(INGEST, version.id)
        erase_index_of(version)
    DocumentVersion.objects.filter(document__in=ids).delete()
    Document.objects.filter(id__in=ids).delete()
    transaction.on_commit(lambda: _erase_files(versions), robust=True)


def erase_index_of(version: DocumentVersion) -> None:
    """Remove what processing a version made: vectors, passages, pages."""
    chunks = Chunk.objects.filter(version=version)
    ChunkEmbedding.objects.filter(chunk__in=chunks.values("id")).delete()
    chunks.delete()
    Page.objects.filter(version=version).delete()


def _erase_files(versions: Sequence[DocumentVersion]) -> None:
    for version in versions:
        assert version.tenant_id is not None
        storage.delete_files([version.storage_key])
        storage.delete_page_images(version.tenant_id, version.id)


def reprocess_document(*, access: Access, document: Document) -> Document:
    """Process the current version anew. While it is being processed already this raises `Conflict`."""
    require_change(access, document)
    with tenant_atomic(access.tenant_id):
        document = _locked(document)
        if not document.is_terminal:
            raise Conflict("This document is being processed already.", code="in_progress")
        version = DocumentVersion.objects.get(document=document, number=document.current_version)
        if document.status != Status.READY:
            _require_no_twin(document, document.collection)
        erase_index_of(version)
        mark_queued(document)
        outbox.enqueue(INGEST, version.id)
        record(access, "document.reprocessed", target_kind="document", target_id=document.id)
    return document


def mark_queued(document: Document) -> None:
    """Back to the start of the line."""
    document.status = Status.QUEUED
    document.progress = 0.0
    document.error_code = document.error_detail = ""
    document.attempts = document.page_count = document.chunk_count = 0
    document.timings = {}
    document.save()
    announce(document)


def cancel_document(*, access: Access, document: Document) -> Document:
    """Stop processing; what was indexed so far goes, the file stays. `Conflict` when it is over."""
    require_change(access, document)
    with tenant_atomic(access.tenant_id):
        document = _locked(document)
        if document.is_terminal:
            raise Conflict(f"This document is {document.status} already.", code="already_over")
        version = DocumentVersion.objects.get(document=document, number=document.current_version)
        outbox.cancel(INGEST, version.id)
        erase_index_of(version)
        document.status = Status.CANCELLED
        document.page_count = document.chunk_count = 0
        document.save()
        announce(document)
        record(access, "document.cancelled", target_kind="document", target_id=document.id)
    return document
