"""What people are told of jobs that process documents."""

from collections.abc import Mapping
from uuid import UUID

from documents.models import DocumentVersion
from documents.services.documents import reprocess_document
from tenants.access import Access
from tenants.errors import NotFound
from tenants.services.jobs import JobReason


def reasons(version_ids: list[UUID]) -> Mapping[UUID, JobReason]:
    """Why processing failed, as it stands on the documents."""
    versions = DocumentVersion.objects.filter(id__in=version_ids).exclude(document__error_code="")
    return {
        version.id: JobReason(version.document.error_code, version.document.error_detail)
        for version in versions.select_related("document")
    }


def retry(access: Access, version_id: UUID) -> None:
    """Process the version's document anew. Raises what `reprocess_document` raises."""
    version = DocumentVersion.objects.select_related("document").filter(id=version_id).first()
    if version is None:
        raise NotFound("The document is gone.")
    reprocess_document(access=access, document=version.document)
