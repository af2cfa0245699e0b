"""What every page's frame shows."""

from typing import Any

from django.http import HttpRequest

from tenants.access import Access, memberships_of
from tenants.links import global_url, tenant_url
from tenants.models import User
from tenants.permissions import Action


def organisation(request: HttpRequest) -> dict[str, Any]:
    """The organisation one stands in, and the ways out of it."""
    context: dict[str, Any] = {
        "global_urls": {
            "home": global_url("home"),
            "login": global_url("account_login"),
            "logout": global_url("account_logout"),
            "signup": global_url("account_signup"),
        }
    }
    access: Access | None = getattr(request, "access", None)
    if access is not None:
        context |= {
            "tenant": {"name": access.tenant_name, "slug": access.tenant_slug},
            "role": access.role,
            "can_upload": access.allows(Action.WRITE_DOCUMENTS),
        }
    return context


def list_memberships(user: User) -> list[dict[str, str]]:
    """A person's organisations as the pages show them."""
    return [
        {"name": one.name, "slug": one.slug, "url": tenant_url(one.slug, "chat")} for one in memberships_of(user)
    ]
