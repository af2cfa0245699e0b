"""What people are told of jobs that process documents."""

from collections.abc import Mapping
from uuid import UUID

from documents.models import DocumentVersion
from documents.services.documents import cancel_document, reprocess_document
from tenants.access import Access
from tenants.errors import NotFound
from tenants.services.jobs import JobProgress, JobReason


def reasons(version_ids: list[UUID]) -> Mapping[UUID, JobReason]:
    """Why processing failed, as it stands on the documents."""
    versions = DocumentVersion.objects.filter(id__in=version_ids).exclude(error_code="")
    return {version.id: JobReason(version.error_code, version.error_detail) for version in versions}


def progress(version_ids: list[UUID]) -> Mapping[UUID, JobProgress]:
    """How far processing is, as it stands on the versions."""
    versions = DocumentVersion.objects.filter(id__in=version_ids)
    return {one.id: JobProgress(one.status, round(one.progress, 3), one.eta_seconds) for one in versions}


def retry(access: Access, version_id: UUID) -> None:
    """Process the version anew. Raises what `reprocess_document` raises."""
    version = _version(version_id)
    reprocess_document(access=access, document=version.document, number=version.number)


def cancel(access: Access, version_id: UUID) -> None:
    """Stop processing. Raises what `cancel_document` raises."""
    cancel_document(access=access, document=_version(version_id).document)


def _version(version_id: UUID) -> DocumentVersion:
    version: DocumentVersion | None = (
        DocumentVersion.objects.select_related("document").filter(id=version_id).first()
    )
    if version is None:
        raise NotFound("The document is gone.")
    return version
