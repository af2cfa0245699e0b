"""Settings: API tokens."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from tenants.access import Access
from tenants.api.tokens import sent_token
from tenants.permissions import Action, Scope, scopes_of_role
from tenants.registry import on_collections_listed
from tenants.selectors import access_token, list_tenant_tokens, list_tokens
from tenants.services.tokens import NewToken, create_token, revoke_token
from tenants.web.portal_views import portal_view
from tenants.web.settings_pages import render_settings, settings_form

PAGE = "settings-tokens"

_SCOPE_LABELS = {
    Scope.CHAT: gettext_lazy("Ask questions and read one’s conversations"),
    Scope.DOCUMENTS_READ: gettext_lazy("Read and search documents"),
    Scope.DOCUMENTS_WRITE: gettext_lazy("Add, change and delete documents"),
    Scope.ADMIN: gettext_lazy("Everything else the role may do: people, tokens, exports"),
}


@require_safe
@portal_view(Action.READ_OWN_TOKENS)
def tokens(request: HttpRequest, access: Access) -> HttpResponse:
    return _page(request, access)


def _page(request: HttpRequest, access: Access, made: NewToken | None = None) -> HttpResponse:
    """One's own tokens; for admins everybody's below. `made` is shown with its value, this once."""
    is_admin = access.allows(Action.MANAGE_TENANT)
    others = list_tenant_tokens(access).exclude(user=access.user_id) if is_admin else []
    own = scopes_of_role(access.role)
    collections: dict[UUID, str] = {}
    on_collections_listed.call(access, collections)
    context = {
        "tokens": list_tokens(access).order_by("created_at", "id"),
        "others": others,
        "is_admin": is_admin,
        "scopes": [
            {"value": scope, "label": label, "is_chosen": scope is not Scope.ADMIN}
            for scope, label in _SCOPE_LABELS.items()
            if scope in own
        ],
        "collections": collections,
        "made": made,
        "tomorrow": timezone.now().date() + timedelta(days=1),
        "now": timezone.now(),
    }
    return render_settings(request, access, PAGE, "settings/tokens.html", context)


@settings_form(Action.WRITE_OWN_TOKENS, page=PAGE)
def create(request: HttpRequest, access: Access) -> HttpResponse:
    """Makes the token and shows its value, this once."""
    return _page(request, access, create_token(access=access, **_sent(request.POST)))


def _sent(form: QueryDict) -> dict[str, Any]:
    """Name, scopes, collections and the last day of validity."""
    data: dict[str, Any] = {"name": form.get("name", ""), "scopes": form.getlist("scopes")}
    # Ticks that “all” hides do not count; whoever says neither and names some means those.
    if form.get("reach", "some" if "collections" in form else "all") != "all":
        data["collections"] = form.getlist("collections")
    if last_day := form.get("expires_on", ""):
        data["expires_at"] = _end_of(last_day)
    return sent_token(data)


def _end_of(day: str) -> datetime | str:
    """The end of a day in UTC; what is no day is left for the serializer to refuse."""
    try:
        return datetime.combine(datetime.fromisoformat(day).date(), time.max, UTC)
    except ValueError:
        return day


@settings_form(Action.WRITE_OWN_TOKENS, page=PAGE)
def revoke(request: HttpRequest, access: Access, token: UUID) -> None:
    found = access_token(access, token)
    revoke_token(access=access, token=found)
    messages.success(request, _("The token {name} is revoked.").format(name=found.name))
