"""Writes: archives' files whose row is not there, of a process that died on the way."""

from uuid import UUID

from django.utils import timezone

from conversations import records
from conversations.models import ArchiveRecord
from conversations.services.ending import every_tenant
from documents.services.sweeping import STRAY_AFTER
from documents.storage import is_older
from tenants.db import tenant_atomic


def sweep_archives() -> int:
    """Remove every organisation's stray files; returns how many there were."""
    return sum(_sweep(tenant_id) for tenant_id, _ in every_tenant())


def _sweep(tenant_id: UUID) -> int:
    before = timezone.now() - STRAY_AFTER
    found = records.list_files(tenant_id)
    if not found:
        return 0
    # Read after the files were: a file that comes later belongs to a row that is there already.
    with tenant_atomic(tenant_id):
        known = set(ArchiveRecord.objects.values_list("storage_key", flat=True))
    strays = [key for key in found if key not in known and is_older(key, before)]
    records.delete_files(strays)
    return len(strays)
