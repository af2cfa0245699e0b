"""What every page of an organisation's administration has in common: one tenant, one table, services."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import PAGE_VAR, ChangeList
from django.contrib.admin.widgets import AutocompleteSelect, RelatedFieldWidgetWrapper
from django.core.exceptions import BadRequest, ImproperlyConfigured, PermissionDenied, ValidationError
from django.db import models, transaction
from django.forms.formsets import DELETION_FIELD_NAME
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from tenants.access import Access
from tenants.errors import DocentError, PermissionRefused
from tenants.models import AuditEvent, TenantModel
from tenants.permissions import Action
from tenants.selectors import with_email

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
    _TabularInline = admin.TabularInline[Any, Any]
    _ModelForm = forms.ModelForm[Any]
    _InlineFormSet = BaseInlineFormSet[Any, Any, Any]
else:
    _ModelAdmin, _TabularInline, _ModelForm = admin.ModelAdmin, admin.TabularInline, forms.ModelForm
    _InlineFormSet = BaseInlineFormSet

# How a list may be narrowed down by a field that it offers as a filter.
_LOOKUPS = frozenset({"exact", "isnull", "gte", "lt", "id__exact", "year", "month", "day"})


def access_of(request: HttpRequest) -> Access:
    """Who is asking: the tenant's middleware has resolved it."""
    return cast("Access", request.access)  # type: ignore[attr-defined]


class CompletedSelect(AutocompleteSelect):
    """Django's, which cannot show again what was chosen if that is no row's id."""

    def optgroups(self, name: str, value: Sequence[str], attrs: dict[str, Any] | None = None) -> Any:
        try:
            return super().optgroups(name, value, attrs)
        except ValidationError:
            return super().optgroups(name, [], attrs)


class ByPermissionTable:
    """Asks the one permission table instead of Django's; an action that is None is possible for nobody."""

    view_action: ClassVar[Action] = Action.MANAGE_TENANT
    add_action: ClassVar[Action | None] = None
    change_action: ClassVar[Action | None] = None
    delete_action: ClassVar[Action | None] = None

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _allows(request, self.view_action)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _allows(request, self.add_action)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _allows(request, self.change_action)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _allows(request, self.delete_action)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return _allows(request, self.view_action)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """A choice among the tenant's own rows; a key to a table that all tenants share is refused."""
        target = db_field.related_model
        if target is not None and not issubclass(target, TenantModel):
            raise ImproperlyConfigured(f"{db_field} would offer rows that are not the tenant's.")
        field = super().formfield_for_dbfield(db_field, request, **kwargs)  # type: ignore[misc]
        if field is not None and isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget
        return field

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name in self.get_autocomplete_fields(request):  # type: ignore[attr-defined]
            kwargs["widget"] = CompletedSelect(db_field, self.admin_site)  # type: ignore[attr-defined]
        return super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[misc]


def _allows(request: HttpRequest, action: Action | None) -> bool:
    return action is not None and access_of(request).allows(action)


class ServiceForm(_ModelForm):
    """Shows what a service refused beside the field that it named."""

    refusal: ClassVar[DocentError | None] = None

    def clean(self) -> Any:
        cleaned = super().clean()
        if self.refusal is not None:
            named = {error.pointer.strip("/"): error.detail for error in self.refusal.errors}
            for name, detail in (named or {"": self.refusal.detail}).items():
                self.add_error(name if name in self.fields else None, detail)
        return cleaned


class PresentedList(ChangeList):
    """The rows of a page as `TenantModelAdmin.present` lets them be seen."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        cast("TenantModelAdmin", self.model_admin).present(request, self.result_list)


class OfferedLookups(_ModelAdmin):
    """A list that compares only what it offers: any other comparison would let a hidden column be guessed."""

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        offered = [*self.get_list_filter(request), *([self.date_hierarchy] if self.date_hierarchy else [])]
        for one in offered:
            # A filter of its own kind comes with its field.
            name = one[0] if isinstance(one, tuple) else getattr(one, "parameter_name", None) or str(one)
            if lookup == name or (lookup.startswith(f"{name}__") and lookup[len(name) + 2 :] in _LOOKUPS):
                return True
        return False

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """Django's, which fails at a comparison with NUL and at the end of the calendar."""
        if any("\0" in value for _, values in request.GET.lists() for value in values):
            raise IncorrectLookupParameters
        try:
            return super().get_changelist_instance(request)
        except (OverflowError, ValueError) as error:
            raise IncorrectLookupParameters from error

    def response_action(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().response_action(*args, **kwargs)
        except ValidationError as error:
            raise BadRequest("What was selected is no row's id.") from error


class TenantModelAdmin(ByPermissionTable, OfferedLookups):
    """One model's pages. Rows come from the tenant's manager, writes go through services, which audit them.

    A service's refusal stands in the form or in a message, and nothing has changed; lacking permission is 403.
    """

    form = ServiceForm
    show_full_result_count = False
    # The portal's page on the same matter, by its URL's name there.
    portal_page: ClassVar[str] = ""
    list_per_page = 50

    def present(self, request: HttpRequest, rows: Sequence[Any]) -> None:
        """Take from rows what may not be shown, and add what is shown beside their columns."""

    def consequences(self, obj: Any) -> Sequence[str]:
        """What else goes when the row is deleted, in words."""
        return ()

    def audited_id(self, obj: Any) -> Any:
        """The id by which audit events name the row."""
        return obj.pk

    def get_urls(self) -> list[URLPattern]:
        """Without the pages of what nobody may do."""
        possible = {"add": self.add_action, "delete": self.delete_action}
        absent = {name for name, action in possible.items() if action is None}
        return [one for one in super().get_urls() if one.name and one.name.rpartition("_")[2] not in absent]

    def get_changelist(self, request: HttpRequest, **_kwargs: Any) -> type[ChangeList]:
        return PresentedList

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        found = super().get_object(request, object_id, from_field)
        if found is not None:
            self.present(request, [found])
        return found

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:  # noqa: FBT001, FBT002 - Django's own signature
        form = super().get_form(request, obj, change, **kwargs)
        refusal = getattr(request, "refusal", None)
        return form if refusal is None else type(form.__name__, (form,), {"refusal": refusal})

    def changeform_view(
        self, request: HttpRequest, object_id: Any = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except PermissionRefused as error:
            raise PermissionDenied(str(error)) from error
        except DocentError as error:
            # The form was right and the service refused: what was written is undone, the form is shown again.
            request.refusal = error  # type: ignore[attr-defined]
            return super().changeform_view(request, object_id, form_url, extra_context)

    def delete_view(self, request: HttpRequest, object_id: Any, extra_context: Any = None) -> Any:
        return self._or_refusal(request, lambda: super(TenantModelAdmin, self).delete_view(request, object_id))

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        return self._or_refusal(
            request, lambda: super(TenantModelAdmin, self).changelist_view(request, extra_context)
        )

    def _or_refusal(self, request: HttpRequest, view: Callable[[], Any]) -> Any:
        try:
            with transaction.atomic():
                return view()
        except PermissionRefused as error:
            raise PermissionDenied(str(error)) from error
        except DocentError as error:
            self.message_user(request, error.detail, messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    def for_each(self, request: HttpRequest, rows: Iterable[Any], act: Callable[[Any], object], done: str) -> None:
        """An action of a list: one row's refusal leaves the others done. `done` holds `{count}`."""
        count = 0
        for row in rows:
            try:
                with transaction.atomic():
                    act(row)
            except DocentError as error:
                self.message_user(request, f"{row}: {error.detail}", messages.ERROR)
            else:
                count += 1
        if count:
            self.message_user(request, done.format(count=count), messages.SUCCESS)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for row in queryset:
            self.delete_model(request, row)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        rows = list(objs)
        listed = [text for row in rows for text in (str(row), *self.consequences(row))]
        return listed, {self.opts.verbose_name_plural: len(rows)}, set(), []

    def construct_change_message(self, *_args: Any, **_kwargs: Any) -> Any:
        """Of what the service has recorded nothing more is said."""
        return ""

    def log_addition(self, *_args: Any, **_kwargs: Any) -> Any:
        """The service has recorded it."""

    def log_change(self, *_args: Any, **_kwargs: Any) -> Any:
        """The service has recorded it."""

    def log_deletions(self, *_args: Any, **_kwargs: Any) -> Any:
        """The service records it."""

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        """The audit events of one row."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        obj = self.get_object(request, unquote(object_id))
        if obj is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined]
        events = with_email(AuditEvent.objects.filter(target_id=self.audited_id(obj)), "actor_id")
        page = self.get_paginator(request, events.order_by("-at", "-id"), 100).get_page(request.GET.get(PAGE_VAR))
        context = {
            **self.admin_site.each_context(request),
            "title": _("Change history: %s") % obj,
            "events": page,
            "page_var": PAGE_VAR,
            "module_name": capfirst(str(self.opts.verbose_name_plural)),
            "object": obj,
            "opts": self.opts,
        }
        return TemplateResponse(request, "admin/audit_history.html", context)


class NamedRows(_InlineFormSet):
    """Django's, whose box that takes a row out of the table says nothing to whoever does not see its column."""

    def add_fields(self, form: Any, index: Any) -> None:
        super().add_fields(form, index)
        if DELETION_FIELD_NAME in form.fields:
            form.fields[DELETION_FIELD_NAME].widget.attrs["aria-label"] = _("Delete this row")


class TenantInline(ByPermissionTable, _TabularInline):
    """Rows that belong to the row of the page. Saving them is the page's business."""

    formset = NamedRows
    extra = 0
    show_change_link = False


def shown_time(at: datetime | None) -> str:
    """A time beside the row's own columns, as Django shows those."""
    return "-" if at is None else date_format(localtime(at), "DATETIME_FORMAT")


def adopt(obj: models.Model, made: models.Model) -> None:
    """Let the form's unsaved row be the one that a service made, for what Django does after saving."""
    for field in made._meta.concrete_fields:
        setattr(obj, field.attname, getattr(made, field.attname))
    obj._state.adding = False
