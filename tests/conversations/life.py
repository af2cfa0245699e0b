"""Conversations with turns in them, at the age that a test needs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.files.storage import default_storage
from django.db import connection
from django.utils import timezone

from conversations.models import (
    Citation,
    Conversation,
    Feedback,
    Message,
    Rating,
    Role,
    Source,
    Status,
    Summary,
    Trace,
)
from conversations.searching.embedding import embed_soon
from conversations.services.deleting import purge_past
from documents.models import Chunk, Page
from tenants.db import tenant_atomic
from tenants.isolation.catalog import tenant_models
from tests.isolation.estates import NOTED
from tests.people import Person

PATH = "/api/v1/conversations/"
_NOT_KEPT = {"conversations_messagechunk", "conversations_share", "conversations_thoughts"}


def begun(person: Person, **fields: Any) -> str:
    """The id of a new conversation."""
    response = person.api.post(PATH, fields)
    assert response.status_code == 201, response.content
    return str(response.json()["id"])


def turns(person: Person, conversation: str, count: int = 2, *, document: str | None = None) -> list[UUID]:
    """Store questions and answers; with a document each answer is given its first passage and cites it."""
    ids: list[UUID] = []
    with tenant_atomic(person.access.tenant_id):
        for number in range(count):
            question = Message.objects.create(
                conversation_id=conversation,
                role=Role.USER,
                parent_id=ids[-1] if ids else None,
                content=f"Question {number}: how much leave is there? “Ümläut” \n🙂",
                status=Status.FINISHED,
                request_id=f"request-{number}",
                asked_of={"collections": [str(UUID(int=number))], "documents": []},
            )
            answer = Message.objects.create(
                conversation_id=conversation,
                role=Role.ASSISTANT,
                parent=question,
                content=f"Answer {number} [1]",
                status=Status.FINISHED,
                finish_reason="stop",
                model="model-a",
                searched_for="How much leave is there?",
                based_on=[str(one) for one in ids[1::2]],
                continued=[{"request_id": None, "offset": 6}],
                usage={
                    "prompt_tokens": 12,
                    "completion_tokens": 3,
                    "time_to_first_token": 0.25,
                    "tokens_per_second": None,
                    "cost": {"amount": 0.000015, "currency": "USD"},
                },
                timings={"search": 0.0125, "first_token": 0.1 + 0.2},
            )
            Summary.objects.create(
                conversation_id=conversation,
                until=answer,
                edited="My own words.",
                text=f"{number} questions of leave.",
                model="model-a",
                based_on=[str(one) for one in ids[1::2]],
            )
            Feedback.objects.create(
                message=answer, author_id=person.user.pk, rating=Rating.DOWN, comment=f"Too short, {number}."
            )
            ids += [question.id, answer.id]
            if document:
                _cite(answer, document)
        embed_soon(UUID(conversation))
    return ids


def _cite(answer: Message, document: str) -> None:
    chunk = Chunk.objects.select_related("version").filter(document=document).earliest("number")
    page = Page.objects.get(version=chunk.version, number=chunk.page)
    place = {
        "message": answer,
        "marker": 1,
        "document_id": document,
        "version": chunk.version.number,
        "name": "handbook.pdf",
        "title": "handbook.pdf",
        "page": chunk.page,
        "start": chunk.start,
    }
    Source.objects.create(**place, end=chunk.end, text=chunk.text, score=0.8125)
    end = chunk.start + 14
    quote = page.text[chunk.start - page.start : end - page.start]
    Citation.objects.create(**place, end=end, quote=quote)
    Trace.objects.create(message=answer, about=NOTED | {"passages": []})


def make_old(person: Person, conversation: str, *, column: str = "updated_at", **ago: float) -> None:
    """As if what the column says had been so long ago."""
    with tenant_atomic(person.access.tenant_id):
        then = timezone.now() - timedelta(**ago)
        assert Conversation.objects.filter(id=conversation).update(**{column: then}) == 1


def delete_for_good(person: Person, conversation: str) -> None:
    """Delete it, and let the time pass in which it could be brought back."""
    assert person.api.delete(f"{PATH}{conversation}/").status_code == 204
    with tenant_atomic(person.access.tenant_id):
        deleted = Conversation.objects.filter(id=conversation, deleted_at__isnull=False)
        assert deleted.update(unlisted_until=timezone.now() - timedelta(seconds=1)) == 1
    purge_past()


def rows_of(person: Person, conversation: str) -> dict[str, list[dict[str, Any]]]:
    """Every row that hangs on the conversation's messages, by table, but for what is made again or over."""
    found = {}
    with tenant_atomic(person.access.tenant_id):
        messages = Message.objects.filter(conversation=conversation)
        found["conversations_message"] = list(messages.order_by("id").values())
        ids = list(messages.values_list("id", flat=True))
        for table, model in tenant_models().items():
            keys = [one.name for one in model._meta.local_fields if one.related_model is Message]
            if keys and table not in {"conversations_message", *_NOT_KEPT}:
                found[table] = list(model.objects.filter(**{f"{keys[0]}__in": ids}).order_by("id").values())
    return found


def files_of(person: Person) -> list[str]:
    """The archives' files of the person's organisation."""
    folder = f"t/{person.access.tenant_id}/archives"
    return sorted(default_storage.listdir(folder)[1]) if default_storage.exists(folder) else []


def is_waited_for() -> bool:
    """Whether another session waits for something that this one holds."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks "
            "WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid)))"
        )
        return bool(cursor.fetchone()[0])
