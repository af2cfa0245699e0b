"""A reply that another process writes, or that is over: Valkey has its text while it grows, Postgres the rest."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from uuid import UUID

from conversations.citing.sources import stored_sources
from conversations.events import Event, Failed, Finished, SourcesFound, StageChanged, ThinkingAdded
from conversations.models import Message, Source
from conversations.selectors.conversations import access_reply, find_thoughts
from conversations.streaming import valkey_text
from conversations.streaming.feed import ending_event, in_pieces, require_offset
from conversations.streaming.valkey_text import Seen
from tenants.access import Access
from tenants.db import run_in_tenant

# Between two looks at Valkey, and at Postgres: there it stands how a reply ended, which Valkey gives a hint of.
LOOK_SECONDS = 0.1
_ASK_SECONDS, _ASK_ALONE_SECONDS = 1.0, 0.4
# The process that writes it keeps what it has in Postgres about once a second.
_KEPT_WITHIN = 2.0

_State = tuple[Message, list[dict[str, object]], Finished | Failed | None, str]


async def follow_stored(access: Access, message_id: UUID, offset: int = 0) -> AsyncIterator[Event]:
    """The events of a reply from wherever it stands, up to its end. Raises `NotFound` and `InvalidInput`."""
    follower = _Follower(access, message_id, offset)
    while True:
        for event in await follower.ask():
            yield event
        if follower.is_over:
            return
        asked = time.monotonic()
        while time.monotonic() - asked < follower.patience and not follower.has_reason:
            await asyncio.sleep(LOOK_SECONDS)
            for event in await follower.look():
                yield event


async def require_written(access: Access, message: Message, offset: int) -> None:
    """Raise `InvalidInput` for an offset past what another process has written of the reply, or what is stored."""
    until = time.monotonic() + _KEPT_WITHIN
    while offset > len(message.content):
        seen = None if message.is_over else await valkey_text.read_on(access.tenant_id, message.id)
        if seen is not None and offset <= len(seen.text):
            return
        if message.is_over or time.monotonic() >= until:
            require_offset(offset, message.content)
        await asyncio.sleep(LOOK_SECONDS)
        message = await run_in_tenant(access.tenant_id, access_reply, access, message.id)


class _Follower:
    """How far one reader is."""

    def __init__(self, access: Access, message_id: UUID, offset: int) -> None:
        self._access = access
        self._message_id = message_id
        self._offset = offset
        self._stage: StageChanged | None = None
        self._has_sources = False
        # Whether Postgres has anything of it: text is told after its sources.
        self._has_begun = False
        # Of the text that was seen in Valkey: its characters, its bytes.
        self._length = self._size = 0
        self._was_there = False
        self.is_over = False
        # Something has happened that Postgres knows more of.
        self.has_reason = False
        self.patience = _ASK_ALONE_SECONDS

    async def ask(self) -> list[Event]:
        """What Postgres and Valkey have by now."""
        tenant_id, self.has_reason = self._access.tenant_id, False
        # Valkey first: what is stored by then is as long as what was seen there, if the reply is over meanwhile.
        seen = await valkey_text.read_on(tenant_id, self._message_id)
        message, sources, ending, thoughts = await run_in_tenant(
            tenant_id, _stored, self._access, self._message_id
        )
        text = message.content
        if ending is None and seen is not None and len(seen.text) > len(text):
            text = seen.text
        if self._offset > len(text) and not self._has_begun:
            require_offset(self._offset, text)
        self._has_begun = bool(sources or message.content)
        self._note(seen)
        self._length, self._size = (len(seen.text), seen.size) if seen else (0, 0)
        events = [*self._staged(seen, is_writing=bool(sources or text))]
        if sources and not self._has_sources:
            self._has_sources = True
            events.append(SourcesFound(sources))
        if thoughts:
            # Not live: they are in Postgres when the reply is over.
            events.append(ThinkingAdded(0, thoughts))
        if self._has_begun or ending is not None:
            events += self._added(text, 0)
        if ending is not None:
            self.is_over = True
            events.append(ending)
        return events

    async def look(self) -> list[Event]:
        """What Valkey has by now."""
        seen = await valkey_text.read_on(self._access.tenant_id, self._message_id, size=self._size)
        if seen is None or (self._was_there and not seen.text and seen.stage is None):
            self.has_reason = self._was_there and seen is not None
            self._note(seen)
            return []
        self._note(seen)
        events = [*self._staged(seen, is_writing=False)]
        if seen.text:
            if self._has_begun:
                events += self._added(seen.text, self._length)
                self._length, self._size = self._length + len(seen.text), seen.size
            else:
                self.has_reason = True
        return events

    def _note(self, seen: Seen | None) -> None:
        self._was_there = seen is not None and seen.is_there
        self.patience = _ASK_SECONDS if self._was_there else _ASK_ALONE_SECONDS

    def _staged(self, seen: Seen | None, *, is_writing: bool) -> Iterator[Event]:
        stage = seen.stage if seen is not None and seen.stage is not None else None
        if stage is None and (self._stage is None or is_writing):
            stage = StageChanged("writing" if is_writing else "searching", "")
            if self._stage is not None and self._stage.stage == stage.stage:
                return
        if stage is not None and stage != self._stage:
            self._stage = stage
            yield stage

    def _added(self, text: str, start: int) -> Iterator[Event]:
        """What of `text`, which stands at `start`, is new."""
        if start + len(text) > self._offset >= start:
            yield from in_pieces(text[self._offset - start :], self._offset)
            self._offset = start + len(text)


def _stored(access: Access, message_id: UUID) -> _State:
    message = access_reply(access, message_id)
    rows = Source.objects.filter(message=message).order_by("marker")
    ending = ending_event(access, message) if message.is_over else None
    thoughts = find_thoughts(access, message) if message.is_over else ""
    return message, stored_sources(access, rows), ending, thoughts
