"""Writes: a question with its pending reply, and what becomes of the reply."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError
from django.db.models.functions import Now

from conversations.evidence import Question
from conversations.memory import remember_before
from conversations.models import Conversation, Message, Mode, Role, Status
from conversations.selectors import access_conversation, access_reply, scope_of
from documents.selectors import require_collections, require_documents
from retrieval.types import Scope
from tenants.access import Access
from tenants.context import current_tenant_id
from tenants.db import tenant_atomic
from tenants.errors import Conflict, InvalidInput, TooLarge
from tenants.jobs.models import ReplyLease
from tenants.limits.quotas import require_quotas
from tenants.limits.usage import Spender, count_question
from tenants.models import QuotaKind
from tenants.services.idempotency import Attempt

_PROVISIONAL_TITLE = 60
_SPENT_BY_ASKING = (QuotaKind.QUESTIONS_DAY, QuotaKind.TOKENS_DAY, QuotaKind.TOKENS_MONTH, QuotaKind.REPLIES)


@dataclass(frozen=True, slots=True)
class Asked:
    """What `ask` stored. `question` is what to run; None when the same was asked before."""

    question_id: UUID
    message_id: UUID
    conversation_id: UUID
    title: str
    question: Question | None


def ask(
    *,
    access: Access,
    conversation_id: UUID,
    content: str,
    process_id: UUID,
    parent: UUID | None = None,
    request_id: str | None = None,
    collections: Sequence[UUID] = (),
    documents: Sequence[UUID] = (),
    attempt: Attempt | None = None,
) -> Asked:
    """Store a question and its pending reply, leased to the process that will write it.

    `collections` and `documents` narrow this question alone. The same `request_id` in the same
    conversation gives the same messages, and so does the same `attempt`. Raises `InvalidInput`, `TooLarge`,
    `NotFound`, `QuotaExceeded`, `KeyReused`, and `Conflict` for a conversation that has ended.
    """
    require_content(content, pointer="/content")
    try:
        with tenant_atomic(access.tenant_id):
            conversation = access_conversation(access, conversation_id)
            asked = _find_asked(conversation, request_id) or find_attempted(access, attempt)
            if asked is not None:
                return asked
            scope = _narrowed(access, conversation, collections, documents)
            asked = _store(access, conversation, content, process_id, parent, request_id, scope)
            if attempt is not None:
                attempt.keep_target(asked.message_id)
            return asked
    except IntegrityError:
        # The same request arrived twice at once; the other one was first.
        with tenant_atomic(access.tenant_id):
            asked = _find_asked(access_conversation(access, conversation_id), request_id)
        if asked is None:
            raise
        return asked


def require_content(content: str, *, pointer: str) -> None:
    """Raise `InvalidInput` for an empty question, `TooLarge` for one that is too long."""
    if not content.strip():
        raise InvalidInput.at(pointer, "Ask a question: it is empty.", "required")
    if len(content.encode()) > settings.DOCENT_MAX_QUESTION_BYTES:
        limit = settings.DOCENT_MAX_QUESTION_BYTES // 1000
        raise TooLarge(f"A question may have up to {limit} kB.", code="question_too_long")


def _find_asked(conversation: Conversation, request_id: str | None) -> Asked | None:
    if request_id is None:
        return None
    question = Message.objects.filter(conversation=conversation, request_id=request_id).first()
    reply = question and Message.objects.filter(parent=question, role=Role.ASSISTANT).first()
    if question is None or reply is None:
        return None
    return Asked(question.id, reply.id, conversation.id, conversation.title, None)


def find_attempted(access: Access, attempt: Attempt | None) -> Asked | None:
    """What an earlier attempt stored, in the caller's unit. Raises `NotFound` where that is gone by now."""
    kept = None if attempt is None else attempt.find(wait=True)
    if kept is None or kept.target_id is None:
        return None
    reply = access_reply(access, kept.target_id)
    assert reply.parent_id is not None
    conversation = access_conversation(access, reply.conversation_id)
    return Asked(reply.parent_id, reply.id, conversation.id, conversation.title, None)


def _narrowed(
    access: Access, conversation: Conversation, collections: Sequence[UUID], documents: Sequence[UUID]
) -> Scope:
    chosen = scope_of(conversation)
    if not collections and not documents:
        return chosen
    require_collections(access, collections, pointer="/collections/{}")
    require_documents(access, documents, pointer="/documents/{}")
    return Scope(
        collections=tuple(collections) or chosen.collections, documents=tuple(documents) or chosen.documents
    )


def _store(  # noqa: PLR0917
    access: Access,
    conversation: Conversation,
    content: str,
    process_id: UUID,
    parent: UUID | None,
    request_id: str | None,
    scope: Scope,
) -> Asked:
    if conversation.ended_at is not None:
        raise Conflict("This conversation has ended. Reopen it to go on.", code="conversation_ended")
    if parent is not None and not Message.objects.filter(conversation=conversation, id=parent).exists():
        raise InvalidInput.at("/parent", "There is no such message in this conversation.", "unknown_id")
    # Of tokens nobody knows yet how many it takes: while there are any left it may begin.
    require_quotas(access, dict.fromkeys(_SPENT_BY_ASKING, 1))
    question, reply = _add_turn(conversation, content, process_id, parent, request_id)
    count_question(Spender(access.user_id, access.token_id), asked_on=reply.created_at.date())
    if not conversation.title:
        conversation.title = _provisional_title(content)
    conversation.save(update_fields=["title", "updated_at"])
    memory = remember_before(access, question)
    reply.based_on = [str(one) for one in memory.answers]
    if reply.based_on:
        reply.save(update_fields=["based_on"])
    to_run = Question(
        access=access,
        conversation_id=conversation.id,
        message_id=reply.id,
        text=content,
        mode=Mode(conversation.mode),
        scope=scope,
        history=memory.history,
        last_whole=memory.last_whole,
    )
    return Asked(question.id, reply.id, conversation.id, conversation.title, to_run)


def _add_turn(
    conversation: Conversation, content: str, process_id: UUID, parent: UUID | None, request_id: str | None
) -> tuple[Message, Message]:
    """The question, its pending answer, and the lease of the process that will write it."""
    question: Message = Message.objects.create(
        conversation=conversation,
        role=Role.USER,
        parent_id=parent,
        content=content,
        status=Status.FINISHED,
        request_id=request_id,
    )
    reply: Message = Message.objects.create(
        conversation=conversation, role=Role.ASSISTANT, parent=question, status=Status.PENDING
    )
    ReplyLease.objects.create(
        message_id=reply.id,
        tenant_id=current_tenant_id(),
        process_id=process_id,
        # The database's clock, not this machine's.
        expires_at=Now() + timedelta(seconds=settings.DOCENT_REPLY_LEASE_SECONDS),
    )
    return question, reply


def _provisional_title(content: str) -> str:
    words = " ".join(content.split())
    return words if len(words) <= _PROVISIONAL_TITLE else words[: _PROVISIONAL_TITLE - 1].rstrip() + "…"
