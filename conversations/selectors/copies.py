"""What of a shared conversation a reader may go on with: the pairs of questions and answers that they may read."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from conversations.models import Message, Role, Share, Status, Summary
from conversations.selectors.branches import branch_to
from conversations.selectors.shares import leaf_of
from conversations.selectors.sight import hidden_in
from tenants.access import Access

_WHOLE = (Status.FINISHED, Status.STOPPED, Status.REFUSED)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Questions with their answers, oldest first, and how many answers of the branch are not among them.

    `told` are, by each answer that was told any, the earlier answers of the branch that it rests on.
    """

    kept: tuple[tuple[Message, Message], ...]
    told: Mapping[UUID, tuple[UUID, ...]]
    left_out: int


def readable_pairs(access: Access, share: Share) -> Pairs:
    """What `access` may take along: whole answers that rest on nothing out of their sight.

    What an answer was told from, in a summary too, must come along, or the copy would not know that it is to go
    with it: an answer that recalls what was said in another branch stays behind.
    """
    hidden = hidden_in(access, [share.conversation_id])
    branch = branch_to(leaf_of(share))
    summaries = _summaries(share)
    kept: list[tuple[Message, Message]] = []
    told: dict[UUID, tuple[UUID, ...]] = {}
    for question, answer in _pairs(branch):
        is_readable = answer.id not in hidden and answer.status in _WHOLE
        rests_on = _told_in(answer.based_on, summaries)
        if is_readable and told.keys() >= rests_on:
            kept.append((question, answer))
            told[answer.id] = tuple(one for one in told if one in rests_on)
    answers = sum(message.role == Role.ASSISTANT for message in branch)
    return Pairs(tuple(kept), told, answers - len(kept))


def _summaries(share: Share) -> dict[UUID, list[str]]:
    rows = Summary.objects.filter(conversation=share.conversation_id)
    return dict(rows.values_list("id", "based_on"))


def _told_in(based_on: Sequence[str], summaries: Mapping[UUID, list[str]]) -> set[UUID]:
    """The answers among these ids and those that the summaries among them were made from."""
    found: set[UUID] = set()
    unread = list(map(UUID, based_on))
    while unread:
        one = unread.pop()
        if one in summaries:
            unread += map(UUID, summaries[one])
        else:
            found.add(one)
    return found


def _pairs(branch: Sequence[Message]) -> Iterator[tuple[Message, Message]]:
    questions: dict[UUID, Message] = {one.id: one for one in branch if one.role == Role.USER}
    for message in branch:
        if message.role == Role.ASSISTANT and message.parent_id in questions:
            yield questions[message.parent_id], message
