"""Settings: taking data along, and erasing it."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from allauth.account.internal.flows.reauthentication import is_reauthentication_required
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from tenants.access import Access
from tenants.addresses.links import global_url
from tenants.api.exports import export_response
from tenants.exports import ExportOf
from tenants.permissions import Action
from tenants.selectors import access_export, list_exports
from tenants.services.erasure import erase_person, order_tenant_erasure
from tenants.services.exports import delete_export, request_export
from tenants.web.portal_views import portal_view
from tenants.web.settings_pages import render_settings, settings_form

PAGE = "settings-data"


@require_safe
@portal_view(Action.EXPORT_OWN)
def data(request: HttpRequest, access: Access) -> HttpResponse:
    exports = list(list_exports(access).order_by("-created_at", "-id"))
    context = {
        "own_exports": [one for one in exports if one.subject_id is not None],
        "organisation_exports": [one for one in exports if one.subject_id is None],
        "can_export_organisation": access.allows(Action.EXPORT_TENANT),
        "can_erase_organisation": access.allows(Action.ERASE_TENANT),
        # Whoever walks past an open browser must not be able to erase anything with it.
        "confirm_url": _confirm_url() if _must_confirm(request) else "",
    }
    return render_settings(request, access, PAGE, "settings/data.html", context)


@settings_form(Action.EXPORT_OWN, page=PAGE)
def export_own(request: HttpRequest, access: Access) -> None:
    _request(request, access, ExportOf.ME)


@settings_form(Action.EXPORT_TENANT, page=PAGE)
def export_organisation(request: HttpRequest, access: Access) -> None:
    _request(request, access, ExportOf.TENANT)


def _request(request: HttpRequest, access: Access, of: ExportOf) -> None:
    request_export(access=access, of=of)
    messages.success(request, _("The export is being written. It will be on this page."))


@require_safe
@portal_view(Action.EXPORT_OWN)
async def export_file(request: HttpRequest, access: Access, export: UUID) -> HttpResponseBase:
    return await export_response(request, access, export)


@settings_form(Action.EXPORT_OWN, page=PAGE)
def export_delete(request: HttpRequest, access: Access, export: UUID) -> None:
    delete_export(access=access, export=access_export(access, export))
    messages.success(request, _("The export is deleted."))


@settings_form(Action.LEAVE, page=PAGE)
def erase_own(request: HttpRequest, access: Access) -> HttpResponse:
    """Everything of one's own in this organisation, one's place in it too."""
    if _must_confirm(request):
        return redirect(_confirm_url())
    erase_person(access=access, user_id=access.user_id)
    messages.success(request, _("You have left {name}; what was yours is erased.").format(name=access.tenant_name))
    return redirect(global_url("home"))


@settings_form(Action.ERASE_TENANT, page=PAGE)
def erase_organisation(request: HttpRequest, access: Access) -> HttpResponse:
    if _must_confirm(request):
        return redirect(_confirm_url())
    order_tenant_erasure(access=access, confirmation=request.POST.get("confirmation", "").strip())
    messages.success(request, _("{name} is closed and is being erased.").format(name=access.tenant_name))
    return redirect(global_url("home"))


def _must_confirm(request: Any) -> bool:
    """Whether the person has to give the password, or another proof, before what cannot be undone."""
    return bool(is_reauthentication_required(request, app="account"))


def _confirm_url() -> str:
    """Where they do, on the way back to this page."""
    return f"{global_url('account_reauthenticate')}?{urlencode({'next': reverse(f'portal:{PAGE}')})}"
