"""Sockets: parse a frame, call one service, send the events. The shapes are those of `events`."""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import aclosing, suppress
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from channels.consumer import get_handler_name
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.db import DatabaseError
from django.utils.translation import gettext

from conversations.answering.continuation_model import model_to_go_on
from conversations.chat_models import chooser
from conversations.events import BlockRendered, Event, Failed, Finished, SourcesFound, TextAdded, TitleChanged
from conversations.rendering import BlockStream, portal_chips, render_blocks
from conversations.replies import runner
from conversations.selectors.conversations import access_conversation, access_reply
from conversations.services.leases import request_stop
from conversations.services.messages import Asked
from conversations.services.temporary import keep_a_moment
from conversations.socket_frames import (
    TURNS,
    message_id_of,
    model_of,
    offset_of,
    only,
    parse,
    request_id_of,
    turn_of,
)
from conversations.streaming.announcements import Subscription, announce_title, person_group
from documents.events import documents_group
from documents.failure_messages import told
from documents.selectors import sees_collection
from tenants.access import Access, Carrier
from tenants.db import run_in_tenant, run_unit
from tenants.errors import DocentError, InvalidInput, NotFound, PermissionRefused
from tenants.limits.bucket import require_call
from tenants.permissions import Action
from tenants.revocable_work import Door, Reason

logger = logging.getLogger(__name__)

# Kept: for each frame a new one would be made.
_told = json.JSONEncoder(ensure_ascii=False)
REFUSED = 4403
# Times that a temporary conversation is kept in the time that it would stay.
_KEPT_OFTEN = 3
# Whose authority ended need not come back; whose was changed may, and is looked at anew.
TOO_SLOW = 1013
CLOSE_CODES = {Reason.ENDED: 4401, Reason.CHANGED: 1012}


class TenantConsumer(AsyncWebsocketConsumer):
    """What both sockets share: the access, frames as JSON objects, refusals as `failed` frames."""

    access: Access
    # Its row of the permission table: any of these opens the socket.
    actions: ClassVar[frozenset[Action]] = frozenset()
    # None: Channels would refuse every socket while Valkey is away. Who listens has a `Subscription`.
    channel_layer_alias = "none"

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.access = scope["access"]
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_stuck = False
        self._door = Door(self.access, self._shut, login=scope["login"])
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._door.leave()
            for task in self._tasks:
                task.cancel()

    async def connect(self) -> None:
        try:
            if not any(self.access.allows(action) for action in self.actions):
                raise PermissionRefused
            await self.enter()
        except DocentError:
            await self.close(REFUSED)
            return
        await self.accept()
        self._door.open()
        self.begin()

    async def enter(self) -> None:
        """Check what this socket is about; a `DocentError` refuses it before it is accepted."""

    def begin(self) -> None:
        """Start what goes on by itself once the socket is accepted."""

    def _shut(self, reason: Reason) -> None:
        # 1012 is said to everybody when the server is restarted: pages come back at once where it is theirs alone.
        self._let_go(CLOSE_CODES[reason], reason.value if reason is Reason.CHANGED else None)

    def _let_go(self, code: int, reason: str | None = None) -> None:
        for task in self._tasks:
            task.cancel()
        self.spawn(_until_left(self.close(code, reason)))

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self._door.closed_by is not None:
            return
        frame: dict[str, Any] = {}
        try:
            frame = parse(text_data)
            await self._handler(frame)(frame)
        except DocentError as error:
            may_pass_later = error.status >= 500 or error.retry_after is not None  # noqa: PLR2004
            await self.refuse(frame, error.code, error.detail, retryable=may_pass_later)
        except DatabaseError:
            logger.exception("a socket's frame failed")
            await self.refuse(frame, "unavailable", "The service is busy. Try again.", retryable=True)

    def _handler(self, frame: dict[str, Any]) -> Callable[[dict[str, Any]], Awaitable[None]]:
        handlers = self.handlers()
        kind = frame.get("type")
        if not isinstance(kind, str) or kind not in handlers:
            raise InvalidInput.at(
                "/type",
                gettext("The type is one of: {names}.").format(names=", ".join(handlers) or "none"),
                "unknown_type",
            )
        return handlers[kind]

    def handlers(self) -> dict[str, Callable[[dict[str, Any]], Awaitable[None]]]:
        return {}

    async def refuse(self, frame: dict[str, Any], code: str, detail: str, *, retryable: bool) -> None:
        """A frame refused before a reply exists; the socket stays open."""
        request_id = frame.get("request_id")
        await self.send_json(
            {
                "type": "failed",
                "request_id": request_id if isinstance(request_id, str) else None,
                "message": None,
                "code": code,
                "detail": detail,
                "retryable": retryable,
            }
        )

    async def send_json(self, payload: dict[str, Any]) -> None:
        """One that takes nothing for a while is let go, and told so if it ever reads on."""
        if self._door.closed_by is not None or self._is_stuck:
            return
        try:
            async with asyncio.timeout(settings.DOCENT_READER_SECONDS):
                await self.send(text_data=_told.encode(payload))
        except TimeoutError:
            self._is_stuck = True
            self._let_go(TOO_SLOW)

    def spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class ConversationConsumer(TenantConsumer):
    """`/o/<slug>/ws/conversations/<id>/`: ask, stop and resume in one conversation."""

    actions = frozenset({Action.CHAT})

    async def enter(self) -> None:
        self.conversation_id: UUID = self.scope["url_route"]["kwargs"]["conversation"]
        tenant_id = self.access.tenant_id
        found = await run_in_tenant(tenant_id, access_conversation, self.access, self.conversation_id)
        self._is_temporary = found.is_temporary
        self._followed: dict[UUID, asyncio.Task[None]] = {}

    def handlers(self) -> dict[str, Callable[[dict[str, Any]], Awaitable[None]]]:
        return {**dict.fromkeys(TURNS, self.on_turn), "stop": self.on_stop, "resume": self.on_resume}

    def begin(self) -> None:
        self.spawn(_until_left(self._listen()))
        if self._is_temporary:
            self.spawn(self._keep())

    async def _keep(self) -> None:
        """A temporary conversation stays for as long as its page is open, and a moment."""
        keep = partial(keep_a_moment, access=self.access, conversation_id=self.conversation_id)
        while True:
            try:
                if not await run_unit(keep):
                    return
            except DatabaseError:
                logger.exception("a temporary conversation could not be kept")
            await asyncio.sleep(settings.DOCENT_TEMPORARY_SECONDS / _KEPT_OFTEN)

    async def _listen(self) -> None:
        """The title that a model has found, wherever the answer was written. Nobody waits for Valkey to ask."""
        subscription = Subscription([person_group(self.access)])
        await subscription.open()
        async with aclosing(subscription.messages()) as messages:
            async for message in messages:
                event = message["event"] if message.get("is_news") else {}
                if event.get("conversation") == str(self.conversation_id):
                    await self.send_json({"message": None, **event})

    async def on_turn(self, frame: dict[str, Any]) -> None:
        """Have what the frame asks for stored, say so, and tell what becomes of it."""
        service, request_id = turn_of(frame), request_id_of(frame)
        arrived_at = time.monotonic()
        looks_first = frame["type"] == "continue" or bool(model_of(frame))
        if looks_first:
            await run_unit(lambda: require_call(self.access, arrived_at=arrived_at))
        if frame["type"] == "continue":
            await runner.settle(self.access, message_id_of(frame))
            service = partial(service, model=await model_to_go_on(self.access, message_id_of(frame)))
        await chooser().require(self.access, model_of(frame))

        def store() -> Asked:
            # Else at one go: where many ask, each unit of its own waits for its turn.
            if not looks_first:
                require_call(self.access, arrived_at=arrived_at)
            return service(
                access=self.access,
                conversation_id=self.conversation_id,
                process_id=runner.writing_process(),
                request_id=request_id,
            )

        asked = await run_unit(store)
        runner.start(asked)
        await self.send_json(
            {
                "type": "accepted",
                "request_id": request_id,
                "question": str(asked.question_id),
                "message": str(asked.message_id),
            }
        )
        await self.send_json(TitleChanged(str(asked.conversation_id), asked.title).payload(asked.message_id))
        if not self._is_temporary:
            self.spawn(announce_title(self.access, asked.conversation_id, asked.title))
        self._follow(asked.message_id, asked.offset)

    async def on_stop(self, frame: dict[str, Any]) -> None:
        only(frame, {"type", "message", "request_id"})
        message_id = message_id_of(frame)
        message = await run_in_tenant(self.access.tenant_id, self._own_reply, message_id)
        reply = runner.find_running(message_id)
        if reply is not None:
            reply.stop()
        else:
            await run_unit(lambda: request_stop(access=self.access, message=message))

    async def on_resume(self, frame: dict[str, Any]) -> None:
        only(frame, {"type", "message", "offset", "request_id"})
        message_id, offset = message_id_of(frame), offset_of(frame)
        message = await run_in_tenant(self.access.tenant_id, self._own_reply, message_id)
        await runner.require_written(self.access, message, offset)
        self._follow(message_id, offset)

    def _own_reply(self, message_id: UUID) -> Any:
        message = access_reply(self.access, message_id)
        if message.conversation_id != self.conversation_id:
            raise NotFound("There is no such reply.")
        return message

    def _follow(self, message_id: UUID, offset: int) -> None:
        """Send a reply's events from here on; following it anew replaces the earlier reader."""
        earlier = self._followed.get(message_id)
        if earlier is not None:
            earlier.cancel()
        is_page = self.access.carrier is Carrier.SESSION
        work = self._send_blocks(message_id) if is_page else self._send_deltas(message_id, offset)
        task = asyncio.create_task(_until_left(work))
        self._followed[message_id] = task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send_deltas(self, message_id: UUID, offset: int) -> None:
        async for event in runner.follow(self.access, message_id, offset):
            await self.send_json(event.payload(message_id))

    async def _send_blocks(self, message_id: UUID) -> None:
        """Pages get HTML: text becomes blocks, and at the end only what was verified stays a chip."""
        text, chips, stream = "", {}, BlockStream()
        async for event in runner.follow(self.access, message_id):
            match event:
                case SourcesFound():
                    chips = portal_chips(event.items)
                case TextAdded():
                    text += event.text
                    for index, html in stream.update(text, chips):
                        await self._send(BlockRendered(index, html), message_id)
                    continue
                case Failed():
                    for index, html in stream.update(text, chips, is_over=True):
                        await self._send(BlockRendered(index, html), message_id)
                case Finished():
                    verified = portal_chips(event.citations)
                    for index, html in enumerate(render_blocks(text, verified)):
                        await self._send(BlockRendered(index, html), message_id)
            await self._send(event, message_id)

    async def _send(self, event: Event, message_id: UUID) -> None:
        await self.send_json(event.payload(message_id))


class PersonConsumer(TenantConsumer):
    """`/o/<slug>/ws/`: how documents get on, which answers are being written, new titles."""

    actions = frozenset({Action.CHAT, Action.READ_DOCUMENTS})

    async def enter(self) -> None:
        groups = [person_group(self.access)] if self.access.allows(Action.CHAT) else []
        if self.access.allows(Action.READ_DOCUMENTS):
            groups.append(documents_group(self.access.tenant_id))
        self._subscription = Subscription(groups)
        await self._subscription.open()

    def begin(self) -> None:
        self.spawn(_until_left(self._listen()))

    async def _listen(self) -> None:
        async with aclosing(self._subscription.messages()) as messages:
            async for message in messages:
                try:
                    await getattr(self, get_handler_name(message))(message)
                except DatabaseError:
                    logger.exception("an announcement could not be relayed")

    async def relay(self, message: dict[str, Any]) -> None:
        """An event that a worker or another process announced to the group."""
        await self.send_json(message["event"])

    async def relay_document(self, message: dict[str, Any]) -> None:
        """How a document gets on: told to the whole organisation, shown to whoever sees its collection now."""
        is_for_all = not message["is_restricted"] and self.access.collections is None
        collection = UUID(message["collection"])
        tenant_id = self.access.tenant_id
        if is_for_all or await run_in_tenant(tenant_id, sees_collection, self.access, collection):
            await self.send_json(_in_words(message["event"]))


def _in_words(event: dict[str, Any]) -> dict[str, Any]:
    """What is wrong with a document is announced as it is stored, and read in this reader's language."""
    error = event.get("error")
    return {**event, "error": {**error, "detail": told(error["detail"])}} if error else event


async def _until_left(reading: Coroutine[Any, Any, None]) -> None:
    """Read on until the reader has gone, which the server says by an OSError."""
    with suppress(OSError):
        await reading
