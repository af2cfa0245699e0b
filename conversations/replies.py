"""Replies run here, apart from any connection: readers come and go, the reply goes on.

One `Reply` is one asyncio task of the process that was asked. Its text only grows and is addressed by
offset in code points; it is kept in Postgres about once a second, and whoever reads says how much they
have. Readers on other processes follow what Postgres has.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from uuid import UUID, uuid4

from django.conf import settings

from conversations.announcements import announce_running
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
from conversations.pipeline import Outcome, Question, answer, cite
from conversations.selectors import access_reply
from conversations.services.messages import Asked, Ending, save_ending, save_progress
from conversations.sources import stored_citations, stored_sources
from providers.errors import ProviderError
from tenants.access import Access
from tenants.db import run_in_tenant, run_unit
from tenants.errors import InvalidInput

logger = logging.getLogger(__name__)

PROCESS_ID = uuid4()
FLUSH_SECONDS = 1.0
MERGE_SECONDS = 0.04
POLL_SECONDS = 0.4

__all__ = ["PROCESS_ID", "Reply", "find_running", "follow", "start", "stop_all"]


class Reply:
    """A reply being written by this process."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.text = ""
        self.thinking = ""
        self.stage: StageChanged | None = None
        self.sources: SourcesFound | None = None
        self.ending: Finished | Failed | None = None
        self._outcome = Outcome()
        self._changed = asyncio.Event()
        self._is_written = asyncio.Event()
        self._stored = asyncio.Event()
        self._is_stopping = False
        self._writer = asyncio.create_task(self._write(), name=f"write-{question.message_id}")
        self._runner = asyncio.create_task(self._run(), name=f"reply-{question.message_id}")

    def stop(self) -> None:
        """End the answer here; the model server notices at once, the text so far is kept."""
        self._is_stopping = True
        self._writer.cancel()

    def interrupt(self) -> None:
        """The process is going down."""
        self._writer.cancel()

    async def finished(self) -> None:
        """Wait until the reply has been stored."""
        await self._stored.wait()

    async def follow(self, offset: int = 0) -> AsyncIterator[Event]:
        """Where the reply stands, then what happens, up to its end. `offset` is how much text one has."""
        if offset > len(self.text):
            raise _past_the_end(len(self.text))
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

    def _announce(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def _write(self) -> None:
        notice = asyncio.get_running_loop().call_later(settings.DOCENT_FIRST_TOKEN_NOTICE, self._say_slow)
        try:
            async with aclosing(answer(self.question, self._outcome)) as events:
                async for event in events:
                    self._take(event)
                    self._announce()
        finally:
            notice.cancel()

    def _say_slow(self) -> None:
        if not self.text and not self.thinking:
            self.stage = StageChanged("writing", "The model has not begun to answer yet. Still waiting…")
            self._announce()

    def _take(self, event: Event) -> None:
        match event:
            case TextAdded():
                self.text += event.text
            case ThinkingAdded():
                self.thinking += event.text
            case StageChanged():
                self.stage = event
            case SourcesFound():
                self.sources = event

    async def _run(self) -> None:
        access, conversation = self.question.access, self.question.conversation_id
        flusher = asyncio.create_task(self._flush())
        telling = asyncio.create_task(announce_running(access, conversation, is_running=True))
        ending = await self._await_ending()
        self._is_written.set()
        self._announce()
        # Not cancelled: a save that is under way on its thread must not come after the last one.
        await asyncio.gather(flusher, return_exceptions=True)
        try:
            await cite(self.question, self.text, self._outcome)
            self.ending = await self._save(ending)
        except Exception:
            # The row stays as it was flushed last; its lease runs out and it is found as interrupted.
            logger.exception("reply %s could not be stored", self.question.message_id)
            self.ending = Failed("interrupted", "The answer could not be stored. Try again.")
        finally:
            running.pop(self.question.message_id, None)
            self._stored.set()
            self._announce()
        await telling
        await announce_running(access, conversation, is_running=False)

    async def _await_ending(self) -> Ending:
        try:
            await self._writer
        except asyncio.CancelledError:
            if self._is_stopping:
                return Ending(Status.STOPPED)
            return Ending(Status.INTERRUPTED, "interrupted", "The server was stopped. You can ask again.")
        except ProviderError as error:
            return Ending(Status.FAILED, error.code, error.detail)
        except Exception:
            logger.exception("reply %s failed", self.question.message_id)
            return Ending(Status.FAILED, "internal_error", "Something went wrong here. Try again.")
        if self._outcome.finish_reason == "refused":
            return Ending(Status.REFUSED)
        return Ending(Status.FINISHED)

    async def _flush(self) -> None:
        """Store the text about once a second; the first time as soon as the sources are known."""
        stored, has_sources = "", False
        while not self._is_written.is_set():
            changed = self._changed
            if self.text != stored or (self.sources is not None and not has_sources):
                stored, with_sources = self.text, self.sources is not None and not has_sources
                await run_in_tenant(
                    self.question.access.tenant_id,
                    save_progress,
                    message_id=self.question.message_id,
                    text=stored,
                    outcome=self._outcome,
                    with_sources=with_sources,
                )
                has_sources = has_sources or with_sources
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._is_written.wait(), FLUSH_SECONDS)
            else:
                await changed.wait()

    async def _save(self, ending: Ending) -> Finished | Failed:
        question = self.question
        stored = await run_unit(
            lambda: save_ending(
                tenant_id=question.access.tenant_id,
                process_id=PROCESS_ID,
                message_id=question.message_id,
                text=self.text,
                outcome=self._outcome,
                ending=ending,
            )
        )
        if not stored:
            return Failed("interrupted", "Writing this answer was interrupted. You can ask again.")
        return await run_in_tenant(question.access.tenant_id, _ending_event, question.access, question.message_id)


running: dict[UUID, Reply] = {}


def start(asked: Asked) -> None:
    """Begin to write a reply just stored. Asking the same request twice starts nothing."""
    if asked.question is not None:
        running[asked.message_id] = Reply(asked.question)


def find_running(message_id: UUID) -> Reply | None:
    """The reply, if this process is writing it."""
    return running.get(message_id)


async def stop_all() -> None:
    """The process goes down: every reply ends as interrupted, with its text."""
    replies = list(running.values())
    for reply in replies:
        reply.interrupt()
    await asyncio.gather(*(reply.finished() for reply in replies), return_exceptions=True)


async def follow(access: Access, message_id: UUID, offset: int = 0) -> AsyncIterator[Event]:
    """The events of a reply from wherever it is written. Raises `NotFound`, and `InvalidInput` past its end."""
    message = await run_in_tenant(access.tenant_id, access_reply, access, message_id)
    reply = running.get(message_id)
    if reply is not None:
        async for event in reply.follow(offset):
            yield event
        return
    if offset > len(message.content):
        raise _past_the_end(len(message.content))
    has_sources = False
    while True:
        message, sources, ending = await run_in_tenant(access.tenant_id, _stored_state, access, message_id)
        if not has_sources:
            yield StageChanged("writing" if sources or message.content else "searching", "")
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


def _stored_state(
    access: Access, message_id: UUID
) -> tuple[Message, list[dict[str, object]], Finished | Failed | None]:
    message = access_reply(access, message_id)
    rows = Source.objects.filter(message=message).order_by("marker")
    ending = _ending_event(access, message_id) if message.is_over else None
    return message, stored_sources(access.tenant_slug, rows), ending


def _ending_event(access: Access, message_id: UUID) -> Finished | Failed:
    message: Message = Message.objects.get(id=message_id)
    if message.status in {Status.FAILED, Status.INTERRUPTED}:
        return Failed(message.error_code, message.error_detail)
    citations = Citation.objects.filter(message=message).order_by("marker")
    return Finished(
        finish_reason=message.finish_reason,
        citations=stored_citations(access.tenant_slug, citations),
        usage=message.usage,
        timings=message.timings,
        model=message.model,
    )


def _past_the_end(length: int) -> InvalidInput:
    return InvalidInput.at("/offset", f"The answer has {length} characters so far.", "offset_past_end")
