"""Writes: documents that exist."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext

from documents.events import announce
from documents.models import ChunkEmbedding, Collection, Document, DocumentVersion, Status
from documents.registry import on_documents_erased
from documents.services.files import erase_files_of, find_twin
from documents.services.processing import (
    READ,
    abandon,
    erase_index_of,
    reset,
    show_state,
    stop_jobs,
)
from documents.services.sizes import Sizes
from tenants.access import Access
from tenants.audit.recording import record
from tenants.db import tenant_atomic
from tenants.errors import Conflict, InvalidInput, NotFound, PermissionRefused
from tenants.jobs import outbox
from tenants.permissions import Action


def require_change(access: Access, document: Document) -> None:
    """Members change what they uploaded, admins all; others get `PermissionRefused`."""
    access.require(Action.WRITE_DOCUMENTS)
    if document.uploaded_by_id != access.user_id and not access.allows(Action.MANAGE_DOCUMENTS):
        raise PermissionRefused("Only an admin or the person who uploaded this document may change it.")


def hold_collection(collection: Collection) -> None:
    """Let nobody delete it until the unit ends. Raises `InvalidInput` when somebody has meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM documents_collection WHERE id = %s FOR SHARE", [collection.id])
        if not cursor.rowcount:
            raise InvalidInput.at("/collection", "There is no such collection.", "unknown_id")


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
        document = lock_document(document)
        if collection is not None and collection.id != document.collection_id:
            hold_collection(collection)
            require_no_twin(document, collection, sha256=document.sha256)
            if document.pending_version is not None:
                pending = DocumentVersion.objects.get(document=document, number=document.pending_version)
                require_no_twin(document, collection, sha256=pending.sha256)
            ChunkEmbedding.objects.filter(document=document).update(collection=collection)
        for name, value in changed.items():
            setattr(document, name, value)
        with refusing_twins():
            document.save(update_fields=[*changed, "updated_at"])
        record(access, "document.changed", target_kind="document", target_id=document.id, fields=sorted(changed))
    return document


def require_no_twin(document: Document, collection: Collection, *, sha256: str) -> None:
    """`Conflict` where another document of the collection holds these bytes, or is about to."""
    if find_twin(collection.id, sha256, apart_from=document) is not None:
        raise _duplicate()


@contextmanager
def refusing_twins() -> Iterator[None]:
    """`Conflict` where somebody else has brought the same bytes at the same moment."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        raise _duplicate() from error


def _duplicate() -> Conflict:
    return Conflict("The same file is in that collection already.", code="duplicate")


def lock_document(document: Document) -> Document:
    """The document's row, held until the transaction ends. Raises `NotFound` if it is gone meanwhile."""
    found: Document | None = Document.objects.select_for_update().filter(id=document.id).first()
    if found is None:
        raise NotFound("There is no such document.")
    return found


def delete_document(*, access: Access, document: Document) -> None:
    """Delete a document with all versions, pages, passages, vectors and files."""
    require_change(access, document)
    with tenant_atomic(access.tenant_id):
        erase_documents([lock_document(document)])
        record(access, "document.deleted", target_kind="document", target_id=document.id)


def forget_person(user_id: UUID, removed: Counter[str]) -> None:
    """Documents and collections stay, without who brought them. Registered with `on_person_erased`."""
    removed["documents_document.uploaded_by_id"] += Document.objects.filter(uploaded_by_id=user_id).update(
        uploaded_by_id=None
    )
    removed["documents_documentversion.uploaded_by_id"] += DocumentVersion.objects.filter(
        uploaded_by_id=user_id
    ).update(uploaded_by_id=None)
    removed["documents_collection.created_by_id"] += Collection.objects.filter(created_by_id=user_id).update(
        created_by_id=None
    )


def erase_documents(documents: Sequence[Document]) -> None:
    """Remove the rows of documents locked by the caller, and their files after the commit."""
    ids = [document.id for document in documents]
    versions = list(DocumentVersion.objects.filter(document__in=ids))
    on_documents_erased.call(ids)
    stop_jobs(*versions)
    erase_index_of(*versions)
    DocumentVersion.objects.filter(document__in=ids).delete()
    Document.objects.filter(id__in=ids).delete()
    erase_files_of(versions)


def reprocess_document(
    *, access: Access, document: Document, number: int | None = None, sizes: Sizes | None = None
) -> Document:
    """Process a version anew, the current one without `number`; with `sizes` the document is cut so from now on.

    While one is being processed: `Conflict`.
    """
    require_change(access, document)
    with tenant_atomic(access.tenant_id):
        document = lock_document(document)
        if not document.is_terminal:
            raise Conflict("This document is being processed already.", code="in_progress")
        version = DocumentVersion.objects.get(document=document, number=number or document.current_version)
        require_no_twin(document, document.collection, sha256=version.sha256)
        if version.number != document.current_version:
            document.pending_version = version.number
        if sizes is not None:
            document.chunk_size, document.chunk_overlap = sizes.size, sizes.overlap
        erase_index_of(version)
        queue_version(document, version)
        record(access, "document.reprocessed", target_kind="document", target_id=document.id)
    return document


def queue_version(document: Document, version: DocumentVersion) -> None:
    """Put a version at the start of the line; the caller holds the document."""
    reset(version)
    version.save()
    show_state(document, version)
    with refusing_twins():
        document.save()
    outbox.enqueue(READ, version.id)
    announce(document)


def cancel_document(*, access: Access, document: Document) -> Document:
    """Stop processing; what was indexed of the version goes, its file stays. `Conflict` when it is over."""
    require_change(access, document)
    with tenant_atomic(access.tenant_id):
        document = lock_document(document)
        if document.is_terminal:
            raise Conflict(
                gettext("This document is {status} already.").format(status=document.status), code="already_over"
            )
        number = document.pending_version or document.current_version
        version = DocumentVersion.objects.get(document=document, number=number)
        stop_jobs(version)
        abandon(document, version, Status.CANCELLED)
        version.save()
        show_state(document, version)
        document.save()
        announce(document)
        record(access, "document.cancelled", target_kind="document", target_id=document.id)
    return document
