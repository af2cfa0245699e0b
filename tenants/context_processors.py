"""What every page's frame shows."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from tenants.access import Access, memberships_of
from tenants.links import global_url, tenant_url
from tenants.models import User
from tenants.permissions import Action
from tenants.sessions import organisation_of


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
    """The organisations that this session reaches, as the pages show them."""
    assert isinstance(request.user, User)
    only = organisation_of(request)
    return [
        {"name": one.name, "slug": one.slug, "url": tenant_url(one.slug, "chat")}
        for one in memberships_of(request.user)
        if only in {None, one.slug}
    ]
