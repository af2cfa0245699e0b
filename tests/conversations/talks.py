"""Conversations of any length, made without asking anybody."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from conversations.models import Conversation, Message, Role, Source, Status
from conversations.prompting.summary_jobs import SUMMARISE
from conversations.services.conversations import create_conversation
from documents.models import Document
from tenants.db import tenant_atomic
from tenants.jobs.models import Job
from tenants.jobs.runner import run_job
from tests.people import Person


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation of a person's, and its answers so far, oldest first."""

    person: Person
    id: UUID
    answers: list[UUID]

    @property
    def path(self) -> str:
        return f"/api/v1/conversations/{self.id}/"

    def say(self, question: str, answer: str, *, document: str | None = None, status: str = "finished") -> UUID:
        """One more turn at its end; the answer rests on the document, and on what was answered before."""
        with tenant_atomic(self.person.access.tenant_id):
            asked = Message.objects.create(
                conversation_id=self.id,
                role=Role.USER,
                parent_id=self.answers[-1] if self.answers else None,
                content=question,
                status=Status.FINISHED,
            )
            reply = Message.objects.create(
                conversation_id=self.id, role=Role.ASSISTANT, parent=asked, content=answer, status=status
            )
            if document is not None:
                place = {"version": 1, "name": "a", "title": "a", "page": 1, "start": 0, "end": 1}
                found = Document.objects.get(id=document)
                Source.objects.create(message=reply, marker=1, document=found, text="a", score=1.0, **place)
        self.answers.append(reply.id)
        return UUID(str(reply.id))

    def go_on(self, turns: int, *, document: str | None = None) -> None:
        """As many numbered turns."""
        for number in range(len(self.answers) + 1, len(self.answers) + turns + 1):
            self.say(f"Question {number}?", f"Answer {number}.", document=document)

    def summarise(self) -> None:
        """Run the job that an answer starts."""
        with tenant_atomic(self.person.access.tenant_id):
            job, _ = Job.objects.get_or_create(
                tenant_id=self.person.access.tenant_id,
                kind=SUMMARISE,
                target_id=self.id,
                defaults={"run_at": Conversation.objects.get(id=self.id).created_at},
            )
        Job.objects.filter(id=job.id).update(run_at=job.created_at)
        run_job(job.id)


def talk_of(person: Person, *, turns: int = 0, **fields: object) -> Talk:
    with tenant_atomic(person.access.tenant_id):
        conversation = create_conversation(access=person.access, **fields)  # type: ignore[arg-type]
    talk = Talk(person, conversation.id, [])
    talk.go_on(turns)
    return talk
