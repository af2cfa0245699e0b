"""The organisation itself."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.postgres.forms import SimpleArrayField
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from tenants.admin_sites.model_admin import ServiceForm, TenantModelAdmin, access_of
from tenants.admin_sites.tenant_site import tenant_admin
from tenants.models import Tenant
from tenants.permissions import Action
from tenants.services.organisations import change_organisation


class OrganisationForm(ServiceForm):
    sample_questions = SimpleArrayField(
        forms.CharField(),
        delimiter="\n",
        widget=forms.Textarea,
        required=False,
        label=gettext_lazy("Sample questions"),
        help_text=gettext_lazy("Shown where a chat begins; one a line."),
    )


@admin.register(Tenant, site=tenant_admin)
class OrganisationAdmin(TenantModelAdmin):
    """One row: the organisation that the address names."""

    form = OrganisationForm
    change_action = Action.MANAGE_TENANT
    portal_page = "settings-organisation"
    list_display = ("name", "slug", "rate_limit", "admins_read_conversations", "members_may_share")
    fields = (*list_display, "sample_questions", "created_at")
    readonly_fields = ("slug", "rate_limit", "created_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tenant]:
        return Tenant.objects.filter(id=access_of(request).tenant_id)

    def save_model(self, request: HttpRequest, obj: Tenant, form: Any, change: bool) -> None:  # noqa: FBT001
        change_organisation(
            access=access_of(request),
            name=obj.name,
            sample_questions=obj.sample_questions,
            admins_read_conversations=obj.admins_read_conversations,
            members_may_share=obj.members_may_share,
        )
