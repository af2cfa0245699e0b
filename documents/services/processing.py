"""Where a document's state comes from: its versions. Called with the document's row locked."""

from django.db.models.functions import Now

from documents.models import Chunk, ChunkEmbedding, Document, DocumentVersion, Page, Processing, Status
from tenants.jobs import outbox

READ = "documents.ingest"
EMBED = "documents.embed"

_STATE = ("status", "progress", "error_code", "error_detail", "attempts", "timings", "started_at", "finished_at")
_FILE = ("sha256", "size", "media_type", "page_count", "chunk_count")


def show_state(document: Document, version: DocumentVersion) -> None:
    """Let the document show how the version last put to work gets on.

    A replacement that came to nothing leaves the document as its current version is, with the reason.
    """
    is_current = version.number == document.current_version
    if not is_current and version.status in {Status.FAILED, Status.CANCELLED}:
        _copy(DocumentVersion.objects.get(document=document, number=document.current_version), document)
        document.error_code, document.error_detail = version.error_code, version.error_detail
        return
    _copy(version, document)
    if is_current:
        for name in _FILE:
            setattr(document, name, getattr(version, name))


def _copy(version: DocumentVersion, document: Document) -> None:
    for name in _STATE:
        setattr(document, name, getattr(version, name))


def reset(processing: Processing) -> None:
    """Back to the start of the line."""
    processing.status = Status.QUEUED
    processing.progress = 0.0
    processing.error_code = processing.error_detail = ""
    processing.attempts = processing.page_count = processing.chunk_count = 0
    processing.timings = {}
    processing.started_at = processing.finished_at = None


def make_current(document: Document, version: DocumentVersion) -> None:
    """Let questions find this version and no other of the document."""
    if document.current_version != version.number:
        vectors = ChunkEmbedding.objects.filter(document=document)
        vectors.filter(is_current=True).update(is_current=False)
        vectors.filter(chunk__in=Chunk.objects.filter(version=version).values("id")).update(is_current=True)
        document.current_version = version.number
    document.pending_version = None


def abandon(document: Document, version: DocumentVersion, status: Status) -> None:
    """End a version's processing without a result: what was made of it goes, its file stays."""
    erase_index_of(version)
    version.status = status
    version.finished_at = Now()
    version.page_count = version.chunk_count = 0
    if document.pending_version == version.number:
        document.pending_version = None


def stop_jobs(*versions: DocumentVersion) -> None:
    for kind in (READ, EMBED):
        outbox.cancel(kind, *(version.id for version in versions))


def erase_index_of(*versions: DocumentVersion) -> None:
    """Remove what processing versions made: vectors, passages, pages."""
    chunks = Chunk.objects.filter(version__in=versions)
    documents = {version.document_id for version in versions}  # for the index: they have few vectors each
    ChunkEmbedding.objects.filter(document__in=documents, chunk__in=chunks.values("id")).delete()
    chunks.delete()
    Page.objects.filter(version__in=versions).delete()
