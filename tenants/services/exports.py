"""Writes: exports. A job writes each one; whoever asked has a week to fetch it."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from tempfile import TemporaryFile
from typing import BinaryIO
from uuid import UUID

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext

from tenants.access import Access, Carrier, access_by_membership
from tenants.audit.recording import record
from tenants.db import tenant_atomic
from tenants.errors import Conflict, DocentError, NotFound
from tenants.exports import ExportOf, ExportRun, write_person, write_tenant
from tenants.files.zip_archives import Archive
from tenants.jobs import leases, outbox
from tenants.jobs.leases import Lease, LeaseLost
from tenants.models import Export, Tenant, User
from tenants.permissions import Action
from tenants.selectors import access_export, list_exports
from tenants.services.jobs import JobProgress, JobReason

EXPORT = "tenants.export"
LIFE = timedelta(days=7)
_KEPT = 5  # of one subject at a time
_UNFINISHED = (Export.Status.QUEUED, Export.Status.RUNNING)


def request_export(*, access: Access, of: ExportOf) -> Export:
    """Ask for an export. `Conflict` while one of the same data is being written, or five are kept already."""
    access.require(Action.EXPORT_TENANT if of is ExportOf.TENANT else Action.EXPORT_OWN)
    subject = None if of is ExportOf.TENANT else access.user_id
    with tenant_atomic(access.tenant_id):
        # Whoever asks at the same moment waits here, and then finds this one.
        Tenant.objects.select_for_update(no_key=True).get(id=access.tenant_id)
        known = list_exports(access).filter(subject_id=subject)
        if known.filter(status__in=_UNFINISHED).exists():
            raise Conflict("An export of this is being written already.", code="in_progress")
        if known.count() >= _KEPT:
            raise Conflict(
                gettext("There are {kept} exports of this already: delete one first.").format(kept=_KEPT),
                code="too_many",
            )
        export: Export = Export.objects.create(
            subject_id=subject, requested_by_id=access.user_id, expires_at=timezone.now() + LIFE
        )
        outbox.enqueue(EXPORT, export.id)
        record(access, "export.created", target_kind="export", target_id=export.id, of=of)
    return export


def delete_export(*, access: Access, export: Export) -> None:
    """Remove an export with its file; one that is being written stops."""
    with tenant_atomic(access.tenant_id):
        remove_exports(Export.objects.filter(id=export.id))
        record(access, "export.deleted", target_kind="export", target_id=export.id)


def open_export(*, access: Access, export_id: UUID) -> Export:
    """The export whose file is about to be sent, which is recorded. `Conflict` while there is no file."""
    with tenant_atomic(access.tenant_id):
        export = access_export(access, export_id)
        if export.status != Export.Status.READY:
            raise Conflict("This export has no file.", code="not_ready")
        record(access, "export.read", target_kind="export", target_id=export.id)
    return export


def remove_exports(exports: QuerySet[Export]) -> int:
    """Remove rows and jobs in the caller's unit, and the files after it; returns how many exports."""
    rows = list(exports.select_for_update().order_by("id"))
    for export in rows:
        outbox.cancel(EXPORT, export.id)
    Export.objects.filter(id__in=[export.id for export in rows]).delete()
    transaction.on_commit(lambda: _delete_files(rows), robust=True)
    return len(rows)


def withdraw_exports(exports: QuerySet[Export], reason: str) -> int:
    """Fail exports that hold what must be held no longer, and remove their files after the caller's unit."""
    rows = list(exports.exclude(status=Export.Status.FAILED).select_for_update().order_by("id"))
    for export in rows:
        outbox.cancel(EXPORT, export.id)
        _mark_failed(export, reason)
    transaction.on_commit(lambda: _delete_files(rows), robust=True)
    return len(rows)


def _delete_files(exports: list[Export]) -> None:
    for export in exports:
        assert export.tenant_id is not None
        default_storage.delete(key_of(export.tenant_id, export.id))


def key_of(tenant_id: UUID, export_id: UUID) -> str:
    """Where an export's file lies: known before it is there, so that none is lost sight of."""
    return f"t/{tenant_id}/exports/{export_id}.zip"


def write_tenant_export(*, access: Access, target: BinaryIO, step: Callable[[float], None]) -> Archive:
    """Write the organisation's data to an open file, here and now; returns what was written."""
    access.require(Action.EXPORT_TENANT)
    with tenant_atomic(access.tenant_id):
        record(access, "export.created", target_kind="tenant", target_id=access.tenant_id, of=ExportOf.TENANT)
    with Archive(target) as archive:
        write_tenant(ExportRun(access.tenant_id, archive, step))
    return archive


def run_export(export_id: UUID, lease: Lease) -> None:
    """The job: write the file, store it and say so. What nobody may have any more fails for good.

    Without the export's row nobody waits for it, and the job is done.
    """
    try:
        access, is_of_person = _begin(export_id, lease)
    except Export.DoesNotExist:
        return
    except DocentError:
        with tenant_atomic(lease.tenant_id):
            give_up(export_id, "not_allowed", "Whoever asked for it may not have it any more.")
        return
    # Beside the files: the system's own folder may be memory.
    with TemporaryFile(dir=settings.DOCENT_DATA) as target:
        with Archive(target) as archive:
            run = ExportRun(lease.tenant_id, archive, partial(_step, export_id, lease))
            if is_of_person:
                write_person(run, access)
            else:
                write_tenant(run)
        size = target.tell()
        target.seek(0)
        _store(export_id, lease, target, size)


def _begin(export_id: UUID, lease: Lease) -> tuple[Access, bool]:
    """Whose sight the export has; raises `DocentError` when they may not have it (any more)."""
    with tenant_atomic(lease.tenant_id):
        export = Export.objects.get(id=export_id)
    _step(export_id, lease, 0.0)
    with tenant_atomic(lease.tenant_id):
        slug = Tenant.objects.get(id=lease.tenant_id).slug
        user = User.objects.filter(id=export.requested_by_id).first()
    if user is None:
        raise NotFound
    access = access_by_membership(user, slug, carrier=Carrier.CLI)
    access.require(Action.EXPORT_OWN if export.subject_id else Action.EXPORT_TENANT)
    return access, export.subject_id is not None


def _step(export_id: UUID, lease: Lease, progress: float) -> None:
    """Note how far it is; `LeaseLost` once it was deleted or somebody else writes it."""
    lease.check()
    with tenant_atomic(lease.tenant_id):
        changed = Export.objects.filter(id=export_id).update(status=Export.Status.RUNNING, progress=progress)
        if not changed or not leases.renew(lease, seconds=settings.DOCENT_JOB_LEASE_SECONDS):
            raise LeaseLost


def _store(export_id: UUID, lease: Lease, target: BinaryIO, size: int) -> None:
    key = key_of(lease.tenant_id, export_id)
    _step(export_id, lease, 1.0)
    default_storage.delete(key)  # of an attempt that died before it could say so
    saved = default_storage.save(key, File(target))
    with tenant_atomic(lease.tenant_id):
        is_ready = saved == key and Export.objects.filter(id=export_id, status=Export.Status.RUNNING).update(
            status=Export.Status.READY, storage_key=key, size=size, expires_at=timezone.now() + LIFE
        )
    if not is_ready:
        default_storage.delete(saved)  # it was deleted or withdrawn, or another wrote it, in the last moment
        raise LeaseLost


def give_up(export_id: UUID, code: str, detail: str) -> None:
    """Say on the export that it will not be. Runs inside the tenant's unit."""
    export = Export.objects.select_for_update().filter(id=export_id).first()
    if export is not None:
        _mark_failed(export, detail)


def _mark_failed(export: Export, detail: str) -> None:
    export.status, export.error_detail = Export.Status.FAILED, detail
    export.storage_key, export.size = "", 0
    export.save()


def reasons(export_ids: list[UUID]) -> dict[UUID, JobReason]:
    """Why exports failed. See `tenants.services.jobs`."""
    failed = Export.objects.filter(id__in=export_ids, status=Export.Status.FAILED)
    return {one.id: JobReason("export_failed", one.error_detail) for one in failed}


def progress(export_ids: list[UUID]) -> dict[UUID, JobProgress]:
    """How far exports are. See `tenants.services.jobs`."""
    return {one.id: JobProgress(one.status, one.progress) for one in Export.objects.filter(id__in=export_ids)}


def cancel(access: Access, export_id: UUID) -> None:
    """Fail an export that nobody needs any more. See `tenants.services.jobs`."""
    if not withdraw_exports(Export.objects.filter(id=export_id), "It was cancelled. Make a new export."):
        raise NotFound("The export is gone.")
    record(access, "job.cancelled", target_kind="export", target_id=export_id, kind=EXPORT)


def retry(access: Access, export_id: UUID) -> None:
    """Write a failed export anew. See `tenants.services.jobs`."""
    export = Export.objects.select_for_update().filter(id=export_id).first()
    if export is None:
        raise NotFound("The export is gone.")
    export.status, export.progress, export.error_detail = Export.Status.QUEUED, 0.0, ""
    export.save()
    outbox.enqueue(EXPORT, export.id)
    record(access, "job.retried", target_kind="export", target_id=export.id, kind=EXPORT)
