"""Reads of conversations and the doors to them. A conversation is its author's alone: others get 404."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext

from conversations.citing.sources import stored_citations, stored_sources, traced_passages
from conversations.models import (
    Citation,
    Conversation,
    ConversationCollection,
    ConversationDocument,
    Feedback,
    Message,
    Role,
    Source,
    Thoughts,
    Trace,
)
from conversations.selectors.branches import Place, places
from conversations.selectors.personas import default_collections
from conversations.selectors.sight import hidden_in
from documents.models import Document
from documents.selectors import attached_documents, attached_places
from retrieval.types import Scope
from tenants.access import Access
from tenants.context import current_tenant_id
from tenants.database.prepared_queries import Prepared, PreparedModels
from tenants.errors import Conflict, NotFound
from tenants.jobs.models import ReplyLease
from tenants.permissions import Action


def list_conversations(access: Access) -> QuerySet[Conversation]:
    """A person's own conversations, without what was asked in passing: of that, messages alone are found."""
    access.require(Action.CHAT)
    found: QuerySet[Conversation] = Conversation.objects.filter(author_id=access.user_id, unlisted_until=None)
    return found


def list_deleted(access: Access) -> QuerySet[Conversation]:
    """A person's own that were deleted and can be brought back, the latest first."""
    access.require(Action.CHAT)
    found: QuerySet[Conversation] = Conversation.objects.filter(
        author_id=access.user_id, deleted_at__isnull=False, unlisted_until__gt=Now()
    )
    return found.order_by("-deleted_at", "-id")


def openable() -> Q:
    """What can be opened by its id: what is listed, and what is temporary for as long as it is there."""
    return Q(unlisted_until=None) | Q(is_temporary=True)


def with_chosen(found: QuerySet[Conversation]) -> QuerySet[Conversation]:
    """Each with its persona, and the ids of what it asks as `collection_ids` and `document_ids`: in one query."""
    collections = ConversationCollection.objects.filter(conversation=OuterRef("id")).order_by("collection_id")
    documents = ConversationDocument.objects.filter(conversation=OuterRef("id")).order_by("document_id")
    chosen: QuerySet[Conversation] = found.select_related("persona").annotate(
        collection_ids=ArraySubquery(collections.values("collection_id")),
        document_ids=ArraySubquery(documents.values("document_id")),
    )
    return chosen


def access_conversation(access: Access, conversation_id: UUID) -> Conversation:
    access.require(Action.CHAT)
    conversation = _own_conversation.first(author=access.user_id, wanted=conversation_id)
    if conversation is None:
        raise NotFound("There is no such conversation.")
    return conversation


_own_conversation = PreparedModels(
    Conversation,
    lambda author, wanted: Conversation.objects.filter(openable(), author_id=author, id=wanted),
)


def require_unarchived(conversation: Conversation) -> None:
    """`Conflict` for one whose messages are in a file, where they are needed here."""
    if conversation.archived_at is not None:
        raise Conflict("This conversation is archived. Reopen it for that.", code="conversation_archived")


def list_messages(conversation: Conversation) -> QuerySet[Message]:
    """Oldest first."""
    found: QuerySet[Message] = Message.objects.filter(conversation=conversation).order_by("created_at", "id")
    return found


def access_message(access: Access, message_id: UUID) -> Message:
    access.require(Action.CHAT)
    message: Message | None = (
        Message.objects.select_related("conversation")
        .filter(id=message_id, conversation__author_id=access.user_id, conversation__deleted_at=None)
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


def access_thoughts(access: Access, message: Message) -> str:
    """What the model thought before this answer. Raises `NotFound` too while some of what it rests on is hidden.

    They may repeat any passage that the model was given, or what it was told of earlier answers.
    """
    thoughts = Thoughts.objects.filter(message=message).first()
    if thoughts is None or message.id in hidden_in(access, [message.conversation_id]):
        raise NotFound("There are no thoughts of this answer.")
    return str(thoughts.text)


def find_thoughts(access: Access, message: Message) -> str:
    """The same, empty where there are none to be shown. No query for an answer without a thought."""
    with suppress(NotFound):
        return access_thoughts(access, message) if "thinking" in message.timings else ""
    return ""


def list_running_replies() -> QuerySet[Message]:
    """Everybody's answers that some process is writing now; found by their leases, of which there are few."""
    leases = ReplyLease.objects.filter(tenant_id=current_tenant_id())
    found: QuerySet[Message] = Message.objects.filter(id__in=leases.values("message_id"))
    return found


def scope_of(
    conversation: Conversation, *, collections: Sequence[UUID] = (), documents: Sequence[UUID] = ()
) -> Scope:
    """What a question of the conversation is asked of: `chosen_scope`, and the files attached to it.

    Of those only the ones that `documents` names, if it names any.
    """
    scope = chosen_scope(conversation, collections=collections, documents=documents)
    attached, files = attached_places(conversation.id)
    if attached is None:
        return scope
    return replace(
        scope,
        attached_to=conversation.id,
        collections=None if scope.collections is None else (*scope.collections, attached),
        documents=scope.documents if documents or scope.documents is None else (*scope.documents, *files),
    )


def chosen_scope(
    conversation: Conversation, *, collections: Sequence[UUID] = (), documents: Sequence[UUID] = ()
) -> Scope:
    """What is given, for the rest what the conversation was told; with neither its persona's, or everything."""
    collections, documents = (
        collections or told_collections(conversation),
        documents or told_documents(conversation),
    )
    if not collections and not documents:
        collections = default_collections(conversation)
    return Scope(collections=tuple(collections) or None, documents=tuple(documents) or None)


def told_collections(conversation: Conversation) -> tuple[UUID, ...]:
    """The collections that a conversation itself was told to ask."""
    return tuple(one for (one,) in _chosen_collections.rows(conversation=conversation.id))


def told_documents(conversation: Conversation) -> tuple[UUID, ...]:
    """The same of documents."""
    return tuple(one for (one,) in _chosen_documents.rows(conversation=conversation.id))


_chosen_collections = Prepared(
    lambda conversation: ConversationCollection.objects.filter(conversation=conversation).values_list(
        "collection_id"
    )
)
_chosen_documents = Prepared(
    lambda conversation: ConversationDocument.objects.filter(conversation=conversation).values_list("document_id")
)


def list_attachments(access: Access, conversation: Conversation) -> QuerySet[Document]:
    """The files attached to one's own conversation."""
    return attached_documents(access, conversation.id)


def access_attachment(access: Access, conversation: Conversation, document_id: UUID) -> Document:
    document = list_attachments(access, conversation).filter(id=document_id).first()
    if document is None:
        raise NotFound("There is no such attachment.")
    return document


def message_views(access: Access, messages: Iterable[Message]) -> list[dict[str, Any]]:
    """Messages as programs and pages read them, with their citations and sources."""
    messages = list(messages)
    ids = [message.id for message in messages]
    cited = list(Citation.objects.filter(message__in=ids).order_by("marker"))
    read = list(Source.objects.filter(message__in=ids).order_by("marker"))
    said = Feedback.objects.filter(message__in=ids, author_id=access.user_id)
    return views_of(access, messages, cited, read, among=places(messages), said=said)


def views_of(
    access: Access,
    messages: Iterable[Message],
    cited: Sequence[Citation],
    read: Sequence[Source],
    *,
    among: Mapping[UUID, Place],
    said: Iterable[Feedback],
) -> list[dict[str, Any]]:
    """The same of rows that are at hand, which may be out of an archive."""
    citations = _by_message(cited, stored_citations(access, cited))
    sources = _by_message(read, stored_sources(access, read))
    own = {one.message_id: one for one in said}
    return [
        {
            "id": str(message.id),
            "conversation": str(message.conversation_id),
            "role": message.role,
            "parent": str(message.parent_id) if message.parent_id else None,
            "siblings": among[message.id].as_json(),
            "content": message.content,
            "status": message.status,
            "finish_reason": message.finish_reason or None,
            "model": message.model or None,
            "searched_for": message.searched_for or None,
            "citations": citations.get(message.id, []),
            "sources": sources.get(message.id, []),
            "feedback": own_feedback(own.get(message.id)),
            "error": error_of(message),
            "usage": message.usage,
            "timings": message.timings,
            "created_at": message.created_at.isoformat(),
        }
        for message in messages
    ]


def own_feedback(feedback: Feedback | None) -> dict[str, Any] | None:
    """Feedback as who gave it reads it."""
    if feedback is None:
        return None
    return {
        "rating": feedback.rating,
        "comment": feedback.comment,
        "created_at": feedback.created_at.isoformat(),
        "updated_at": feedback.updated_at.isoformat(),
    }


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
    return {"code": message.error_code, "detail": gettext(message.error_detail), "retryable": True}


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
