"""A conversation as a tree: a question follows an answer, an answer its question; siblings share a parent.

A path from the first question down to a leaf is a branch; the conversation remembers at which one its author is.
Pure reads, inside the caller's unit.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q

from conversations.models import Conversation, Message, Role
from tenants.context import current_tenant_id
from tenants.database.prepared_queries import PreparedModels

# Step by step, by keys: joined, a small table would be read whole for each step.
_ANCESTORS = """
    WITH RECURSIVE up AS (
        SELECT parent_id, 1 AS distance FROM conversations_message WHERE tenant_id = %(tenant)s AND id = %(id)s
        UNION ALL
        SELECT above.parent_id, up.distance + 1 FROM up, LATERAL (
            SELECT parent_id FROM conversations_message
            WHERE tenant_id = %(tenant)s AND id = up.parent_id OFFSET 0
        ) above
        WHERE up.distance < %(most)s
    )
    SELECT parent_id FROM up WHERE parent_id IS NOT NULL ORDER BY distance DESC
"""
_LATEST_BELOW = """
    WITH RECURSIVE down AS (
        SELECT %(id)s::uuid AS id, 0 AS depth
        UNION ALL
        SELECT child.id, down.depth + 1 FROM down, LATERAL (
            SELECT id FROM conversations_message WHERE tenant_id = %(tenant)s AND parent_id = down.id
            ORDER BY created_at DESC, id DESC LIMIT 1
        ) child
    )
    SELECT id FROM down ORDER BY depth DESC LIMIT 1
"""
# More than any conversation has.
_ALL = 2_000_000_000


_Family = tuple[UUID, UUID | None, str]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message stands among its siblings, oldest first: its `number` of `count`, and those beside it."""

    number: int = 1
    count: int = 1
    previous: str | None = None
    next: str | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def path_ids(message_id: UUID, *, last: int | None = None) -> list[UUID]:
    """The ids of a message's ancestors, oldest first; with `last` the nearest ones alone."""
    with connection.cursor() as cursor:
        cursor.execute(
            _ANCESTORS, {"tenant": current_tenant_id(), "id": message_id, "most": _ALL if last is None else last}
        )
        return [row[0] for row in cursor.fetchall()]


def path_to(message: Message, *, last: int | None = None) -> list[Message]:
    """A message's ancestors, oldest first: all that was said on the way to it."""
    ids = path_ids(message.id, last=last)
    found = Message.objects.in_bulk(ids)
    return [found[one] for one in ids]


@dataclass(frozen=True, slots=True)
class Step:
    """A message on a branch, of which no more is read yet."""

    id: UUID
    role: str


def steps_to(leaf: Message) -> list[Step]:
    """As `branch_to`."""
    ids = path_ids(leaf.id)
    roles = dict(Message.objects.filter(id__in=ids).values_list("id", "role"))
    return [*(Step(one, roles[one]) for one in ids), Step(leaf.id, leaf.role)]


def latest_leaf(conversation: Conversation) -> Message | None:
    """Where the branch that the conversation is at ends; the latest message where nobody has chosen one."""
    of_it = {"conversation": conversation.id}
    found = _of_conversation.first(**of_it, message=conversation.leaf_id) if conversation.leaf_id else None
    return found or _latest_of.first(**of_it)


_of_conversation = PreparedModels(
    Message, lambda conversation, message: Message.objects.filter(conversation=conversation, id=message)
)
_latest_of = PreparedModels(
    Message,
    lambda conversation: Message.objects.filter(conversation=conversation).order_by("-created_at", "-id")[:1],
)


def end_of(conversation: Conversation) -> UUID | None:
    """The answer that the next question follows; None for the first."""
    leaf = latest_leaf(conversation)
    if leaf is None:
        return None
    # A branch that ends with a question has lost its answer.
    return leaf.id if leaf.role == Role.ASSISTANT else leaf.parent_id


def branch_of(conversation: Conversation) -> list[Message]:
    """The messages of the branch that the conversation is at, oldest first."""
    leaf = latest_leaf(conversation)
    return [] if leaf is None else branch_to(leaf)


def branch_to(leaf: Message) -> list[Message]:
    """The branch that ends with this message, oldest first."""
    return [*path_to(leaf), leaf]


def leaf_below(message: Message) -> UUID:
    """The end of the branch through a message that was gone on with last: it, where nothing follows it."""
    with connection.cursor() as cursor:
        cursor.execute(_LATEST_BELOW, {"tenant": current_tenant_id(), "id": message.id})
        found: UUID = cursor.fetchone()[0]
    return found


class Tree:
    """All messages of a conversation that are at hand, oldest first, as those of an archived one are."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self._by_id = {one.id: one for one in messages}
        self._families: dict[_Family, list[UUID]] = {}
        for one in messages:
            self._families.setdefault(_family_of(one), []).append(one.id)

    def __contains__(self, message_id: UUID) -> bool:
        return message_id in self._by_id

    def places(self) -> dict[UUID, Place]:
        return {one.id: _place(one.id, self._families[_family_of(one)]) for one in self._by_id.values()}

    def branch(self, leaf_id: UUID | None) -> list[Message]:
        """The messages down to this one, and down to the latest without one that is here, oldest first."""
        found = []
        step = leaf_id if leaf_id in self._by_id else next(reversed(self._by_id), None)
        while step is not None:
            found.append(self._by_id[step])
            step = found[-1].parent_id
        return found[::-1]

    def leaf_below(self, message_id: UUID) -> UUID | None:
        """As `leaf_below`; None for a message that is not here."""
        if message_id not in self._by_id:
            return None
        latest = {one.parent_id: one.id for one in self._by_id.values()}
        while message_id in latest:
            message_id = latest[message_id]
        return message_id


def siblings(message: Message) -> list[UUID]:
    """A message and its siblings, oldest first."""
    return _families([message]).get(_family_of(message), [])


def places(messages: Iterable[Message]) -> dict[UUID, Place]:
    """Each message's place among its siblings. One query."""
    messages = list(messages)
    families = _families(messages)
    return {one.id: _place(one.id, families[_family_of(one)]) for one in messages}


def _family(conversation_id: UUID, parent_id: UUID | None, role: str) -> _Family:
    return conversation_id, parent_id, str(role)


def _family_of(message: Message) -> _Family:
    return _family(message.conversation_id, message.parent_id, message.role)


def _families(messages: Iterable[Message]) -> dict[_Family, list[UUID]]:
    parents = {one.parent_id for one in messages if one.parent_id is not None}
    beginnings = {one.conversation_id for one in messages if one.parent_id is None}
    alike = Q(parent__in=parents) | Q(conversation__in=beginnings, parent=None)
    found: dict[_Family, list[UUID]] = {}
    rows = Message.objects.filter(alike).order_by("created_at", "id")
    for message, *family in rows.values_list("id", "conversation_id", "parent_id", "role"):
        found.setdefault(_family(*family), []).append(message)
    return found


def _place(message: UUID, family: list[UUID]) -> Place:
    at = family.index(message)
    before, after = family[at - 1] if at else None, family[at + 1] if at + 1 < len(family) else None
    return Place(at + 1, len(family), str(before) if before else None, str(after) if after else None)
