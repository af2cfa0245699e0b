"""From a stored file to searchable passages: extracting, chunking, embedding.

Each stage works in short units of its own and can be run again from any point: a second attempt keeps
whole stages that the first one finished. Every unit renews the job's lease in its own transaction, so a
worker that lost the job cannot write any more.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar
from uuid import UUID

from django.conf import settings

from documents import storage
from documents.chunking import chunk_page, embedded_text
from documents.embedders import embedder_of, get_or_create_index, idle_unloader
from documents.events import announce
from documents.extraction import ExtractionError, Limits, PageText, iter_pages
from documents.models import Chunk, ChunkEmbedding, Document, DocumentVersion, Page, Status
from documents.services.documents import erase_index_of
from providers.embedding.base import Embedder
from tenants.db import tenant_atomic
from tenants.jobs import leases
from tenants.jobs.leases import Lease, LeaseLost

T = TypeVar("T")

PAGES_A_UNIT = 100
CHUNKS_A_UNIT = 64
# Where each stage ends on the way from 0 to 1; embedding takes nearly all the time.
_EXTRACTED, _CHUNKED = 0.08, 0.12


@dataclass(slots=True)
class Ingestion:
    """One run of one version: plain values, good outside any transaction."""

    lease: Lease
    version_id: UUID
    document_id: UUID
    collection_id: UUID
    storage_key: str
    media_type: str
    title: str
    chunk_size: int
    chunk_overlap: int
    timings: dict[str, float]

    @contextmanager
    def unit(self) -> Iterator[Document]:
        """A transaction that holds the document's row; ends the run if job or document are gone."""
        self.lease.check()
        with tenant_atomic(self.lease.tenant_id):
            # First the document, then its job: whoever deletes or cancels takes them in this order too.
            document = Document.objects.select_for_update().filter(id=self.document_id).first()
            if document is None:
                raise LeaseLost
            if not leases.renew(self.lease, seconds=settings.DOCENT_JOB_LEASE_SECONDS):
                raise LeaseLost
            yield document
            document.timings = {stage: round(seconds, 3) for stage, seconds in self.timings.items()}
            document.save()
            announce(document)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            self.timings[stage] = self.timings.get(stage, 0.0) + time.monotonic() - started


def ingest_version(version_id: UUID, lease: Lease) -> None:
    """Process a version. A file that cannot be read fails for good; anything else is raised and retried."""
    run = _begin(version_id, lease)
    if run is None:
        return
    idle_unloader.in_use()
    try:
        with run.timed("extracting"):
            _extract(run)
        with run.timed("chunking"):
            _chunk(run)
        with run.timed("embedding"):
            _embed(run)
        with run.unit() as document:
            document.status, document.progress = Status.READY, 1.0
    except ExtractionError as error:
        with run.unit() as document:
            mark_failed(document, error.code, error.detail)
    finally:
        idle_unloader.idle()


def give_up(version_id: UUID, code: str, detail: str) -> None:
    """The job became a dead letter: say so on the document. Runs inside the tenant's unit."""
    document = Document.objects.select_for_update().filter(versions=version_id).first()
    if document is not None:
        mark_failed(document, code, detail)
        document.save()
        announce(document)


def mark_failed(document: Document, code: str, detail: str) -> None:
    """The file stays, what was made of it goes."""
    version = DocumentVersion.objects.get(document=document, number=document.current_version)
    erase_index_of(version)
    document.status = Status.FAILED
    document.error_code, document.error_detail = code, detail
    document.page_count = document.chunk_count = 0


def _begin(version_id: UUID, lease: Lease) -> Ingestion | None:
    with tenant_atomic(lease.tenant_id):
        version = DocumentVersion.objects.select_related("document").filter(id=version_id).first()
        if version is None or version.document.status == Status.CANCELLED:
            return None
        document = version.document
        run = Ingestion(
            lease=lease,
            version_id=version.id,
            document_id=document.id,
            collection_id=document.collection_id,
            storage_key=version.storage_key,
            media_type=version.media_type,
            title=document.title,
            chunk_size=document.chunk_size,
            chunk_overlap=document.chunk_overlap,
            timings={},
        )
    with run.unit() as document:
        document.attempts = lease.attempts
        document.status = Status.EXTRACTING
    return run


def _extract(run: Ingestion) -> None:
    with run.unit() as document:
        if document.page_count:
            return  # an earlier attempt read the whole file
        Page.objects.filter(version_id=run.version_id).delete()
    limits = Limits(seconds=settings.DOCENT_PARSER_SECONDS)
    count = 0
    isolated = {"allow_unisolated": settings.DOCENT_ALLOW_UNISOLATED_PARSER}
    with (
        storage.local_path(run.storage_key) as path,
        iter_pages(path, run.media_type, limits=limits, **isolated) as pages,
    ):
        for batch in _batched(pages, PAGES_A_UNIT):
            count += len(batch)
            with run.unit() as document:
                _save_pages(run, batch)
                document.progress = _EXTRACTED * (pages.progress or 0)
    with run.unit() as document:
        document.page_count = count
        document.status, document.progress = Status.CHUNKING, _EXTRACTED


def _save_pages(run: Ingestion, pages: Sequence[PageText]) -> None:
    Page.objects.bulk_create(
        Page(
            version_id=run.version_id,
            number=page.number,
            start=page.start,
            end=page.end,
            text=page.text,
            width=page.width,
            height=page.height,
        )
        for page in pages
    )


def _chunk(run: Ingestion) -> None:
    with run.unit() as document:
        if document.chunk_count:
            return  # an earlier attempt cut the whole text
        ChunkEmbedding.objects.filter(
            chunk__in=Chunk.objects.filter(version_id=run.version_id).values("id")
        ).delete()
        Chunk.objects.filter(version_id=run.version_id).delete()
        embedder = embedder_of(get_or_create_index().model)
        numbers = list(
            Page.objects.filter(version_id=run.version_id).order_by("number").values_list("number", flat=True)
        )
    total = 0
    for batch in _batched(numbers, PAGES_A_UNIT):
        with run.unit():
            pages = list(Page.objects.filter(version_id=run.version_id, number__in=batch).order_by("number"))
            chunks = [chunk for page in pages for chunk in _cut(run, page, embedder)]
            for number, chunk in enumerate(chunks, start=total):
                chunk.number = number
            Chunk.objects.bulk_create(chunks)
            total += len(chunks)
    with run.unit() as document:
        if not total:
            raise ExtractionError("no_text", "There is no text in this file that could be searched.")
        document.chunk_count = total
        document.status, document.progress = Status.EMBEDDING, _CHUNKED


def _cut(run: Ingestion, page: Page, embedder: Embedder) -> Iterator[Chunk]:
    """The passages of one page; their numbers are the caller's."""
    spans = chunk_page(
        page.text,
        page_start=page.start,
        title=run.title,
        count_tokens=embedder.count_tokens,
        size=run.chunk_size,
        overlap=run.chunk_overlap,
        max_tokens=embedder.max_tokens,
    )
    for span in spans:
        yield Chunk(
            document_id=run.document_id,
            version_id=run.version_id,
            page=page.number,
            start=span.start,
            end=span.end,
            heading=span.heading[:300],
            text=page.text[span.start - page.start : span.end - page.start],
        )


def _embed(run: Ingestion) -> None:
    """Searchable batch by batch: what is embedded is found, while the rest is still under way."""
    with run.unit() as document:
        index = get_or_create_index()
        total = document.chunk_count
        done = ChunkEmbedding.objects.filter(index=index, document_id=run.document_id).values("chunk_id")
        missing = list(
            Chunk.objects.filter(version_id=run.version_id)
            .exclude(id__in=done)
            .order_by("number")
            .values_list("id", flat=True)
        )
    embedder = embedder_of(index.model)
    finished = total - len(missing)
    for batch in _batched(missing, CHUNKS_A_UNIT):
        with tenant_atomic(run.lease.tenant_id):
            chunks = list(Chunk.objects.filter(id__in=batch).order_by("number").only("heading", "text"))
        # Without the title, which may be changed and is matched when a question is asked.
        texts = [embedded_text("", chunk.heading, chunk.text) for chunk in chunks]
        vectors = embedder.embed(texts, purpose="passage")
        finished += len(chunks)
        with run.unit() as document:
            ChunkEmbedding.objects.bulk_create(
                ChunkEmbedding(
                    index=index,
                    chunk=chunk,
                    document=document,
                    collection_id=document.collection_id,
                    embedding=vector,
                )
                for chunk, vector in zip(chunks, vectors, strict=True)
            )
            document.progress = _CHUNKED + (1 - _CHUNKED) * finished / total


def _batched(items: Iterable[T], size: int) -> Iterator[tuple[T, ...]]:
    """`itertools.batched`, which Python 3.11 lacks."""
    rest = iter(items)
    while batch := tuple(islice(rest, size)):
        yield batch
