"""Reads of archives. An archived conversation is its author's alone, as every other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from conversations import records
from conversations.models import ArchiveRecord, Conversation, Message, Summary
from conversations.selectors.branches import Step, Tree, latest_leaf, leaf_below, steps_to
from conversations.selectors.conversations import list_messages, message_views, views_of
from conversations.selectors.sight import hidden_among
from tenants.access import Access
from tenants.errors import InvalidInput, NotFound
from tenants.permissions import Action

# What may be changed while the messages are away.
_OF_THE_ROW = ("title", "metadata", "memory", "memory_turns", "leaf_id")


def list_archives(access: Access) -> QuerySet[ArchiveRecord]:
    """A person's own, each with its `conversation`."""
    access.require(Action.CHAT)
    found: QuerySet[ArchiveRecord] = ArchiveRecord.objects.select_related("conversation").filter(
        conversation__author_id=access.user_id, conversation__deleted_at=None
    )
    return found


def access_archive(access: Access, archive_id: UUID) -> ArchiveRecord:
    found = list_archives(access).filter(id=archive_id).first()
    if found is None:
        raise NotFound("There is no such archive.")
    return found


def archive_view(access: Access, row: ArchiveRecord) -> dict[str, Any]:
    """The record as it may be read today, with the name and the ways that the conversation has now."""
    record = records.sight_of(access, records.load(row))
    record["conversation"].update({name: getattr(row.conversation, name) for name in _OF_THE_ROW})
    return record


def archived_messages(access: Access, conversation: Conversation) -> list[dict[str, Any]]:
    """All messages of an archived conversation as programs and pages read them, oldest first."""
    whole = _whole(conversation)
    return _views(access, whole, Tree(whole.messages), whole.messages)


def shown_messages(access: Access, conversation: Conversation) -> list[dict[str, Any]]:
    """All messages of a conversation, archived or not, oldest first."""
    if conversation.archived_at is None:
        return message_views(access, list_messages(conversation))
    return archived_messages(access, conversation)


@dataclass(frozen=True, slots=True)
class Branch:
    """The messages of one branch, oldest first, of which only those are read that somebody asks for."""

    messages: Sequence[Step]
    views: Callable[[Sequence[Step]], list[dict[str, Any]]]
    """Some of them as programs and pages read them."""


def find_branch(access: Access, conversation: Conversation, *, leaf: UUID | None = None) -> Branch:
    """The branch that `leaf` ends, else the one that a conversation is at, archived or not.

    `InvalidInput` if there is no such message.
    """
    if conversation.archived_at is None:
        return _live_branch(access, conversation, leaf)
    whole = _whole(conversation)
    tree = Tree(whole.messages)
    if leaf is not None and leaf not in tree:
        raise _no_such_leaf()
    messages = {one.id: one for one in tree.branch(leaf or conversation.leaf_id)}
    steps = [Step(one.id, one.role) for one in messages.values()]
    return Branch(steps, lambda some: _views(access, whole, tree, [messages[one.id] for one in some]))


def _live_branch(access: Access, conversation: Conversation, leaf: UUID | None) -> Branch:
    end = latest_leaf(conversation) if leaf is None else list_messages(conversation).filter(id=leaf).first()
    if end is None and leaf is not None:
        raise _no_such_leaf()
    steps = steps_to(end) if end else []

    def views(some: Sequence[Step]) -> list[dict[str, Any]]:
        found = Message.objects.in_bulk([one.id for one in some])
        return message_views(access, [found[one.id] for one in some])

    return Branch(steps, views)


def shown_branch(access: Access, conversation: Conversation, *, leaf: UUID | None = None) -> list[dict[str, Any]]:
    """The whole of it, read."""
    branch = find_branch(access, conversation, leaf=leaf)
    return branch.views(branch.messages)


def branch_through(access: Access, conversation: Conversation, message_id: UUID) -> Branch:
    """The branch through a message that was gone on with last. `NotFound` if it is not in the conversation."""
    if conversation.archived_at is not None:
        leaf = archived_leaf_below(conversation, message_id)
    else:
        message = list_messages(conversation).filter(id=message_id).first()
        leaf = leaf_below(message) if message else None
    if leaf is None:
        raise NotFound("There is no such message.")
    return find_branch(access, conversation, leaf=leaf)


def _no_such_leaf() -> InvalidInput:
    return InvalidInput.at("/leaf", "There is no such message in this conversation.", "unknown_id")


def archived_leaf_below(conversation: Conversation, message_id: UUID) -> UUID | None:
    """The end of the branch through a message of an archived conversation; None if there is none."""
    return Tree(_whole(conversation).messages).leaf_below(message_id)


def archived_summaries(access: Access, conversation: Conversation) -> list[Summary]:
    """Those that rest on nothing out of sight, oldest first."""
    whole = _whole(conversation)
    summaries: list[Summary] = whole.parts.get("summaries", [])
    hidden = hidden_among(access, whole.messages, summaries, whole.sources)
    return sorted((one for one in summaries if one.id not in hidden), key=lambda one: (one.created_at, one.id))


def _whole(conversation: Conversation) -> records.Whole:
    row = ArchiveRecord.objects.get(conversation=conversation)
    return records.whole_of(records.load(row), conversation)


def _views(access: Access, whole: records.Whole, tree: Tree, messages: list[Message]) -> list[dict[str, Any]]:
    ids = {one.id for one in messages}
    cited = [one for one in whole.citations if one.message_id in ids]
    read = [one for one in whole.sources if one.message_id in ids]
    said = [one for one in whole.feedback if one.message_id in ids and one.author_id == access.user_id]
    return views_of(access, messages, cited, read, among=tree.places(), said=said)
