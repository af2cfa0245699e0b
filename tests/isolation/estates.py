"""What a person owns in an organisation: one of everything that has an id."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from conversations.models import Citation, Message, Role, Source, Status
from conversations.services.conversations import create_conversation
from documents.models import Chunk
from documents.services.collections import create_collection
from tenants.db import tenant_atomic
from tests.factories import ready
from tests.people import Person


@dataclass(frozen=True, slots=True)
class Estate:
    """A document that is searchable, a collection without any, and a conversation with one cited answer."""

    person: Person
    collection: UUID
    document: UUID
    conversation: UUID
    question: UUID
    reply: UUID

    @property
    def ids(self) -> frozenset[str]:
        """Everything by which others could recognise it."""
        own = (self.collection, self.document, self.conversation, self.question, self.reply)
        return frozenset(map(str, own))


def estate_of(person: Person) -> Estate:
    """Make one. Needs the `worker`."""
    document = UUID(ready(person)["id"])
    access = person.access
    with tenant_atomic(access.tenant_id):
        collection = create_collection(access=access, name=f"Archive of {person.slug}")
        conversation = create_conversation(access=access, title=f"Leave at {person.slug}")
        question = Message.objects.create(
            conversation=conversation, role=Role.USER, content="How much leave is there?", status=Status.FINISHED
        )
        chunk = Chunk.objects.filter(document=document).earliest("number")
        reply = Message.objects.create(
            conversation=conversation,
            role=Role.ASSISTANT,
            parent=question,
            content=f"{chunk.text} [1]",
            status=Status.FINISHED,
            finish_reason="stop",
        )
        place = {
            "message": reply,
            "marker": 1,
            "document_id": document,
            "version": 1,
            "name": "handbook.pdf",
            "title": "handbook.pdf",
            "page": chunk.page,
            "start": chunk.start,
            "end": chunk.end,
        }
        Source.objects.create(**place, text=chunk.text, score=1.0)
        Citation.objects.create(**place, quote=chunk.text)
    return Estate(person, collection.id, document, conversation.id, question.id, reply.id)
