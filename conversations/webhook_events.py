"""What webhooks are told of conversations: that one ended, and nothing of what it says."""

from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

from conversations.models import Conversation
from tenants.access import Access
from tenants.models import WebhookEvent
from tenants.permissions import Action
from tenants.selectors import get_tenant
from tenants.webhooks.announcing import announce


def tell_of_ending(ids: Iterable[UUID], reason: str) -> None:
    """Conversations end, in the caller's unit: `asked` for, `idle` for too long or `archived`."""
    happened: dict[UUID, dict[str, Any]] = {
        one: {"conversation": str(one), "status": "ended", "reason": reason} for one in ids
    }
    announce(WebhookEvent.CONVERSATION_ENDED, happened)


def conversations_within_sight(access: Access, ids: Collection[UUID]) -> set[UUID]:
    """One's own; for admins everybody's where the organisation lets them read those."""
    found = Conversation.objects.filter(id__in=ids, deleted_at=None)
    is_admin = access.allows(Action.MANAGE_TENANT)
    if not (is_admin and get_tenant(access.tenant_id).admins_read_conversations):
        found = found.filter(author_id=access.user_id)
    return set(found.values_list("id", flat=True))
