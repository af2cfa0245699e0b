"""Every list of the API: however long it is, it asks the database as often."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.db import connection
from django.db.backends.signals import connection_created
from drf_spectacular.generators import SchemaGenerator

from conversations.models import (
    ArchiveRecord,
    Citation,
    Conversation,
    ConversationCollection,
    Feedback,
    Message,
    ModelPull,
    Persona,
    PersonaCollection,
    SavedPrompt,
    Share,
    ShareReader,
    Site,
    SiteCollection,
    Source,
)
from documents.models import Chunk, Collection, Document, DocumentVersion
from retrieval.models import EvaluationResult, EvaluationRun, Question, QuestionSet
from tenants.audit.recording import record
from tenants.db import tenant_atomic
from tenants.models import (
    ApiToken,
    Export,
    Group,
    GroupMember,
    Invitation,
    Job,
    Membership,
    User,
    Webhook,
    WebhookDelivery,
)
from tenants.permissions import Role
from tenants.services.members import add_member
from tests.isolation.matrix import PARAMETER, Route, api_routes
from tests.rest.conftest import World

FEW, MANY = 2, 27
# They list what the operator has set up, or sums by day.
OF_NO_ROWS = {"models", "model-servers", "usage"}
# The latest twenty, whatever there is.
OF_FEW = {"pulls"}


def _listing() -> list[Route]:
    schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    shapes, found = schema["components"]["schemas"], []
    for route in api_routes():
        path = "/" + PARAMETER.sub(lambda match: f"{{{match['name']}}}", route.pattern)
        read = schema["paths"].get(path, {}).get("get", {"responses": {}})
        answer = read["responses"].get("200", {}).get("content", {}).get("application/json", {}).get("schema", {})
        name = answer.get("oneOf", [answer])[0].get("$ref", "").rpartition("/")[2]
        if "results" in shapes.get(name, {}).get("properties", {}):
            found.append(route)
    return found


def _again(row: Any, **changes: Any) -> Any:
    """Another row like this one."""
    row.pk = uuid4()
    row._state.adding = True
    for name, value in changes.items():
        setattr(row, name, value)
    row.save(force_insert=True)
    return row


def _one_more(world: World, number: int) -> None:
    """Of everything that is listed, with all that hangs on it."""
    own, name = world.estate, f"Another {number} {uuid4().hex[:6]}"
    with tenant_atomic(world.alice.access.tenant_id):
        collection = _again(Collection.objects.get(id=own.collection), name=name, slug=f"another-{uuid4()}")
        _document(own.document, collection=collection)
        _document(own.attachment)
        version = DocumentVersion.objects.filter(document=own.document).earliest("number")
        _again(Chunk.objects.filter(version=version).earliest("number"), number=1000 + number)
        _again(version, number=1000 + number)
        _talk(world)
        _evaluated(world, name, number)
        user = User.objects.create_user(email=f"{uuid4()}@example.org", password=None, name=name)
        _again(Group.objects.get(id=own.group), name=name)
        _again(Export.objects.get(id=own.export))
        _again(Invitation.objects.get(id=own.invitation), email=f"{uuid4()}@example.org")
        _again(ApiToken.objects.get(id=own.token), name=name)
        _again(ModelPull.objects.get(id=own.pull), model=name)
        _again(WebhookDelivery.objects.filter(webhook=own.webhook).latest("created_at"), event_id=uuid4())
        _again(Webhook.objects.get(id=own.webhook), description=name)
        site = _again(Site.objects.get(id=own.site), name=name)
        SiteCollection.objects.create(site=site, collection=collection)
        job = Job.objects.get(id=own.job)
        Job.objects.create(tenant_id=job.tenant_id, kind=job.kind, target_id=uuid4(), run_at=job.run_at)
        record(world.alice.access, "audit.read", target_kind="tenant", target_id=world.alice.access.tenant_id)
    add_member(access=world.alice.access, user=user, role=Role.MEMBER)
    with tenant_atomic(world.alice.access.tenant_id):
        member = Membership.objects.get(user=user)
        GroupMember.objects.create(group=Group.objects.get(id=own.group), membership=member)
        share = _again(Share.objects.get(id=own.share))
        ShareReader.objects.create(share=share, membership=member)


def _document(document: Any, **changes: Any) -> None:
    version = DocumentVersion.objects.filter(document=document).earliest("number")
    changes |= {"sha256": uuid4().hex, "source": None}
    made = _again(Document.objects.get(id=document), **changes)
    _again(version, document=made)


def _talk(world: World) -> None:
    """A turn more in the conversation that is shared, and another conversation, which is archived or not."""
    own = world.estate
    after = Message.objects.filter(conversation=own.conversation).latest("created_at")
    question = _again(Message.objects.get(id=own.question), parent=after)
    reply = _again(Message.objects.get(id=own.reply), parent=question)
    for model in (Source, Citation):
        _again(model.objects.get(message=own.reply), message=reply)
    _again(Feedback.objects.get(id=own.feedback), message=reply)
    Share.objects.filter(id=own.share).update(leaf=reply)
    Conversation.objects.filter(id=own.conversation).update(leaf_id=reply.id)
    persona = _again(Persona.objects.get(id=own.persona), slug=f"another-{uuid4()}", default_key="")
    PersonaCollection.objects.create(persona=persona, collection=Collection.objects.get(id=own.collection))
    _again(SavedPrompt.objects.get(id=own.prompt))
    other = _again(Conversation.objects.get(id=own.conversation), persona=persona, leaf_id=None)
    ConversationCollection.objects.create(conversation=other, collection=Collection.objects.get(id=own.collection))
    archived = ArchiveRecord.objects.get(id=own.archive)
    put_away = _again(Conversation.objects.get(id=archived.conversation_id))
    _again(archived, conversation=put_away)


def _evaluated(world: World, name: str, number: int) -> None:
    own = world.estate
    question = _again(Question.objects.get(id=own.set_question), number=1000 + number)
    result = EvaluationResult.objects.filter(run=own.evaluation).earliest("number")
    _again(result, question=question, number=1000 + number)
    questions = _again(QuestionSet.objects.get(id=own.question_set), name=name, is_gate=False)
    run = EvaluationRun.objects.get(id=own.evaluation)
    _again(run, set=questions, created_at=run.created_at + timedelta(seconds=number))


@contextmanager
def _counted() -> Iterator[list[str]]:
    """The queries of this thread and of every other that connects meanwhile: coroutines' units run on threads."""
    asked: list[str] = []

    def count(execute: Callable[..., Any], query: str, *rest: Any) -> Any:
        asked.append(query)
        return execute(query, *rest)

    def connected(connection: Any, **_: Any) -> None:
        if count not in connection.execute_wrappers:
            connection.execute_wrappers.append(count)

    connection_created.connect(connected)
    try:
        with connection.execute_wrapper(count):
            yield asked
    finally:
        connection_created.disconnect(connected)


def test_no_list_asks_more_often_when_it_is_longer(world: World) -> None:
    routes = [route for route in _listing() if route.name not in OF_NO_ROWS]
    assert len(routes) >= 25
    grown = 0
    seen: dict[str, list[tuple[int, int, list[str]]]] = {route.name: [] for route in routes}
    for more in (FEW, MANY):
        for _ in range(more):
            grown += 1
            _one_more(world, grown)
        for route in routes:
            ids = {kind: getattr(world.estate, kind) for kind in route.kinds}
            path = f"{route.path(ids)}?limit=200" if route.name not in OF_FEW else route.path(ids)
            world.alice.full_api.get(path)  # what is looked up once is known
            with _counted() as asked:
                answer = world.alice.full_api.get(path)
            assert answer.status_code == 200, (route.name, answer.content)
            seen[route.name].append((len(answer.json()["results"]), len(asked), asked))
    longer = {name for name, ((few, *_), (many, *_)) in seen.items() if many < few + MANY} - OF_FEW
    assert longer == set(), "nothing was added to these"
    assert {name: (few[1], many[1]) for name, (few, many) in seen.items() if few[1] != many[1]} == {}
    assert all(count >= 3 for name, (_, (_, count, _)) in seen.items()), "queries are not counted"
