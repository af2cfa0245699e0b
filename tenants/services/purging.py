"""Writes: what has had its time. The platform process does it every hour; doing it twice is harmless."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from django.core.files.storage import default_storage
from django.db.models.functions import Now

from tenants.db import tenant_atomic
from tenants.models import Export, Invitation, KeptAnswer, Revocation, Tenant
from tenants.services.exports import key_of, remove_exports
from tenants.services.idempotency import KEPT_FOR

_REVOCATIONS_KEPT = timedelta(days=1)
_INVITATIONS_KEPT = timedelta(days=30)


def purge_exports() -> int:
    """Remove expired exports, and files whose export is gone; returns how many exports."""
    total = 0
    for tenant_id in _tenants():
        with tenant_atomic(tenant_id):
            total += remove_exports(Export.objects.filter(expires_at__lt=Now()))
        _remove_strays(tenant_id)
    return total


def _remove_strays(tenant_id: UUID) -> None:
    """What a worker stored that died before it could see that the export had been removed."""
    folder = f"t/{tenant_id}/exports"
    if not default_storage.exists(folder):
        return
    stored = {f"{folder}/{name}" for name in default_storage.listdir(folder)[1]}
    # Read after the files were: a file that comes later belongs to a row that is there already.
    with tenant_atomic(tenant_id):
        known = {key_of(tenant_id, export_id) for export_id in Export.objects.values_list("id", flat=True)}
    for key in stored - known:
        default_storage.delete(key)


def purge_invitations() -> int:
    """Forget invitations that expired long ago and that nobody accepted; returns how many."""
    total = 0
    for tenant_id in _tenants():
        with tenant_atomic(tenant_id):
            old = Invitation.objects.filter(accepted_at=None, expires_at__lt=Now() - _INVITATIONS_KEPT)
            total += old.delete()[0]
    return total


def purge_kept_answers() -> int:
    """Forget answers whose requests are not repeated any more; returns how many."""
    total = 0
    for tenant_id in _tenants():
        with tenant_atomic(tenant_id):
            total += KeptAnswer.objects.filter(created_at__lte=Now() - KEPT_FOR).delete()[0]
    return total


def purge_revocations() -> int:
    """Forget what every process has heard long ago; returns how many."""
    return Revocation.objects.filter(at__lt=Now() - _REVOCATIONS_KEPT).delete()[0]


def _tenants() -> Iterator[UUID]:
    yield from list(Tenant.objects.order_by("id").values_list("id", flat=True))
