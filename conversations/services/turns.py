"""Writes: another answer, a question put otherwise, a cut answer gone on with, the branch that one is at."""

from collections.abc import Callable
from uuid import UUID

from django.db import IntegrityError
from django.utils.translation import gettext, gettext_noop

from conversations.models import Citation, Conversation, Message, Role, Source, Status, Thoughts, Trace
from conversations.prompting.continuation import Begun, begun_answer, sources_gone
from conversations.selectors.archives import archived_leaf_below
from conversations.selectors.branches import leaf_below
from conversations.selectors.conversations import access_message, access_reply
from conversations.selectors.memory import hidden_answers
from conversations.services.holding import hold, require_open
from conversations.services.messages import (
    SPENT_BY_ASKING,
    Asked,
    find_attempted,
    lease_reply,
    request_id_reused,
    require_content,
    store_question,
    store_reply,
    to_answer,
)
from providers.chat.extractive import ExtractiveChat
from tenants.access import Access
from tenants.db import tenant_atomic
from tenants.errors import Conflict, InvalidInput, NotFound
from tenants.limits.quotas import require_quotas
from tenants.models import QuotaKind
from tenants.services.idempotency import Attempt

_RUNNING = (Status.PENDING, Status.STREAMING)
_NO_MODEL = gettext_noop(
    "No language model is connected that could go on with this answer. Ask again, for an answer of quotations, or"
    " try once more when a model server is connected."
)
# Going on asks nothing new.
_SPENT_BY_GOING_ON = tuple(kind for kind in SPENT_BY_ASKING if kind is not QuotaKind.QUESTIONS_DAY)


def regenerate_reply(
    *,
    access: Access,
    message_id: UUID,
    process_id: UUID,
    conversation_id: UUID | None = None,
    model: str = "",
    request_id: str | None = None,
    attempt: Attempt | None = None,
) -> Asked:
    """Store another pending answer to the same question, by `model` if one is named; the old one stays beside it.

    Idempotent as `ask` is. Raises `NotFound`, `QuotaExceeded`, `KeyReused`, and `Conflict` while an answer to the
    question is being written, or when the conversation has ended.
    """

    def store() -> Asked:
        reply = _within(conversation_id, access_reply(access, message_id))
        hold(reply.conversation)
        earlier = _find_by_request(reply.conversation, request_id)
        if earlier is not None:
            if earlier.role != Role.ASSISTANT or earlier.parent_id != reply.parent_id:
                raise request_id_reused()
            return _asked_before(earlier)
        require_open(reply.conversation)
        question = _question_of(reply)
        _require_answered(question)
        require_quotas(access, dict.fromkeys(SPENT_BY_ASKING, 1))
        return store_reply(access, question, process_id, request_id=request_id, model=model)

    return _once(access, attempt, store)


def edit_question(
    *,
    access: Access,
    question_id: UUID,
    content: str,
    process_id: UUID,
    conversation_id: UUID | None = None,
    request_id: str | None = None,
    attempt: Attempt | None = None,
) -> Asked:
    """Store a question in the place of another, with its pending answer; the old one stays beside it.

    Idempotent as `ask` is. Raises what `ask` raises, `NotFound`, and `Conflict` while the old one is answered.
    """
    require_content(content, pointer="/content")

    def store() -> Asked:
        old = _within(conversation_id, access_message(access, question_id))
        if old.role != Role.USER:
            raise NotFound("There is no such question.")
        hold(old.conversation)
        earlier = _find_by_request(old.conversation, request_id)
        if earlier is not None:
            if earlier.role != Role.USER or earlier.parent_id != old.parent_id:
                raise request_id_reused()
            first = Message.objects.filter(parent=earlier, role=Role.ASSISTANT).order_by("created_at", "id")[0]
            return _asked_before(first)
        require_open(old.conversation)
        _require_answered(old)
        question = Message(
            conversation=old.conversation,
            parent_id=old.parent_id,
            content=content,
            request_id=request_id,
            asked_of=old.asked_of,
        )
        return store_question(access, question, process_id)

    return _once(access, attempt, store)


def continue_reply(
    *,
    access: Access,
    message_id: UUID,
    process_id: UUID,
    model: str | None,
    conversation_id: UUID | None = None,
    request_id: str | None = None,
    attempt: Attempt | None = None,
) -> Asked:
    """Have a cut answer gone on with by `model`, None where there is none: the same message, from its offset.

    Idempotent as `ask` is. Raises `NotFound`, `QuotaExceeded`, `KeyReused`, and `Conflict` for an answer that is
    being written or was not cut, that needs a model, that rests on what is out of sight, or whose conversation
    has ended.
    """

    def store() -> Asked:
        # The conversation before the message, as whoever archives or deletes it.
        hold(access_reply(access, message_id).conversation)
        held = Message.objects.select_related("conversation").select_for_update(of=("self",))
        reply = held.filter(id=message_id).first()
        if reply is None:
            raise NotFound("There is no such message.")
        _within(conversation_id, reply)
        if request_id is not None and request_id in {one["request_id"] for one in reply.continued}:
            [offset] = [one["offset"] for one in reply.continued if one["request_id"] == request_id]
            return _asked_before(reply, offset)
        require_open(reply.conversation)
        _require_cut(reply)
        if reply.content and model is None:
            raise Conflict(_NO_MODEL, code="no_model")
        require_quotas(access, dict.fromkeys(_SPENT_BY_GOING_ON, 1))
        return _go_on(access, reply, process_id, request_id, model=model)

    return _once(access, attempt, store)


def choose_branch(*, access: Access, conversation: Conversation, message_id: UUID) -> Conversation:
    """Be at the branch through a message, where it was gone on with last. `InvalidInput` if there is none."""
    with tenant_atomic(access.tenant_id):
        leaf = _leaf_through(conversation, message_id)
        if leaf is None:
            raise InvalidInput.at("/leaf", "There is no such message in this conversation.", "unknown_id")
        conversation.leaf_id = leaf
        # Looking at another branch makes the conversation no newer.
        Conversation.objects.filter(id=conversation.id).update(leaf_id=conversation.leaf_id)
    return conversation


def _leaf_through(conversation: Conversation, message_id: UUID) -> UUID | None:
    if conversation.archived_at is not None:
        return archived_leaf_below(conversation, message_id)
    message = Message.objects.filter(conversation=conversation, id=message_id).first()
    return None if message is None else leaf_below(message)


def _once(access: Access, attempt: Attempt | None, store: Callable[[], Asked]) -> Asked:
    """Store it in a unit, unless the same was asked before."""

    def unit() -> Asked:
        with tenant_atomic(access.tenant_id):
            earlier = find_attempted(access, attempt)
            if earlier is not None:
                return earlier
            asked = store()
            if attempt is not None:
                attempt.keep_target(asked.message_id)
            return asked

    try:
        return unit()
    except IntegrityError:
        # The same request arrived twice at once; now the other one is found.
        return unit()


def _within(conversation_id: UUID | None, message: Message) -> Message:
    """The message, if it is of the conversation that a socket is about."""
    if conversation_id is not None and message.conversation_id != conversation_id:
        raise NotFound("There is no such message.")
    return message


def _find_by_request(conversation: Conversation, request_id: str | None) -> Message | None:
    if request_id is None:
        return None
    found: Message | None = Message.objects.filter(conversation=conversation, request_id=request_id).first()
    return found


def _asked_before(reply: Message, offset: int = 0) -> Asked:
    assert reply.parent_id is not None
    return Asked(reply.parent_id, reply.id, reply.conversation_id, reply.conversation.title, None, offset)


def _question_of(reply: Message) -> Message:
    question: Message = Message.objects.select_related("conversation").get(id=reply.parent_id)
    return question


def _require_answered(question: Message) -> None:
    """`Conflict` while an answer to the question is being written."""
    if Message.objects.filter(parent=question, role=Role.ASSISTANT, status__in=_RUNNING).exists():
        raise Conflict("This question is being answered. Stop that first, or wait for it.", code="still_running")


def _require_cut(reply: Message) -> None:
    """`Conflict` for an answer that there is nothing to go on with."""
    if not reply.is_over:
        raise Conflict("This answer is still being written.", code="still_running")
    is_cut = (
        reply.status in {Status.STOPPED, Status.INTERRUPTED}
        or (reply.status == Status.FAILED and reply.content)
        or (reply.status == Status.FINISHED and reply.finish_reason == "length")
    )
    if not is_cut:
        raise Conflict("This answer was not cut: there is nothing to go on with.", code="not_cut")
    if reply.content and reply.model == ExtractiveChat.name:
        detail = gettext("Without a language model answers are quotations, which do not go on. Ask again instead.")
        raise Conflict(detail, code="no_model")


def _go_on(
    access: Access, reply: Message, process_id: UUID, request_id: str | None, *, model: str | None
) -> Asked:
    if reply.id in hidden_answers(access, reply.conversation_id):
        raise sources_gone()
    question = _question_of(reply)
    if not reply.content:
        for found in (Source, Citation, Trace, Thoughts):
            found.objects.filter(message=reply).delete()
    begun = begun_answer(reply) if reply.content else Begun(text="")
    offset = len(reply.content)
    reply.continued = [*reply.continued, {"request_id": request_id, "offset": offset}]
    reply.status, reply.finish_reason = Status.PENDING, ""
    reply.error_code = reply.error_detail = ""
    reply.save(update_fields=["continued", "status", "finish_reason", "error_code", "error_detail"])
    lease_reply(reply, process_id)
    conversation = reply.conversation
    conversation.leaf_id = leaf_below(reply)
    conversation.save(update_fields=["leaf_id", "updated_at"])
    # What has no words yet is anybody's to write.
    to_run = to_answer(access, question, reply, model=(model or "") if reply.content else "", begun=begun)
    return Asked(question.id, reply.id, conversation.id, conversation.title, to_run, offset)
