"""How many conversations there are, in which state, and what they take."""

from typing import Any

from django.db.models import Count, F, Func, IntegerField, Q, Sum

from conversations.models import ArchiveRecord, Conversation, Message
from tenants.access import Access
from tenants.permissions import Action


class _Bytes(Func):
    function, output_field = "octet_length", IntegerField()


def conversation_stats(access: Access, *, everybodys: bool = False) -> dict[str, Any]:
    """Of one's own conversations, or for admins of the organisation's. Three queries, however many there are.

    `bytes` are those of messages, here and in archives' files; `mean_messages` is of conversations that have any.
    """
    access.require(Action.MANAGE_TENANT if everybodys else Action.CHAT)
    own: dict[str, Any] = {"unlisted_until": None} | ({} if everybodys else {"author_id": access.user_id})
    found: dict[str, Any] = Conversation.objects.filter(**own).aggregate(
        active=Count("id", filter=Q(ended_at=None)),
        ended=Count("id", filter=Q(ended_at__isnull=False, archived_at=None)),
        archived=Count("id", filter=Q(archived_at__isnull=False)),
    )
    theirs = {f"conversation__{name}": value for name, value in own.items()}
    here = Message.objects.filter(**theirs).aggregate(
        messages=Count("id"), of=Count("conversation", distinct=True), bytes=Sum(_Bytes(F("content")))
    )
    away = ArchiveRecord.objects.filter(**theirs).aggregate(
        of=Count("id", filter=Q(messages__gt=0)), messages=Sum("messages"), bytes=Sum("bytes")
    )
    messages, of = ((here[name] or 0) + (away[name] or 0) for name in ("messages", "of"))
    return {
        **found,
        "messages": messages,
        "mean_messages": round(messages / of, 2) if of else 0.0,
        "bytes": (here["bytes"] or 0) + (away["bytes"] or 0),
    }
