"""The list of conversations beside every page of an organisation."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from conversations.models import Conversation, Message, Status
from conversations.selectors import list_conversations
from tenants.access import Access
from tenants.context import find_tenant_id
from tenants.context_processors import list_memberships
from tenants.models import User
from tenants.permissions import Action

# More than anybody scrolls past before searching.
_SHOWN = 100


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
        "conversations": list(_groups(access)) if access.allows(Action.CHAT) else [],
        "memberships": list_memberships(request),
        "person_socket_url": f"/o/{access.tenant_slug}/ws/",
    }


def _groups(access: Access) -> Iterator[dict[str, Any]]:
    found = list(list_conversations(access).exclude(title="").order_by("-updated_at", "-id")[:_SHOWN])
    running = set(
        Message.objects.filter(
            conversation__in=[one.id for one in found], status__in=[Status.PENDING, Status.STREAMING]
        ).values_list("conversation_id", flat=True)
    )
    today = timezone.localdate()
    label = ""
    items: list[dict[str, Any]] = []
    for one in found:
        own_label = _label(one, today)
        if items and own_label != label:
            yield {"label": label, "items": items}
            items = []
        label = own_label
        items.append(
            {
                "id": one.id,
                "title": one.title,
                "url": reverse("portal:conversation", args=[one.id]),
                "running": one.id in running,
            }
        )
    if items:
        yield {"label": label, "items": items}


def _label(conversation: Conversation, today: date) -> str:
    day = timezone.localdate(conversation.updated_at)
    if day >= today:
        return _("Today")
    if day == today - timedelta(days=1):
        return _("Yesterday")
    return _("7 days") if day > today - timedelta(days=7) else _("Older")
