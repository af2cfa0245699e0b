"""A file at the door: what it may be, its way into storage and out again."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils.translation import gettext

from documents import storage
from documents.extraction import SNIFF_BYTES, ExtractionError, sniff
from documents.extraction.types import ZIP
from documents.models import TERMINAL, Document, DocumentVersion, Status
from tenants.access import Access
from tenants.context import current_tenant_id
from tenants.db import tenant_atomic
from tenants.errors import InvalidInput, TooLarge, UnsupportedType
from tenants.jobs import outbox
from tenants.jobs.leases import Lease

ERASE_FILES = "documents.erase_files"
_CAME_TO_NOTHING = Q(status__in=[Status.FAILED, Status.CANCELLED])
# The files go right after the commit; the job is for the process that dies before it has come to that.
_LATER_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class IncomingFile:
    """A file as it arrives: the sender's name for it, its size in bytes, and its content."""

    name: str
    size: int
    content: BinaryIO


@dataclass(frozen=True, slots=True)
class AcceptedFile:
    """A file that may be stored: its name as it is shown, its media type and hash."""

    name: str
    size: int
    media_type: str
    sha256: str
    content: BinaryIO


def accept(file: IncomingFile, *, may_be_archive: bool = False) -> AcceptedFile:
    """Look at a file before anything of it is stored. Raises `InvalidInput`, `TooLarge`, `UnsupportedType`."""
    name = display_name(file.name)
    if file.size == 0:
        raise InvalidInput(gettext("“{name}” is empty.").format(name=name), code="empty_file")
    if file.size > settings.DOCENT_MAX_FILE_BYTES:
        limit = settings.DOCENT_MAX_FILE_BYTES // (1024 * 1024)
        raise TooLarge(
            gettext("“{name}” is larger than {limit} MB.").format(name=name, limit=limit), code="file_too_large"
        )
    file.content.seek(0)
    try:
        media_type = sniff(file.content.read(SNIFF_BYTES), name, file.content)
    except ExtractionError as error:
        raise UnsupportedType(error.detail, code=error.code) from error
    if media_type == ZIP and not may_be_archive:
        raise UnsupportedType(
            gettext("“{name}” is an archive of files. Give one of them.").format(name=name), code="archive_refused"
        )
    return AcceptedFile(name, file.size, media_type, storage.sha256_of(file.content), file.content)


def display_name(name: str) -> str:
    """The last part of whatever path the sender gave, without control characters; never empty."""
    last = PurePosixPath(name.replace("\\", "/")).name
    clean = "".join(character for character in last if character.isprintable()).strip()
    return clean[:255] or "unnamed"


@contextmanager
def stored(access: Access, file: AcceptedFile) -> Iterator[DocumentVersion]:
    """A version, not yet saved, whose file is in storage; taken out again when the block fails."""
    version_id = uuid4()
    key = storage.save_original(access.tenant_id, version_id, file.content)
    try:
        yield DocumentVersion(
            id=version_id,
            name=file.name,
            sha256=file.sha256,
            size=file.size,
            media_type=file.media_type,
            storage_key=key,
            uploaded_by_id=access.user_id,
        )
    except BaseException:
        storage.delete_files([key])
        raise


def find_twin(collection_id: UUID, sha256: str, *, apart_from: Document | None = None) -> Document | None:
    """The document of the collection that holds these bytes, or is about to."""
    others = Document.objects.filter(collection_id=collection_id)
    if apart_from is not None:
        others = others.exclude(id=apart_from.id)
    # Two questions, for one with an "or" in it reads the whole collection.
    holder: Document | None = others.filter(~_CAME_TO_NOTHING, sha256=sha256).first()
    if holder is not None:
        return holder
    pending = others.filter(pending_version__isnull=False).exclude(status__in=TERMINAL)
    found: Document | None = pending.filter(versions__number=F("pending_version"), versions__sha256=sha256).first()
    return found


def erase_files_of(versions: Sequence[DocumentVersion]) -> None:
    """Remove the files of versions whose rows go in this transaction, once it is committed."""
    for version in versions:
        outbox.enqueue(ERASE_FILES, version.id, delay_seconds=_LATER_SECONDS)
    tenant_id = current_tenant_id()

    def erase() -> None:
        for version in versions:
            _erase(tenant_id, version.id, version.storage_key)
        with tenant_atomic(tenant_id):
            outbox.cancel(ERASE_FILES, *(version.id for version in versions))

    transaction.on_commit(erase, robust=True)


def finish_erasing(version_id: UUID, lease: Lease) -> None:
    """The job of `erase_files_of`."""
    _erase(lease.tenant_id, version_id, storage.file_key(lease.tenant_id, version_id))


def leave_for_the_sweep(version_id: UUID, code: str, detail: str) -> None:
    """The files cannot be removed; the sweep of files without a row comes upon them later."""


def _erase(tenant_id: UUID, version_id: UUID, key: str) -> None:
    storage.delete_files([key])
    storage.delete_page_images(tenant_id, version_id)
