"""Writes: which conversations stand on top of their author's list."""

from django.utils import timezone

from conversations.models import Conversation
from conversations.services.holding import hold, require_kept
from tenants.access import Access
from tenants.audit.recording import record
from tenants.db import tenant_atomic


def pin_conversation(*, access: Access, conversation: Conversation, is_pinned: bool) -> Conversation:
    """Pin or unpin. It changes nothing that was said, so its place among the others stays what it was."""
    with tenant_atomic(access.tenant_id):
        held = hold(conversation)
        if (held.pinned_at is not None) is not is_pinned:
            require_kept(held)
            held.pinned_at = timezone.now() if is_pinned else None
            held.save(update_fields=["pinned_at"])
            record(
                access,
                "conversation.changed",
                target_kind="conversation",
                target_id=conversation.id,
                pinned=is_pinned,
            )
        conversation.pinned_at = held.pinned_at
    return conversation
