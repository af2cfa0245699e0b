"""What a person owns in an organisation: one of everything that has an id."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from uuid import UUID, uuid4

from django.utils import timezone

from conversations.models import (
    ArchiveRecord,
    Citation,
    Message,
    ModelPull,
    PullStatus,
    Rating,
    Role,
    Source,
    Status,
    Summary,
    Thoughts,
    Trace,
)
from conversations.services.archives import archive_conversation
from conversations.services.attachments import attach_files
from conversations.services.conversations import create_conversation
from conversations.services.feedback import give_feedback
from conversations.services.personas import create_persona
from conversations.services.prompts import save_prompt
from conversations.services.shares import create_share
from conversations.services.sites import create_site
from documents.models import Chunk, Collection
from documents.models import Source as DocumentSource
from documents.selectors import find_active_index
from documents.services.collections import create_collection
from documents.services.files import IncomingFile
from documents.services.sources import FETCH, add_web_page
from retrieval.evaluation.asking import Plan
from retrieval.evaluation.cases import Case
from retrieval.evaluation.rows import Row
from retrieval.models import EvaluationRun, Question, QuestionSet
from retrieval.services.question_sets import create_question_set
from retrieval.services.runs import keep_run
from tenants.access import Access
from tenants.db import tenant_atomic
from tenants.jobs import outbox
from tenants.models import Export, GroupMember, Job, Membership, QuotaFor, QuotaKind, WebhookDelivery
from tenants.permissions import Role as TenantRole
from tenants.services.groups import create_group
from tenants.services.invitations import create_invitation
from tenants.services.limits import NewQuota, set_quota
from tenants.services.tokens import create_token
from tenants.webhooks.services import create_webhook
from tests.factories import processed, ready
from tests.people import Person

_NOTE = b"Boats are kept under the bridge."
_CASES = [Case(key="leave", text="How much leave is there?", document="handbook.pdf", pages=(1,))]


@dataclass(frozen=True, slots=True)
class Estate:
    """A document that is searchable, a collection without any, and a conversation with one cited answer.

    Another conversation that is archived. A page that fills the collection, at an address that is never
    fetched. Of the organisation itself: a group with its `user` in it, a token, a limit, an invitation, a job,
    an export of one's own that is to be written, and a question set that was asked, a model that was fetched.
    And a webhook with something that it was told.
    """

    person: Person
    collection: UUID
    source: UUID
    document: UUID
    conversation: UUID
    question: UUID
    reply: UUID
    persona: UUID
    site: UUID
    prompt: UUID
    share: UUID
    attachment: UUID
    feedback: UUID
    archive: UUID
    user: UUID
    question_set: UUID
    set_question: UUID
    evaluation: UUID
    group: UUID
    invitation: UUID
    token: UUID
    limit: UUID
    job: UUID
    export: UUID
    pull: UUID
    webhook: UUID
    delivery: UUID

    @property
    def message(self) -> UUID:
        """What paths call a message: only answers can be followed and stopped."""
        return self.reply

    @property
    def ids(self) -> frozenset[str]:
        """Everything by which others could recognise it."""
        content = (self.collection, self.source, self.document, self.conversation, self.question, self.reply)
        own = (
            *content,
            self.persona,
            self.site,
            self.prompt,
            self.share,
            self.attachment,
            self.feedback,
            self.archive,
            self.question_set,
            self.set_question,
            self.evaluation,
            self.user,
            self.group,
            self.invitation,
            self.token,
            self.limit,
            self.job,
            self.export,
            self.pull,
            self.webhook,
            self.delivery,
        )
        return frozenset(map(str, own))


def evaluated(person: Person, question_set: QuestionSet, document: UUID) -> EvaluationRun:
    """The set asked once: the right page was found first and cited. In the tenant's unit."""
    place = {"document": str(document), "version": 1, "page": 1, "start": 0, "end": 9, "score": 1.0}
    row = Row(
        is_answerable=True,
        names_document=True,
        gold_pages=1,
        document_rank=1,
        page_ranks=(1,),
        is_refused=False,
        found=(place,),
        citations=(place,),
    )
    [question] = Question.objects.filter(set=question_set)
    plan = Plan(access=person.access, index=find_active_index())
    return keep_run(plan=plan, question_set=question_set, questions=[question.id], rows=[row])


def unfetched_page(access: Access, collection: Collection) -> DocumentSource:
    """A page that fills the collection, which nobody will look at unless asked to."""
    source = add_web_page(access=access, url="https://localhost/", collection=collection)
    outbox.cancel(FETCH, source.id)
    return source


NOTED = {
    "searched_for": "How much leave is there?",
    "by_words_alone": False,
    "verdict": {"is_enough": True, "reason": "", "score": 0.9},
    "reranking": None,
    "stages": {"search": 0.01},
}


def _traced(chunk: Chunk) -> dict[str, object]:
    return {
        "marker": 1,
        "document": str(chunk.document_id),
        "version": 1,
        "title": "handbook.pdf",
        "page": chunk.page,
        "start": chunk.start,
        "end": chunk.end,
        "score": 1.0,
        "shares": {"meaning": 0.9},
        "ranks": {"meaning": 1},
    }


def told_of_quota(access: Access) -> WebhookDelivery:
    """What a webhook at an address that nobody reaches was told."""
    made = create_webhook(access=access, url="https://localhost/told", events=["quota.near"])
    delivery: WebhookDelivery = WebhookDelivery.objects.create(
        webhook=made.webhook, event_id=uuid4(), kind="quota.near", payload='{"data":{}}', status="delivered"
    )
    return delivery


def estate_of(person: Person, content: bytes | None = None, *, inviter: Access | None = None) -> Estate:
    """Make one, of a document with these bytes if given. Needs the `worker`, and all that an owner may do.

    `inviter` sends the invitation, for those who will not be allowed to: theirs would end with their role.
    """
    document = UUID(ready(person, content=content)["id"])
    access = person.access
    with tenant_atomic(access.tenant_id):
        collection = create_collection(access=access, name=f"Archive of {person.slug}")
        source = unfetched_page(access, collection)
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
        Summary.objects.create(
            conversation=conversation, until=reply, text=f"{person.slug} asked of leave.", based_on=[str(reply.id)]
        )
        note = IncomingFile("note.txt", len(_NOTE), BytesIO(_NOTE))
        [attached] = attach_files(access=access, conversation=conversation, files=[note])
        assert attached.document is not None
        feedback, _ = give_feedback(access=access, message_id=reply.id, rating=Rating.UP, comment="Well said.")
        put_away = create_conversation(access=access, title=f"Put away by {person.slug}")
        archive_conversation(access=access, conversation=put_away)
        archive = ArchiveRecord.objects.get(conversation=put_away)
        question_set = create_question_set(access=access, name=f"Asked by {person.user.name}", cases=_CASES)
        set_question = Question.objects.get(set=question_set)
        evaluation = evaluated(person, question_set, document)
        Thoughts.objects.create(message=reply, text=f"{person.slug} wants to know of leave.")
        Trace.objects.create(message=reply, about=NOTED | {"passages": [_traced(chunk)]})
        persona = create_persona(access=access, fields={"name": f"Adviser of {person.user.name}"})
        site, _ = create_site(
            access=access,
            fields={
                "name": f"Site of {person.user.name}",
                "origins": ["https://www.example.org"],
                "collections": [collection.id],
                "visitors": "signed",
            },
        )
        prompt = save_prompt(access=access, title=f"Asked by {person.user.name}", text="How long?", is_shared=True)
        group = create_group(access=access, name=f"Trustees of {person.user.name}")
        # Not by the service, which closes what its person has open: sockets of the test would go.
        GroupMember.objects.create(group=group, membership=Membership.objects.get(user=access.user_id))
        # For a group without anybody else: what a person shares with nobody is theirs alone.
        share = create_share(access=access, conversation=conversation, groups=[group.id])
        invited = create_invitation(
            access=inviter or access, email=f"friend-of-{person.user.email}", role=TenantRole.VIEWER
        )
        token = create_token(access=access, name=f"Crawler of {person.slug}").token
        limit = set_quota(
            access=access, quota=NewQuota(QuotaKind.DOCUMENTS, QuotaFor.PERSON, 1000, access.user_id)
        )
        later = timezone.now() + timedelta(days=1)
        job = Job.objects.create(tenant_id=access.tenant_id, kind="none.known", target_id=document, run_at=later)
        export = Export.objects.create(subject_id=access.user_id, requested_by_id=access.user_id, expires_at=later)
        pull = ModelPull.objects.create(
            server="ollama", model=f"small-{person.user.name}", status=PullStatus.DONE, updated_at=timezone.now()
        )
        told = told_of_quota(access)
    processed(person, str(attached.document.id))
    return Estate(
        person=person,
        collection=collection.id,
        source=source.id,
        document=document,
        conversation=conversation.id,
        question_set=question_set.id,
        set_question=set_question.id,
        evaluation=evaluation.id,
        question=question.id,
        reply=reply.id,
        persona=persona.id,
        site=site.id,
        prompt=prompt.id,
        share=share.id,
        attachment=attached.document.id,
        feedback=feedback.id,
        archive=archive.id,
        user=access.user_id,
        group=group.id,
        invitation=invited.invitation.id,
        token=token.id,
        limit=limit.id,
        job=job.id,
        export=export.id,
        pull=pull.id,
        webhook=told.webhook_id,
        delivery=told.id,
    )
