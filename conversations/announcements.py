"""Telling a person's open pages which answers are being written, and what conversations are called."""

import logging
from typing import Any
from uuid import UUID

from channels.layers import get_channel_layer
from redis.exceptions import RedisError

from tenants.access import Access

logger = logging.getLogger(__name__)


def person_group(access: Access) -> str:
    """The Channels group of one person's pages in one organisation."""
    return f"t.{access.tenant_id}.person.{access.user_id}"


async def announce_title(access: Access, conversation_id: UUID, title: str) -> None:
    await _send(access, {"type": "title", "conversation": str(conversation_id), "title": title})


async def announce_running(access: Access, conversation_id: UUID, *, is_running: bool) -> None:
    await _send(access, {"type": "running", "conversation": str(conversation_id), "running": is_running})


async def _send(access: Access, event: dict[str, Any]) -> None:
    """Wakes pages up; nothing depends on it, so a Valkey that is away is only noted."""
    layer = get_channel_layer()
    assert layer is not None
    try:
        await layer.group_send(person_group(access), {"type": "relay", "event": event})
    except (RedisError, OSError):
        logger.warning("Pages cannot be told of answers: Valkey cannot be reached.")
