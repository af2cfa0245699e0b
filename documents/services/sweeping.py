"""Files whose row is not there: of an upload that died before its commit, of a deletion that died after it."""

from datetime import timedelta
from uuid import UUID

from django.utils import timezone

from documents import storage
from documents.models import DocumentVersion
from tenants.db import tenant_atomic
from tenants.models import Tenant

# A file is there before its row is: far longer than a request may take, and a clock set forward by an hour.
STRAY_AFTER = timedelta(hours=2)


def sweep_all() -> int:
    """Remove every organisation's stray files; returns how many there were."""
    tenants = list(Tenant.objects.order_by("id").values_list("id", flat=True))
    return sum(sweep(tenant_id) for tenant_id in tenants)


def sweep(tenant_id: UUID) -> int:
    """Remove originals and page images without a version, once they are older than `STRAY_AFTER`."""
    before = timezone.now() - STRAY_AFTER
    originals = storage.list_originals(tenant_id)
    images = storage.list_page_images(tenant_id)
    # Read after the files were: a file that comes later belongs to a row that is there already.
    with tenant_atomic(tenant_id):
        known = dict(DocumentVersion.objects.values_list("id", "storage_key"))
    versions, keys = set(map(str, known)), set(known.values())
    # How old each is costs a request where the storage speaks S3: only what has no row is asked about.
    strays = [key for key in originals if key not in keys and storage.is_older(key, before)]
    storage.delete_files(strays)
    total = len(strays)
    for version, found in images.items():
        if version not in versions and all(storage.is_older(key, before) for key in found):
            storage.delete_page_images(tenant_id, version)
            total += len(found)
    return total
