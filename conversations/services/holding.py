"""Writes: a conversation held against whoever ends, archives, restores or deletes it, until the unit is over."""

from enum import StrEnum

from django.db import connection

from conversations.models import Conversation, Message
from conversations.selectors.life import RUNNING
from tenants.errors import Conflict, NotFound

_STATE = """
    SELECT ended_at, archived_at, unlisted_until IS NULL OR is_temporary FROM conversations_conversation
    WHERE id = %s
"""


class Lock(StrEnum):
    """How a conversation is held: by one alone, or by any number who let others ask it meanwhile."""

    ALONE = "FOR NO KEY UPDATE"
    SHARED = "FOR KEY SHARE"


def hold(conversation: Conversation) -> Conversation:
    """The conversation as it is now, this unit's alone. `NotFound` once it is gone or deleted."""
    same = Conversation.objects.select_for_update().filter(id=conversation.id, deleted_at=None)
    held: Conversation | None = same.first()
    if held is None:
        raise NotFound("There is no such conversation.")
    return held


def require_open(conversation: Conversation, *, lock: Lock = Lock.ALONE) -> None:
    """`Conflict` for a conversation that takes no more messages, `NotFound` once it is gone or was none.

    Until the unit is over nobody archives or deletes an open one; held alone, nobody ends it or asks it either.
    """
    with connection.cursor() as cursor:
        # Both locks are the module's own words.
        cursor.execute(f"{_STATE} {lock}", [conversation.id])
        row = cursor.fetchone()
    # What was asked in passing is a question and its answer, and nothing to go on with.
    if row is None or not row[2]:
        raise NotFound("There is no such conversation.")
    ended, archived, _ = row
    if archived is not None:
        raise Conflict("This conversation is archived. Reopen it to go on.", code="conversation_ended")
    if ended is not None:
        raise Conflict("This conversation has ended. Reopen it to go on.", code="conversation_ended")


def require_kept(conversation: Conversation) -> None:
    """`Conflict` for a temporary one, where what is asked for would outlive it."""
    if conversation.is_temporary:
        detail = "A temporary conversation is not kept, so this is not for it."
        raise Conflict(detail, code="conversation_temporary")


def require_at_rest(conversation: Conversation) -> None:
    """`Conflict` while an answer is being written."""
    if Message.objects.filter(conversation=conversation, status__in=RUNNING).exists():
        raise Conflict("An answer is being written. Wait for it or stop it first.", code="reply_running")
