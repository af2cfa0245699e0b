"""What people leave in an organisation, everywhere at once, and ways to find it that share no code with ours."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
from celery import current_app
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone
from psycopg import sql
from redis import Redis

from conversations.models import (
    Citation,
    ConversationWords,
    Feedback,
    FeedbackSeen,
    Message,
    Rating,
    Role,
    Source,
    Status,
    Summary,
    Thoughts,
    Trace,
)
from conversations.services.conversations import create_conversation
from conversations.services.personas import create_persona
from conversations.services.prompts import save_prompt
from conversations.services.shares import create_share
from documents.models import Chunk, Collection, CollectionGrant
from retrieval.services.question_sets import add_question
from tenants.db import tenant_atomic
from tenants.jobs.outbox import RUN_JOB
from tenants.models import (
    Export,
    Group,
    Job,
    Membership,
    QuotaFor,
    QuotaKind,
    ReplyLease,
    UsageDay,
    WebhookDelivery,
)
from tenants.permissions import Action
from tenants.permissions import Role as TenantRole
from tenants.services.exports import key_of
from tenants.services.groups import add_to_group, create_group
from tenants.services.invitations import create_invitation
from tenants.services.limits import NewQuota, set_quota
from tenants.webhooks.services import create_webhook
from tests.people import Person
from tests.shelving import shelved


def settle(owner: Person, *, document: str) -> None:
    """One of everything of the organisation's own."""
    access = owner.access
    with tenant_atomic(access.tenant_id):
        group = create_group(access=access, name=f"Trustees of {owner.slug}")
        add_to_group(access=access, group=group, user_id=access.user_id)
        create_invitation(access=access, email="frank@example.org", role=TenantRole.VIEWER)
        set_quota(access=access, quota=NewQuota(QuotaKind.DOCUMENTS, QuotaFor.EACH, 1000))
        _export(access.tenant_id, subject=None, requester=access.user_id)
        made = create_webhook(access=access, url="https://localhost/told", events=["quota.near"])
        WebhookDelivery.objects.create(webhook=made.webhook, event_id=uuid4(), kind="quota.near", payload="{}")
        later = timezone.now() + timedelta(days=1)
        Job.objects.create(tenant_id=access.tenant_id, kind="none.known", target_id=uuid4(), run_at=later)
    live(owner, document=document)
    with Redis.from_url(settings.REDIS_URL) as valkey:
        valkey.set(f"t:{access.tenant_id}:rate:{access.user_id}", 1)
    # To the platform's queue, where no worker of the tests takes it.
    current_app.send_task(RUN_JOB, args=[str(uuid4())], queue="platform", tenant_id=access.tenant_id)


def live(person: Person, *, document: str) -> UUID:
    """One of everything that a member leaves; the conversation, with a reply that is being written."""
    access = person.access
    with tenant_atomic(access.tenant_id):
        conversation = create_conversation(
            access=access, title=f"Leave, asked by {person.user.name}", documents=[UUID(document)]
        )
        question = Message.objects.create(
            conversation=conversation, role=Role.USER, content="How much leave is there?", status=Status.FINISHED
        )
        chunk = Chunk.objects.filter(document=document).earliest("number")
        reply = Message.objects.create(
            conversation=conversation, role=Role.ASSISTANT, parent=question, content="[1]", status=Status.STREAMING
        )
        place = {"message": reply, "marker": 1, "document_id": document, "version": 1, "name": "a", "title": "a"}
        where = {"page": chunk.page, "start": chunk.start, "end": chunk.end}
        Source.objects.create(**place, **where, text=chunk.text, score=1.0)
        Citation.objects.create(**place, **where, quote=chunk.text)
        Thoughts.objects.create(message=reply, text=f"{person.user.name} wants to know of leave.")
        Trace.objects.create(message=reply, about={"searched_for": "leave", "passages": []})
        Summary.objects.create(conversation=conversation, until=reply, text=f"{person.user.name} asked of leave.")
        create_share(access=access, conversation=conversation, is_by_link=True)
        ConversationWords.objects.create(conversation=conversation, author_id=access.user_id, words="leave")
        Feedback.objects.create(message=reply, author_id=access.user_id, rating=Rating.UP)
        FeedbackSeen.objects.create(user_id=access.user_id, seen_at=timezone.now())
        ReplyLease.objects.create(
            message_id=reply.id,
            tenant_id=access.tenant_id,
            process_id=uuid4(),
            # Or a web server that runs beside the test would find it abandoned.
            expires_at=timezone.now() + timedelta(hours=1),
        )
        add_question(access=access, text=f"Asked by {person.user.name}?", key=str(reply.id))
        chosen = [one.id for one in Collection.objects.filter(is_default=True)]
        if access.allows(Action.WRITE_PERSONAS):
            create_persona(access=access, fields={"name": "Adviser", "collections": chosen})
            save_prompt(access=access, title="Ask all", text="How long?", is_shared=True)
        save_prompt(access=access, title="Ask again", text="How much?")
        membership = Membership.objects.get(user=person.user)
        named = {"name": f"Of {person.user.name}", "slug": person.user.name.lower()}
        own = Collection.objects.create(**named, created_by_id=access.user_id, is_restricted=True)
        CollectionGrant.objects.create(collection=own, membership=membership)
        for group in Group.objects.all():
            group.members.get_or_create(membership=membership)
        UsageDay.objects.create(day=timezone.now().date(), user_id=access.user_id, model="m", questions=1)
        _export(access.tenant_id, subject=access.user_id, requester=access.user_id)
    return UUID(str(conversation.id))


def handbook_of(person: Person) -> str:
    """A document that was processed for real. Needs the `worker`."""
    return str(shelved(person)["id"])


def _export(tenant_id: UUID, *, subject: UUID | None, requester: UUID) -> None:
    export = Export.objects.create(
        subject_id=subject,
        requested_by_id=requester,
        status=Export.Status.READY,
        expires_at=timezone.now() + timedelta(days=7),
    )
    export.storage_key = default_storage.save(key_of(tenant_id, export.id), ContentFile(b"PK"))
    export.save()


def places_of(admin: psycopg.Connection[Any], *words: str) -> dict[str, int]:
    """Rows of any table in which one of the words stands anywhere, by table; the superuser sees all of them."""
    found = {}
    for table in _tables(admin):
        query = sql.SQL("SELECT count(*) FROM {} AS one WHERE one::text ILIKE ANY(%s)")
        patterns = [f"%{word}%" for word in words]
        [count] = admin.execute(query.format(sql.Identifier(table)), [patterns]).fetchone() or [0]
        if count:
            found[table] = count
    return found


def remains_outside(word: str) -> set[str]:
    """Files, Valkey's keys and messages of its lists in whose name or content the word stands."""
    folder = Path(settings.DOCENT_DATA) / "files"
    found = {str(path) for path in folder.rglob("*") if word in str(path)}
    with Redis.from_url(settings.REDIS_URL) as valkey:
        for key in valkey.scan_iter(count=1000):
            held = valkey.lrange(key, 0, -1) if valkey.type(key) == b"list" else []
            if any(word.encode() in one for one in (key, *held)):
                found.add(key.decode())
    return found


def checksum_of(admin: psycopg.Connection[Any], tenant_id: UUID) -> str:
    """Every row of an organisation, its own row, and its files."""
    digest = hashlib.sha256()
    for table in _tables(admin, owned=True):
        query = sql.SQL("SELECT one::text FROM {} AS one WHERE tenant_id = %s ORDER BY 1")
        rows = admin.execute(query.format(sql.Identifier(table)), [tenant_id]).fetchall()
        digest.update(f"{table}{rows}".encode())
    row = admin.execute("SELECT one::text FROM tenants_tenant AS one WHERE id = %s", [tenant_id]).fetchall()
    digest.update(f"{row}".encode())
    for path in sorted((Path(settings.DOCENT_DATA) / "files" / "t" / str(tenant_id)).rglob("*")):
        digest.update(f"{path}".encode() + (path.read_bytes() if path.is_file() else b""))
    return digest.hexdigest()


@contextmanager
def backed_up(admin: psycopg.Connection[Any]) -> Iterator[None]:
    """The whole database as it was before the block is what it is after the block: a restore."""
    tables = {table: _columns(admin, table) for table in _tables(admin)}
    kept = {}
    for table, columns in tables.items():
        with admin.cursor().copy(sql.SQL("COPY {} ({}) TO STDOUT").format(sql.Identifier(table), columns)) as copy:
            kept[table] = b"".join(map(bytes, copy))
    yield
    with admin.transaction():
        admin.execute("SET LOCAL session_replication_role = replica")  # in any order
        names = sql.SQL(", ").join(map(sql.Identifier, tables))
        admin.execute(sql.SQL("TRUNCATE {} CASCADE").format(names))
        for table, columns in tables.items():
            into = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), columns)
            with admin.cursor().copy(into) as copy:
                copy.write(kept[table])


def _tables(admin: psycopg.Connection[Any], *, owned: bool = False) -> list[str]:
    rows = admin.execute(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        " AND relname NOT IN ('django_migrations', 'django_content_type', 'auth_permission', 'tenants_revocation')"
        " AND (NOT %s OR 'tenant_id' IN (SELECT attname FROM pg_attribute WHERE attrelid = pg_class.oid))"
        " ORDER BY 1",
        [owned],
    )
    return [name for (name,) in rows]


def _columns(admin: psycopg.Connection[Any], table: str) -> sql.Composed:
    rows = admin.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
        " AND attgenerated = ''",
        [table],
    )
    return sql.SQL(", ").join(sql.Identifier(name) for (name,) in rows)
