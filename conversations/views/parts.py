"""The part of a long branch that a page shows at first, and those before it, one after the other.

To render five hundred messages takes seconds. Whoever opens a conversation wants its end; scripts bring the rest
when nobody waits for anything else, and without scripts a link leads there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext as _

from conversations.models import Role
from conversations.selectors.branches import Step
from tenants.errors import NotFound

FIRST = 40
"""How many messages a page shows at first,"""
NEXT = 60
"""and how many each part before has."""
_ABOVE = 6


@dataclass(frozen=True, slots=True)
class Part:
    """`earlier` is the message before which more comes; None at the beginning."""

    messages: Sequence[Step]
    earlier: UUID | None


def last_part(branch: Sequence[Step], wanted: str = "") -> Part:
    """The end of a branch, from where it leads up to the message that is `wanted`, if it is on it."""
    start = len(branch) - FIRST
    place = place_of(branch, wanted)
    return _from(branch, start if place is None else min(start, place - _ABOVE), len(branch))


def part_before(branch: Sequence[Step], message: str) -> Part:
    """What comes before a message of the branch."""
    end = place_of(branch, message)
    if end is None:
        raise NotFound(_("There is no such message."))
    return _from(branch, end - NEXT, end)


def place_of(branch: Sequence[Step], message: str) -> int | None:
    """How many come before it; None if it is of another branch, or nonsense."""
    return next((number for number, one in enumerate(branch) if str(one.id) == message), None)


def _from(branch: Sequence[Step], start: int, end: int) -> Part:
    """A part begins with a question."""
    start = max(0, start)
    while start > 0 and branch[start].role != Role.USER:
        start -= 1
    return Part(branch[start:end], branch[start].id if start > 0 else None)
