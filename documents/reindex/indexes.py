"""The rows of a tenant's indexes: who is missing what, and how two change places."""

from dataclasses import dataclass

from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now

from documents.models import ChunkEmbedding, EmbeddingIndex
from documents.registry import on_index_changed

REINDEX = "documents.reindex"

Status = EmbeddingIndex.Status


@dataclass(frozen=True, slots=True)
class Indexes:
    """Rows locked by the caller's unit. `retired` begins with the one retired last."""

    active: EmbeddingIndex | None
    building: EmbeddingIndex | None
    retired: list[EmbeddingIndex]


def lock_indexes() -> Indexes:
    """Hold every index of the tenant until the unit ends."""
    list(EmbeddingIndex.objects.order_by("id").select_for_update().values_list("id"))
    # Read anew: what another unit has made, while this one waited, the first look does not show.
    rows = list(EmbeddingIndex.objects.all())
    by_status = {row.status: row for row in rows}
    retired = [row for row in rows if row.status == Status.RETIRED]
    return Indexes(
        active=by_status.get(Status.ACTIVE),
        building=by_status.get(Status.BUILDING),
        retired=sorted(retired, key=lambda row: row.retired_at or row.created_at, reverse=True),
    )


def missing_in(index: EmbeddingIndex, active: EmbeddingIndex) -> QuerySet[ChunkEmbedding]:
    """The active index's vectors whose passages have none in the other."""
    same = ChunkEmbedding.objects.filter(index=index, chunk=OuterRef("chunk_id"))
    found: QuerySet[ChunkEmbedding] = ChunkEmbedding.objects.filter(~Exists(same), index=active)
    return found


def switch(active: EmbeddingIndex, following: EmbeddingIndex) -> None:
    """Let the complete index answer from now on. The caller holds both."""
    active.status, active.retired_at = Status.RETIRED, Now()
    # The first one answers from its making on.
    active.activated_at = active.activated_at or active.created_at
    active.save()
    following.status, following.activated_at, following.retired_at = Status.ACTIVE, Now(), None
    following.error_code = following.error_detail = ""
    following.embedded = following.total = ChunkEmbedding.objects.filter(index=following).count()
    following.save()
    on_index_changed.call(following)
