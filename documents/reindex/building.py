"""The job: vectors for everything that the active index holds, a few passages at a time, and then the switch.

After a turn of about a second it steps back if any other embedding waits, its own tenant's too.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings

from documents.embedders import embed_passages
from documents.idle_unloader import idle_unloader
from documents.models import Chunk, ChunkEmbedding, Document, EmbeddingIndex
from documents.registry import SwitchRefused, on_before_switch
from documents.reindex.indexes import Status, lock_indexes, missing_in, switch
from documents.reindex.services import mark_failed
from documents.selectors import find_active_index
from documents.vectors import store_vectors
from providers.errors import ProviderError
from tenants.db import tenant_atomic
from tenants.jobs import leases
from tenants.jobs.leases import Lease, LeaseLost, TurnOver

_BATCH = 64
# What is missing is looked for this many at a time: with 100,000 passages that takes a tenth of a second.
_SHEAF = 1024
_TURN_SECONDS = 1.0
# Until documents are free that somebody holds.
_PAUSE_SECONDS = 0.2
# The model server is not there now: however long that lasts, nothing is wrong with the index.
_AWAY = frozenset({"model_unreachable", "model_timeout"})


def build_index(index_id: UUID, lease: Lease) -> None:
    """Complete an index and make it the active one.

    What its model refuses for good fails, a server that is away is waited for, the rest is retried.
    """
    with tenant_atomic(lease.tenant_id):
        index = EmbeddingIndex.objects.filter(id=index_id, status=Status.BUILDING).first()
    if index is None:
        return
    building = _Building(lease, index)
    try:
        with idle_unloader.working():
            building.run()
    except SwitchRefused as refusal:
        with building.unit() as held:
            mark_failed(held, refusal.code, refusal.detail)
    except ProviderError as error:
        with building.unit() as held:
            if error.permanent:
                mark_failed(held, error.code, error.detail)
                return
            # For whoever looks meanwhile, and for `give_up`.
            held.error_code, held.error_detail = error.code, error.detail
            held.save()
        if error.code in _AWAY:
            raise TurnOver(delay_seconds=settings.DOCENT_JOB_LEASE_SECONDS) from error
        raise


def give_up(index_id: UUID, code: str, detail: str) -> None:
    """The job became a dead letter: say so on the index. Runs inside the tenant's unit."""
    lock_indexes()
    index = EmbeddingIndex.objects.filter(id=index_id, status=Status.BUILDING).first()
    if index is not None:
        mark_failed(index, index.error_code or code, index.error_detail or detail)


@dataclass(slots=True)
class _Building:
    """One turn at one index. `index` is as it was when the turn began; its model and dimensions never change."""

    lease: Lease
    index: EmbeddingIndex

    def run(self) -> None:
        began = time.monotonic()
        while not self._switch():
            has_advanced = False
            for batch in _batches(self._sheaf()):
                has_advanced = self._embed(batch) or has_advanced
                if time.monotonic() - began > _TURN_SECONDS and leases.others_wait(self.lease, own_too=True):
                    raise TurnOver
            if not has_advanced:
                time.sleep(_PAUSE_SECONDS)

    @contextmanager
    def unit(self) -> Iterator[EmbeddingIndex]:
        """A transaction that holds the index's row; ends the run if job or index are not ours any more."""
        self.lease.check()
        with tenant_atomic(self.lease.tenant_id):
            # First the index, then its job: whoever stops it takes them in this order too.
            held = EmbeddingIndex.objects.select_for_update().filter(id=self.index.id).first()
            if held is None or held.status != Status.BUILDING:
                raise LeaseLost
            if not leases.renew(self.lease, seconds=settings.DOCENT_JOB_LEASE_SECONDS):
                raise LeaseLost
            yield held

    def _is_missing_something(self) -> bool:
        with self.unit() as held:
            return bool(missing_in(held, _active()).exists())

    def _sheaf(self) -> Sequence[UUID]:
        """Passages without a vector, those of a document together; shows how far it is."""
        with self.unit() as held:
            missing = missing_in(held, _active())
            held.embedded = ChunkEmbedding.objects.filter(index=held).count()
            held.total = held.embedded + missing.count()
            held.save()
            ordered = missing.order_by("document_id", "chunk_id")
            return list(ordered.values_list("chunk_id", flat=True)[:_SHEAF])

    def _embed(self, ids: Sequence[UUID]) -> bool:
        """Give passages their vectors; whether any could be stored."""
        with tenant_atomic(self.lease.tenant_id):
            chunks = list(Chunk.objects.filter(id__in=ids).only("heading", "text", "document_id"))
        if not chunks:
            return True  # deleted meanwhile
        vectors = embed_passages(self.index, chunks)
        with self.unit() as held:
            # Only what the active index holds now, with its collection and currentness: documents are held, so
            # neither changes before this is stored. One that is busy is left for later: waiting for several
            # at once would be waiting for each other.
            wanted = {chunk.document_id for chunk in chunks}
            free = Document.objects.filter(id__in=wanted).select_for_update(skip_locked=True)
            documents = list(free.values_list("id", flat=True))
            twins = missing_in(held, _active()).filter(chunk__in=ids, document__in=documents)
            alive = set(twins.values_list("chunk_id", flat=True))
            rows = [row for row, chunk in enumerate(chunks) if chunk.id in alive]
            stored = store_vectors(held, [chunks[row].id for row in rows], vectors[rows])
            held.embedded += stored
            held.error_code = held.error_detail = ""
            held.save()
            leases.forgive(self.lease)
        return bool(stored)

    def _switch(self) -> bool:
        """Make the index the active one unless something is missing. True when it is.

        Whoever has a say is asked first, without holding anything: meanwhile more may have come.
        """
        if self._is_missing_something():
            return False
        if self.index.activated_at is None:
            on_before_switch.call(self.index.id, self.lease)
        self.lease.check()
        with tenant_atomic(self.lease.tenant_id):
            indexes = lock_indexes()
            if indexes.active is None or indexes.building != self.index:
                raise LeaseLost
            if not leases.renew(self.lease, seconds=settings.DOCENT_JOB_LEASE_SECONDS):
                raise LeaseLost
            if missing_in(indexes.building, indexes.active).exists():
                return False
            switch(indexes.active, indexes.building)
            return True


def _active() -> EmbeddingIndex:
    active = find_active_index()
    assert active is not None, "an index is built beside the active one"
    return active


def _batches(ids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    for start in range(0, len(ids), _BATCH):
        yield ids[start : start + _BATCH]
