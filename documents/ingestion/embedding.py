"""The second job: vectors for a version's passages, a few at a time, and the end of processing.

Searchable batch by batch: what is embedded is found while the rest is under way. After a turn of about a second
the job steps back if another tenant's waits.
"""

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from documents.embedders import embed_passages, get_or_create_index
from documents.idle_unloader import idle_unloader
from documents.ingestion.outcome import mark_failed, mark_ready
from documents.ingestion.run import READ_SHARE, Held, Run, begin
from documents.models import Chunk, ChunkEmbedding, DocumentVersion, EmbeddingIndex, Status
from documents.selectors import find_active_index
from documents.services.files import find_twin
from documents.services.processing import READ
from documents.vectors import store_vectors
from providers.errors import ProviderError
from tenants.db import tenant_atomic
from tenants.jobs import leases, outbox
from tenants.jobs.leases import MAX_ATTEMPTS, Lease, TurnOver

# The first passages are searchable soon; later ones are stored in fewer, larger units.
_FIRST, _LATER = 32, 128
_TURN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class _Batch:
    """Consecutive passages, and the model at work on them."""

    index: EmbeddingIndex
    chunks: Sequence[Chunk]
    vectors: Future[NDArray[np.float32]]


def embed_version(version_id: UUID, lease: Lease) -> None:
    """Embed what is cut and has no vector yet. What the model refuses for good fails; the rest is tried again."""
    run = begin(version_id, lease)
    if run is None:
        return
    try:
        with idle_unloader.working():
            _embed(run)
    except ProviderError as error:
        if not error.permanent and lease.attempts < MAX_ATTEMPTS:
            raise
        with run.unit() as (document, version):
            outbox.cancel(READ, version.id)
            mark_failed(document, version, "embedding_failed", error.detail)


def _embed(run: Run) -> None:
    began = time.monotonic()
    # The model works on the next passages while the last ones are stored.
    with ThreadPoolExecutor(1) as model:
        while True:
            batch = _begin_batch(run, model, _FIRST)
            while batch is not None:
                with run.timed("embedding"):
                    batch = _end_batch(run, model, batch, began)
            if _finish(run):
                return


def _begin_batch(run: Run, model: ThreadPoolExecutor, size: int, after: int = -1) -> _Batch | None:
    """Passages without a vector in the tenant's active index, in their order; None if there are none."""
    with tenant_atomic(run.lease.tenant_id):
        index = get_or_create_index()
        done = ChunkEmbedding.objects.filter(index=index, document_id=run.document_id).values("chunk_id")
        missing = Chunk.objects.filter(version_id=run.version_id, number__gt=after).exclude(id__in=done)
        chunks = list(missing.order_by("number").only("number", "heading", "text")[:size])
    return _Batch(index, chunks, model.submit(embed_passages, index, chunks)) if chunks else None


def _end_batch(run: Run, model: ThreadPoolExecutor, batch: _Batch, began: float) -> _Batch | None:
    """Store a batch's vectors; the batch that was begun meanwhile."""
    vectors = batch.vectors.result()
    is_over = time.monotonic() - began > _TURN_SECONDS and leases.others_wait(run.lease)
    following = None if is_over else _begin_batch(run, model, _LATER, after=batch.chunks[-1].number)
    with run.unit() as held:
        if find_active_index() == batch.index:  # else switched meanwhile, and it may be dropped soon
            store_vectors(batch.index, [chunk.id for chunk in batch.chunks], vectors)
            _show_progress(held.version, batch.chunks[-1].number)
    if is_over:
        raise TurnOver
    return following


def _show_progress(version: DocumentVersion, last: int) -> None:
    """Passages are embedded in their order; of how many the last one's number tells only when all are cut."""
    if version.status == Status.EMBEDDING:
        done = (last + 1) / max(1, version.chunk_count)
        version.progress = READ_SHARE + (1 - READ_SHARE) * min(1.0, done)


def _finish(run: Run) -> bool:
    """Nothing is left to embed. True when this job is over, False when there is more after all."""
    with run.unit() as held:
        if held.version.status != Status.EMBEDDING:
            # The reader is still at work and calls again: in this unit, so that it finds the job gone.
            leases.finish(run.lease)
            return True
        if _is_anything_missing(held):
            return False
        if _has_become_a_twin(held):
            detail = "Another document of the collection holds the same file by now. Delete one of them."
            mark_failed(*held, "duplicate", detail)
        else:
            mark_ready(*held)
        return True


def _has_become_a_twin(held: Held) -> bool:
    """Whether the bytes of a replacement were brought by somebody else who could not see it yet."""
    document, version = held
    if version.number == document.current_version:
        return False  # that the database has refused
    return find_twin(document.collection_id, version.sha256, apart_from=document) is not None


def _is_anything_missing(held: Held) -> bool:
    # The active index may have been switched since; its row is held, so that it is not from here on.
    index = EmbeddingIndex.objects.select_for_update().filter(status=EmbeddingIndex.Status.ACTIVE).first()
    if index is None:
        return True  # switched while this waited: the next look finds the new one
    done = ChunkEmbedding.objects.filter(index=index, document=held.document).values("chunk_id")
    return bool(Chunk.objects.filter(version=held.version).exclude(id__in=done).exists())
