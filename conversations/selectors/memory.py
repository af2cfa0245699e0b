"""What a conversation remembers of itself, as far as whoever asks may see today what it rests on.

An earlier answer is told to no model and recalled to nobody once one of the documents that it was written from is
out of their sight, deleted ones too; nor is an answer that was written from such an answer, nor a summary of such
answers. Questions stay: they are the person's own words.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings

from conversations.follow_ups import last_whole
from conversations.models import Conversation, MemoryKind, Message, Role, Status, Summary
from conversations.selectors.branches import end_of
from conversations.selectors.history import Step, steps_before
from conversations.selectors.sight import hidden_in
from providers.chat.base import ChatMessage
from tenants.access import Access
from tenants.database.prepared_queries import PreparedModels, any_of

UNTOLD = (Status.FAILED, Status.INTERRUPTED, Status.PENDING, Status.STREAMING)
# A refusal names collections and documents, which may be out of sight by now.
REFUSED = "I found no answer to this in the documents."
# No window has room for the words of more, of the shortest even.
_MOST_STEPS = 400
# More than a window's tokens take, whatever they are: what is read and not told costs little.
_BYTES_A_TOKEN = 5


@dataclass(frozen=True, slots=True)
class Memory:
    """The latest turns, a summary of those before them, and the last question that stands by itself.

    `answers` are the ids of what it rests on: the answers among the turns, and the summary. `told` are the ids of
    the turns, `hidden` how many answers were left out of them.
    """

    history: tuple[ChatMessage, ...] = ()
    summary: str = ""
    answers: tuple[UUID, ...] = ()
    last_whole: str = ""
    told: tuple[UUID, ...] = ()
    hidden: int = 0


def remember_before(access: Access, question: Message) -> Memory:
    """What came before a question, as a model may read it; failed answers are left out."""
    return remember(access, question.conversation, question.parent_id)


def remember(access: Access, conversation: Conversation, last: UUID | None) -> Memory:
    """What a question that follows the message `last` would be told."""
    steps = steps_before(last, most=_steps_wanted(conversation))
    if not steps:
        return Memory()
    hidden = hidden_answers(access, conversation.id)
    summary = None
    if conversation.memory == MemoryKind.SUMMARY:
        summary = tellable_summary(conversation.id, steps, hidden)
    turns = _read(_wanted(conversation, steps, summary))
    told = [turn for turn in turns if turn.id not in hidden]
    searched = {turn.parent_id: turn.searched_for for turn in told if turn.parent_id}
    asked = [(turn.content, searched.get(turn.id, "")) for turn in told if turn.role == Role.USER]
    rests_on = [turn.id for turn in told if turn.role == Role.ASSISTANT]
    return Memory(
        history=tuple(as_told(turn) for turn in told),
        summary=summary.words if summary else "",
        answers=(*([summary.id] if summary else []), *rests_on),
        last_whole=last_whole(asked),
        told=tuple(turn.id for turn in told),
        hidden=len(turns) - len(told),
    )


def turns_of(conversation: Conversation) -> int:
    """How many turns are told whole."""
    return conversation.memory_turns or settings.DOCENT_MEMORY_TURNS


def _steps_wanted(conversation: Conversation) -> int:
    if conversation.memory == MemoryKind.WINDOW:
        return 2 * turns_of(conversation)
    return _MOST_STEPS


def _wanted(conversation: Conversation, steps: Sequence[Step], summary: Summary | None) -> list[UUID]:
    """Those of the steps that are worth reading: after the summary, and no more than any window takes."""
    most = settings.DOCENT_MODEL_CONTEXT * _BYTES_A_TOKEN
    left, wanted = most, []
    for step in steps:
        if left < 0 or (summary is not None and step.id == summary.until_id):
            break
        wanted.append(step.id)
        # However long it is, it is told in part.
        left -= min(step.size, most // 2)
    return wanted


def _read(ids: Sequence[UUID]) -> list[Message]:
    """Oldest first, what was said and is over."""
    found = {turn.id: turn for turn in _readable.all(ids=list(ids))}
    return [found[one] for one in reversed(ids) if one in found]


_readable = PreparedModels(
    Message,
    lambda ids: Message.objects.filter(any_of("id", ids)).exclude(status__in=UNTOLD).exclude(content=""),
)


def as_told(turn: Message) -> ChatMessage:
    """A message as a model reads it."""
    if turn.role == Role.USER:
        return ChatMessage(role="user", content=turn.content)
    return ChatMessage(role="assistant", content=REFUSED if turn.status == Status.REFUSED else turn.content)


def tellable_summary(conversation_id: UUID, steps: Sequence[Step], hidden: set[UUID]) -> Summary | None:
    """The summary that goes furthest along these steps, latest first, and rests on nothing out of sight."""
    rows = Summary.objects.filter(conversation=conversation_id, until__in=[step.id for step in steps])
    places = {step.id: place for place, step in enumerate(steps)}
    tellable = [row for row in rows.order_by("-updated_at") if row.words and row.id not in hidden]
    return min(tellable, key=lambda row: places[row.until_id], default=None)


def find_summary(access: Access, conversation: Conversation) -> Summary | None:
    """The summary of the branch that the conversation is at, if there is one that may be told."""
    steps = steps_before(end_of(conversation), most=_MOST_STEPS)
    return tellable_summary(conversation.id, steps, hidden_answers(access, conversation.id))


def hidden_answers(access: Access, conversation_id: UUID) -> set[UUID]:
    """The conversation's answers and summaries that rest on something out of sight."""
    return hidden_in(access, [conversation_id])
