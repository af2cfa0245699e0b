"""Reading something whole by several statements, each of which sees the database as it is at its moment.

A conversation may be deleted, archived or taken out of the archive between two of them. Nothing is held for
whoever only looks: that would be a write. Instead one looks again.
"""

from collections.abc import Callable
from typing import TypeVar

from django.core.exceptions import ObjectDoesNotExist

from conversations.models import Conversation
from conversations.records import ArchiveUnusable

R = TypeVar("R")

_TRIES = 4


def read_steadily(find: Callable[[], Conversation], read: Callable[[Conversation], R]) -> R:
    """What `read` makes of the conversation that `find` finds, which raises `NotFound` once it is gone.

    What was gone, or somewhere else, before all of it was read counts for nothing.
    """
    found = find()
    for _ in range(_TRIES):
        try:
            whole = read(found)
        except (LookupError, ObjectDoesNotExist, ArchiveUnusable):
            # Its messages went while they were being read, and where to, if anywhere, `find` knows.
            found, before = find(), found
            if found.archived_at == before.archived_at:
                raise
            continue
        found, before = find(), found
        if found.archived_at == before.archived_at:
            return whole
    return read(found)
