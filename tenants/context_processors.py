"""What every page's frame shows."""

from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import SimpleLazyObject

from tenants.access import Access, MembershipOf, memberships_of
from tenants.addresses.links import global_url, tenant_url
from tenants.models import Tenant, Theme, User
from tenants.permissions import PERMISSIONS, Action
from tenants.signin.sessions import organisation_of

# Cookies: the theme of pages before the log-in, and the one just chosen, until the server has heard of it.
THEME, CHOSEN_THEME = "theme", "theme_chosen"
# What lists the objects whose own pages begin so. Everybody may open these.
_SECTIONS = {
    "documents": "documents",
    "d": "documents",
    "collections": "documents",
    "settings": "settings",
    "s": "shared",
}


def organisation(request: HttpRequest) -> dict[str, Any]:
    """The organisation one stands in, and the ways out of it."""
    context: dict[str, Any] = {
        "global_urls": {
            "account": global_url("account_email"),
            "home": global_url("home"),
            "login": global_url("account_login"),
            "logout": global_url("account_logout"),
            "signup": global_url("account_signup"),
            "new_organisation": global_url("new-organisation"),
        },
        "is_signup_open": settings.DOCENT_SIGNUP == "open",
        "look": SimpleLazyObject(partial(_look, request)),
    }
    access: Access | None = getattr(request, "access", None)
    if access is not None:
        context |= {
            "tenant": {"name": access.tenant_name, "slug": access.tenant_slug},
            "role": access.role,
            "can_upload": access.allows(Action.WRITE_DOCUMENTS),
            "can_administer": access.allows(Action.MANAGE_TENANT),
            "brand": SimpleLazyObject(partial(_brand, access.tenant_id)),
        }
    return context


def _look(request: HttpRequest) -> dict[str, Any]:
    """How the person has the portal: what the page needs before anything of it is drawn."""
    user = getattr(request, "user", None)
    if not isinstance(user, User):
        theme = request.COOKIES.get(THEME)
        return {"theme": theme if theme in set(Theme) else Theme.SYSTEM, "uses_shortcuts": True}
    chosen = request.COOKIES.get(CHOSEN_THEME)
    return {
        "theme": chosen if chosen in set(Theme) else user.theme,
        "announcing": user.announcing,
        "reduces_streaming": user.reduces_streaming,
        "uses_shortcuts": user.uses_shortcuts,
    }


def _brand(tenant_id: UUID) -> dict[str, str]:
    """Where the organisation's colour and logo are; empty for Docent's own."""
    found = Tenant.objects.filter(id=tenant_id).values_list("accent", "logo_sha256").first()
    accent, logo = found or ("", "")  # none: it was erased by this very request
    return {
        "stylesheet": accent_url(accent),
        "logo": f"{reverse('portal:logo')}?v={logo[:8]}" if logo else "",
    }


def accent_url(accent: str) -> str:
    """The stylesheet of a colour; empty for none."""
    return global_url("accent", accent.removeprefix("#")) if accent else ""


def list_memberships(request: HttpRequest) -> list[dict[str, str]]:
    """The organisations that this session reaches, as the pages show them; each leads to the page that is open."""
    assert isinstance(request.user, User)
    only = organisation_of(request)
    return [
        {"name": one.name, "slug": one.slug, "url": _counterpart(request, one)}
        for one in memberships_of(request.user)
        if only in {None, one.slug}
    ]


def _counterpart(request: HttpRequest, membership: MembershipOf) -> str:
    """The page that is open, in another organisation; where that is one of an object, what lists such objects.

    Whoever may not open it there comes to the chat.
    """
    here = request.resolver_match
    if getattr(request, "access", None) is None or here is None or here.namespaces != ["portal"]:
        return tenant_url(membership.slug, "chat")
    if here.kwargs or request.method not in {"GET", "HEAD"}:
        return tenant_url(membership.slug, _SECTIONS.get(here.route.partition("/")[0], "chat"))
    action: Action | None = getattr(here.func, "action", None)
    may_open = action is not None and membership.role.covers(PERMISSIONS[action].role)
    return tenant_url(membership.slug, here.url_name if may_open and here.url_name else "chat")
