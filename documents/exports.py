"""Documents' part of an export: the files as they were uploaded."""

from typing import Any

from django.db.models import QuerySet

from documents.models import Document, DocumentVersion
from documents.selectors import readable_documents
from tenants.access import Access
from tenants.exports import ExportRun
from tenants.files.zip_archives import safe_name

_ABOUT = ("id", "collection_id", "name", "title", "size", "media_type", "status", "tags", "metadata", "created_at")
_FILE = ("id", "document_id", "document__name", "number", "storage_key", "sha256")


def export_files(run: ExportRun) -> None:
    """Every version of every document. Registered with `on_tenant_exported`."""
    with run.unit():
        total = DocumentVersion.objects.count()
    for done, version in enumerate(run.rows(DocumentVersion.objects.all, _FILE)):
        run.step(0.5 + 0.5 * min(1.0, done / total))
        _write(run, version)


def export_uploads(run: ExportRun, access: Access) -> None:
    """What a person uploaded and still sees. Registered with `on_person_exported`."""

    def uploads() -> QuerySet[Document]:
        return readable_documents(access).filter(uploaded_by_id=access.user_id)

    def versions() -> QuerySet[DocumentVersion]:
        found: QuerySet[DocumentVersion] = DocumentVersion.objects.filter(document__in=uploads())
        return found

    run.archive.write_rows("documents.jsonl", run.rows(uploads, _ABOUT))
    for version in run.rows(versions, _FILE):
        run.step(0.2)
        _write(run, version)


def _write(run: ExportRun, version: dict[str, Any]) -> None:
    name = safe_name(version["document__name"])
    path = f"files/{version['document_id']}/{version['number']}/{name}"
    run.archive.write_file(path, version["storage_key"], sha256=version["sha256"])
