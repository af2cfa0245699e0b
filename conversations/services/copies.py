"""Writes: going on with a shared conversation as one's own."""

from collections.abc import Iterable
from uuid import UUID, uuid4

from conversations.models import Citation, Conversation, MemoryKind, Message, Mode, Share, Source, Status
from conversations.prompting.summary_jobs import summarise_soon
from conversations.searching.embedding import embed_soon
from conversations.selectors.copies import Pairs, readable_pairs
from conversations.selectors.memory import REFUSED
from conversations.selectors.shares import share_views
from conversations.services.conversations import create_conversation
from tenants.access import Access
from tenants.audit.recording import record
from tenants.db import tenant_atomic
from tenants.errors import Conflict
from tenants.permissions import Action

# Of a message, what a copy has too: not what it cost, which was somebody else's.
_COPIED = ("role", "content", "status", "finish_reason", "model", "searched_for")


def copy_share(*, access: Access, share: Share) -> tuple[Conversation, int]:
    """A conversation of one's own with all of a shared one that one may read; and how many answers are not in it.

    The answers bring along what they rest on: what goes out of sight later is not told from the copy either.
    Raises `Conflict` where there is nothing to go on with.
    """
    access.require(Action.CHAT)
    with tenant_atomic(access.tenant_id):
        pairs = readable_pairs(access, share)
        if not pairs.kept:
            raise Conflict("There is nothing in it that you could go on with.", code="nothing_to_copy")
        [shown] = share_views(access, [share])
        copy = _begin(access, share.conversation, shown.title)
        _copy_passages(_copy_messages(copy, pairs))
        record(
            access,
            "share.copied",
            target_kind="share",
            target_id=share.id,
            conversation=str(copy.id),
            left_out=pairs.left_out,
        )
        embed_soon(copy.id)
        summarise_soon(copy.id)
    return copy, pairs.left_out


def _begin(access: Access, original: Conversation, title: str) -> Conversation:
    """A conversation that asks and remembers as the original does; an archived assistant does not come along."""
    persona = original.persona
    return create_conversation(
        access=access,
        title=title,
        mode=Mode(original.mode),
        persona=str(persona.id) if persona is not None and persona.archived_at is None else None,
        memory=MemoryKind(original.memory),
        memory_turns=original.memory_turns,
    )


def _copy_messages(copy: Conversation, pairs: Pairs) -> dict[UUID, Message]:
    """The new messages by the ids of those that they are copies of, each pair after the one before."""
    made: dict[UUID, Message] = {}
    last: Message | None = None
    for question, answer in pairs.kept:
        asked = _copied(copy, question, parent=last)
        last = _copied(copy, answer, parent=asked)
        last.based_on = [str(made[one].id) for one in pairs.told[answer.id]]
        if answer.status == Status.REFUSED:
            last.content = REFUSED
        made |= {question.id: asked, answer.id: last}
    # One by one: the moment of each is when it is stored, and their order is that of these.
    for message in made.values():
        message.save(force_insert=True)
    return made


def _copied(copy: Conversation, message: Message, *, parent: Message | None) -> Message:
    fields = {name: getattr(message, name) for name in _COPIED}
    return Message(id=uuid4(), conversation=copy, parent=parent, **fields)


def _copy_passages(made: dict[UUID, Message]) -> None:
    for model in (Source, Citation):
        rows = list(model.objects.filter(message__in=made))
        model.objects.bulk_create(_moved(rows, made))


def _moved(rows: Iterable[Source | Citation], made: dict[UUID, Message]) -> list[Source | Citation]:
    moved = []
    for row in rows:
        row.message = made[row.message_id]
        row.pk = uuid4()
        row._state.adding = True
        moved.append(row)
    return moved
