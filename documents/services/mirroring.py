"""Making documents what their source holds: adding, replacing, renaming, removing; the rest stays as it is."""

import errno
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from io import SEEK_END
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from django.conf import settings
from django.db.models import OuterRef, Subquery

from documents import sources
from documents.extraction import ExtractionError
from documents.extraction.types import ZIP
from documents.models import Document, DocumentVersion, Source
from documents.services.archives import members_of
from documents.services.documents import delete_document, lock_document
from documents.services.exchanging import HeldUp, rename, settle
from documents.services.files import AcceptedFile, IncomingFile, accept, find_twin
from documents.services.looks import note_failure, note_success
from documents.services.sources import require_source_change, web_terms
from documents.services.uploads import Origin, UploadOptions, store
from documents.services.versions import replace_file
from documents.sources import Item, Look, SourceError
from documents.sources.base import short_key
from tenants.access import Access
from tenants.audit.recording import record
from tenants.db import tenant_atomic
from tenants.errors import Conflict, DocentError, NotFound
from tenants.jobs.periodic import only_here

# What stands in a key between an archive and a path inside; no path below a folder holds it.
_INSIDE = "//"
_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
# What the next look may do, once documents that are processed now are ready.
_PASSING = frozenset({"in_progress", "duplicate"})
# If only one document in so many stays, and no others come, the folder is rather not there than emptied.
_FEW = 10


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that could not be taken: what the source calls it, and why."""

    name: str
    code: str
    detail: str


@dataclass(slots=True)
class SyncReport:
    """What a look did, in documents; `touched` are those that are processed now.

    `twins` are things whose bytes another document of the collection holds. With `is_unfinished` another look,
    once all are ready, may do more.
    """

    added: int = 0
    replaced: int = 0
    renamed: int = 0
    removed: int = 0
    unchanged: int = 0
    twins: int = 0
    problems: list[Problem] = field(default_factory=list)
    touched: set[UUID] = field(default_factory=set)
    is_unfinished: bool = False

    @property
    def counts(self) -> dict[str, int]:
        """For the source and the audit log."""
        numbers = {name: value for name, value in asdict(self).items() if type(value) is int}
        return {**numbers, "refused": len(self.problems)}

    @property
    def changes(self) -> int:
        return self.added + self.replaced + self.renamed + self.removed


class SyncRunning(Conflict):
    """Another process is at the same source."""


def sync_source(*, access: Access, source: Source, allow_empty: bool = False) -> SyncReport:
    """Look at a source and make its documents what it holds. What is refused of it is reported.

    Raises `SyncRunning`, and `SourceError` when nothing can be said about the whole, or when all of its documents
    would go without any to take their place and `allow_empty` does not say that this is meant.
    """
    require_source_change(access, source)
    with only_here(f"source {source.id}") as is_free:
        if not is_free:
            raise SyncRunning("This source is being looked at already.", code="in_progress")
        try:
            known = _known(access, source)
            look = _place(source).look({key: one.marker for key, one in known.items()})
            report = _Mirror(access, source, look, known).run(allow_empty=allow_empty)
        except SourceError as error:
            note_failure(access.tenant_id, source.id, error)
            raise
        _note(access, source, report)
    return report


def _note(access: Access, source: Source, report: SyncReport) -> None:
    with tenant_atomic(access.tenant_id):
        if report.changes:
            record(access, "source.synced", target_kind="source", target_id=source.id, **report.counts)
    if source.kind == Source.Kind.WEB_PAGE and report.problems:
        problem = report.problems[0]
        note_failure(access.tenant_id, source.id, SourceError(problem.code, problem.detail))
    else:
        note_success(access.tenant_id, source.id, report.counts)


def _place(source: Source) -> sources.Source:
    if source.kind == Source.Kind.FOLDER:
        return sources.FolderSource(Path(source.location), max_bytes=settings.DOCENT_MAX_FILE_BYTES)
    return sources.WebPageSource(source.location, web_terms())


@dataclass(frozen=True, slots=True)
class _Known:
    """A document of the source, with the hash of the last file that it was given."""

    document_id: UUID
    marker: str
    sha256: str


def _known(access: Access, source: Source) -> dict[str, _Known]:
    with tenant_atomic(access.tenant_id):
        last = DocumentVersion.objects.filter(document=OuterRef("id")).order_by("-number").values("sha256")[:1]
        rows = Document.objects.filter(source=source).annotate(last=Subquery(last))
        return {
            key: _Known(*values) for key, *values in rows.values_list("source_key", "id", "source_marker", "last")
        }


@dataclass(slots=True)
class _Documents:
    """What becomes of documents while one look at their source is gone through."""

    access: Access
    source: Source
    look: Look
    known: dict[str, _Known]
    report: SyncReport = field(default_factory=SyncReport)
    _seen: set[str] = field(default_factory=set)
    _unseen: list[str] = field(default_factory=list)
    _listed: set[str] = field(default_factory=set)
    _same: set[UUID] = field(default_factory=set)
    _twins: set[UUID] = field(default_factory=set)
    _held_up: list[HeldUp] = field(default_factory=list)
    _removed: set[UUID] = field(default_factory=set)

    def _take_file(self, item: Item, file: AcceptedFile) -> None:
        known = self.known.get(item.key)
        if known is None:
            self._add(item, file)
        elif known.sha256 == file.sha256:
            with tenant_atomic(self.access.tenant_id):
                Document.objects.filter(id=known.document_id).update(source_marker=item.marker)
            self._same.add(known.document_id)
            self.report.unchanged += 1
        else:
            self._replace(known.document_id, item, file)

    def _add(self, item: Item, file: AcceptedFile) -> None:
        origin = Origin(self.source, item.key, item.marker, item.title, item.changed_at)
        with ExitStack() as undo, tenant_atomic(self.access.tenant_id):
            twin = find_twin(self.source.collection_id, file.sha256)
            if twin is not None and twin.source_id == self.source.id and not self._is_there(twin.source_key):
                self.known.pop(twin.source_key, None)
                rename(self.access, lock_document(twin), item, file.name)
                self.report.renamed += 1
                return
            result = store(self.access, file, self.source.collection, UploadOptions(), undo=undo, origin=origin)
            assert result.document is not None
            undo.pop_all()
        if result.is_duplicate:
            self.report.twins += 1
            self._twins.add(result.document.id)
        else:
            self.report.added += 1
            self.report.touched.add(result.document.id)

    def _replace(self, document_id: UUID, item: Item, file: AcceptedFile) -> None:
        origin = Origin(self.source, item.key, item.marker, item.title, item.changed_at)
        with tenant_atomic(self.access.tenant_id):
            document = Document.objects.filter(id=document_id).first()
            if document is None:
                raise NotFound("The document was deleted meanwhile.")
            twin = find_twin(document.collection_id, file.sha256, apart_from=document)
            if twin is not None and self._may_move(twin):
                self._held_up.append(HeldUp(item, file.name, document_id, twin.id))
                return
            incoming = IncomingFile(file.name, file.size, file.content)
            replace_file(access=self.access, document=document, file=incoming, properties=origin.properties)
            Document.objects.filter(id=document_id).update(source_marker=item.marker)
        self.report.replaced += 1
        self.report.touched.add(document_id)

    def _may_move(self, twin: Document) -> bool:
        """Not where something that goes, or another source, makes room anyway. A web page has one place alone."""
        is_here = twin.source_id == self.source.id and self._is_there(twin.source_key)
        return self.source.kind == Source.Kind.FOLDER and (twin.source_id is None or is_here)

    def _is_there(self, key: str) -> bool:
        is_listed = bool({key, key.partition(_INSIDE)[0]} & self._listed)
        return is_listed or key in self._seen or key.startswith(tuple(self._unseen))

    def _settle(self) -> None:
        settled = settle(self.access, self._held_up, stays=self._stays)
        self.report.renamed += settled.moved
        self.report.removed += len(settled.removed)
        self.report.twins += len(settled.twins)
        self._removed |= settled.removed
        for one in settled.waiting:
            self._refuse(one.item.key, Conflict("Another document has this file's bytes.", code="duplicate"))

    def _stays(self, document_id: UUID) -> bool:
        """Whether a document has the bytes of its file, or is new, or none of this source."""
        return document_id in self._same or all(one.document_id != document_id for one in self.known.values())

    def _remove(self, document_id: UUID) -> None:
        with tenant_atomic(self.access.tenant_id):
            document = Document.objects.filter(id=document_id, source=self.source).first()
            if document is not None:
                delete_document(access=self.access, document=document)
                self._removed.add(document_id)
                self.report.removed += 1

    def _refuse(self, name: str, error: SourceError | DocentError | OSError) -> None:
        problem = _problem(name, error)
        self.report.problems.append(problem)
        self.report.is_unfinished |= problem.code in _PASSING


class _Mirror(_Documents):
    """One look at one source, in a unit of its own for each thing."""

    __slots__ = ()

    def run(self, *, allow_empty: bool) -> SyncReport:
        self._listed = {item.key for item in self.look.items}
        for part in self.look.unseen:
            self._unseen.append(part.prefix)
            self.report.problems.append(Problem(part.prefix or self.source.location, "unreadable", part.reason))
        for item in self.look.items:
            self._take(item)
        self._settle()
        self._remove_gone(allow_empty=allow_empty)
        # What stood in the way of the same bytes elsewhere has made room, or soon will.
        self.report.is_unfinished |= bool(self._twins & (self.report.touched | self._removed))
        return self.report

    def _take(self, item: Item) -> None:
        if item.key in self._seen:
            self._refuse(item.key, Conflict("The same name is there twice.", code="same_name"))
            return
        self._seen.add(item.key)
        if self._is_as_before(item):
            return
        try:
            with item.open() as content:
                self._take_content(item, content)
        except (SourceError, DocentError, OSError) as error:
            # What is not read now may be there all the same.
            self._unseen.append(f"{item.key}{_INSIDE}")
            self._refuse(item.key, error)

    def _is_as_before(self, item: Item) -> bool:
        """Whether its marker says that nothing of it, and nothing in it if it is an archive, needs to be read."""
        known = self.known.get(item.key)
        before = {item.key: known} if known else {}
        if not before and item.name.lower().endswith(".zip"):
            prefix = f"{item.key}{_INSIDE}"
            before = {key: one for key, one in self.known.items() if key.startswith(prefix)}
        if not before or not item.marker or any(one.marker != item.marker for one in before.values()):
            return False
        self._seen |= before.keys()
        self._same |= {one.document_id for one in before.values()}
        self.report.unchanged += len(before)
        return True

    def _take_content(self, item: Item, content: BinaryIO) -> None:
        file = accept(_incoming(item.name, content), may_be_archive=True)
        if file.media_type == ZIP:
            # Not a document itself, should it have been one.
            self._seen.discard(item.key)
            self._take_archive(item, file)
        else:
            self._take_file(item, file)

    def _take_archive(self, item: Item, archive: AcceptedFile) -> None:
        problems, twins = len(self.report.problems), self.report.twins
        try:
            for member in members_of(archive):
                key = f"{item.key}{_INSIDE}{short_key(member.name)}"
                if key in self._seen:
                    self._refuse(key, Conflict("The same name is there twice.", code="same_name"))
                    continue
                self._seen.add(key)
                try:
                    file = accept(member.file)
                    self._take_file(Item(key, file.name, item.marker, item.open), file)
                except DocentError as error:
                    self._refuse(key, error)
        except ExtractionError as error:
            raise SourceError(error.code, error.detail) from error
        refused = {problem.code for problem in self.report.problems[problems:]}
        if refused & {*_PASSING, "quota_exceeded"} or self.report.twins > twins:
            _read_again(self.access, self.source, item.key)

    def _remove_gone(self, *, allow_empty: bool) -> None:
        unseen = tuple(self._unseen)
        gone = [key for key in self.known if key not in self._seen and not key.startswith(unseen)]
        if gone and not allow_empty:
            new = self.report.added + self.report.renamed + self.report.twins
            _require_not_emptied(len(self.known), len(gone), new)
        for key in gone:
            self._remove(self.known[key].document_id)


def _problem(name: str, error: SourceError | DocentError | OSError) -> Problem:
    """What is said of it. A disk that is full is no problem of one file: that is raised."""
    if not isinstance(error, OSError):
        return Problem(name, error.code, error.detail)
    if error.errno in _NO_SPACE:
        raise error
    return Problem(name, "unreadable", f"The file cannot be read ({error.strerror}).")


def _require_not_emptied(known: int, gone: int, new: int) -> None:
    """A disk that is not mounted looks like an empty folder, or one with a single file that says so."""
    if (known - gone) * _FEW < known and new < gone:
        raise SourceError(
            "source_empty",
            f"{gone:,} of {known:,} documents are not there any more. If that is meant, say --allow-empty.",
        )


def _read_again(access: Access, source: Source, key: str) -> None:
    """Look into an archive again next time, though it is the same: not everything in it could be taken yet."""
    with tenant_atomic(access.tenant_id):
        inside = Document.objects.filter(source=source, source_key__startswith=f"{key}{_INSIDE}")
        inside.update(source_marker="")


def _incoming(name: str, content: BinaryIO) -> IncomingFile:
    return IncomingFile(name, content.seek(0, SEEK_END), content)
