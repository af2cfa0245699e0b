"""Writes: what has had its time. The platform process does it every hour; doing it twice is harmless.

With `dry_run` it is counted and left.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from django.core.files.storage import default_storage
from django.db.models.functions import Now

from tenants.db import tenant_atomic
from tenants.files.listing import listed
from tenants.models import Export, Invitation, KeptAnswer, Revocation, Tenant
from tenants.services.exports import key_of, remove_exports
from tenants.services.idempotency import KEPT_FOR

_REVOCATIONS_KEPT = timedelta(days=1)
_INVITATIONS_KEPT = timedelta(days=30)


class Purge(Protocol):
    """Removes what has had its time, with `dry_run` nothing; the words for each kind, and how many."""

    def __call__(self, *, dry_run: bool) -> Mapping[str, int]: ...


# What `purge_expired` removes besides. Upper apps add theirs in `AppConfig.ready`.
_purges: list[Purge] = []


def register_purge(purge: Purge) -> None:
    _purges.append(purge)


def purge_everything(*, dry_run: bool) -> Iterator[tuple[str, int]]:
    """Remove all that has had its time; the words for each kind, and how many."""
    yield "exports", purge_exports(dry_run=dry_run)
    yield "invitations", purge_invitations(dry_run=dry_run)
    yield "kept answers", purge_kept_answers(dry_run=dry_run)
    yield "revocations", purge_revocations(dry_run=dry_run)
    for purge in _purges:
        yield from purge(dry_run=dry_run).items()


def purge_exports(*, dry_run: bool = False) -> int:
    """Remove expired exports, and files whose export is gone; returns how many exports."""
    total = 0
    for tenant_id in _tenants():
        with tenant_atomic(tenant_id):
            expired = Export.objects.filter(expires_at__lt=Now())
            total += expired.count() if dry_run else remove_exports(expired)
        if not dry_run:
            _remove_strays(tenant_id)
    return total


def _remove_strays(tenant_id: UUID) -> None:
    """What a worker stored that died before it could see that the export had been removed."""
    folder = f"t/{tenant_id}/exports"
    stored = {f"{folder}/{name}" for name in listed(folder)[1]}
    # Read after the files were: a file that comes later belongs to a row that is there already.
    with tenant_atomic(tenant_id):
        known = {key_of(tenant_id, export_id) for export_id in Export.objects.values_list("id", flat=True)}
    for key in stored - known:
        default_storage.delete(key)


def purge_invitations(*, dry_run: bool = False) -> int:
    """Forget invitations that expired long ago and that nobody accepted; returns how many."""
    total = 0
    for tenant_id in _tenants():
        with tenant_atomic(tenant_id):
            old = Invitation.objects.filter(accepted_at=None, expires_at__lt=Now() - _INVITATIONS_KEPT)
            total += old.count() if dry_run else old.delete()[0]
    return total


def purge_kept_answers(*, dry_run: bool = False) -> int:
    """Forget answers whose requests are not repeated any more; returns how many."""
    total = 0
    for tenant_id in _tenants():
        with tenant_atomic(tenant_id):
            old = KeptAnswer.objects.filter(created_at__lte=Now() - KEPT_FOR)
            total += old.count() if dry_run else old.delete()[0]
    return total


def purge_revocations(*, dry_run: bool = False) -> int:
    """Forget what every process has heard long ago; returns how many."""
    old = Revocation.objects.filter(at__lt=Now() - _REVOCATIONS_KEPT)
    return old.count() if dry_run else old.delete()[0]


def _tenants() -> Iterator[UUID]:
    yield from list(Tenant.objects.order_by("id").values_list("id", flat=True))
