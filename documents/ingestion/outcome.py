"""How processing a version ends: it becomes the one that is searched, or its failure is told."""

from typing import Any
from uuid import UUID

from django.db.models.functions import Now

from documents.events import announce
from documents.metrics import count_document
from documents.models import Document, DocumentVersion, Status
from documents.services.processing import abandon, make_current, show_state
from tenants.models import WebhookEvent
from tenants.webhooks.announcing import announce as announce_event


def mark_ready(document: Document, version: DocumentVersion) -> None:
    """All passages have their vectors. From now on questions find this version and no other."""
    version.status, version.progress = Status.READY, 1.0
    version.finished_at = Now()
    make_current(document, version)
    count_document(outcome="ready", pages=version.page_count, timings=version.timings)
    _tell(WebhookEvent.DOCUMENT_READY, document, version)


def mark_failed(document: Document, version: DocumentVersion, code: str, detail: str) -> None:
    """The file stays, what was made of it goes; a version that was searched before is searched on."""
    abandon(document, version, Status.FAILED)
    version.error_code, version.error_detail = code, detail
    count_document(outcome="failed", code=code, timings=version.timings)
    _tell(WebhookEvent.DOCUMENT_FAILED, document, version, error={"code": code})


def _tell(event: WebhookEvent, document: Document, version: DocumentVersion, **more: Any) -> None:
    """Tell webhooks how it ended. The files of a conversation are nobody's business but their owner's."""
    if document.collection.attached_to is not None:
        return
    data = {
        "document": str(document.id),
        "name": document.name,
        "collection": str(document.collection_id),
        "version": version.number,
        "status": version.status,
        **more,
    }
    announce_event(event, {document.id: data})


def give_up(version_id: UUID, code: str, detail: str) -> None:
    """The job became a dead letter: say so on the document. Runs inside the tenant's unit."""
    document = Document.objects.select_for_update().filter(versions=version_id).first()
    if document is None:
        return
    version = DocumentVersion.objects.get(id=version_id)
    mark_failed(document, version, code, detail)
    version.save()
    show_state(document, version)
    document.save()
    announce(document)
