"""Assistants in an organisation's administration."""

from collections.abc import Callable
from typing import Any, cast

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from conversations.models import Persona, PersonaCollection
from conversations.services.personas import (
    PersonaFields,
    archive_persona,
    change_persona,
    create_persona,
    reset_persona,
    restore_persona,
)
from tenants.admin_sites.model_admin import ServiceForm, TenantInline, TenantModelAdmin, access_of, adopt
from tenants.admin_sites.tenant_site import tenant_admin
from tenants.permissions import Action
from tenants.selectors import with_email

_FIELDS = (
    "name",
    "description",
    "instructions",
    "mode",
    "temperature",
    "max_tokens",
    "model",
    "sample_questions",
    "is_default",
)


class LinesField(forms.CharField):
    """A list of texts, one on each line."""

    widget = forms.Textarea

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        return [line.strip() for line in (super().to_python(value) or "").splitlines() if line.strip()]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.to_python(data) != (initial or []))


class PersonaForm(ServiceForm):
    sample_questions = LinesField(
        required=False,
        label=gettext_lazy("sample questions"),
        help_text=gettext_lazy("One on each line, up to eight."),
    )


class PersonaCollectionInline(TenantInline):
    """What conversations with it search, where they name nothing themselves."""

    model = PersonaCollection
    add_action = change_action = delete_action = Action.MANAGE_PERSONAS
    verbose_name = gettext_lazy("collection")
    verbose_name_plural = gettext_lazy("collections that it searches; none: all that its asker may see")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("collection")


@admin.register(Persona, site=tenant_admin)
class PersonaAdmin(TenantModelAdmin):
    add_action = change_action = Action.MANAGE_PERSONAS
    portal_page = "settings-assistants"
    form = PersonaForm
    inlines = (PersonaCollectionInline,)
    list_display = ("name", "slug", "mode", "model", "is_default", "maker", "archived_at")
    list_filter = ("mode", "is_default")
    search_fields = ("name", "slug")
    ordering = ("name", "id")
    readonly_fields = ("slug", "maker", "created_at", "updated_at", "archived_at")
    actions = ("archive", "restore", "reset")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return _FIELDS if obj is None else (*_FIELDS, *self.readonly_fields)

    @admin.display(description=gettext_lazy("made by"))
    def maker(self, persona: Any) -> str:
        return str(persona.created_by_email or persona.created_by_id or "-")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return with_email(super().get_queryset(request), "created_by_id")

    def save_model(self, request: HttpRequest, obj: Persona, form: Any, change: bool) -> None:  # noqa: FBT001
        access, given = access_of(request), form.cleaned_data
        names = [name for name in _FIELDS if not change or name in form.changed_data]
        fields = cast("PersonaFields", {name: given[name] for name in names})
        if not change:
            adopt(obj, create_persona(access=access, fields=fields))
        elif fields:
            adopt(obj, change_persona(access=access, persona=obj, fields=fields))

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:  # noqa: FBT001
        """The rows that are there now are what it searches."""
        if not formset.has_changed():
            return
        rows = [
            one.cleaned_data for one in formset.forms if one.cleaned_data and not one.cleaned_data.get("DELETE")
        ]
        fields = PersonaFields(collections=[row["collection"].id for row in rows])
        change_persona(access=access_of(request), persona=form.instance, fields=fields)

    @admin.action(description=gettext_lazy("Archive"))
    def archive(self, request: HttpRequest, queryset: QuerySet[Persona]) -> None:
        self._each(request, queryset, archive_persona, _("{count} archived."))

    @admin.action(description=gettext_lazy("Take out of the archive"))
    def restore(self, request: HttpRequest, queryset: QuerySet[Persona]) -> None:
        self._each(request, queryset, restore_persona, _("{count} offered again."))

    @admin.action(description=gettext_lazy("Restore the default"))
    def reset(self, request: HttpRequest, queryset: QuerySet[Persona]) -> None:
        self._each(request, queryset, reset_persona, _("{count} as they were at first."))

    def _each(
        self, request: HttpRequest, rows: QuerySet[Persona], service: Callable[..., Persona], done: str
    ) -> None:
        access = access_of(request)
        self.for_each(request, rows, lambda persona: service(access=access, persona=persona), done)
