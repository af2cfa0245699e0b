"""Writes: the leases by which a reply's process says that it lives, and hears that somebody wants it to stop."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Sum
from django.db.models.functions import Length

from conversations.models import Message, Source, Status
from conversations.pipeline import Outcome
from tenants.access import Access
from tenants.db import tenant_atomic
from tenants.errors import Conflict
from tenants.jobs.models import ReplyLease
from tenants.limits.usage import Spender, count_tokens


def request_stop(*, access: Access, message: Message) -> None:
    """Ask whichever process writes the reply to stop; it looks twice a second. Over already: `Conflict`."""
    require_running(message)
    with tenant_atomic(access.tenant_id):
        ReplyLease.objects.filter(message_id=message.id).update(is_stop_requested=True)


def require_running(message: Message) -> None:
    """`Conflict` for a reply that is over."""
    if message.is_over:
        raise Conflict(f"This reply is {message.status} already.", code="already_over")


def renew_leases(process_id: UUID, message_ids: Collection[UUID]) -> dict[UUID, bool]:
    """Keep a process's leases of these replies; says of each whether somebody asked to stop it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE tenants_replylease SET expires_at = now() + make_interval(secs => %s) "
            "WHERE process_id = %s AND message_id = ANY(%s) RETURNING message_id, is_stop_requested",
            [settings.DOCENT_REPLY_LEASE_SECONDS, process_id, list(message_ids)],
        )
        return dict(cursor.fetchall())


def find_expired_leases() -> list[tuple[UUID, UUID]]:
    """(message, tenant) of replies whose process died."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT message_id, tenant_id FROM tenants_replylease WHERE expires_at < now() LIMIT 100")
        return list(cursor.fetchall())


def interrupt_reply(*, tenant_id: UUID, message_id: UUID) -> bool:
    """Say of a reply whose lease ran out that it was interrupted. False when another process said so first."""
    with tenant_atomic(tenant_id):
        with connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM tenants_replylease WHERE message_id = %s AND expires_at < now()", [message_id]
            )
            if not cursor.rowcount:
                return False
        changed: dict[str, Any] = {
            "status": Status.INTERRUPTED,
            "error_code": "interrupted",
            "error_detail": "Writing this answer was interrupted. You can ask again.",
        }
        Message.objects.filter(id=message_id).update(**changed)
        _count_what_was_kept(message_id)
    return True


def _count_what_was_kept(message_id: UUID) -> None:
    """The process that knew by which token it was asked is gone; what the rows show was used by their author."""
    message = Message.objects.select_related("conversation").filter(id=message_id).first()
    if message is None:
        return
    prompt = Source.objects.filter(message=message).aggregate(total=Sum(Length("text")))["total"]
    used = Outcome(prompt_characters=prompt or 0, completion_characters=len(message.content)).estimated_usage()
    count_tokens(Spender(message.conversation.author_id), model=message.model, **used)
