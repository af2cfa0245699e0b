"""Writes: archiving a conversation, and taking it back out of the archive.

An archived conversation's row stays, its messages are one file. The file is there before the row that names it,
and goes after it: what is left over when a process dies in between, the sweep removes.
"""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Coalesce, Now
from django.utils.translation import gettext

from conversations import records
from conversations.models import ArchivedName, ArchiveRecord, Conversation, ConversationWords, Message, Share
from conversations.prompting.summary_jobs import SUMMARISE, summarise_soon
from conversations.searching.embedding import EMBED_CONVERSATION, embed_soon
from conversations.selectors.life import life_rules, list_to_archive
from conversations.services.ending import every_tenant
from conversations.services.holding import hold, require_at_rest, require_kept
from conversations.webhook_events import tell_of_ending
from documents.models import Document
from documents.registry import on_documents_erased
from tenants.access import Access
from tenants.audit.recording import record, record_of_platform
from tenants.context import current_tenant_id
from tenants.db import tenant_atomic
from tenants.errors import Conflict, is_disk_full
from tenants.jobs import outbox
from tenants.jobs.handlers import JobHandler, register_job
from tenants.jobs.leases import Lease

logger = logging.getLogger(__name__)

BLANK_ARCHIVE = "conversations.blank_archive"
_ROWS = 500


def archive_conversation(*, access: Access, conversation: Conversation) -> Conversation:
    """End a conversation and move its messages into a file. Archiving twice changes nothing.

    `Conflict` while an answer is being written or others may read it; an `OSError` of a full disk changes nothing
    either.
    """
    with tenant_atomic(access.tenant_id):
        held = hold(conversation)
        if held.archived_at is None:
            require_kept(held)
            require_at_rest(held)
            _require_unshared(held)
            _archive(held)
            record(access, "conversation.archived", target_kind="conversation", target_id=held.id)
        held.refresh_from_db()
    return held


def _require_unshared(conversation: Conversation) -> None:
    if Share.alive().filter(conversation=conversation).exists():
        detail = gettext("Others may read this conversation, and would lose it. End its shares first.")
        raise Conflict(detail, code="conversation_shared")


def archive_ended() -> int:
    """Archive every organisation's conversations that ended long enough ago; returns how many."""
    return sum(_archive_in(tenant_id, slug) for tenant_id, slug in every_tenant())


def _archive_in(tenant_id: UUID, slug: str) -> int:
    done = 0
    try:
        while _archive_next(tenant_id):
            done += 1
    except OSError as error:
        if not is_disk_full(error):
            raise
        logger.warning("Conversations of %s wait to be archived: there is no space left.", slug)
    if done:
        with tenant_atomic(tenant_id):
            record_of_platform(
                None, "conversations.archived", target_kind="tenant", target_id=tenant_id, conversations=done
            )
    return done


def _archive_next(tenant_id: UUID) -> bool:
    """One, in a unit of its own: what fails afterwards undoes none that was archived before."""
    with tenant_atomic(tenant_id):
        due = list_to_archive(life_rules()).order_by("ended_at").select_for_update(skip_locked=True)
        conversation = due.first()
        if conversation is not None:
            _archive(conversation)
    return conversation is not None


def _archive(conversation: Conversation) -> None:
    """In the caller's unit, which holds the conversation."""
    content = records.record_of(conversation)
    with _stored(content) as row:
        row.conversation = conversation
        row.save()
        _note_names(row, content)
        for kind in (EMBED_CONVERSATION, SUMMARISE):
            outbox.cancel(kind, conversation.id)
        ConversationWords.objects.filter(conversation=conversation).delete()
        Message.objects.filter(conversation=conversation).delete()
        if conversation.ended_at is None:
            tell_of_ending([conversation.id], "archived")
        # Not `save`: that something was archived is no activity.
        Conversation.objects.filter(id=conversation.id).update(
            archived_at=Now(), ended_at=Coalesce("ended_at", Now())
        )


@contextmanager
def _stored(content: dict[str, Any]) -> Iterator[ArchiveRecord]:
    """A row, not yet saved, whose file is in storage; taken out again when the block fails."""
    key, sha256, size = records.store(current_tenant_id(), content)
    try:
        yield ArchiveRecord(
            storage_key=key,
            sha256=sha256,
            bytes=size,
            messages=len(content["messages"]),
            schema_version=content["schema"],
        )
    except BaseException:
        records.delete_files([key])
        raise


def _note_names(row: ArchiveRecord, content: dict[str, Any]) -> None:
    named = records.documents_in(content) | records.people_in(content)
    named.discard(row.conversation.author_id)
    ArchivedName.objects.bulk_create(ArchivedName(record=row, subject_id=one) for one in named)


def reopen_conversation(*, access: Access, conversation: Conversation) -> Conversation:
    """Take messages again; what was archived is back with all its messages. Reopening twice changes nothing.

    Raises `ArchiveUnusable` where the file is not what it was; then the conversation stays archived.
    """
    try:
        return _reopen(access, conversation)
    except IntegrityError:
        # A document that is cited went at this very moment; the second time it is seen to be gone.
        return _reopen(access, conversation)


def _reopen(access: Access, conversation: Conversation) -> Conversation:
    with tenant_atomic(access.tenant_id):
        held = hold(conversation)
        if held.ended_at is None:
            return held
        if held.archived_at is not None:
            _restore(held)
        held.ended_at = held.archived_at = None
        held.save(update_fields=["ended_at", "archived_at", "updated_at"])
        record(access, "conversation.reopened", target_kind="conversation", target_id=held.id)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    return held


def _restore(conversation: Conversation) -> None:
    """In the caller's unit, which holds the conversation."""
    row = ArchiveRecord.objects.select_for_update().get(conversation=conversation)
    insert_whole(records.whole_of(records.load(row), conversation))
    embed_soon(conversation.id)
    summarise_soon(conversation.id)
    _forget([row])


def insert_whole(whole: records.Whole) -> None:
    """Store rows with the times that they have."""
    for rows in (whole.messages, *whole.parts.values()):
        for start in range(0, len(rows), _ROWS):
            _insert(rows[start : start + _ROWS])


def _insert(rows: list[Any]) -> None:
    model = type(rows[0])
    fields = [one for one in model._meta.local_concrete_fields if not one.generated]
    # Raw: `bulk_create` would write today's time into `created_at`.
    model.objects.get_queryset()._insert(rows, fields=fields, raw=True, using=connection.alias)


def forget_archives(conversations: Iterable[UUID]) -> int:
    """Conversations go: their files go after the caller's unit. Returns how many there were."""
    return _forget(list(ArchiveRecord.objects.filter(conversation__in=list(conversations))))


def _forget(rows: list[ArchiveRecord]) -> int:
    ids = [row.id for row in rows]
    outbox.cancel(BLANK_ARCHIVE, *ids)
    ArchivedName.objects.filter(record__in=ids).delete()
    ArchiveRecord.objects.filter(id__in=ids).delete()
    transaction.on_commit(lambda: records.delete_files([row.storage_key for row in rows]), robust=True)
    return len(rows)


def blank_archives(document_ids: list[UUID]) -> None:
    """Documents go: a job takes their words out of archives. Registered with `on_documents_erased`, last.

    Until it is done nobody is shown them, for whoever reads an archive is shown what they see today.
    """
    named = ArchivedName.objects.filter(subject_id__in=document_ids)
    for record_id in set(named.values_list("record_id", flat=True)):
        outbox.enqueue(BLANK_ARCHIVE, record_id)


def blank_archive(record_id: UUID, lease: Lease) -> None:
    """The job: write the file anew without the words of documents that are gone. Without the row it is done."""
    with tenant_atomic(lease.tenant_id):
        row = ArchiveRecord.objects.select_for_update().filter(id=record_id).first()
        if row is not None:
            content = records.load(row)
            named = records.documents_in(content)
            gone = named - set(Document.objects.filter(id__in=named).values_list("id", flat=True))
            _write_without(row, content, gone)


def forget_in_archives(user_id: UUID) -> int:
    """Take what a person did out of others' archives, in the caller's unit; returns in how many."""
    named = ArchivedName.objects.filter(subject_id=user_id).values("record_id")
    rows = list(ArchiveRecord.objects.filter(id__in=named).order_by("id").select_for_update())
    for row in rows:
        _write_without(row, records.load(row), {user_id})
    return len(rows)


def _write_without(row: ArchiveRecord, content: dict[str, Any], gone: set[UUID]) -> None:
    before = row.storage_key
    with _stored(records.without(content, gone)) as fresh:
        row.storage_key, row.sha256, row.bytes = fresh.storage_key, fresh.sha256, fresh.bytes
        row.save(update_fields=["storage_key", "sha256", "bytes"])
        ArchivedName.objects.filter(record=row, subject_id__in=gone).delete()
        transaction.on_commit(lambda: records.delete_files([before]), robust=True)


def leave_unblanked(record_id: UUID, code: str, detail: str) -> None:
    """The file cannot be read or written; it is shown to nobody as long as that is so, and tried with the next."""


def register() -> None:
    """The job, and what starts it."""
    on_documents_erased.register(blank_archives)
    register_job(BLANK_ARCHIVE, JobHandler(blank_archive, leave_unblanked))
