"""Sockets: parse a frame, call one service, send the events. The shapes are those of `events`."""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import aclosing, suppress
from typing import Any, ClassVar
from uuid import UUID, uuid4

from channels.consumer import get_handler_name
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import DatabaseError

from conversations import replies
from conversations.announcements import Subscription, announce_title, person_group
from conversations.events import BlockRendered, Event, Failed, Finished, SourcesFound, TextAdded, TitleChanged
from conversations.feeds import require_offset
from conversations.rendering import BlockStream, portal_chips, render_blocks
from conversations.selectors import access_conversation, access_reply
from conversations.services.leases import request_stop
from conversations.services.messages import ask
from documents.events import documents_group
from documents.selectors import sees_collection
from tenants.access import Access, Carrier
from tenants.db import run_in_tenant, run_unit
from tenants.doors import Door, Reason
from tenants.errors import DocentError, InvalidInput, NotFound, PermissionRefused, TooLarge
from tenants.limits.bucket import require_call
from tenants.permissions import Action

logger = logging.getLogger(__name__)

MAX_FRAME_BYTES = 64 * 1024
REFUSED = 4403
# Whose authority ended need not come back; whose was changed may, and is looked at anew.
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
        for task in self._tasks:
            task.cancel()
        self.spawn(_until_left(self.close(CLOSE_CODES[reason])))

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self._door.closed_by is not None:
            return
        frame: dict[str, Any] = {}
        try:
            frame = _parse(text_data)
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
            raise InvalidInput.at("/type", f"The type is one of: {', '.join(handlers) or 'none'}.", "unknown_type")
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
        if self._door.closed_by is None:
            await self.send(text_data=json.dumps(payload, ensure_ascii=False))

    def spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class ConversationConsumer(TenantConsumer):
    """`/o/<slug>/ws/conversations/<id>/`: ask, stop and resume in one conversation."""

    actions = frozenset({Action.CHAT})

    async def enter(self) -> None:
        self.conversation_id: UUID = self.scope["url_route"]["kwargs"]["conversation"]
        await run_in_tenant(self.access.tenant_id, access_conversation, self.access, self.conversation_id)
        self._followed: dict[UUID, asyncio.Task[None]] = {}

    def handlers(self) -> dict[str, Callable[[dict[str, Any]], Awaitable[None]]]:
        return {"ask": self.on_ask, "stop": self.on_stop, "resume": self.on_resume}

    async def on_ask(self, frame: dict[str, Any]) -> None:
        _only(frame, {"type", "request_id", "content", "parent", "collections", "documents"})
        content, request_id = frame.get("content"), frame.get("request_id") or str(uuid4())
        if not isinstance(content, str):
            raise InvalidInput.at("/content", "Ask a question as text.", "required")
        if not isinstance(request_id, str) or len(request_id) > 64:  # noqa: PLR2004
            raise InvalidInput.at("/request_id", "A request id is text of up to 64 characters.", "invalid")
        parent = None if frame.get("parent") is None else _uuid(frame, "parent")
        arrived_at = time.monotonic()
        await run_unit(lambda: require_call(self.access, arrived_at=arrived_at))
        asked = await run_unit(
            lambda: ask(
                access=self.access,
                conversation_id=self.conversation_id,
                content=content,
                process_id=replies.PROCESS_ID,
                parent=parent,
                request_id=request_id,
                collections=_uuids(frame, "collections"),
                documents=_uuids(frame, "documents"),
            )
        )
        replies.start(asked)
        await self.send_json(
            {
                "type": "accepted",
                "request_id": request_id,
                "question": str(asked.question_id),
                "message": str(asked.message_id),
            }
        )
        await self.send_json(TitleChanged(str(asked.conversation_id), asked.title).payload(asked.message_id))
        self.spawn(announce_title(self.access, asked.conversation_id, asked.title))
        self._follow(asked.message_id, 0)

    async def on_stop(self, frame: dict[str, Any]) -> None:
        _only(frame, {"type", "message", "request_id"})
        message_id = _uuid(frame, "message")
        message = await run_in_tenant(self.access.tenant_id, self._own_reply, message_id)
        reply = replies.find_running(message_id)
        if reply is not None:
            reply.stop()
        else:
            await run_unit(lambda: request_stop(access=self.access, message=message))

    async def on_resume(self, frame: dict[str, Any]) -> None:
        _only(frame, {"type", "message", "offset", "request_id"})
        message_id, offset = _uuid(frame, "message"), frame.get("offset", 0)
        if not isinstance(offset, int) or isinstance(offset, bool) or offset < 0:
            raise InvalidInput.at("/offset", "The offset is a number of characters.", "invalid")
        message = await run_in_tenant(self.access.tenant_id, self._own_reply, message_id)
        require_offset(offset, replies.text_of(message_id, message.content))
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
        async for event in replies.follow(self.access, message_id, offset):
            await self.send_json(event.payload(message_id))

    async def _send_blocks(self, message_id: UUID) -> None:
        """Pages get HTML: text becomes blocks, and at the end only what was verified stays a chip."""
        text, chips, stream = "", {}, BlockStream()
        async for event in replies.follow(self.access, message_id):
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
            await self.relay(message)


async def _until_left(reading: Coroutine[Any, Any, None]) -> None:
    """Read on until the reader has gone, which the server says by an OSError."""
    with suppress(OSError):
        await reading


def _parse(text: str | None) -> dict[str, Any]:
    if text is None:
        raise InvalidInput("Frames are JSON text.", code="malformed")
    if len(text.encode()) > MAX_FRAME_BYTES:
        raise TooLarge("A frame may have up to 64 kB.", code="frame_too_large")
    try:
        frame = json.loads(text)
        # What cannot be told again cannot be kept: half surrogates, which JSON can name.
        json.dumps(frame, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise InvalidInput("The frame is not JSON.", code="malformed") from error
    if not isinstance(frame, dict):
        raise InvalidInput("A frame is a JSON object.", code="malformed")
    for name in ("content", "request_id"):
        if "\0" in str(frame.get(name)):
            raise InvalidInput.at(f"/{name}", "Null characters are not allowed.", "null_characters_not_allowed")
    return frame


def _only(frame: dict[str, Any], known: set[str]) -> None:
    unknown = sorted(set(frame) - known)
    if unknown:
        raise InvalidInput.at(f"/{unknown[0]}", "This field is not known.", "unknown_field")


def _uuids(frame: dict[str, Any], name: str) -> list[UUID]:
    values = frame.get(name) or []
    if not isinstance(values, list):
        raise InvalidInput.at(f"/{name}", "This is a list of ids.", "invalid")
    try:
        return [UUID(str(value)) for value in values]
    except ValueError as error:
        raise InvalidInput.at(f"/{name}", "This is a list of ids.", "invalid") from error


def _uuid(frame: dict[str, Any], name: str) -> UUID:
    try:
        return UUID(str(frame.get(name)))
    except ValueError as error:
        raise NotFound("There is no such message.") from error
