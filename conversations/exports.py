"""Conversations' part of a person's export."""

from typing import Any
from uuid import UUID

from conversations.models import Conversation
from conversations.selectors import list_messages, message_views, trace_view
from tenants.access import Access
from tenants.exports import ExportRun
from tenants.permissions import Action

_ABOUT = ("id", "title", "mode", "metadata", "created_at", "updated_at", "ended_at")


def export_conversations(run: ExportRun, access: Access) -> None:
    """Each of a person's conversations with its messages, sources and citations, to admins with its traces.

    Registered with `on_person_exported`; the words of documents stand there as far as the person sees them.
    """

    def own() -> Any:
        return Conversation.objects.filter(author_id=access.user_id)

    with run.unit():
        total = own().count()
    for done, conversation in enumerate(run.rows(own, _ABOUT)):
        run.step(0.4 + 0.6 * min(1.0, done / total))
        whole = {**conversation, "messages": _messages(run, access, conversation["id"])}
        run.archive.write_json(f"conversations/{conversation['id']}.json", whole)


def _messages(run: ExportRun, access: Access, conversation_id: UUID) -> list[dict[str, Any]]:
    with run.unit():
        conversation = Conversation.objects.filter(id=conversation_id).first()
        if conversation is None:
            return []
        messages = list(list_messages(conversation))
        views = message_views(access, messages)
        if not access.allows(Action.EXPLAIN_ANSWERS):
            return views
        return [{**view, "why": trace_view(access, one)} for view, one in zip(views, messages, strict=True)]
