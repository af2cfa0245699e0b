"""What every page's frame shows."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from tenants.access import Access, MembershipOf, memberships_of
from tenants.links import global_url, tenant_url
from tenants.models import User
from tenants.permissions import PERMISSIONS, Action
from tenants.sessions import organisation_of

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
    }
    access: Access | None = getattr(request, "access", None)
    if access is not None:
        context |= {
            "tenant": {"name": access.tenant_name, "slug": access.tenant_slug},
            "role": access.role,
            "can_upload": access.allows(Action.WRITE_DOCUMENTS),
            "can_administer": access.allows(Action.MANAGE_TENANT),
        }
    return context


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
