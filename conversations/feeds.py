"""What a reply has said so far, and its readers: in this process from memory, elsewhere from Postgres."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID

from conversations.events import (
    Event,
    Failed,
    Finished,
    SourcesFound,
    StageChanged,
    TextAdded,
    ThinkingAdded,
)
from conversations.models import Citation, Message, Source, Status
from conversations.selectors import access_reply
from conversations.sources import as_seen, stored_citations, stored_sources
from tenants.access import Access
from tenants.db import run_in_tenant
from tenants.errors import InvalidInput

MERGE_SECONDS = 0.04
POLL_SECONDS = 0.4


class Feed:
    """The growing text of a reply. Any number of readers follow it, each from its own offset."""

    def __init__(self) -> None:
        self.text = ""
        self.thinking = ""
        self.stage: StageChanged | None = None
        self.sources: SourcesFound | None = None
        self.ending: Finished | Failed | None = None
        self._changed = asyncio.Event()

    def take(self, event: Event) -> None:
        """Add what happened, and wake the readers."""
        match event:
            case TextAdded():
                self.text += event.text
            case ThinkingAdded():
                self.thinking += event.text
            case StageChanged():
                self.stage = event
            case SourcesFound():
                self.sources = event
            case Finished() | Failed():
                self.ending = event
        self.wake()

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
            has_text = len(self.text) > offset
            if has_text:
                start, offset = offset, len(self.text)
                yield TextAdded(start, self.text[start:offset])
            if ending is not None:
                yield ending
                return
            await changed.wait()
            if has_text:
                # The first words go out at once; what follows is merged into fewer, larger pieces.
                await asyncio.sleep(MERGE_SECONDS)


async def as_seen_by(access: Access, events: AsyncIterator[Event]) -> AsyncIterator[Event]:
    """A feed for another access than the one that asked, such as a token limited to some collections."""
    async for event in events:
        match event:
            case SourcesFound():
                items = await run_in_tenant(access.tenant_id, as_seen, access, event.items)
                yield replace(event, items=items)
            case Finished():
                citations = await run_in_tenant(access.tenant_id, as_seen, access, event.citations)
                yield replace(event, citations=citations)
            case _:
                yield event


async def follow_stored(access: Access, message_id: UUID, offset: int = 0) -> AsyncIterator[Event]:
    """The same from what Postgres has: a reply that is over, or is being written by another process."""
    stage = ""
    has_sources = False
    while True:
        message, sources, ending = await run_in_tenant(access.tenant_id, _stored_state, access, message_id)
        require_offset(offset, message.content)
        now = "writing" if sources or message.content else "searching"
        if now != stage:
            stage = now
            yield StageChanged(stage, "")
        if sources and not has_sources:
            has_sources = True
            yield SourcesFound(sources)
        if len(message.content) > offset:
            yield TextAdded(offset, message.content[offset:])
            offset = len(message.content)
        if ending is not None:
            yield ending
            return
        await asyncio.sleep(POLL_SECONDS)


def require_offset(offset: int, text: str) -> None:
    """Raise `InvalidInput` for an offset that lies past the text so far."""
    if offset > len(text):
        raise InvalidInput.at("/offset", f"The answer has {len(text)} characters so far.", "offset_past_end")


def ending_event(access: Access, message_id: UUID) -> Finished | Failed:
    """How a stored reply ended, inside the caller's unit."""
    message: Message = Message.objects.get(id=message_id)
    if message.status in {Status.FAILED, Status.INTERRUPTED}:
        return Failed(message.error_code, message.error_detail)
    citations = Citation.objects.filter(message=message).order_by("marker")
    return Finished(
        finish_reason=message.finish_reason,
        citations=stored_citations(access, citations),
        usage=message.usage,
        timings=message.timings,
        model=message.model,
    )


def _stored_state(
    access: Access, message_id: UUID
) -> tuple[Message, list[dict[str, object]], Finished | Failed | None]:
    message = access_reply(access, message_id)
    rows = Source.objects.filter(message=message).order_by("marker")
    ending = ending_event(access, message_id) if message.is_over else None
    return message, stored_sources(access, rows), ending
