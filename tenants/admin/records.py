"""What is only read: the audit log, exports, and background work with its dead letters."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenants.admin_sites.model_admin import TenantModelAdmin, access_of
from tenants.admin_sites.tenant_site import tenant_admin
from tenants.jobs.models import JobStatus
from tenants.models import AuditEvent, AuditSeal, Export, Job
from tenants.permissions import Action
from tenants.selectors import access_jobs, with_email
from tenants.services.jobs import JobProgress, JobReason, cancel_job, describe_jobs, retry_job


@admin.register(AuditEvent, site=tenant_admin)
class AuditEventAdmin(TenantModelAdmin):
    """Search takes an id, of a person or of what was changed, or an action."""

    view_action = Action.READ_AUDIT
    portal_page = "settings-audit"
    list_display = ("at", "actor", "action", "target_kind", "target_id", "carrier", "address", "seal")
    list_filter = ("action", "target_kind", "carrier")
    search_fields = ("=target_id", "=actor_id", "action")
    date_hierarchy = "at"
    ordering = ("-at", "-id")
    fields = (
        "at",
        "actor",
        "action",
        "target_kind",
        "target_id",
        "carrier",
        "token_id",
        "address",
        "data",
        "seal",
    )

    @admin.display(description=gettext_lazy("person"))
    def actor(self, event: Any) -> str:
        return str(event.actor_email or event.actor_id or "")

    @admin.display(description=gettext_lazy("seal"), ordering="seal_number")
    def seal(self, event: Any) -> str:
        return str(event.seal_number or "-")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        numbers = AuditSeal.objects.filter(event=OuterRef("id")).values("number")
        rows = super().get_queryset(request).annotate(seal_number=Subquery(numbers))
        return with_email(rows, "actor_id")


@admin.register(Export, site=tenant_admin)
class ExportAdmin(TenantModelAdmin):
    list_display = ("created_at", "subject", "requester", "status", "size", "expires_at")
    list_filter = ("status",)
    ordering = ("-created_at",)
    fields = ("created_at", "subject", "requester", "status", "progress", "error_detail", "size", "expires_at")

    @admin.display(description=gettext_lazy("whose data"))
    def subject(self, export: Any) -> str:
        return str(export.subject_email or export.subject_id or _("the organisation's"))

    @admin.display(description=gettext_lazy("requested by"))
    def requester(self, export: Any) -> str:
        return str(export.requested_by_email or export.requested_by_id)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return with_email(with_email(super().get_queryset(request), "subject_id"), "requested_by_id")


class StatusFilter(admin.SimpleListFilter):
    title = gettext_lazy("status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("dead", JobStatus.DEAD.value), ("alive", _("waiting or running"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() is None:
            return queryset
        return queryset.filter(dead_at__isnull=self.value() != "dead")


@admin.register(Job, site=tenant_admin)
class JobAdmin(TenantModelAdmin):
    """What is done is not listed."""

    list_display = (
        *("kind", "target_id", "queue", "status", "position", "stage", "progress", "time_left", "attempts"),
        *("created_at", "started_at", "reason"),
    )
    list_filter = (StatusFilter, "queue", "kind")
    ordering = ("-created_at",)
    fields = (
        *("kind", "target_id", "queue", "status", "position", "stage", "progress", "time_left", "attempts"),
        *("created_at", "run_at", "started_at", "dead_at", "reason"),
    )
    actions = ("retry", "cancel")

    @admin.display(description=gettext_lazy("status"))
    def status(self, job: Any) -> str:
        return str(job.view.status.value)

    @admin.display(description=gettext_lazy("place in the queue"))
    def position(self, job: Any) -> str:
        return str(job.view.position or "-")

    @admin.display(description=gettext_lazy("stage"))
    def stage(self, job: Any) -> str:
        progress: JobProgress | None = job.view.progress
        return progress.stage if progress else "-"

    @admin.display(description=gettext_lazy("progress"))
    def progress(self, job: Any) -> str:
        progress: JobProgress | None = job.view.progress
        return f"{progress.progress:.0%}" if progress else "-"

    @admin.display(description=gettext_lazy("time left"))
    def time_left(self, job: Any) -> str:
        progress: JobProgress | None = job.view.progress
        if progress is None or progress.eta_seconds is None:
            return "-"
        return str(timedelta(seconds=round(progress.eta_seconds)))

    @admin.display(description=gettext_lazy("reason"))
    def reason(self, job: Any) -> str:
        found: JobReason | None = job.view.reason
        return "-" if found is None else f"{found.detail} ({found.code})"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        return access_jobs(access_of(request)).order_by(*self.ordering)

    def present(self, request: HttpRequest, rows: Sequence[Any]) -> None:
        for row, view in zip(rows, describe_jobs(access_of(request), rows), strict=True):
            row.view = view

    @admin.action(description=gettext_lazy("Try again"))
    def retry(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        access = access_of(request)
        self.for_each(
            request, queryset, lambda job: retry_job(access=access, job_id=job.id), _("{count} started afresh.")
        )

    @admin.action(description=gettext_lazy("Cancel"))
    def cancel(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        access = access_of(request)
        self.for_each(
            request, queryset, lambda job: cancel_job(access=access, job_id=job.id), _("{count} cancelled.")
        )
