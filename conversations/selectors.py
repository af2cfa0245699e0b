"""Reads of conversations and the doors to them. A conversation is its author's alone: others get 404."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from conversations.models import Citation, Conversation, Message, Role, Source, Trace
from conversations.sources import stored_citations, stored_sources, traced_passages
from retrieval.types import Scope
from tenants.access import Access
from tenants.context import current_tenant_id
from tenants.errors import NotFound
from tenants.jobs.models import ReplyLease
from tenants.permissions import Action


def list_conversations(access: Access) -> QuerySet[Conversation]:
    """A person's own conversations."""
    access.require(Action.CHAT)
    found: QuerySet[Conversation] = Conversation.objects.filter(author_id=access.user_id)
    return found


def access_conversation(access: Access, conversation_id: UUID) -> Conversation:
    conversation = list_conversations(access).filter(id=conversation_id).first()
    if conversation is None:
        raise NotFound("There is no such conversation.")
    return conversation


def list_messages(conversation: Conversation) -> QuerySet[Message]:
    """Oldest first."""
    found: QuerySet[Message] = Message.objects.filter(conversation=conversation).order_by("created_at", "id")
    return found


def access_message(access: Access, message_id: UUID) -> Message:
    access.require(Action.CHAT)
    message: Message | None = (
        Message.objects.select_related("conversation")
        .filter(id=message_id, conversation__author_id=access.user_id)
        .first()
    )
    if message is None:
        raise NotFound("There is no such message.")
    return message


def access_reply(access: Access, message_id: UUID) -> Message:
    """A message of the assistant's: questions have no events and cannot be stopped."""
    message = access_message(access, message_id)
    if message.role != Role.ASSISTANT:
        raise NotFound("There is no such reply.")
    return message


def list_running_replies() -> QuerySet[Message]:
    """Everybody's answers that some process is writing now; found by their leases, of which there are few."""
    leases = ReplyLease.objects.filter(tenant_id=current_tenant_id())
    found: QuerySet[Message] = Message.objects.filter(id__in=leases.values("message_id"))
    return found


def scope_of(conversation: Conversation) -> Scope:
    """What the conversation was told to ask; nothing chosen means everything."""
    collections = tuple(conversation.chosen_collections.values_list("collection_id", flat=True))
    documents = tuple(conversation.chosen_documents.values_list("document_id", flat=True))
    return Scope(collections=collections or None, documents=documents or None)


def message_views(access: Access, messages: Iterable[Message]) -> list[dict[str, Any]]:
    """Messages as programs and pages read them, with their citations and sources."""
    messages = list(messages)
    ids = [message.id for message in messages]
    cited = list(Citation.objects.filter(message__in=ids).order_by("marker"))
    read = list(Source.objects.filter(message__in=ids).order_by("marker"))
    citations = _by_message(cited, stored_citations(access, cited))
    sources = _by_message(read, stored_sources(access, read))
    return [
        {
            "id": str(message.id),
            "conversation": str(message.conversation_id),
            "role": message.role,
            "parent": str(message.parent_id) if message.parent_id else None,
            "content": message.content,
            "status": message.status,
            "finish_reason": message.finish_reason or None,
            "model": message.model or None,
            "searched_for": message.searched_for or None,
            "citations": citations.get(message.id, []),
            "sources": sources.get(message.id, []),
            "error": error_of(message),
            "usage": message.usage,
            "timings": message.timings,
            "created_at": message.created_at.isoformat(),
        }
        for message in messages
    ]


def _by_message(
    rows: Sequence[Citation | Source], items: Sequence[dict[str, Any]]
) -> dict[UUID, list[dict[str, Any]]]:
    found: dict[UUID, list[dict[str, Any]]] = {}
    for row, item in zip(rows, items, strict=True):
        found.setdefault(row.message_id, []).append(item)
    return found


def error_of(message: Message) -> dict[str, Any] | None:
    if not message.error_code:
        return None
    return {"code": message.error_code, "detail": message.error_detail, "retryable": True}


def trace_view(access: Access, message: Message) -> dict[str, Any] | None:
    """Why an answer says what it says, as `access` may read it; None where nothing was searched or noted.

    What was found first comes first; `marker` is its number if the model was given it.
    """
    access.require(Action.EXPLAIN_ANSWERS)
    trace = Trace.objects.filter(message=message).first()
    if trace is None:
        return None
    cited = set(Citation.objects.filter(message=message).values_list("marker", flat=True))
    passages = traced_passages(access, trace.about["passages"])
    return {
        **trace.about,
        "message": str(message.id),
        "passages": [{**one, "is_cited": one["marker"] in cited} for one in passages],
    }
