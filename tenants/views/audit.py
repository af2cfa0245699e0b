"""Settings: the audit log."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from tenants.access import Access
from tenants.api.audit import (
    AuditFilter,
    AuditQuery,
    export_audit,
    look_at_audit,
)
from tenants.audit.recording import ACTIONS
from tenants.permissions import Action
from tenants.selectors import list_members
from tenants.web.portal_views import portal_view
from tenants.web.settings_pages import render_settings

PAGE = "settings-audit"


@require_safe
@portal_view(Action.READ_AUDIT)
def audit(request: HttpRequest, access: Access) -> HttpResponse:
    """The log in pages, newest first, and what to narrow it down by."""
    chosen = _chosen(request)
    wanted = _checked(chosen)
    pages, events = look_at_audit(access, AuditFilter.of(wanted), request)
    filters = {name: value for name, value in chosen.items() if name in AuditFilter.__slots__}
    context = {
        "rows": [{"event": event, "details": _details(event.data)} for event in events],
        "newer_url": pages.get_previous_link(),
        "older_url": pages.get_next_link(),
        "chosen": filters,
        "actions": sorted(ACTIONS),
        "people": [one.user for one in list_members(access).order_by("user__email")],
        "csv_url": _export_url(filters, "csv"),
        "json_url": _export_url(filters, "json"),
    }
    return render_settings(request, access, PAGE, "settings/audit.html", context)


@require_safe
@portal_view(Action.READ_AUDIT)
async def export(request: HttpRequest, access: Access) -> HttpResponseBase:
    """The same events as a file."""
    wanted = _checked({"format": "csv", **_chosen(request)})
    return await export_audit(access, AuditFilter.of(wanted), wanted["format"])


def _chosen(request: HttpRequest) -> dict[str, str]:
    """A form sends what was left empty, too."""
    return {name: value for name, value in request.GET.dict().items() if value}


def _checked(chosen: dict[str, str]) -> dict[str, Any]:
    query = AuditQuery(data=chosen)
    query.is_valid(raise_exception=True)
    checked: dict[str, Any] = query.validated_data
    return checked


def _details(data: dict[str, Any]) -> str:
    """Ids and codes in one line: `role: member, scopes: chat documents:read`."""
    values = {name: " ".join(map(str, one)) if isinstance(one, list) else one for name, one in data.items()}
    return ", ".join(f"{name}: {'–' if value is None else value}" for name, value in values.items())


def _export_url(filters: dict[str, str], format_: str) -> str:
    return f"{reverse('portal:audit-export')}?{urlencode({**filters, 'format': format_})}"
