"""What the organisation allows itself, and what was used."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenants.admin_sites.model_admin import ServiceForm, TenantModelAdmin, access_of, adopt
from tenants.admin_sites.tenant_site import tenant_admin
from tenants.models import ApiToken, Membership, Quota, QuotaFor, QuotaKind, UsageDay
from tenants.permissions import Action
from tenants.selectors import with_email
from tenants.services.limits import NewQuota, remove_quota, set_quota


class QuotaForm(ServiceForm):
    person = forms.ChoiceField(
        required=False, label=gettext_lazy("Person"), help_text=gettext_lazy("Only for a limit of one person's.")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "person" in self.fields:
            members = Membership.objects.select_related("user").order_by("user__email")
            people = [(str(one.user_id), one.user.email) for one in members]
            self.fields["person"].choices = [("", "---"), *people]  # type: ignore[attr-defined]


@admin.register(Quota, site=tenant_admin)
class QuotaAdmin(TenantModelAdmin):
    """What a limit is of and for stays; its amount changes, but not below what is used."""

    add_action = change_action = delete_action = Action.MANAGE_TENANT
    portal_page = "settings-usage"
    form = QuotaForm
    list_display = ("kind", "applies_to", "user_email", "amount")
    list_filter = ("kind", "applies_to")
    ordering = ("kind", "applies_to")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("kind", "applies_to", "person" if obj is None else "user_email", "amount")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if obj is None else ("kind", "applies_to", "user_email")

    @admin.display(description=gettext_lazy("person"))
    def user_email(self, quota: Any) -> str:
        return str(quota.user_email or "-")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return with_email(super().get_queryset(request), "user_id")

    def save_model(self, request: HttpRequest, obj: Quota, form: Any, change: bool) -> None:  # noqa: FBT001
        person: str = form.cleaned_data.get("person", "")
        user_id: UUID | None = obj.user_id if change else UUID(person) if person else None
        quota = NewQuota(QuotaKind(obj.kind), QuotaFor(obj.applies_to), obj.amount, user_id)
        adopt(obj, set_quota(access=access_of(request), quota=quota))

    def delete_model(self, request: HttpRequest, obj: Quota) -> None:
        remove_quota(access=access_of(request), quota=obj)


@admin.register(UsageDay, site=tenant_admin)
class UsageDayAdmin(TenantModelAdmin):
    portal_page = "settings-usage"
    list_display = (
        "day", "person", "token", "model", "questions", "prompt_tokens", "completion_tokens", "cost",
    )  # fmt: skip
    list_filter = ("model",)
    date_hierarchy = "day"
    ordering = ("-day", "user_id")
    fields = list_display

    @admin.display(description=gettext_lazy("person"))
    def person(self, usage: Any) -> str:
        return str(usage.user_email or usage.user_id)

    @admin.display(description=gettext_lazy("cost"))
    def cost(self, usage: Any) -> str:
        return f"{usage.cost_micros / 1_000_000:.6f} {usage.currency}" if usage.currency else "-"

    @admin.display(description=gettext_lazy("token"))
    def token(self, usage: Any) -> str:
        return str(usage.token_name or (_("deleted") if usage.token_id else "-"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        names = ApiToken.objects.filter(id=OuterRef("token_id")).values("name")
        rows = super().get_queryset(request).annotate(token_name=Subquery(names))
        return with_email(rows, "user_id")
