"""The list of one's own conversations as pages show it: pinned on top, then by day, piece by piece.

A piece goes on behind the conversation that ended the one before. What moves to the top meanwhile moves away from
what is still to come, so that nothing comes twice.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any, Self
from uuid import UUID

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from conversations.models import Conversation, Message, Status
from conversations.selectors.conversations import list_conversations
from tenants.access import Access
from tenants.errors import NotFound

PIECE, MOST_PINNED = 50, 100
_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Place:
    """The conversation that a piece ended with."""

    at: datetime
    id: UUID

    @classmethod
    def of(cls, text: str) -> Self | None:
        """As an address has it; None for the beginning. `NotFound` for what is no place."""
        if not text:
            return None
        at, _separator, one = text.partition("_")
        try:
            moment = datetime.fromisoformat(at)
            place = cls(moment, UUID(one))
        except ValueError as error:
            raise NotFound("There is no such place in the list.") from error
        if moment.tzinfo is None:
            raise NotFound("There is no such place in the list.")
        return place

    def __str__(self) -> str:
        return f"{self.at.isoformat()}_{self.id}"


@dataclass(frozen=True, slots=True)
class Piece:
    """Some of the list, and where the next piece goes on; None at the end."""

    conversations: Sequence[Conversation]
    end: Place | None


def listed(access: Access) -> QuerySet[Conversation]:
    """What pages show: a conversation that has begun, and so has a title."""
    return list_conversations(access).exclude(title="").order_by("-updated_at", "-id")


def piece_of(found: QuerySet[Conversation], behind: Place | None, *, count: int = PIECE) -> Piece:
    """The next `count` of `found`, which is in the order of the list."""
    if behind is not None:
        later = Q(updated_at__lt=behind.at) | Q(updated_at=behind.at, id__lt=behind.id)
        # The first one alone is a range of the index.
        found = found.filter(updated_at__lte=behind.at).filter(later)
    some = list(found[: count + 1])
    is_more = len(some) > count
    some = some[:count]
    return Piece(some, Place(some[-1].updated_at, some[-1].id) if is_more else None)


def sidebar_piece(access: Access, behind: Place | None = None) -> dict[str, Any]:
    """Groups for the list beside every page, and where older ones are; the first piece has the pinned ones."""
    own = listed(access)
    pinned = own.filter(pinned_at__isnull=False).order_by("-pinned_at", "-id")
    piece = piece_of(own.filter(pinned_at=None), behind)
    top = list(pinned[:MOST_PINNED]) if behind is None else []
    return {"conversations": groups([*top, *piece.conversations]), "older": str(piece.end) if piece.end else ""}


def groups(conversations: Iterable[Conversation]) -> list[dict[str, Any]]:
    """In their order, by pinned and by the reader's own day, each with what a page shows of it."""
    found = list(conversations)
    running = set(
        Message.objects.filter(
            conversation__in=[one.id for one in found], status__in=[Status.PENDING, Status.STREAMING]
        ).values_list("conversation_id", flat=True)
    )
    today = timezone.localdate()
    return [
        {
            "label": label,
            "is_pinned": is_pinned,
            "items": [item_of(one, is_running=one.id in running) for one in some],
        }
        for (label, is_pinned), some in groupby(found, key=lambda one: (_label(one, today), bool(one.pinned_at)))
    ]


def item_of(conversation: Conversation, *, is_running: bool = False) -> dict[str, Any]:
    """What a page shows of a conversation in a list."""
    return {
        "id": conversation.id,
        "title": conversation.title,
        "url": reverse("portal:conversation", args=[conversation.id]),
        "running": is_running,
        "is_pinned": conversation.pinned_at is not None,
        "is_archived": conversation.archived_at is not None,
        "updated_at": conversation.updated_at,
    }


def _label(conversation: Conversation, today: date) -> str:
    if conversation.pinned_at is not None:
        return _("Pinned")
    day = timezone.localdate(conversation.updated_at)
    if day >= today:
        return _("Today")
    if day == today - timedelta(days=1):
        return _("Yesterday")
    return _("7 days") if day > today - _WEEK else _("Older")
