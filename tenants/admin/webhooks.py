"""Webhooks and what they were told, with the buttons that try them."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenants.admin_sites.model_admin import ServiceForm, TenantModelAdmin, access_of, adopt
from tenants.admin_sites.tenant_site import tenant_admin
from tenants.models import DisabledReason, Webhook, WebhookDelivery, WebhookEvent
from tenants.permissions import Action
from tenants.selectors import with_email
from tenants.webhooks.announcing import message_id
from tenants.webhooks.selectors import list_deliveries, list_webhooks, show_data
from tenants.webhooks.services import (
    NewSecret,
    change_webhook,
    create_webhook,
    delete_webhook,
    redeliver,
    rotate_secret,
    send_ping,
)

_REASONS = {
    DisabledReason.BY_HAND: gettext_lazy("somebody disabled it"),
    DisabledReason.PERSON_LEFT: gettext_lazy("the person whose sight it had left or is no admin any more"),
    DisabledReason.GONE: gettext_lazy("it answered that it wants nothing more (410)"),
    DisabledReason.FAILING: gettext_lazy("for days nothing has reached it"),
}
_ERRORS = {
    "refused": gettext_lazy("answered with an error"),
    "redirected": gettext_lazy("leads elsewhere"),
    "too_slow": gettext_lazy("took too long"),
    "unreachable": gettext_lazy("cannot be reached"),
    "bad_certificate": gettext_lazy("has a wrong TLS certificate"),
    "address_refused": gettext_lazy("is not in the public internet"),
    "disabled": gettext_lazy("the webhook is disabled"),
}


class WebhookForm(ServiceForm):
    url = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=2048,
        widget=forms.URLInput(attrs={"class": "vURLField"}),
        help_text=gettext_lazy("Begins with https:// and is in the public internet."),
    )
    events = forms.MultipleChoiceField(
        label=gettext_lazy("Events"),
        choices=WebhookEvent.subscribable(),
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("What it is told of, as far as you see what they are about."),
    )


@admin.register(Webhook, site=tenant_admin)
class WebhookAdmin(TenantModelAdmin):
    """A secret is shown once, in a message; it is never read again."""

    form = WebhookForm
    add_action = change_action = delete_action = Action.MANAGE_TENANT
    change_form_template = "admin/webhook_form.html"
    list_display = ("name", "url", "events", "is_active", "disabled_because", "acts_for", "failing_since")
    list_filter = ("is_active",)
    search_fields = ("url", "description")
    ordering = ("created_at", "id")
    readonly_fields = ("disabled_because", "acts_for", "failing_since", "former_until", "created_at")
    actions = ("test", "rotate")

    @admin.display(description=gettext_lazy("webhook"), ordering="description")
    def name(self, webhook: Webhook) -> str:
        return str(webhook)

    @admin.display(description=gettext_lazy("disabled because"))
    def disabled_because(self, webhook: Webhook) -> str:
        return str(_REASONS[DisabledReason(webhook.disabled_reason)]) if webhook.disabled_reason else "-"

    @admin.display(description=gettext_lazy("sees what this person sees"))
    def acts_for(self, webhook: Any) -> str:
        return str(webhook.acts_for_email or "-")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        asked = ("url", "description", "events")
        return asked if obj is None else (*asked, "is_active", *self.readonly_fields)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return with_email(list_webhooks(access_of(request)).order_by(*self.ordering), "acts_for_id")

    def consequences(self, obj: Any) -> Sequence[str]:
        return (_("What it was told in the last 30 days, as it is listed here."),)

    def save_model(self, request: HttpRequest, obj: Webhook, form: Any, change: bool) -> None:  # noqa: FBT001
        access = access_of(request)
        url, events, description = obj.url, obj.events, obj.description
        if change:
            change_webhook(
                access=access,
                webhook=obj,
                url=url,
                events=events,
                description=description,
                is_active=obj.is_active,
            )
            return
        made = create_webhook(access=access, url=url, events=events, description=description)
        adopt(obj, made.webhook)
        self._show_secret(request, made)

    def delete_model(self, request: HttpRequest, obj: Webhook) -> None:
        delete_webhook(access=access_of(request), webhook=obj)

    def response_change(self, request: HttpRequest, obj: Webhook) -> HttpResponse:
        if "_test" not in request.POST and "_rotate" not in request.POST:
            return super().response_change(request, obj)
        (self.test if "_test" in request.POST else self.rotate)(request, Webhook.objects.filter(id=obj.id))
        return HttpResponseRedirect(request.get_full_path())

    @admin.action(description=gettext_lazy("Send a test"))
    def test(self, request: HttpRequest, queryset: QuerySet[Webhook]) -> None:
        access = access_of(request)
        self.for_each(
            request,
            queryset,
            lambda one: send_ping(access=access, webhook=one),
            _("{count} will be told in a moment: see its deliveries."),
        )

    @admin.action(description=gettext_lazy("Make a new secret"))
    def rotate(self, request: HttpRequest, queryset: QuerySet[Webhook]) -> None:
        access = access_of(request)
        self.for_each(
            request,
            queryset,
            lambda one: self._show_secret(request, rotate_secret(access=access, webhook=one)),
            _("{count} signs with a new secret. For 24 hours the one before it signs as well."),
        )

    def _show_secret(self, request: HttpRequest, made: NewSecret) -> None:
        said = _("The secret of %(webhook)s, shown only now: %(secret)s")
        names = {"webhook": str(made.webhook), "secret": made.secret}
        self.message_user(request, said % names, messages.WARNING)


@admin.register(WebhookDelivery, site=tenant_admin)
class WebhookDeliveryAdmin(TenantModelAdmin):
    list_display = ("created_at", "webhook", "kind", "status", "attempts", "response_status", "trouble")
    list_filter = ("status", "kind", "webhook")
    ordering = ("-created_at", "-id")
    list_select_related = ("webhook",)
    fields = (
        *("event", "webhook", "kind", "shown_data", "status", "attempts", "created_at", "tried_at", "next_at"),
        *("response_status", "trouble", "duration_ms", "answer"),
    )
    actions = ("send_again",)

    @admin.display(description=gettext_lazy("id of the event"))
    def event(self, delivery: WebhookDelivery) -> str:
        return message_id(delivery)

    @admin.display(description=gettext_lazy("trouble"))
    def trouble(self, delivery: WebhookDelivery) -> str:
        return str(_ERRORS.get(delivery.error, delivery.error)) or "-"

    @admin.display(description=gettext_lazy("what was told"))
    def shown_data(self, delivery: Any) -> str:
        if delivery.data is None:
            return _("It is about something that you do not see.")
        return ", ".join(f"{name}: {value}" for name, value in delivery.data.items())

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return list_deliveries(access_of(request)).order_by(*self.ordering)

    def present(self, request: HttpRequest, rows: Sequence[Any]) -> None:
        show_data(access_of(request), rows)

    @admin.action(description=gettext_lazy("Send again"))
    def send_again(self, request: HttpRequest, queryset: QuerySet[WebhookDelivery]) -> None:
        access = access_of(request)
        self.for_each(
            request,
            queryset,
            lambda one: redeliver(access=access, delivery=one),
            _("{count} will be sent again in a moment."),
        )
