"""The list of conversations beside every page of an organisation."""

from collections.abc import Iterator
from datetime import date, timedelta
from functools import partial
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from conversations.feedback import count_new_feedback
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
        # Asked for by the pages of documents alone.
        "new_feedback": partial(count_new_feedback, access),
        "person_socket_url": f"/o/{access.tenant_slug}/ws/",
    }


def _groups(access: Access) -> Iterator[dict[str, Any]]:
    own = list_conversations(access).exclude(title="").order_by("-updated_at", "-id")
    pinned = own.filter(pinned_at__isnull=False).order_by("-pinned_at", "-id")
    found = [*pinned[:_SHOWN], *own.filter(pinned_at=None)[:_SHOWN]]
    running = set(
        Message.objects.filter(
            conversation__in=[one.id for one in found], status__in=[Status.PENDING, Status.STREAMING]
        ).values_list("conversation_id", flat=True)
    )
    today = timezone.localdate()
    label, is_pinned = "", False
    items: list[dict[str, Any]] = []
    for one in found:
        own_label = _label(one, today)
        if items and own_label != label:
            yield {"label": label, "items": items, "is_pinned": is_pinned}
            items = []
        label, is_pinned = own_label, one.pinned_at is not None
        items.append(
            {
                "id": one.id,
                "title": one.title,
                "url": reverse("portal:conversation", args=[one.id]),
                "running": one.id in running,
            }
        )
    if items:
        yield {"label": label, "items": items, "is_pinned": is_pinned}


def _label(conversation: Conversation, today: date) -> str:
    if conversation.pinned_at is not None:
        return _("Pinned")
    day = timezone.localdate(conversation.updated_at)
    if day >= today:
        return _("Today")
    if day == today - timedelta(days=1):
        return _("Yesterday")
    return _("7 days") if day > today - timedelta(days=7) else _("Older")
