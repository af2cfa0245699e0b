"""Conversations' part of a person's export."""

from typing import Any
from uuid import UUID

from conversations.models import ArchiveRecord, Conversation, Persona, SavedPrompt, Share, Summary
from conversations.selectors.archives import archived_messages, archived_summaries
from conversations.selectors.conversations import (
    find_thoughts,
    list_attachments,
    list_messages,
    message_views,
    trace_view,
)
from conversations.selectors.memory import hidden_answers
from tenants.access import Access
from tenants.exports import ExportRun, on_person_exported, on_tenant_exported
from tenants.permissions import Action

_ABOUT = (
    "id",
    "title",
    "mode",
    "persona_id",
    "memory",
    "memory_turns",
    "origin",
    "metadata",
    "created_at",
    "updated_at",
    "ended_at",
    "archived_at",
    "pinned_at",
)


def register() -> None:
    on_person_exported.register(export_personas)
    on_person_exported.register(export_conversations)
    on_person_exported.register(export_shares)
    on_tenant_exported.register(export_archives)


def export_conversations(run: ExportRun, access: Access) -> None:
    """Each of a person's conversations with its messages, sources and citations, to admins with its traces.

    Registered with `on_person_exported`; the words of documents stand there as far as the person sees them. What
    was asked in passing is the asking program's to keep.
    """

    def own() -> Any:
        return Conversation.objects.filter(author_id=access.user_id, unlisted_until=None)

    with run.unit():
        total = own().count()
    for done, conversation in enumerate(run.rows(own, _ABOUT)):
        run.step(0.4 + 0.6 * min(1.0, done / total))
        whole = {**conversation, "messages": _messages(run, access, conversation["id"])}
        whole["attachments"] = _attachments(run, access, conversation["id"])
        whole["summaries"] = _summaries(run, access, conversation["id"])
        run.archive.write_json(f"conversations/{conversation['id']}.json", whole)


def export_personas(run: ExportRun, access: Access) -> None:
    """The assistants that a person made and the prompts that they keep. Registered with `on_person_exported`."""
    for name, query in (
        ("personas", lambda: Persona.objects.filter(created_by_id=access.user_id)),
        ("prompts", lambda: SavedPrompt.objects.filter(author_id=access.user_id)),
    ):
        run.archive.write_rows(f"{name}.jsonl", run.rows(query))


def export_shares(run: ExportRun, access: Access) -> None:
    """What a person has shared, ended or not. Registered with `on_person_exported`."""
    run.archive.write_rows("shares.jsonl", run.rows(lambda: Share.objects.filter(created_by_id=access.user_id)))


def export_archives(run: ExportRun) -> None:
    """The files of archived conversations as they are. Registered with `on_tenant_exported`."""
    for row in run.rows(_kept_archives, ("id", "conversation_id", "storage_key", "sha256")):
        run.archive.write_file(f"archives/{row['conversation_id']}.json", row["storage_key"], sha256=row["sha256"])


def _kept_archives() -> Any:
    return ArchiveRecord.objects.filter(conversation__deleted_at=None)


def _messages(run: ExportRun, access: Access, conversation_id: UUID) -> list[dict[str, Any]]:
    with run.unit():
        conversation = Conversation.objects.filter(id=conversation_id).first()
        if conversation is None:
            return []
        if conversation.archived_at is not None:
            return archived_messages(access, conversation)
        messages = list(list_messages(conversation))
        thoughts = [{"thinking": find_thoughts(access, one) or None} for one in messages]
        views = [view | one for view, one in zip(message_views(access, messages), thoughts, strict=True)]
        if not access.allows(Action.EXPLAIN_ANSWERS):
            return views
        return [{**view, "why": trace_view(access, one)} for view, one in zip(views, messages, strict=True)]


def _attachments(run: ExportRun, access: Access, conversation_id: UUID) -> list[dict[str, Any]]:
    """The files are among the person's documents."""
    with run.unit():
        conversation = Conversation.objects.filter(id=conversation_id).first()
        if conversation is None:
            return []
        rows: Any = list_attachments(access, conversation).order_by("created_at", "id")
        return list(rows.values("id", "name", "size", "status", "created_at"))


def _summaries(run: ExportRun, access: Access, conversation_id: UUID) -> list[dict[str, Any]]:
    """Those that rest on nothing out of sight."""
    with run.unit():
        return [
            {"until": row.until_id, "text": row.words, "is_edited": bool(row.edited), "updated_at": row.updated_at}
            for row in _tellable(access, conversation_id)
            if row.words
        ]


def _tellable(access: Access, conversation_id: UUID) -> list[Summary]:
    archived = Conversation.objects.filter(id=conversation_id).exclude(archived_at=None).first()
    if archived is not None:
        return archived_summaries(access, archived)
    hidden = hidden_answers(access, conversation_id)
    rows = Summary.objects.filter(conversation=conversation_id).order_by("created_at", "id")
    return [row for row in rows if row.id not in hidden]
