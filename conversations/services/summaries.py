"""Writes: what people make of a conversation's summary."""

from conversations.models import Conversation, Summary
from conversations.selectors.conversations import require_unarchived
from conversations.selectors.memory import find_summary
from tenants.access import Access
from tenants.audit.recording import record
from tenants.db import tenant_atomic
from tenants.errors import InvalidInput, NotFound

MAX_EDITED = 8_000


def access_summary(*, access: Access, conversation: Conversation) -> Summary:
    """The conversation's, as it would be told. `NotFound` where none was made, `Conflict` if it is archived."""
    require_unarchived(conversation)
    summary = find_summary(access, conversation)
    if summary is None:
        raise NotFound("Nothing of this conversation has been summarised yet.", code="no_summary")
    return summary


def edit_summary(*, access: Access, conversation: Conversation, text: str) -> Summary:
    """Put a person's words in its place: they stay, and what is said later is added to them."""
    text = text.strip()
    if not text:
        raise InvalidInput.at("/text", "A summary needs words; delete it to have it made anew.", "required")
    with tenant_atomic(access.tenant_id):
        _hold(conversation)
        summary = access_summary(access=access, conversation=conversation)
        summary.edited, summary.text, summary.model = text, "", ""
        summary.save(update_fields=["edited", "text", "model", "updated_at"])
        record(access, "conversation.summary_edited", target_kind="conversation", target_id=conversation.id)
    return summary


def forget_summary(*, access: Access, conversation: Conversation) -> None:
    """Remove it, and those that it was made from: the next one is made from the messages."""
    with tenant_atomic(access.tenant_id):
        _hold(conversation)
        access_summary(access=access, conversation=conversation)
        # The rows stay: answers were written from them, and are hidden with what they rest on.
        Summary.objects.filter(conversation=conversation).update(edited="", text="", model="")
        record(access, "conversation.summary_deleted", target_kind="conversation", target_id=conversation.id)


def _hold(conversation: Conversation) -> None:
    """Against the job that adds to it."""
    Conversation.objects.select_for_update(no_key=True).filter(id=conversation.id).first()
