"""The first job: pages out of the file, passages out of the pages."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import MAXYEAR, MINYEAR, UTC, datetime
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from documents import storage
from documents.document_passages import Cutter
from documents.embedders import embedder_of, get_or_create_index
from documents.extraction import ExtractionError, Limits, PageStream, PageText, iter_pages
from documents.idle_unloader import idle_unloader
from documents.ingestion.outcome import mark_failed
from documents.ingestion.run import READ_SHARE, Held, Run, begin
from documents.languages import SAMPLE, language_of
from documents.malware_scanning import ScannerFailed, require_clean
from documents.masking import MaskingRules, PatternTimeout
from documents.models import Chunk, Document, DocumentVersion, Page, Status
from documents.selectors import masking_rules
from documents.services.processing import EMBED, erase_index_of
from providers.embedding.base import Embedder
from tenants.context import current_tenant_id
from tenants.jobs import outbox
from tenants.jobs.leases import MAX_ATTEMPTS, Lease

# The first pages are searchable soon; later ones are stored in fewer, larger units.
_FIRST_PAGES, _PAGES = 12, 60
_LONGEST_WAIT = 5.0  # seconds for a unit's pages; recognised ones come slowly


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is to be done with the version's file, as it was when the job began."""

    tenant_id: UUID
    document_id: UUID
    version_id: UUID
    storage_key: str
    sha256: str
    size: int
    media_type: str
    title: str
    chunk_size: int
    chunk_overlap: int
    embedder: Embedder
    rules: MaskingRules


@dataclass(slots=True)
class _Reader:
    """Makes passages of pages and remembers how the text begins."""

    plan: _Plan
    cutter: Cutter = field(init=False)
    sample: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        plan = self.plan
        self.cutter = Cutter(
            title=plan.title,
            media_type=plan.media_type,
            size=plan.chunk_size,
            overlap=plan.chunk_overlap,
            embedder=plan.embedder,
            rules=plan.rules,
        )

    def cut(self, pages: Sequence[PageText]) -> list[Chunk]:
        return [chunk for page in pages for chunk in self._cut_page(page)]

    def _cut_page(self, page: PageText) -> Iterator[Chunk]:
        if sum(map(len, self.sample)) < SAMPLE:
            self.sample.append(page.text)
        for passage in self.cutter.cut(page):
            yield Chunk(
                tenant_id=self.plan.tenant_id,
                document_id=self.plan.document_id,
                version_id=self.plan.version_id,
                number=passage.number,
                page=passage.page,
                start=passage.start,
                end=passage.end,
                heading=passage.heading,
                text=passage.text,
            )


def read_version(version_id: UUID, lease: Lease) -> None:
    """Read a version's file. One that cannot be read fails for good; anything else is raised and retried."""
    run = begin(version_id, lease)
    if run is None:
        return
    with run.unit() as held:
        plan = _prepare(*held)
    if plan is None:
        return
    try:
        with idle_unloader.working():
            _read(run, plan)
    except ExtractionError as error:
        _fail(run, error.code, error.detail)
    except PatternTimeout as error:
        _fail(run, "pattern_timeout", str(error))
    except ScannerFailed:
        if lease.attempts < MAX_ATTEMPTS:
            raise
        detail = "The malware scanner could not look at this file, so it was not read. Try again later."
        _fail(run, "scan_failed", detail)


def _fail(run: Run, code: str, detail: str) -> None:
    with run.unit() as (document, version):
        outbox.cancel(EMBED, version.id)
        mark_failed(document, version, code, detail)


def _prepare(document: Document, version: DocumentVersion) -> _Plan | None:
    """Start afresh whatever an earlier attempt left half done; None when it had read everything."""
    if version.status == Status.EMBEDDING:
        outbox.ensure(EMBED, version.id)
        return None
    erase_index_of(version)
    version.status, version.progress = Status.EXTRACTING, 0.0
    version.page_count = version.chunk_count = 0
    return _Plan(
        tenant_id=current_tenant_id(),
        document_id=document.id,
        version_id=version.id,
        storage_key=version.storage_key,
        sha256=version.sha256,
        size=version.size,
        media_type=version.media_type,
        title=document.title,
        chunk_size=document.chunk_size,
        chunk_overlap=document.chunk_overlap,
        embedder=embedder_of(get_or_create_index().model),
        rules=masking_rules(),
    )


def _read(run: Run, plan: _Plan) -> None:
    reader = _Reader(plan)
    with (
        storage.verified_path(plan.storage_key, plan.sha256, plan.size) as path,
        _opened(run, plan, path) as stream,
    ):
        batches = _batches(stream)
        waiting: Sequence[PageText] = ()
        while batch := _next(run, batches):
            chunks = _cut(run, reader, waiting)
            with run.unit() as held:
                _save_pages(held, batch)
                _save_chunks(held, chunks)
                held.version.progress = READ_SHARE * stream.progress
            waiting = batch
        with run.unit() as (_document, version):
            version.status = Status.CHUNKING
        chunks = _cut(run, reader, waiting)
        language = language_of("\n".join(reader.sample))  # takes seconds when it is the first of the process
        with run.unit() as held:
            _save_chunks(held, chunks)
            held.version.masked = dict(reader.cutter.masked)
            held.version.masked_by = plan.rules.digest
            _finish(held, stream, language)


def _opened(run: Run, plan: _Plan, path: Path) -> PageStream:
    if settings.DOCENT_SCANNER:
        with run.timed("scanning"):
            require_clean(path, scanner=settings.DOCENT_SCANNER, seconds=settings.DOCENT_SCANNER_SECONDS)
    with run.timed("extracting"):
        return iter_pages(
            path,
            plan.media_type,
            limits=Limits(
                seconds=settings.DOCENT_PARSER_SECONDS,
                recognition=settings.DOCENT_OCR_SECONDS if settings.DOCENT_OCR else 0.0,
            ),
            allow_unisolated=settings.DOCENT_ALLOW_UNISOLATED_PARSER,
        )


def _batches(stream: PageStream) -> Iterator[tuple[PageText, ...]]:
    batch: list[PageText] = []
    size, began = _FIRST_PAGES, time.monotonic()
    for page in stream:
        batch.append(page)
        if len(batch) == size or time.monotonic() - began > _LONGEST_WAIT:
            yield tuple(batch)
            batch, size, began = [], _PAGES, time.monotonic()
    if batch:
        yield tuple(batch)


def _next(run: Run, batches: Iterator[tuple[PageText, ...]]) -> tuple[PageText, ...]:
    with run.timed("extracting"):
        return next(batches, ())


def _cut(run: Run, reader: _Reader, pages: Sequence[PageText]) -> list[Chunk]:
    with run.timed("chunking"):
        return reader.cut(pages)


def _save_pages(held: Held, pages: Sequence[PageText]) -> None:
    Page.objects.bulk_create(
        Page(
            version=held.version,
            number=page.number,
            start=page.start,
            end=page.end,
            text=page.text,
            width=page.width,
            height=page.height,
            label=page.label[:200],
            is_recognised=page.is_recognised,
            headings=page.headings,
        )
        for page in pages
    )
    held.version.page_count += len(pages)


def _save_chunks(held: Held, chunks: Sequence[Chunk]) -> None:
    """They are embedded as soon as they stand there."""
    if not chunks:
        return
    Chunk.objects.bulk_create(chunks)
    held.version.chunk_count += len(chunks)
    outbox.ensure(EMBED, held.version.id)


def _finish(held: Held, stream: PageStream, language: str) -> None:
    document, version = held
    if not version.chunk_count:
        raise ExtractionError("no_text", "There is no text in this file that could be searched.")
    version.status, version.progress = Status.EMBEDDING, READ_SHARE
    version.properties = version.properties | stream.properties | ({"title": stream.title} if stream.title else {})
    document.language = language
    document.dated_at = _dated_at(version.properties)
    outbox.ensure(EMBED, version.id)


def _dated_at(properties: dict[str, str]) -> datetime | None:
    """When the file says it was sent or last changed."""
    for name in ("sent", "modified", "created"):
        try:
            said = parse_datetime(properties.get(name, ""))
            if said is None:
                continue
            when = (said if timezone.is_aware(said) else timezone.make_aware(said)).astimezone(UTC)
        except (ValueError, OverflowError):  # well formed, but no date
            continue
        # PostgreSQL keeps more years than Python reads: a row with such a date could neither be shown nor deleted.
        # A reader's time zone may still add some hours.
        if MINYEAR < when.year < MAXYEAR:
            return when
    return None
