"""Stored files that are gone or altered: said on the document, which is searched on by what was read of it."""

import logging
from uuid import UUID

from documents.events import announce
from documents.extraction import ExtractionError
from documents.models import Document, DocumentVersion, Status
from documents.services.processing import show_state
from tenants.errors import DocentError

logger = logging.getLogger(__name__)

FILE_ERRORS = frozenset({"file_damaged", "file_missing"})


class FileUnusable(DocentError):
    """Our own fault: what was stored cannot be given back. `code` is one of `FILE_ERRORS`."""

    status, title = 500, "The stored file cannot be used"


def note_file_error(version_id: UUID, error: ExtractionError) -> None:
    """Say what is wrong with a version's file, in the caller's unit. One that is processed finds out itself."""
    logger.error("the file of version %s: %s", version_id, error.code)
    _say(version_id, error.code, error.detail)


def clear_file_error(version_id: UUID) -> None:
    """The file was put back."""
    _say(version_id, "", "")


def _say(version_id: UUID, code: str, detail: str) -> None:
    # The document's row first, as everybody who changes a version does.
    document = Document.objects.select_for_update().filter(versions=version_id).first()
    if document is None:
        return
    version = DocumentVersion.objects.get(id=version_id)
    if version.status != Status.READY or version.error_code == code:
        return
    version.error_code, version.error_detail = code, detail
    version.save(update_fields=["error_code", "error_detail"])
    if version.number == document.current_version and document.pending_version is None:
        show_state(document, version)
        document.save()
        announce(document)
