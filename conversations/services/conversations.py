"""Writes: conversations."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from conversations.models import (
    ArchiveRecord,
    Citation,
    Conversation,
    ConversationCollection,
    ConversationDocument,
    ConversationWords,
    Feedback,
    MemoryKind,
    Message,
    MessageChunk,
    MessageEmbedding,
    Mode,
    Origin,
    Share,
    ShareReader,
    Source,
    Summary,
    Thoughts,
    Trace,
)
from conversations.prompting.summary_jobs import SUMMARISE, summarise_soon
from conversations.searching.embedding import EMBED_CONVERSATION
from conversations.selectors.personas import require_persona
from conversations.services.archives import forget_archives, forget_in_archives
from conversations.services.holding import hold
from conversations.services.temporary import first_end
from conversations.streaming.announcements import told_of_name
from conversations.webhook_events import tell_of_ending
from documents.models import Collection, Document
from documents.selectors import require_collections, require_documents
from documents.services.attached import erase_attached
from tenants.access import Access
from tenants.audit.recording import record
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
    mode: Mode | None = None,
    persona: str | None = None,
    collections: Sequence[UUID] = (),
    documents: Sequence[UUID] = (),
    metadata: dict[str, Any] | None = None,
    memory: MemoryKind = MemoryKind.WINDOW,
    memory_turns: int | None = None,
    origin: Origin = Origin.CHAT,
    is_temporary: bool = False,
) -> Conversation:
    """Begin a conversation. Without a mode it has that of its persona (an id or a slug), else it is grounded.

    `InvalidInput` points at what of it is unknown; `PermissionRefused` where none may be temporary.
    """
    access.require(Action.CHAT)
    with tenant_atomic(access.tenant_id):
        speaker = None if persona is None else require_persona(access, persona, pointer="/persona")
        chosen = require_collections(access, collections, pointer="/collections/{}")
        named = require_documents(access, documents, pointer="/documents/{}")
        conversation: Conversation = Conversation.objects.create(
            author_id=access.user_id,
            title=title.strip()[:MAX_TITLE],
            has_manual_title=bool(title.strip()),
            mode=mode or (Mode(speaker.mode) if speaker else Mode.GROUNDED),
            persona=speaker,
            metadata=metadata or {},
            memory=memory,
            memory_turns=memory_turns,
            origin=origin,
            site_id=access.site_id,
            is_temporary=is_temporary,
            unlisted_until=first_end() if is_temporary else None,
        )
        note_chosen(conversation, chosen, named)
        record(access, "conversation.created", target_kind="conversation", target_id=conversation.id)
    return conversation


def note_chosen(
    conversation: Conversation, collections: Iterable[Collection], documents: Iterable[Document]
) -> None:
    """What it asks from its beginning on, in the caller's unit."""
    ConversationCollection.objects.bulk_create(
        ConversationCollection(conversation=conversation, collection=one) for one in collections
    )
    ConversationDocument.objects.bulk_create(
        ConversationDocument(conversation=conversation, document=one) for one in documents
    )


def choose_scope(
    *, access: Access, conversation: Conversation, collections: Sequence[UUID], documents: Sequence[UUID]
) -> None:
    """What it asks from the next question on; with neither what its persona does, or everything.

    Unknown ids raise `InvalidInput` with their pointer. Its place in the list stays.
    """
    with tenant_atomic(access.tenant_id):
        chosen = require_collections(access, collections, pointer="/collections/{}")
        named = require_documents(access, documents, pointer="/documents/{}")
        held = hold(conversation)
        ConversationCollection.objects.filter(conversation=held).delete()
        ConversationDocument.objects.filter(conversation=held).delete()
        note_chosen(held, chosen, named)
        about = {"collections": len(chosen), "documents": len(named)}
        record(access, "conversation.changed", target_kind="conversation", target_id=held.id, **about)


def rename_conversation(*, access: Access, conversation: Conversation, title: str) -> Conversation:
    title = " ".join(title.split())
    if not title:
        raise InvalidInput.at("/title", "A conversation needs a title.", "required")
    if "\0" in title:
        raise InvalidInput.at("/title", "Null characters are not allowed.", "null_characters_not_allowed")
    with tenant_atomic(access.tenant_id):
        held = hold(conversation)
        held.title, held.has_manual_title = title[:MAX_TITLE], True
        held.save(update_fields=["title", "has_manual_title", "updated_at"])
        record(access, "conversation.renamed", target_kind="conversation", target_id=held.id)
        told_of_name(access, held.id, held.title)
    conversation.title, conversation.has_manual_title = held.title, True
    conversation.updated_at = held.updated_at
    return conversation


def change_metadata(*, access: Access, conversation: Conversation, metadata: dict[str, Any]) -> Conversation:
    with tenant_atomic(access.tenant_id):
        conversation.metadata = metadata
        conversation.save(update_fields=["metadata", "updated_at"])
        record(access, "conversation.changed", target_kind="conversation", target_id=conversation.id)
    return conversation


def change_memory(
    *, access: Access, conversation: Conversation, kind: MemoryKind, turns: int | None
) -> Conversation:
    """How much of itself it tells from the next question on."""
    with tenant_atomic(access.tenant_id):
        conversation.memory, conversation.memory_turns = kind, turns
        conversation.save(update_fields=["memory", "memory_turns", "updated_at"])
        summarise_soon(conversation.id)
        record(access, "conversation.changed", target_kind="conversation", target_id=conversation.id)
    return conversation


def erase_conversations_of(user_id: UUID, removed: Counter[str]) -> None:
    """Remove all that a person asked and was answered. Registered with `on_person_erased`."""
    removed.update(remove_conversations(_hold(Conversation.objects.filter(author_id=user_id))))
    removed["files.rewritten"] += forget_in_archives(user_id)


def remove_conversations(held: Sequence[UUID]) -> Counter[str]:
    """Remove conversations that the caller holds, with everything of them, in the caller's unit.

    The one way that they go. How many rows of each table; the files attached to them are documents.
    """
    removed: Counter[str] = Counter()
    removed[ArchiveRecord._meta.db_table] += forget_archives(held)
    messages = _hold(Message.objects.filter(conversation__in=held))
    removed[ReplyLease._meta.db_table] += ReplyLease.objects.filter(message_id__in=messages).delete()[0]
    for kind in (EMBED_CONVERSATION, SUMMARISE):
        outbox.cancel(kind, *held)
    # Before the citations, which whoever deletes a document at this moment takes after it.
    erase_attached(held, removed)
    for model, rows in (
        (ShareReader, ShareReader.objects.filter(share__conversation__in=held)),
        (Share, Share.objects.filter(conversation__in=held)),
        (Feedback, Feedback.objects.filter(message__in=messages)),
        (MessageEmbedding, MessageEmbedding.objects.filter(chunk__message__in=messages)),
        (MessageChunk, MessageChunk.objects.filter(message__in=messages)),
        (Citation, Citation.objects.filter(message__in=messages)),
        (Source, Source.objects.filter(message__in=messages)),
        (Trace, Trace.objects.filter(message__in=messages)),
        (Thoughts, Thoughts.objects.filter(message__in=messages)),
        (Summary, Summary.objects.filter(conversation__in=held)),
        (ConversationWords, ConversationWords.objects.filter(conversation__in=held)),
        (Message, Message.objects.filter(id__in=messages)),
    ):
        removed[model._meta.db_table] += rows.delete()[1].get(model._meta.label, 0)
    conversations = Conversation.objects.filter(id__in=held)
    removed[Conversation._meta.db_table] += conversations.delete()[1].get(Conversation._meta.label, 0)
    return removed


def _hold(rows: QuerySet[Any]) -> list[UUID]:
    """What is about to go, held against whoever embeds messages, attaches files or asks at this moment."""
    return list(rows.order_by("id").select_for_update().values_list("id", flat=True))


def end_conversation(*, access: Access, conversation: Conversation) -> Conversation:
    """No new messages from now on. Ending twice changes nothing."""
    with tenant_atomic(access.tenant_id):
        if conversation.ended_at is None:
            conversation.ended_at = timezone.now()
            conversation.save(update_fields=["ended_at", "updated_at"])
            tell_of_ending([conversation.id], "asked")
            record(access, "conversation.ended", target_kind="conversation", target_id=conversation.id)
    return conversation


def blank_quotes(document_ids: list[UUID]) -> None:
    """Documents go: their words leave old answers, the answers stay. Registered with `on_documents_erased`."""
    given = Source.objects.filter(document__in=document_ids).values("message")
    Thoughts.objects.filter(message__in=given).delete()
    Citation.objects.filter(document__in=document_ids).update(quote="", document=None)
    Source.objects.filter(document__in=document_ids).update(text="", document=None)
    ConversationDocument.objects.filter(document__in=document_ids).delete()
