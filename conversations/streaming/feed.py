"""What a reply has said so far, and its readers in this process."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

from django.utils.translation import gettext

from conversations.citing.sources import as_seen
from conversations.events import (
    Event,
    Failed,
    Finished,
    SourcesFound,
    StageChanged,
    TextAdded,
    ThinkingAdded,
)
from conversations.models import Citation, Message
from conversations.streaming.endings import told_at_the_end
from conversations.streaming.valkey_text import Copy, publisher
from tenants.access import Access
from tenants.db import run_in_tenant
from tenants.errors import InvalidInput

# Characters of one event.
_MOST_AT_ONCE = 8192


class Feed:
    """The growing text of a reply. Any number of readers follow it, each from its own offset.

    They are shown what `valkey_text` has taken, so that it is known what they have seen.
    """

    def __init__(self, key: str, text: str = "") -> None:
        self.text = text
        self._shown = len(text)
        self._copy = Copy(self, key)
        self.thinking = ""
        self.stage: StageChanged | None = None
        self.sources: SourcesFound | None = None
        self.ending: Finished | Failed | None = None
        self._changed = asyncio.Event()

    def take(self, event: Event) -> None:
        """Add what happened, and wake the readers."""
        match event:
            case TextAdded():
                # Shown in a moment, with what else is written meanwhile: that wakes the readers.
                self.text += event.text
                publisher().publish(self._copy)
                return
            case ThinkingAdded():
                self.thinking += event.text
            case StageChanged():
                self.stage = event
                publisher().publish(self._copy)
            case SourcesFound():
                self.sources = event
            case Finished() | Failed():
                self.ending = event
        self.wake()

    def show(self, length: int) -> None:
        """Let the readers have so much of the text."""
        if length > self._shown:
            self._shown = length
            self.wake()

    def close(self, *, is_stored: bool) -> None:
        """Nobody needs the copy any more; what is stored may all be shown."""
        publisher().forget(self._copy)
        if is_stored:
            self.show(len(self.text))

    def wake(self) -> None:
        """Let everyone who waits look again."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def changed(self) -> None:
        """Wait until there is reason to look again."""
        await self._changed.wait()

    async def follow(self, offset: int = 0) -> AsyncIterator[Event]:
        """Where the reply stands, then what happens, up to its end. `offset` is how much text one has."""
        require_offset(offset, self.text)
        stage: StageChanged | None = None
        has_sources = False
        thought = 0
        while True:
            changed, ending = self._changed, self.ending
            if self.stage is not None and self.stage is not stage:
                stage = self.stage
                yield stage
            if self.sources is not None and not has_sources:
                has_sources = True
                yield self.sources
            if len(self.thinking) > thought:
                yield ThinkingAdded(thought, self.thinking[thought:])
                thought = len(self.thinking)
            while offset < self._shown:
                # Cut from what all share: one that is slow to read keeps no text of its own.
                added = TextAdded(offset, self.text[offset : min(offset + _MOST_AT_ONCE, self._shown)])
                offset += len(added.text)
                yield added
            if ending is not None:
                yield ending
                return
            await changed.wait()


def in_pieces(text: str, start: int) -> Iterator[TextAdded]:
    """Text that stands at `start`, no more at once than a slow reader may leave unread."""
    for place in range(0, len(text), _MOST_AT_ONCE):
        yield TextAdded(start + place, text[place : place + _MOST_AT_ONCE])


async def as_seen_by(access: Access, events: AsyncIterator[Event]) -> AsyncIterator[Event]:
    """A feed for another access than the one that asked, such as a token limited to some collections."""
    is_withheld = False
    async for event in events:
        match event:
            case SourcesFound():
                items = await run_in_tenant(access.tenant_id, as_seen, access, event.items)
                is_withheld = any(item["document"] is None for item in items)
                yield replace(event, items=items)
            case ThinkingAdded() if is_withheld:
                continue
            case Finished():
                citations = await run_in_tenant(access.tenant_id, as_seen, access, event.citations)
                yield replace(event, citations=citations)
            case _:
                yield event


def require_offset(offset: int, text: str) -> None:
    """Raise `InvalidInput` for an offset that lies past the text so far."""
    if offset > len(text):
        raise InvalidInput.at(
            "/offset",
            gettext("The answer has {count} characters so far.").format(count=len(text)),
            "offset_past_end",
        )


def ending_event(access: Access, message: Message) -> Finished | Failed:
    """How a stored reply ended, inside the caller's unit."""
    return told_at_the_end(access, message, Citation.objects.filter(message=message).order_by("marker"))
