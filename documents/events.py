"""Telling open pages how a document is getting on. Wakes people up; nothing depends on it."""

import logging
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction
from redis.exceptions import RedisError

from documents.models import Document

logger = logging.getLogger(__name__)


def documents_group(tenant_id: UUID) -> str:
    """The Channels group of everyone in a tenant who watches its documents."""
    return f"t.{tenant_id}.documents"


def document_event(document: Document) -> dict[str, Any]:
    """The event `document`, in the shape that sockets and SSE share."""
    error = {"code": document.error_code, "detail": document.error_detail} if document.error_code else None
    return {
        "type": "document",
        "document": str(document.id),
        "status": document.status,
        "progress": round(document.progress, 3),
        "pages": document.page_count,
        "chunks": document.chunk_count,
        "error": error,
    }


def announce(document: Document) -> None:
    """Send the document's state to whoever watches, once the running transaction is committed.

    The message says where the document is, so that each socket keeps from its person what they do not see.
    """
    message = {
        "type": "relay.document",
        "event": document_event(document),
        "collection": str(document.collection_id),
        "is_restricted": document.collection.is_restricted,
    }
    assert document.tenant_id is not None
    group = documents_group(document.tenant_id)
    transaction.on_commit(lambda: _send(group, message), robust=True)


def _send(group: str, message: dict[str, Any]) -> None:
    layer = get_channel_layer()
    assert layer is not None
    try:
        async_to_sync(layer.group_send)(group, message)
    except (RedisError, OSError):
        logger.warning("Document events cannot be sent: Valkey cannot be reached.")
