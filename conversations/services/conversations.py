"""Writes: conversations."""

from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from conversations.embedding import EMBED_CONVERSATION
from conversations.models import (
    Citation,
    Conversation,
    ConversationCollection,
    ConversationDocument,
    Message,
    MessageChunk,
    MessageEmbedding,
    Mode,
    Source,
    Trace,
)
from documents.selectors import require_collections, require_documents
from tenants.access import Access
from tenants.audit import record
from tenants.db import tenant_atomic
from tenants.errors import InvalidInput
from tenants.jobs import outbox
from tenants.jobs.models import ReplyLease
from tenants.permissions import Action

MAX_TITLE = 200


def create_conversation(
    *,
    access: Access,
    title: str = "",
    mode: Mode = Mode.GROUNDED,
    collections: Sequence[UUID] = (),
    documents: Sequence[UUID] = (),
    metadata: dict[str, Any] | None = None,
) -> Conversation:
    """Begin a conversation. Unknown collections and documents raise `InvalidInput` with their pointer."""
    access.require(Action.CHAT)
    with tenant_atomic(access.tenant_id):
        chosen = require_collections(access, collections, pointer="/collections/{}")
        named = require_documents(access, documents, pointer="/documents/{}")
        conversation: Conversation = Conversation.objects.create(
            author_id=access.user_id,
            title=title.strip()[:MAX_TITLE],
            has_manual_title=bool(title.strip()),
            mode=mode,
            metadata=metadata or {},
        )
        ConversationCollection.objects.bulk_create(
            ConversationCollection(conversation=conversation, collection=one) for one in chosen
        )
        ConversationDocument.objects.bulk_create(
            ConversationDocument(conversation=conversation, document=one) for one in named
        )
        record(access, "conversation.created", target_kind="conversation", target_id=conversation.id)
    return conversation


def rename_conversation(*, access: Access, conversation: Conversation, title: str) -> Conversation:
    title = " ".join(title.split())
    if not title:
        raise InvalidInput.at("/title", "A conversation needs a title.", "required")
    if "\0" in title:
        raise InvalidInput.at("/title", "Null characters are not allowed.", "null_characters_not_allowed")
    with tenant_atomic(access.tenant_id):
        conversation.title = title[:MAX_TITLE]
        conversation.has_manual_title = True
        conversation.save(update_fields=["title", "has_manual_title", "updated_at"])
        record(access, "conversation.renamed", target_kind="conversation", target_id=conversation.id)
    return conversation


def change_metadata(*, access: Access, conversation: Conversation, metadata: dict[str, Any]) -> Conversation:
    with tenant_atomic(access.tenant_id):
        conversation.metadata = metadata
        conversation.save(update_fields=["metadata", "updated_at"])
        record(access, "conversation.changed", target_kind="conversation", target_id=conversation.id)
    return conversation


def erase_conversations_of(user_id: UUID, removed: Counter[str]) -> None:
    """Remove all that a person asked and was answered. Registered with `on_person_erased`."""
    conversations = Conversation.objects.filter(author_id=user_id)
    messages = _hold(Message.objects.filter(conversation__in=conversations))
    removed["tenants_replylease"] += ReplyLease.objects.filter(message_id__in=messages).delete()[0]
    outbox.cancel(EMBED_CONVERSATION, *conversations.values_list("id", flat=True))
    for model, rows in (
        (MessageEmbedding, MessageEmbedding.objects.filter(chunk__message__in=messages)),
        (MessageChunk, MessageChunk.objects.filter(message__in=messages)),
        (Citation, Citation.objects.filter(message__in=messages)),
        (Source, Source.objects.filter(message__in=messages)),
        (Trace, Trace.objects.filter(message__in=messages)),
        (Message, Message.objects.filter(id__in=messages)),
    ):
        removed[model._meta.db_table] += rows.delete()[1].get(model._meta.label, 0)
    removed[Conversation._meta.db_table] += conversations.delete()[1].get(Conversation._meta.label, 0)


def delete_conversation(*, access: Access, conversation: Conversation) -> None:
    """Delete a conversation with its messages. A reply that is being written loses its lease and ends."""
    with tenant_atomic(access.tenant_id):
        messages = _hold(Message.objects.filter(conversation=conversation))
        ReplyLease.objects.filter(message_id__in=messages).delete()
        Citation.objects.filter(message__in=messages).delete()
        Source.objects.filter(message__in=messages).delete()
        Trace.objects.filter(message__in=messages).delete()
        outbox.cancel(EMBED_CONVERSATION, conversation.id)
        record(access, "conversation.deleted", target_kind="conversation", target_id=conversation.id)
        conversation.delete()


def _hold(messages: QuerySet[Message]) -> list[UUID]:
    """Messages that are about to go, held against whoever embeds them."""
    return list(messages.order_by("id").select_for_update().values_list("id", flat=True))


def end_conversation(*, access: Access, conversation: Conversation) -> Conversation:
    """No new messages from now on. Ending twice changes nothing."""
    with tenant_atomic(access.tenant_id):
        if conversation.ended_at is None:
            conversation.ended_at = timezone.now()
            conversation.save(update_fields=["ended_at", "updated_at"])
            record(access, "conversation.ended", target_kind="conversation", target_id=conversation.id)
    return conversation


def reopen_conversation(*, access: Access, conversation: Conversation) -> Conversation:
    with tenant_atomic(access.tenant_id):
        if conversation.ended_at is not None:
            conversation.ended_at = None
            conversation.save(update_fields=["ended_at", "updated_at"])
            record(access, "conversation.reopened", target_kind="conversation", target_id=conversation.id)
    return conversation


def blank_quotes(document_ids: list[UUID]) -> None:
    """Documents go: their words leave old answers, the answers stay. Registered with `on_documents_erased`."""
    Citation.objects.filter(document__in=document_ids).update(quote="", document=None)
    Source.objects.filter(document__in=document_ids).update(text="", document=None)
    ConversationDocument.objects.filter(document__in=document_ids).delete()
