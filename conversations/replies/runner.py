"""Replies run here, apart from any connection: readers come and go, the reply goes on.

One `Reply` is one asyncio task of the process that was asked. Its text only grows and is addressed by
offset in code points; it is kept in Postgres about once a second, and whoever reads says how much they
have. Readers on other processes follow what Valkey and Postgres have.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from uuid import UUID, uuid4

from django.conf import settings
from django.db import DatabaseError

from conversations.answering.evidence import Question
from conversations.answering.metering import count_ended
from conversations.answering.pipeline import Outcome, cite
from conversations.events import Event, Failed, Finished, StageChanged
from conversations.metrics import WRITING
from conversations.models import Message, Status
from conversations.replies.saving import FLUSH_SECONDS, keep_text, next_second
from conversations.replies.titles import give_up_titles, title_soon
from conversations.replies.waiting_for_files import answer
from conversations.selectors.conversations import access_reply
from conversations.services.messages import Asked
from conversations.services.outcomes import Ending, Said, save_ending, save_progress
from conversations.streaming import stored_replies
from conversations.streaming.announcements import announce_running
from conversations.streaming.feed import Feed, as_seen_by, require_offset
from conversations.streaming.stored_replies import follow_stored
from conversations.streaming.valkey_text import key_of
from providers.errors import ProviderError
from tenants.access import Access
from tenants.db import run_in_tenant, run_unit
from tenants.errors import DocentError, Restarting
from tenants.metrics import on_sample
from tenants.observing.log_context import noted
from tenants.revocable_work import Door

logger = logging.getLogger(__name__)

PROCESS_ID = uuid4()
# How long an answer that is written waits for a database that is away.
SAVED_WITHIN = 60.0


class Reply:
    """A reply being written by this process. `feed` is what it has said so far."""

    def __init__(self, question: Question) -> None:
        self.question = question
        # What was written before, of an answer that is gone on with.
        self._before = question.begun.text if question.begun else ""
        self.feed = Feed(key_of(question.access.tenant_id, question.message_id), self._before)
        self._outcome = Outcome(begun=question.begun, is_unlisted=question.is_unlisted)
        self._is_written = asyncio.Event()
        self._stored = asyncio.Event()
        self._is_stopping = False
        self._began = time.perf_counter()
        with noted(reply=question.message_id, tenant=question.access.tenant_id):
            self._writer = asyncio.create_task(self._write(), name=f"write-{question.message_id}")
            self._runner = asyncio.create_task(self._run(), name=f"reply-{question.message_id}")

    def stop(self) -> None:
        """End the answer here; the model server notices at once, the text so far is kept."""
        # Cancelled again while it lets go of the model server it would not let go.
        if not self._is_stopping:
            self._is_stopping = True
            self._writer.cancel()

    def interrupt(self) -> None:
        """The process is going down."""
        self._writer.cancel()

    async def finished(self) -> None:
        """Wait until the reply has been stored."""
        await self._stored.wait()

    async def _write(self) -> None:
        self._notice = self._notice_later()
        try:
            async with aclosing(answer(self.question, self._outcome)) as events:
                async for event in events:
                    self.feed.take(event)
        finally:
            self._notice.cancel()

    def _notice_later(self) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(settings.DOCENT_FIRST_TOKEN_NOTICE, self._say_slow)

    def _say_slow(self) -> None:
        turn = self._outcome.turn
        if self._outcome.is_reading or (turn is not None and turn.is_waiting):
            self._notice = self._notice_later()
        elif self.feed.text == self._before and not self.feed.thinking:
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
            event = await self._save_patiently(ending)
        except Exception:
            # The row stays as it was flushed last; its lease runs out and it is found as interrupted.
            logger.exception("reply %s could not be stored", self.question.message_id)
            event = Failed("interrupted", "The answer could not be stored. Try again.")
        running.pop(self.question.message_id, None)
        count_ended(self._outcome, event, time.perf_counter() - self._began)
        self._stored.set()
        self.feed.take(event)
        if self.question.wants_title and isinstance(event, Finished):
            title_soon(access, conversation, self.question.message_id, self._outcome.choice)
        await telling
        await announce_running(access, conversation, is_running=False)

    async def _await_ending(self) -> Ending:
        try:
            await self._writer
        except asyncio.CancelledError:
            if self._is_stopping:
                return Ending(Status.STOPPED)
            return Ending(Status.INTERRUPTED, "interrupted", "The server was stopped. You can ask again.")
        except (ProviderError, DocentError) as error:
            return Ending(Status.FAILED, error.code, error.detail)
        except Exception:
            logger.exception("reply %s failed", self.question.message_id)
            return Ending(Status.FAILED, "internal_error", "Something went wrong here. Try again.")
        if self._outcome.finish_reason == "refused":
            return Ending(Status.REFUSED)
        return Ending(Status.FINISHED)

    async def _flush(self) -> None:
        """Store the text about once a second; the first time as soon as the sources are known."""
        stored, has_sources = self._before, False
        while not self._is_written.is_set():
            text, with_sources = self.feed.text, self.feed.sources is not None and not has_sources
            if text == stored and not with_sources:
                await self.feed.changed()
                continue
            try:
                await self._keep(Said(self.question.message_id, text, self._outcome), with_sources=with_sources)
            except DatabaseError:
                # It is away: what is written goes on, and is stored when it is back.
                await asyncio.sleep(FLUSH_SECONDS)
                continue
            stored, has_sources = text, has_sources or with_sources
            self._outcome.has_kept_sources = has_sources
            with suppress(TimeoutError):
                async with asyncio.timeout_at(next_second()):
                    await self._is_written.wait()

    async def _keep(self, said: Said, *, with_sources: bool) -> None:
        """At once what readers elsewhere wait for; what only grows goes with what others have said."""
        tenant_id = self.question.access.tenant_id
        if with_sources or self._outcome.recalled or said.text == self._before:
            await run_in_tenant(tenant_id, save_progress, said, with_sources=with_sources)
        else:
            await keep_text(tenant_id, said)

    async def _save_patiently(self, ending: Ending) -> Finished | Failed:
        """A database that is away for a while keeps nobody's answer from being stored."""
        until = time.monotonic() + SAVED_WITHIN
        while True:
            try:
                return await self._save(ending)
            except DatabaseError:
                if time.monotonic() >= until or _is_closing.is_set():
                    raise
                logger.warning("reply %s waits to be stored", self.question.message_id)
                await asyncio.sleep(FLUSH_SECONDS)

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
        self.feed.close(is_stored=stored is not None)
        return stored or Failed("interrupted", "Writing this answer was interrupted. You can ask again.")


running: dict[UUID, Reply] = {}
on_sample(lambda: WRITING.set(len(running)))
_is_closing = asyncio.Event()


def writing_process() -> UUID:
    """This process, for what is asked to be written here. Raises `Unavailable` while it goes down."""
    if _is_closing.is_set():
        raise Restarting("The service is being restarted. Ask again in a moment.")
    return PROCESS_ID


def start(asked: Asked) -> None:
    """Begin to write a reply just stored. Asking the same request twice starts nothing."""
    if asked.question is not None:
        running[asked.message_id] = Reply(asked.question)


async def settle(access: Access, message_id: UUID) -> None:
    """Wait until this process has done with a reply that is over by the database. Raises `NotFound`."""
    reply = find_running(message_id)
    message = await run_in_tenant(access.tenant_id, access_reply, access, message_id)
    if reply is not None and message.is_over:
        await reply.finished()


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


def is_closing() -> bool:
    """Whether the process goes down."""
    return _is_closing.is_set()


def close() -> None:
    """The process goes down: nothing more is to be written here."""
    _is_closing.set()


async def all_stored() -> None:
    """Return when nothing is written here any more."""
    while running:
        await asyncio.gather(*(reply.finished() for reply in running.values()))


async def stop_all() -> None:
    """Every reply that is not over ends as interrupted, with its text."""
    give_up_titles()
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


async def require_written(access: Access, message: Message, offset: int) -> None:
    """Raise `InvalidInput` for an offset past the reply's text so far, wherever it is written."""
    reply = running.get(message.id)
    if reply is not None:
        require_offset(offset, reply.feed.text)
    else:
        await stored_replies.require_written(access, message, offset)
