"""Telling a person's open pages which answers are being written, and what conversations are called."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction
from redis.exceptions import RedisError

from tenants.access import Access

logger = logging.getLogger(__name__)

_PATIENCE_SECONDS = 1.0
_RETRY_SECONDS = 5.0


class Subscription:
    """One page's place in Channels groups. It hears nothing while Valkey is away, and again when it is back."""

    def __init__(self, groups: Sequence[str]) -> None:
        layer = get_channel_layer()
        assert layer is not None
        self._layer = layer
        self._groups = groups
        self._channel = ""

    async def open(self) -> None:
        """Try once to subscribe."""
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                # To nobody, to see whether Valkey is there: a failed `new_channel` would leave its queue behind.
                await self._layer.send("nobody", {"type": "probe"})
                channel = await self._layer.new_channel()
                for group in self._groups:
                    await self._layer.group_add(group, channel)
        except (RedisError, OSError):
            return
        self._channel = channel

    async def messages(self) -> AsyncGenerator[dict[str, Any]]:
        """What is announced, for as long as it is read."""
        while not self._channel:
            await asyncio.sleep(_RETRY_SECONDS)
            await self.open()
        # One is always being awaited: the layer forgets a channel when that is cancelled.
        receiving = asyncio.ensure_future(self._layer.receive(self._channel))
        try:
            while True:
                message = await receiving
                receiving = asyncio.ensure_future(self._layer.receive(self._channel))
                yield message
        finally:
            await asyncio.sleep(0)  # cancelled before its first step it would forget nothing
            receiving.cancel()
            with suppress(asyncio.CancelledError, RedisError, OSError):
                await receiving
            with suppress(RedisError, OSError):
                for group in self._groups:
                    await self._layer.group_discard(group, self._channel)


def person_group(access: Access) -> str:
    """The Channels group of one person's pages in one organisation."""
    return f"t.{access.tenant_id}.person.{access.user_id}"


async def announce_title(access: Access, conversation_id: UUID, title: str, *, is_news: bool = False) -> None:
    """`is_news` tells the conversation's own sockets too: there it is known what a question made of it."""
    event = {"type": "title", "conversation": str(conversation_id), "title": title}
    await _send(access, event, is_news=is_news)


async def announce_running(access: Access, conversation_id: UUID, *, is_running: bool) -> None:
    await _send(access, {"type": "running", "conversation": str(conversation_id), "running": is_running})


def told_of_name(access: Access, conversation_id: UUID, title: str) -> None:
    """That somebody has named it, which asks nothing, once the running transaction is committed."""
    _tell_after(access, {"type": "renamed", "conversation": str(conversation_id), "title": title})


def told_of_list(access: Access, conversation_ids: Iterable[UUID], *, is_gone: bool) -> None:
    """That conversations are in the list no more or again, once the running transaction is committed."""
    ids = [str(one) for one in conversation_ids]
    _tell_after(access, {"type": "gone" if is_gone else "back", "conversations": ids})


def _tell_after(access: Access, event: dict[str, Any]) -> None:
    transaction.on_commit(lambda: async_to_sync(_send)(access, event), robust=True)


async def _send(access: Access, event: dict[str, Any], *, is_news: bool = False) -> None:
    """Wakes pages up; nothing depends on it, so a Valkey that is away is only noted."""
    layer = get_channel_layer()
    assert layer is not None
    try:
        await layer.group_send(person_group(access), {"type": "relay", "event": event, "is_news": is_news})
    except (RedisError, OSError):
        logger.warning("Pages cannot be told of answers: Valkey cannot be reached.")
