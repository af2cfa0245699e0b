"""What a conversation remembers of itself, as far as whoever asks may see today what it rests on.

An earlier answer is told to no model and recalled to nobody once one of the documents that it was written from is
out of their sight, deleted ones too; nor is an answer that was written from such an answer. Questions stay: they
are the person's own words.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from conversations.follow_ups import last_whole
from conversations.models import Message, Role, Source, Status
from documents.selectors import visible_documents
from providers.chat.base import ChatMessage
from tenants.access import Access

_TURNS = 6
_UNTOLD = (Status.FAILED, Status.INTERRUPTED, Status.PENDING, Status.STREAMING)
# A refusal names collections and documents, which may be out of sight by now.
REFUSED = "I found no answer to this in the documents."


@dataclass(frozen=True, slots=True)
class Memory:
    """The last turns, the answers among them, and the last question that stands by itself."""

    history: tuple[ChatMessage, ...] = ()
    answers: tuple[UUID, ...] = ()
    last_whole: str = ""


def remember_before(access: Access, question: Message) -> Memory:
    """The turns before a question, as a model may read them; failed answers are left out."""
    earlier = Message.objects.filter(
        conversation_id=question.conversation_id, created_at__lt=question.created_at
    ).exclude(status__in=_UNTOLD)
    turns = list(earlier.exclude(content="").order_by("-created_at")[: _TURNS + 1])
    if not turns:
        return Memory()
    hidden = hidden_answers(access, question.conversation_id)
    told = [turn for turn in reversed(turns[:_TURNS]) if turn.id not in hidden]
    searched = {turn.parent_id: turn.searched_for for turn in turns if turn.id not in hidden and turn.parent_id}
    return Memory(
        history=tuple(as_told(turn) for turn in told),
        answers=tuple(turn.id for turn in told if turn.role == Role.ASSISTANT),
        last_whole=last_whole(
            [(turn.content, searched.get(turn.id, "")) for turn in reversed(turns) if turn.role == Role.USER]
        ),
    )


def as_told(turn: Message) -> ChatMessage:
    """A message as a model reads it."""
    if turn.role == Role.USER:
        return ChatMessage(role="user", content=turn.content)
    return ChatMessage(role="assistant", content=REFUSED if turn.status == Status.REFUSED else turn.content)


def hidden_answers(access: Access, conversation_id: UUID) -> set[UUID]:
    """The conversation's answers that rest on something out of sight."""
    given = Source.objects.filter(message__conversation_id=conversation_id)
    rests_on = set(given.values_list("message_id", "document_id").distinct())
    documents = {document for _, document in rests_on if document is not None}
    seen = set(visible_documents(access).filter(id__in=documents).values_list("id", flat=True))
    hidden = {message for message, document in rests_on if document not in seen}
    if hidden:
        answers = Message.objects.filter(conversation_id=conversation_id, role=Role.ASSISTANT)
        hidden |= _resting_on(hidden, answers.order_by("created_at", "id").values_list("id", "based_on"))
    return hidden


def _resting_on(hidden: set[UUID], answers: Iterable[tuple[UUID, list[str]]]) -> set[UUID]:
    """Oldest first: what rests on what rests on it is found on the way."""
    found = set(map(str, hidden))
    for answer, based_on in answers:
        if not found.isdisjoint(based_on):
            found.add(str(answer))
    return set(map(UUID, found))
