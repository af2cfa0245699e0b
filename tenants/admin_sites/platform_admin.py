"""What the operator sees at `/admin/`: organisations, accounts, numbers."""

from collections.abc import Callable
from typing import Any, cast

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenants.admin_sites.platform_site import PlatformModelAdmin, platform_admin
from tenants.models import Tenant, TenantTotals, User
from tenants.services.accounts import deactivate_user, reactivate_user
from tenants.services.organisations import disable_tenant, enable_tenant


@admin.register(Tenant, site=platform_admin)
class PlatformTenantAdmin(PlatformModelAdmin):
    list_display = ("name", "slug", "is_active", "members", "documents", "created_at")
    list_filter = ("is_active",)
    list_select_related = ("totals",)
    search_fields = ("name", "slug")
    ordering = ("name",)
    fields = ("name", "slug", "is_active", "rate_limit", "created_at")
    actions = ("disable", "enable")

    @admin.display(description=gettext_lazy("members"), ordering="totals__members")
    def members(self, tenant: Tenant) -> int | None:
        return tenant.totals.members if hasattr(tenant, "totals") else None

    @admin.display(description=gettext_lazy("documents"), ordering="totals__documents")
    def documents(self, tenant: Tenant) -> int | None:
        return tenant.totals.documents if hasattr(tenant, "totals") else None

    @admin.action(description=gettext_lazy("Disable"))
    def disable(self, request: HttpRequest, queryset: QuerySet[Tenant]) -> None:
        operator = _operator(request)
        _each(self, request, queryset, lambda one: disable_tenant(tenant=one, actor=operator), "disabled")

    @admin.action(description=gettext_lazy("Enable"))
    def enable(self, request: HttpRequest, queryset: QuerySet[Tenant]) -> None:
        operator = _operator(request)
        _each(self, request, queryset, lambda one: enable_tenant(tenant=one, actor=operator), "enabled")


@admin.register(User, site=platform_admin)
class AccountAdmin(PlatformModelAdmin):
    list_display = ("email", "name", "is_active", "is_staff", "last_login", "created_at")
    list_filter = ("is_active", "is_staff")
    search_fields = ("email", "name")
    ordering = ("email",)
    fields = (*list_display, "is_superuser")
    actions = ("deactivate", "reactivate")

    @admin.action(description=gettext_lazy("Deactivate"))
    def deactivate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Not oneself: somebody has to be left who can undo it."""
        operator = _operator(request)
        others = queryset.exclude(pk=operator.pk)
        _each(self, request, others, lambda one: deactivate_user(user=one, actor=operator), "deactivated")

    @admin.action(description=gettext_lazy("Reactivate"))
    def reactivate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        operator = _operator(request)
        _each(self, request, queryset, lambda one: reactivate_user(user=one, actor=operator), "reactivated")


@admin.register(TenantTotals, site=platform_admin)
class TenantTotalsAdmin(PlatformModelAdmin):
    list_display = (
        "name",
        "members",
        "documents",
        "bytes",
        "questions_today",
        "tokens_today",
        "dead_jobs",
        "counted_at",
    )
    list_select_related = ("tenant",)
    search_fields = ("tenant__name", "tenant__slug")
    ordering = ("tenant__name",)
    fields = list_display

    @admin.display(description=gettext_lazy("organisation"), ordering="tenant__name")
    def name(self, totals: TenantTotals) -> str:
        return totals.tenant.name


def _operator(request: HttpRequest) -> User:
    return cast("User", request.user)


def _each(
    page: PlatformModelAdmin, request: HttpRequest, rows: QuerySet[Any], act: Callable[[Any], bool], word: str
) -> None:
    """Do it to each row; what it changed is noted in the platform's own history."""
    changed = [row for row in rows if act(row)]
    for row in changed:
        page.log_change(request, row, word)
    page.message_user(request, _("%d changed.") % len(changed), messages.SUCCESS)
