"""Writes: the files that a document has had."""

from collections.abc import Mapping

from django.db.models import Max

from documents.events import announce
from documents.models import Document, DocumentVersion, Status
from documents.selectors import was_masked_otherwise
from documents.services.documents import (
    lock_document,
    queue_version,
    refusing_twins,
    require_change,
    require_no_twin,
)
from documents.services.files import AcceptedFile, IncomingFile, accept, stored
from documents.services.processing import make_current, show_state
from tenants.access import Access
from tenants.audit.recording import record
from tenants.db import tenant_atomic
from tenants.errors import Conflict
from tenants.limits.quotas import require_quotas
from tenants.models import QuotaKind


def replace_file(
    *, access: Access, document: Document, file: IncomingFile, properties: Mapping[str, str] | None = None
) -> DocumentVersion:
    """Give a document a new file: the old one is searched until the new one is ready, and stays readable.

    `properties` are known of it beside what it says itself. The bytes of the current version make no new one; that
    is returned. Raises `Conflict` while the document is processed and for bytes that another document of the
    collection holds, and what `accept` raises.
    """
    require_change(access, document)
    accepted = accept(file)
    with tenant_atomic(access.tenant_id):
        if (same := _find_same(document, accepted)) is not None:
            return same
    with stored(access, accepted) as version, tenant_atomic(access.tenant_id):
        document = lock_document(document)
        _require_idle(document)
        require_no_twin(document, document.collection, sha256=version.sha256)
        require_quotas(access, {QuotaKind.BYTES: version.size})
        version.document, version.properties = document, dict(properties or {})
        version.number = 1 + DocumentVersion.objects.filter(document=document).aggregate(n=Max("number"))["n"]
        version.save(force_insert=True)
        document.pending_version = version.number
        queue_version(document, version)
        record(access, "document.replaced", target_kind="document", target_id=document.id, version=version.number)
        return version


def restore_version(*, access: Access, document: Document, version: DocumentVersion) -> Document:
    """Let questions find an earlier version again: at once, unless other things are masked by now.

    Raises `Conflict` while the document is processed, for a version that was never ready, and where another
    document of the collection holds its bytes by now.
    """
    require_change(access, document)
    with tenant_atomic(access.tenant_id):
        document = lock_document(document)
        version = DocumentVersion.objects.get(id=version.id)
        _require_idle(document)
        if version.status != Status.READY:
            raise Conflict("Only a version that was ready once can be taken back.", code="not_ready")
        if version.number != document.current_version:
            require_no_twin(document, document.collection, sha256=version.sha256)
            _take_back(document, version)
            record(
                access, "document.restored", target_kind="document", target_id=document.id, version=version.number
            )
    return document


def _take_back(document: Document, version: DocumentVersion) -> None:
    if was_masked_otherwise(version):
        document.pending_version = version.number
        queue_version(document, version)
        return
    # What was ready once has its vectors in every index that has answered since.
    make_current(document, version)
    show_state(document, version)
    with refusing_twins():
        document.save()
    announce(document)


def _find_same(document: Document, file: AcceptedFile) -> DocumentVersion | None:
    current = DocumentVersion.objects.filter(document=document, number=document.current_version)
    found: DocumentVersion | None = current.filter(sha256=file.sha256, status=Status.READY).first()
    return found


def _require_idle(document: Document) -> None:
    if not document.is_terminal:
        raise Conflict(
            "This document is being processed. Wait until it is ready, or cancel that.", code="in_progress"
        )
