"""Writes: a question with its pending reply, and what becomes of the reply."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, connection
from django.utils import timezone

from conversations.models import Citation, Conversation, Message, Mode, Role, Source, Status
from conversations.pipeline import Outcome, Question
from conversations.selectors import access_conversation, history_before, scope_of
from documents.models import Document, Page
from documents.selectors import require_collections, require_documents
from retrieval.types import Hit, Scope
from tenants.access import Access
from tenants.db import tenant_atomic
from tenants.errors import Conflict, InvalidInput, TooLarge
from tenants.jobs.models import ReplyLease

_PROVISIONAL_TITLE = 60


@dataclass(frozen=True, slots=True)
class Asked:
    """What `ask` stored. `question` is what to run; None when the same request was asked before."""

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
) -> Asked:
    """Store a question and its pending reply, leased to the process that will write it.

    `collections` and `documents` narrow this question alone. The same `request_id` in the same
    conversation gives the same messages. Raises `InvalidInput`, `TooLarge`, `NotFound`, and `Conflict`
    for a conversation that has ended.
    """
    _require_content(content)
    try:
        with tenant_atomic(access.tenant_id):
            conversation = access_conversation(access, conversation_id)
            asked = _find_asked(conversation, request_id)
            if asked is not None:
                return asked
            scope = _narrowed(access, conversation, collections, documents)
            return _store(access, conversation, content, process_id, parent, request_id, scope)
    except IntegrityError:
        # The same request arrived twice at once; the other one was first.
        with tenant_atomic(access.tenant_id):
            asked = _find_asked(access_conversation(access, conversation_id), request_id)
        if asked is None:
            raise
        return asked


def _require_content(content: str) -> None:
    if not content.strip():
        raise InvalidInput.at("/content", "Ask a question: it is empty.", "required")
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
        tenant_id=access.tenant_id,
        process_id=process_id,
        expires_at=timezone.now() + timedelta(seconds=settings.DOCENT_REPLY_LEASE_SECONDS),
    )
    if not conversation.title:
        conversation.title = _provisional_title(content)
    conversation.save(update_fields=["title", "updated_at"])
    return Asked(
        question.id,
        reply.id,
        conversation.id,
        conversation.title,
        Question(
            access=access,
            conversation_id=conversation.id,
            message_id=reply.id,
            text=content,
            mode=Mode(conversation.mode),
            scope=scope,
            history=history_before(question),
        ),
    )


def _provisional_title(content: str) -> str:
    words = " ".join(content.split())
    return words if len(words) <= _PROVISIONAL_TITLE else words[: _PROVISIONAL_TITLE - 1].rstrip() + "…"


def save_progress(*, message_id: UUID, text: str, outcome: Outcome, with_sources: bool) -> None:
    """Keep the text so far; the first time with the sources that the model was given."""
    Message.objects.filter(id=message_id, status__in=[Status.PENDING, Status.STREAMING]).update(
        status=Status.STREAMING, content=text, model=outcome.model, timings=outcome.timings
    )
    if with_sources:
        _save_sources(message_id, outcome.hits)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a reply ended: its status, and the error if it broke."""

    status: Status
    error_code: str = ""
    error_detail: str = ""


def save_ending(
    *, tenant_id: UUID, process_id: UUID, message_id: UUID, text: str, outcome: Outcome, ending: Ending
) -> bool:
    """Store a reply for good. False when it is no longer this process's: declared interrupted, or deleted."""
    try:
        return _save_ending(tenant_id, process_id, message_id, text, outcome, ending)
    except IntegrityError:
        # A document that is cited went at this very moment; the second time it is seen to be gone.
        return _save_ending(tenant_id, process_id, message_id, text, outcome, ending)


def _save_ending(  # noqa: PLR0917
    tenant_id: UUID, process_id: UUID, message_id: UUID, text: str, outcome: Outcome, ending: Ending
) -> bool:
    with tenant_atomic(tenant_id):
        owned, _ = ReplyLease.objects.filter(message_id=message_id, process_id=process_id).delete()
        message = Message.objects.filter(id=message_id).first() if owned else None
        if message is None:
            return False
        message.content = text
        message.status = ending.status
        message.error_code, message.error_detail = ending.error_code, ending.error_detail
        message.finish_reason = {
            Status.FINISHED: outcome.finish_reason,
            Status.STOPPED: "stopped",
            Status.REFUSED: "refused",
        }.get(ending.status, "")
        message.model, message.usage, message.timings = outcome.model, outcome.usage, outcome.timings
        message.save()
        if ending.status is not Status.REFUSED:
            _save_sources(message_id, outcome.hits)
            _save_citations(message_id, outcome)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    return True


def _save_sources(message_id: UUID, hits: list[Hit]) -> None:
    living = set(Document.objects.filter(id__in={hit.document for hit in hits}).values_list("id", flat=True))
    Source.objects.bulk_create(
        [
            Source(
                message_id=message_id,
                marker=marker,
                document_id=hit.document if hit.document in living else None,
                version=hit.version,
                name=hit.name,
                title=hit.title,
                page=hit.page,
                start=hit.start,
                end=hit.end,
                text=hit.text if hit.document in living else "",
                score=hit.score,
            )
            for marker, hit in enumerate(hits, start=1)
        ],
        ignore_conflicts=True,
    )


def _save_citations(message_id: UUID, outcome: Outcome) -> None:
    """Each quote is read again from the page it names: what does not stand there is no citation."""
    for support in outcome.supports:
        hit = outcome.hits[support.marker - 1]
        page = Page.objects.filter(
            version__document=hit.document, version__number=hit.version, number=hit.page
        ).first()
        if page is None or page.text[support.start - page.start : support.end - page.start] != support.quote:
            continue
        Citation.objects.create(
            message_id=message_id,
            marker=support.marker,
            document_id=hit.document,
            version=hit.version,
            name=hit.name,
            title=hit.title,
            page=hit.page,
            start=support.start,
            end=support.end,
            quote=support.quote,
        )


def request_stop(*, access: Access, message: Message) -> None:
    """Ask whichever process writes the reply to stop; it looks twice a second. Over already: `Conflict`."""
    if message.is_over:
        raise Conflict(f"This reply is {message.status} already.", code="already_over")
    with tenant_atomic(access.tenant_id):
        ReplyLease.objects.filter(message_id=message.id).update(is_stop_requested=True)


def renew_leases(process_id: UUID) -> dict[UUID, bool]:
    """Keep all of a process's leases; says of each reply whether somebody asked to stop it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE tenants_replylease SET expires_at = now() + make_interval(secs => %s) "
            "WHERE process_id = %s RETURNING message_id, is_stop_requested",
            [settings.DOCENT_REPLY_LEASE_SECONDS, process_id],
        )
        return dict(cursor.fetchall())


def find_expired_leases() -> list[tuple[UUID, UUID]]:
    """(message, tenant) of replies whose process died."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT message_id, tenant_id FROM tenants_replylease WHERE expires_at < now() LIMIT 100")
        return list(cursor.fetchall())


def interrupt_reply(*, tenant_id: UUID, message_id: UUID) -> bool:
    """Say of a reply whose lease ran out that it was interrupted. False when another process said so first."""
    with tenant_atomic(tenant_id):
        with connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM tenants_replylease WHERE message_id = %s AND expires_at < now()", [message_id]
            )
            if not cursor.rowcount:
                return False
        changed: dict[str, Any] = {
            "status": Status.INTERRUPTED,
            "error_code": "interrupted",
            "error_detail": "Writing this answer was interrupted. You can ask again.",
        }
        Message.objects.filter(id=message_id).update(**changed)
    return True
