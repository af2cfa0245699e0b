"""Removing indexes that answer no more, a few thousand vectors at a time."""

from datetime import timedelta
from uuid import UUID

from django.db.models import Q
from django.db.models.functions import Now

from documents.models import ChunkEmbedding, EmbeddingIndex
from documents.reindex.indexes import REINDEX, Status
from tenants.access import Access
from tenants.audit.recording import record
from tenants.db import tenant_atomic
from tenants.jobs import outbox
from tenants.models import Tenant
from tenants.permissions import Action

_KEPT = timedelta(days=7)
_ROWS = 5000
_DROPPABLE = Q(status__in=[Status.RETIRED, Status.FAILED])


def drop_indexes(*, access: Access) -> int:
    """Drop the retired and the failed indexes; there is no way back to them then. Returns how many."""
    access.require(Action.MANAGE_TENANT)
    with tenant_atomic(access.tenant_id):
        ids = list(EmbeddingIndex.objects.filter(_DROPPABLE).values_list("id", flat=True))
    dropped = [one for one in ids if _erase(access.tenant_id, one)]
    with tenant_atomic(access.tenant_id):
        for one in dropped:
            record(access, "index.dropped", target_kind="index", target_id=one)
    return len(dropped)


def drop_old_indexes() -> int:
    """Drop, in every organisation, what was retired or failed a week ago; returns how many."""
    total = 0
    for tenant_id in list(Tenant.objects.order_by("id").values_list("id", flat=True)):
        with tenant_atomic(tenant_id):
            old = EmbeddingIndex.objects.filter(_DROPPABLE, retired_at__lt=Now() - _KEPT)
            ids = list(old.values_list("id", flat=True))
        total += sum(_erase(tenant_id, one) for one in ids)
    return total


def _erase(tenant_id: UUID, index_id: UUID) -> bool:
    """False when somebody took it back or dropped it meanwhile."""
    while True:
        with tenant_atomic(tenant_id):
            index = EmbeddingIndex.objects.select_for_update().filter(_DROPPABLE, id=index_id).first()
            if index is None:
                return False
            vectors = ChunkEmbedding.objects.filter(index=index)
            some = list(vectors.values_list("id", flat=True)[:_ROWS])
            if not some:
                outbox.cancel(REINDEX, index.id)
                index.delete()
                return True
            ChunkEmbedding.objects.filter(id__in=some).delete()
