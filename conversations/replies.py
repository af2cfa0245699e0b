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
from conversations.events import Event, Failed, Finished, StageChanged
from conversations.evidence import Question
from conversations.feeds import Feed, as_seen_by, ending_event, follow_stored
from conversations.models import Status
from conversations.pipeline import Outcome, answer, cite
from conversations.selectors import access_reply
from conversations.services.messages import Asked
from conversations.services.outcomes import Ending, save_ending, save_progress
from providers.errors import ProviderError
from tenants.access import Access
from tenants.db import run_in_tenant, run_unit
from tenants.doors import Door

logger = logging.getLogger(__name__)

PROCESS_ID = uuid4()
FLUSH_SECONDS = 1.0


class Reply:
    """A reply being written by this process. `feed` is what it has said so far."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.feed = Feed()
        self._outcome = Outcome()
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

    async def _write(self) -> None:
        notice = asyncio.get_running_loop().call_later(settings.DOCENT_FIRST_TOKEN_NOTICE, self._say_slow)
        try:
            async with aclosing(answer(self.question, self._outcome)) as events:
                async for event in events:
                    self.feed.take(event)
        finally:
            notice.cancel()

    def _say_slow(self) -> None:
        if not self.feed.text and not self.feed.thinking:
            detail = "The model has not begun to answer yet. Still waiting…"
            self.feed.take(StageChanged("writing", detail))

    async def _run(self) -> None:
        access, conversation = self.question.access, self.question.conversation_id
        flusher = asyncio.create_task(self._flush())
        telling = asyncio.create_task(announce_running(access, conversation, is_running=True))
        # Whoever asked may not ask any more: nothing is written for them. Logging out ends no authority.
        with Door(access, lambda _reason: self.stop(), survives_change=True):
            ending = await self._await_ending()
        self._is_written.set()
        self.feed.wake()
        # Not cancelled: a save that is under way on its thread must not come after the last one.
        await asyncio.gather(flusher, return_exceptions=True)
        try:
            await cite(self.question, self.feed.text, self._outcome)
            event = await self._save(ending)
        except Exception:
            # The row stays as it was flushed last; its lease runs out and it is found as interrupted.
            logger.exception("reply %s could not be stored", self.question.message_id)
            event = Failed("interrupted", "The answer could not be stored. Try again.")
        running.pop(self.question.message_id, None)
        self._stored.set()
        self.feed.take(event)
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
            text, with_sources = self.feed.text, self.feed.sources is not None and not has_sources
            if text == stored and not with_sources:
                await self.feed.changed()
                continue
            await run_in_tenant(
                self.question.access.tenant_id,
                save_progress,
                message_id=self.question.message_id,
                text=text,
                outcome=self._outcome,
                with_sources=with_sources,
            )
            stored, has_sources = text, has_sources or with_sources
            with suppress(TimeoutError):
                await asyncio.wait_for(self._is_written.wait(), FLUSH_SECONDS)

    async def _save(self, ending: Ending) -> Finished | Failed:
        question = self.question
        stored = await run_unit(
            lambda: save_ending(
                access=question.access,
                process_id=PROCESS_ID,
                message_id=question.message_id,
                text=self.feed.text,
                outcome=self._outcome,
                ending=ending,
            )
        )
        if not stored:
            return Failed("interrupted", "Writing this answer was interrupted. You can ask again.")
        return await run_in_tenant(question.access.tenant_id, ending_event, question.access, question.message_id)


running: dict[UUID, Reply] = {}


def start(asked: Asked) -> None:
    """Begin to write a reply just stored. Asking the same request twice starts nothing."""
    if asked.question is not None:
        running[asked.message_id] = Reply(asked.question)


def find_running(message_id: UUID) -> Reply | None:
    """The reply, if this process is writing it."""
    return running.get(message_id)


async def wait_until_over(access: Access, message_id: UUID) -> None:
    """Return once the reply is stored for good, whichever process writes it."""
    reply = find_running(message_id)
    if reply is not None:
        await reply.finished()
        return
    async for _event in follow_stored(access, message_id):
        pass


async def stop_all() -> None:
    """The process goes down: every reply ends as interrupted, with its text."""
    replies = list(running.values())
    for reply in replies:
        reply.interrupt()
    await asyncio.gather(*(reply.finished() for reply in replies), return_exceptions=True)


async def follow(access: Access, message_id: UUID, offset: int = 0) -> AsyncIterator[Event]:
    """The events of a reply from wherever it is written. Raises `NotFound`, and `InvalidInput` past its end."""
    reply = running.get(message_id)
    if reply is not None and reply.question.access == access:  # whoever asked need not be looked up on the way
        events = reply.feed.follow(offset)
    else:
        await run_in_tenant(access.tenant_id, access_reply, access, message_id)
        events = (
            as_seen_by(access, reply.feed.follow(offset)) if reply else follow_stored(access, message_id, offset)
        )
    async for event in events:
        yield event


def text_of(message_id: UUID, stored: str) -> str:
    """A reply's text so far: what this process has of it, else what was stored."""
    reply = running.get(message_id)
    return reply.feed.text if reply else stored
