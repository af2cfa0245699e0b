"""Writes: deleting conversations, bringing them back, and removing what is not to be there any more.

What is deleted is nowhere at once, and its rows stay for as long as it can be brought back. A temporary
conversation is kept from nobody: it goes at once.
"""

from collections import Counter
from datetime import timedelta
from uuid import UUID

from django.db.models import Q
from django.db.models.functions import Now

from conversations.models import Conversation, Message
from conversations.searching.embedding import embed_soon
from conversations.selectors.conversations import openable
from conversations.selectors.life import RUNNING, attached_to, list_past
from conversations.services.conversations import remove_conversations
from conversations.services.ending import every_tenant
from conversations.services.holding import hold
from conversations.streaming.announcements import told_of_list
from documents.models import Document
from tenants.access import Access
from tenants.audit.recording import record
from tenants.db import tenant_atomic
from tenants.errors import NotFound
from tenants.jobs.models import ReplyLease
from tenants.permissions import Action

# The page offers it for ten seconds; who lost the connection meanwhile has longer.
RESTORABLE_FOR = timedelta(minutes=1)
PAST, DELETED, TEMPORARY = "questions in passing", "deleted conversations", "temporary conversations"
_BATCH = 50


def delete_conversation(*, access: Access, conversation: Conversation) -> None:
    """Delete a conversation with its messages. A reply that is being written is stopped."""
    with tenant_atomic(access.tenant_id):
        held = hold(conversation)
        if held.is_temporary:
            files = remove_conversations([held.id])[Document._meta.db_table]
        else:
            files = attached_to(Conversation.objects.filter(id=held.id)).count()
            _put_away(held)
        record(access, "conversation.deleted", target_kind="conversation", target_id=conversation.id, files=files)
        told_of_list(access, [held.id], is_gone=True)


def _put_away(held: Conversation) -> None:
    same = Conversation.objects.filter(id=held.id)
    same.update(deleted_at=Now(), unlisted_until=Now() + RESTORABLE_FOR)
    running = Message.objects.filter(conversation=held, status__in=RUNNING)
    ReplyLease.objects.filter(message_id__in=running.values("id")).update(is_stop_requested=True)


def restore_conversation(*, access: Access, conversation_id: UUID) -> Conversation:
    """Bring back a conversation of one's own that was deleted a moment ago, as it was; `NotFound` once it is gone.

    Bringing it back twice changes nothing.
    """
    access.require(Action.CHAT)
    with tenant_atomic(access.tenant_id):
        own = Conversation.objects.filter(openable() | Q(deleted_at__isnull=False), author_id=access.user_id)
        deleted: Conversation | None = own.filter(id=conversation_id).select_for_update().first()
        if deleted is None:
            raise NotFound("There is no such conversation.")
        if deleted.deleted_at is None:
            return deleted
        deleted.deleted_at = deleted.unlisted_until = None
        # `updated_at` stays: it stands where it stood.
        deleted.save(update_fields=["deleted_at", "unlisted_until"])
        # Whatever was to be done with its messages has passed it by meanwhile.
        embed_soon(deleted.id)
        record(access, "conversation.restored", target_kind="conversation", target_id=deleted.id)
        told_of_list(access, [deleted.id], is_gone=False)
    return deleted


def purge_past(*, dry_run: bool = False) -> Counter[str]:
    """Remove what is not to be there any more; how many of each kind. Registered with `register_purge`."""
    total = Counter({PAST: 0, DELETED: 0, TEMPORARY: 0})
    for tenant_id, _ in every_tenant():
        total.update(_purge_in(tenant_id, dry_run=dry_run))
    return total


def _purge_in(tenant_id: UUID, *, dry_run: bool) -> Counter[str]:
    if dry_run:
        with tenant_atomic(tenant_id):
            return Counter(map(_kind, list_past()))
    total: Counter[str] = Counter()
    while True:
        with tenant_atomic(tenant_id):
            past = list_past().order_by("unlisted_until").select_for_update(skip_locked=True)
            some = list(past[:_BATCH])
            if some:
                remove_conversations([one.id for one in some])
        total.update(map(_kind, some))
        if len(some) < _BATCH:
            return total


def _kind(conversation: Conversation) -> str:
    if conversation.deleted_at is not None:
        return DELETED
    return TEMPORARY if conversation.is_temporary else PAST
