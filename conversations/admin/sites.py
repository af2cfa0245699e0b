"""Web sites that show the widget, in an organisation's administration: what they are pasted, and its keys."""

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from conversations.admin.assistants import LinesField
from conversations.models import Conversation, Persona, Site, SiteCollection
from conversations.selectors.sites import public_key, snippet
from conversations.services.sites import (
    SiteFields,
    change_site,
    create_site,
    delete_site,
    rotate_key,
    rotate_secret,
)
from documents.models import Collection
from tenants.addresses.links import absolute
from tenants.admin_sites.model_admin import ServiceForm, TenantModelAdmin, access_of, adopt
from tenants.admin_sites.tenant_site import tenant_admin
from tenants.permissions import Action

_FIELDS = (
    "name",
    "origins",
    "collections",
    "persona",
    "greeting",
    "sample_questions",
    "accent",
    "visitors",
    "visitor_hour",
    "address_hour",
    "site_day",
    "retention_days",
    "is_active",
)


class SiteForm(ServiceForm):
    origins = LinesField(
        label=gettext_lazy("allowed origins"),
        help_text=gettext_lazy("One on each line, like https://www.example.org; pages of others show nothing."),
    )
    collections: Any = forms.ModelMultipleChoiceField(
        None,
        label=gettext_lazy("collections"),
        help_text=gettext_lazy(
            "Its visitors are answered from exactly these. Whoever sees the page can read them."
        ),
    )
    sample_questions = LinesField(
        required=False,
        label=gettext_lazy("sample questions"),
        help_text=gettext_lazy("One on each line, up to eight."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The organisation's own, asked for by each form anew, without the files of conversations.
        chosen: Any = self.fields["collections"]
        chosen.queryset = Collection.objects.filter(attached_to=None).order_by("name")
        if not self.instance._state.adding:
            self.initial["collections"] = list(
                SiteCollection.objects.filter(site=self.instance).values_list("collection_id", flat=True)
            )


@admin.register(Site, site=tenant_admin)
class SiteAdmin(TenantModelAdmin):
    add_action = change_action = delete_action = Action.MANAGE_TENANT
    form = SiteForm
    list_display = ("name", "visitors", "site_day", "is_active", "created_at")
    list_filter = ("is_active", "visitors")
    ordering = ("name", "id")
    readonly_fields = ("snippet", "public_key", "preview", "created_at", "updated_at")
    actions = ("another_key", "another_secret")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return _FIELDS if obj is None else (*self.readonly_fields[:3], *_FIELDS, *self.readonly_fields[3:])

    @admin.display(description=gettext_lazy("to be pasted into each page"))
    def snippet(self, site: Site) -> str:
        return format_html("<code>{}</code>", snippet(site))

    @admin.display(description=gettext_lazy("public key"))
    def public_key(self, site: Site) -> str:
        return public_key(site)

    @admin.display(description=gettext_lazy("preview"))
    def preview(self, site: Site) -> str:
        address = absolute(f"/widget/{public_key(site)}/")
        return format_html('<a href="{}" target="_blank" rel="noopener">{}</a>', address, _("Open the chat"))

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "persona":
            kwargs["queryset"] = Persona.objects.filter(archived_at=None).order_by("name")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: Site, form: Any, change: bool) -> None:  # noqa: FBT001
        access, given = access_of(request), form.cleaned_data
        given = {
            **given,
            "persona": str(given["persona"].id) if given.get("persona") else None,
            "collections": [one.id for one in given.get("collections", ())],
        }
        names = [name for name in _FIELDS if not change or name in form.changed_data]
        fields = cast("SiteFields", {name: given[name] for name in names})
        if change and not fields:
            return
        site, secret = (
            change_site(access=access, site=obj, fields=fields)
            if change
            else create_site(access=access, fields=fields)
        )
        adopt(obj, site)
        self._tell(request, site, secret)

    def delete_model(self, request: HttpRequest, obj: Site) -> None:
        delete_site(access=access_of(request), site=obj)

    def consequences(self, obj: Site) -> list[str]:
        count = Conversation.objects.filter(site=obj).count()
        return [_("{count} conversations of its visitors").format(count=count)]

    @admin.action(description=gettext_lazy("Make another public key"))
    def another_key(self, request: HttpRequest, queryset: QuerySet[Site]) -> None:
        access = access_of(request)
        done = _("{count} with another key: paste the new line into their pages.")
        self.for_each(request, queryset, lambda site: rotate_key(access=access, site=site), done)

    @admin.action(description=gettext_lazy("Make another secret"))
    def another_secret(self, request: HttpRequest, queryset: QuerySet[Site]) -> None:
        access = access_of(request)

        def rotate(site: Site) -> None:
            self._tell(request, *rotate_secret(access=access, site=site))

        self.for_each(request, queryset, rotate, _("{count} with another secret."))

    def _tell(self, request: HttpRequest, site: Site, secret: str) -> None:
        if secret:
            told = _("The secret of {site}, shown this once: {secret}").format(site=site.name, secret=secret)
            self.message_user(request, told, messages.WARNING)
