"""Writes: a question with its pending reply, and what becomes of the reply."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, connection
from django.utils.translation import gettext

from conversations.answering.evidence import Question
from conversations.models import Conversation, Message, Mode, Role, Status
from conversations.prompting.continuation import Begun
from conversations.prompting.titles import provisional_title
from conversations.selectors.branches import end_of
from conversations.selectors.conversations import access_conversation, access_reply, scope_of
from conversations.selectors.memory import remember_before
from conversations.selectors.personas import voice_of
from conversations.services.holding import require_open
from conversations.services.temporary import keep_asked
from documents.selectors import require_collections, require_documents
from retrieval.types import Scope
from tenants.access import Access
from tenants.context import current_tenant_id
from tenants.database.prepared_queries import PreparedModels, insert
from tenants.db import tenant_atomic
from tenants.errors import InvalidInput, TooLarge
from tenants.limits.quotas import require_quotas
from tenants.limits.usage import Spender, count_question
from tenants.models import QuotaKind
from tenants.services.idempotency import Attempt

SPENT_BY_ASKING = (QuotaKind.QUESTIONS_DAY, QuotaKind.TOKENS_DAY, QuotaKind.TOKENS_MONTH, QuotaKind.REPLIES)


@dataclass(frozen=True, slots=True)
class Asked:
    """What `ask` stored. `question` is what to run; None when the same was asked before."""

    question_id: UUID
    message_id: UUID
    conversation_id: UUID
    title: str
    question: Question | None
    # How much of the answer there was before.
    offset: int = 0


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
    model: str = "",
    attempt: Attempt | None = None,
) -> Asked:
    """Store a question and its pending reply, leased to the process that will write it.

    It follows `parent`, else the last answer of the branch one is at. The same `request_id` in the conversation
    gives the same messages, as does the same `attempt`. `QuotaExceeded`; `Conflict` in an ended conversation.
    """
    require_content(content, pointer="/content")
    try:
        with tenant_atomic(access.tenant_id):
            conversation = access_conversation(access, conversation_id)
            asked = _find_asked(conversation, request_id) or find_attempted(access, attempt)
            if asked is not None:
                return asked
            require_open(conversation)
            question = Message(conversation=conversation, content=content, request_id=request_id)
            question.asked_of = _chosen(access, conversation, collections, documents)
            question.parent_id = _followed(conversation, parent)
            asked = store_question(access, question, process_id, model=model)
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
        raise TooLarge(
            gettext("A question may have up to {limit} kB.").format(limit=limit), code="question_too_long"
        )


def _find_asked(conversation: Conversation, request_id: str | None) -> Asked | None:
    if request_id is None:
        return None
    question = _asked_as.first(conversation=conversation.id, request=request_id)
    if question is None:
        return None
    replies = Message.objects.filter(parent=question, role=Role.ASSISTANT).order_by("created_at", "id")
    reply = replies.first() if question.role == Role.USER else None
    if reply is None:
        raise request_id_reused()
    return Asked(question.id, reply.id, conversation.id, conversation.title, None)


_asked_as = PreparedModels(
    Message, lambda conversation, request: Message.objects.filter(conversation=conversation, request_id=request)
)


def request_id_reused() -> InvalidInput:
    """The refusal of a request id under which something else was asked before."""
    detail = gettext("Something else was asked in this conversation under this request id. Use a new one.")
    return InvalidInput.at("/request_id", detail, "request_id_reused")


def find_attempted(access: Access, attempt: Attempt | None) -> Asked | None:
    """What an earlier attempt stored, in the caller's unit. Raises `NotFound` where that is gone by now."""
    kept = None if attempt is None else attempt.find(wait=True)
    if kept is None or kept.target_id is None:
        return None
    reply = access_reply(access, kept.target_id)
    assert reply.parent_id is not None
    conversation = reply.conversation
    return Asked(reply.parent_id, reply.id, conversation.id, conversation.title, None)


def _chosen(
    access: Access, conversation: Conversation, collections: Sequence[UUID], documents: Sequence[UUID]
) -> dict[str, list[str]]:
    """What this question alone is narrowed to, as it is kept. Raises `InvalidInput` for what is out of sight."""
    require_collections(access, collections, pointer="/collections/{}")
    require_documents(access, documents, pointer="/documents/{}", attached_to=conversation.id)
    return {"collections": list(map(str, collections)), "documents": list(map(str, documents))}


def _followed(conversation: Conversation, parent: UUID | None) -> UUID | None:
    """The answer that a new question follows; None for the first."""
    if parent is None:
        return end_of(conversation)
    followed = Message.objects.filter(conversation=conversation, id=parent).first()
    if followed is None:
        raise InvalidInput.at("/parent", "There is no such message in this conversation.", "unknown_id")
    if followed.role != Role.ASSISTANT:
        raise InvalidInput.at("/parent", "A question follows an answer, and this is a question.", "no_answer")
    return parent


def store_question(access: Access, question: Message, process_id: UUID, *, model: str = "") -> Asked:
    """Store it with a pending answer, in the caller's unit, in a conversation that takes messages."""
    # Of tokens nobody knows yet how many it takes: while there are any left it may begin.
    require_quotas(access, dict.fromkeys(SPENT_BY_ASKING, 1))
    question.role, question.status = Role.USER, Status.FINISHED
    conversation = question.conversation
    if not conversation.title:
        conversation.title = provisional_title(question.content)
        # Whoever names it at this moment is right.
        Conversation.objects.filter(id=conversation.id, title="").update(title=conversation.title)
    return store_reply(access, question, process_id, model=model)


def store_reply(
    access: Access, question: Message, process_id: UUID, *, request_id: str | None = None, model: str = ""
) -> Asked:
    """Store a pending answer to the question, leased to the process; the conversation is at it from now on.

    A question that is new is stored with it.
    """
    conversation = question.conversation
    reply = Message(
        conversation=conversation,
        role=Role.ASSISTANT,
        parent=question,
        status=Status.PENDING,
        request_id=request_id,
    )
    insert(*([question, reply] if question._state.adding else [reply]))
    lease_reply(reply, process_id)
    count_question(Spender(access.spender_id, access.token_id), asked_on=reply.created_at.date())
    conversation.leaf_id = reply.id
    conversation.save(update_fields=["leaf_id", "updated_at"])
    keep_asked(access, conversation)
    to_run = to_answer(access, question, reply, model=model)
    return Asked(question.id, reply.id, conversation.id, conversation.title, to_run)


def to_answer(
    access: Access, question: Message, reply: Message, *, model: str = "", begun: Begun | None = None
) -> Question:
    """All that the answer depends on; notes what it will rest on of what was said before."""
    conversation = question.conversation
    memory, voice = remember_before(access, question), voice_of(conversation)
    reply.based_on = list(dict.fromkeys([*reply.based_on, *map(str, memory.answers)]))
    if reply.based_on:
        reply.save(update_fields=["based_on"])
    return Question(
        access=access,
        conversation_id=conversation.id,
        message_id=reply.id,
        text=question.content,
        mode=Mode(conversation.mode),
        scope=_narrowed(conversation, question),
        history=memory.history,
        summary=memory.summary,
        voice=voice,
        last_whole=memory.last_whole,
        model=model or voice.model,
        begun=begun,
        wants_title=not conversation.has_manual_title and not memory.answers,
    )


def _narrowed(conversation: Conversation, question: Message) -> Scope:
    """What the conversation was told to ask, or this question alone was."""
    collections = tuple(map(UUID, question.asked_of.get("collections", ())))
    documents = tuple(map(UUID, question.asked_of.get("documents", ())))
    return scope_of(conversation, collections=collections, documents=documents)


def lease_reply(reply: Message, process_id: UUID) -> None:
    """Note which process writes it."""
    with connection.cursor() as cursor:
        # The database's clock, not this machine's.
        cursor.execute(
            "INSERT INTO tenants_replylease (message_id, tenant_id, process_id, expires_at, is_stop_requested) "
            "VALUES (%s, %s, %s, now() + make_interval(secs => %s), false)",
            [reply.id, current_tenant_id(), process_id, settings.DOCENT_REPLY_LEASE_SECONDS],
        )
