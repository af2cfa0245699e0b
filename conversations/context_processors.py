"""The list of conversations beside every page of an organisation."""

from functools import partial
from typing import Any

from django.http import HttpRequest

from conversations.searching.listing import sidebar_piece
from conversations.selectors.feedback import count_new_feedback
from tenants.access import Access
from tenants.context import find_tenant_id
from tenants.context_processors import list_memberships
from tenants.models import User
from tenants.permissions import Action


def sidebar(request: HttpRequest) -> dict[str, Any]:
    """Conversations by age, organisations to switch to, the socket that tells of changes."""
    access: Access | None = getattr(request, "access", None)
    # An error page is rendered after the tenant's unit has ended; it has no sidebar.
    if access is None or find_tenant_id() is None or not isinstance(request.user, User):
        return {}
    # The administration has a frame of its own, without them.
    if request.resolver_match is not None and request.resolver_match.app_name == "admin":
        return {}
    return {
        **(sidebar_piece(access) if access.allows(Action.CHAT) else {"conversations": [], "older": ""}),
        "memberships": list_memberships(request),
        # Asked for by the pages of documents alone.
        "new_feedback": partial(count_new_feedback, access),
        "person_socket_url": f"/o/{access.tenant_slug}/ws/",
    }
