"""Looking at sources in the background: the job, and which ones are due."""

from collections.abc import Mapping
from uuid import UUID

from django.db.models.functions import Now

from documents.models import Source
from documents.registry import on_documents_erased
from documents.selectors import access_source
from documents.services.looks import note_failure
from documents.services.mirroring import SyncRunning, sync_source
from documents.services.sources import FETCH, forget_pages, forget_person, look_again, under_way
from documents.sources import SourceError
from tenants.access import Access, access_in_absence
from tenants.context import current_tenant_id
from tenants.db import tenant_atomic
from tenants.jobs import outbox
from tenants.jobs.handlers import JobHandler, register_job
from tenants.jobs.leases import Lease
from tenants.models import Tenant
from tenants.permissions import Action
from tenants.registry import on_person_erased
from tenants.services.jobs import JobGuide, JobReason, register_guide


def fetch_source(source_id: UUID, lease: Lease) -> None:
    """Look at a source. What is wrong with it is told on it and no reason to try the job again."""
    with tenant_atomic(lease.tenant_id):
        source = Source.objects.select_related("collection").filter(id=source_id).first()
    if source is None:
        return
    access = access_in_absence(lease.tenant_id, source.created_by_id, Action.WRITE_DOCUMENTS)
    try:
        sync_source(access=access, source=source)
    except (SyncRunning, SourceError):
        return


def give_up(source_id: UUID, code: str, detail: str) -> None:
    """The job became a dead letter: say so on the source. Runs inside the tenant's unit."""
    note_failure(current_tenant_id(), source_id, SourceError(code, detail))


def register() -> None:
    """Make the job and what belongs to sources known. Called by `AppConfig.ready`."""
    register_job(FETCH, JobHandler(run=fetch_source, give_up=give_up))
    register_guide(FETCH, JobGuide(reasons=_reasons, retry=_retry))
    on_documents_erased.register(forget_pages)
    on_person_erased.register(forget_person)


def _reasons(source_ids: list[UUID]) -> Mapping[UUID, JobReason]:
    failed = Source.objects.filter(id__in=source_ids).exclude(error_code="")
    return {source.id: JobReason(source.error_code, source.error_detail) for source in failed}


def _retry(access: Access, source_id: UUID) -> None:
    look_again(access=access, source=access_source(access, source_id))


def enqueue_due() -> int:
    """Have every source looked at whose time has come; returns how many. Twice at once changes nothing."""
    count = 0
    for tenant in Tenant.objects.filter(is_active=True):
        with tenant_atomic(tenant.id):
            due = Source.objects.filter(next_run_at__lte=Now()).order_by("next_run_at")
            ids = list(due.select_for_update(skip_locked=True).values_list("id", flat=True))
            waiting = set(ids) - under_way(ids)
            for one in waiting:
                outbox.enqueue(FETCH, one)
            count += len(waiting)
    return count
