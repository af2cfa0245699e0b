"""Writes: the leases by which a reply's process says that it lives, and hears that somebody wants it to stop."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Sum
from django.db.models.functions import Length
from django.utils.translation import gettext

from conversations.answering.metering import usage_of
from conversations.answering.pipeline import Outcome
from conversations.models import Message, Source, Status
from conversations.streaming.valkey_text import drop_text, recover_text
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
        raise Conflict(
            gettext("This reply is {status} already.").format(status=message.status), code="already_over"
        )


def read_leases(process_id: UUID, message_ids: Collection[UUID]) -> dict[UUID, bool]:
    """The process's leases of these replies; says of each whether somebody asked to stop it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT message_id, is_stop_requested FROM tenants_replylease "
            "WHERE process_id = %s AND message_id = ANY(%s)",
            [process_id, list(message_ids)],
        )
        return dict(cursor.fetchall())


def renew_leases(process_id: UUID, message_ids: Collection[UUID]) -> dict[UUID, bool]:
    """The same, and keep them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE tenants_replylease SET expires_at = now() + make_interval(secs => %s) "
            "WHERE process_id = %s AND message_id = ANY(%s) RETURNING message_id, is_stop_requested",
            [settings.DOCENT_REPLY_LEASE_SECONDS, process_id, list(message_ids)],
        )
        return dict(cursor.fetchall())


def release_reply(message_id: UUID, process_id: UUID) -> bool:
    """Give the lease back, inside the caller's unit; False where it is the process's no longer."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM tenants_replylease WHERE message_id = %s AND process_id = %s", [message_id, process_id]
        )
        return bool(cursor.rowcount)


def find_expired_leases() -> list[tuple[UUID, UUID]]:
    """(message, tenant) of replies whose process died."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT message_id, tenant_id FROM tenants_replylease WHERE expires_at < now() LIMIT 100")
        return list(cursor.fetchall())


def interrupt_reply(*, tenant_id: UUID, message_id: UUID) -> bool:
    """Say of a reply whose lease ran out that it was interrupted. False when another process said so first.

    It keeps all that anybody was shown of it.
    """
    shown = recover_text(tenant_id, message_id)
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
        for message in Message.objects.filter(id=message_id):
            if shown.startswith(message.content):
                changed["content"] = shown
        Message.objects.filter(id=message_id).update(**changed)
        _count_what_was_kept(message_id)
    drop_text(tenant_id, message_id)
    return True


def _count_what_was_kept(message_id: UUID) -> None:
    """The process that knew by which token it was asked is gone; what the rows show was used by their author."""
    message = Message.objects.select_related("conversation").filter(id=message_id).first()
    if message is None:
        return
    prompt = Source.objects.filter(message=message).aggregate(total=Sum(Length("text")))["total"]
    before = message.continued[-1]["offset"] if message.continued else 0
    kept = Outcome(
        model=message.model,
        timings=message.timings,
        prompt_characters=prompt or 0,
        completion_characters=len(message.content) - before,
    )
    Message.objects.filter(id=message_id).update(usage=usage_of(kept, message.usage))
    asked = message.conversation
    count_tokens(Spender(asked.site_id or asked.author_id), model=message.model, **kept.estimated_usage())
