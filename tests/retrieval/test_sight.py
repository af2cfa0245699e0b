"""What a person may see is found as if nothing else existed.

Random organisations with random access, made of rows so that it is quick. For each person a second organisation
holds just what the first lets them see, by a rule that this test works out for itself: both must answer alike.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest

from documents.models import (
    Chunk,
    ChunkEmbedding,
    Collection,
    CollectionGrant,
    Document,
    DocumentVersion,
    EmbeddingIndex,
    Status,
)
from documents.selectors import access_document
from retrieval.search import find_passages
from retrieval.types import Found, Mode, QuestionVector, Scope
from tenants.access import Access, access_by_membership
from tenants.db import tenant_atomic
from tenants.errors import NotFound
from tenants.models import Group, GroupMember, Membership, User
from tenants.permissions import Role
from tenants.services.organisations import create_tenant
from tests.people import Person, person_of

pytestmark = pytest.mark.django_db(transaction=True)

DIMENSIONS = 6
WORDS = "kiln glaze clay wheel oven salary director Zebra Harbour Meridian audit budget winter summer".split()
QUESTIONS = (
    "What does the director of Zebra earn?",
    "kiln glaze budget",
    "Is the Meridian audit in winter or in summer?",
)
_ROLES = (Role.VIEWER, Role.VIEWER, Role.MEMBER, Role.MEMBER, Role.ADMIN)


@dataclass(frozen=True, slots=True)
class Passage:
    number: int  # in the whole world
    page: int
    text: str
    vector: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Paper:
    """A document. Its name is unique in its world."""

    name: str
    title: str
    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class Shelf:
    """A collection: who sees it, by the numbers of people and groups."""

    name: str
    papers: tuple[Paper, ...]
    everyone: bool
    creator: int
    people: frozenset[int]
    groups: frozenset[int]
    roles: frozenset[Role]


@dataclass(slots=True)
class World:
    shelves: list[Shelf]
    groups: list[frozenset[int]]
    accesses: list[Access] = field(default_factory=list)

    def may_see(self, person: int, shelf: Shelf) -> bool:
        """The rule, in other words than the code's."""
        role = _ROLES[person]
        if shelf.everyone or person == shelf.creator or person in shelf.people:
            return True
        if any(person in self.groups[group] for group in shelf.groups):
            return True
        order = list(Role)
        least = min(map(order.index, {*shelf.roles, Role.ADMIN}))
        return order.index(role) >= least


def _random_world(dice: random.Random) -> World:
    groups = [frozenset(dice.sample(range(len(_ROLES)), dice.randint(0, 3))) for _ in range(3)]
    twins: list[tuple[str, tuple[float, ...]]] = []
    numbers = iter(range(1, 10_000))

    def passage(page: int) -> Passage:
        # Now and then the same words again elsewhere: ties must not depend on what one does not see either.
        if twins and dice.random() < 0.2:
            text, vector = dice.choice(twins)
        else:
            text = " ".join(dice.choices(WORDS, k=dice.randint(3, 12)))
            vector = tuple(dice.uniform(-1, 1) for _ in range(DIMENSIONS))
            twins.append((text, vector))
        return Passage(next(numbers), page, text, vector)

    def paper(name: str) -> Paper:
        passages = tuple(passage(page) for page in range(1, 4) for _ in range(dice.randint(1, 2)))
        return Paper(name, f"{dice.choice(WORDS)} {dice.choice(WORDS)} {name}", passages)

    def some(items: Sequence[Any]) -> frozenset[Any]:
        return frozenset(dice.sample(items, dice.randint(0, 1)))

    shelves = [
        Shelf(
            name=f"shelf {shelf}",
            papers=tuple(paper(f"{shelf}-{number}.txt") for number in range(3)),
            everyone=shelf == 0,
            creator=dice.randrange(len(_ROLES)),
            people=some(range(len(_ROLES))),
            groups=some(range(3)),
            roles=some([Role.VIEWER, Role.MEMBER, Role.OWNER]),
        )
        for shelf in range(6)
    ]
    return World(shelves, groups)


def _found_organisation() -> Person:
    name = uuid4().hex[:12]
    owner = User.objects.create_user(email=f"{name}@example.org")
    create_tenant(name=name, slug=f"t-{name}", owner=owner)
    return person_of(owner, f"t-{name}")


def _settle(world: World, owner: Person) -> None:
    """The world's people, groups and collections in an organisation of their own."""
    people = [User.objects.create_user(email=f"{uuid4().hex}@example.org") for _ in _ROLES]
    with tenant_atomic(owner.access.tenant_id):
        members = [
            Membership.objects.create(user=user, role=role) for user, role in zip(people, _ROLES, strict=True)
        ]
        groups = [Group.objects.create(name=f"group {number}") for number in range(3)]
        for group, inside in zip(groups, world.groups, strict=True):
            for person in inside:
                GroupMember.objects.create(group=group, membership=members[person])
        for shelf in world.shelves:
            collection = _store(shelf, 1)
            collection.is_restricted = not shelf.everyone
            collection.created_by_id = people[shelf.creator].pk
            collection.save()
            for named in (
                *({"membership": members[person]} for person in shelf.people),
                *({"group": groups[group]} for group in shelf.groups),
                *({"role": role} for role in shelf.roles),
            ):
                CollectionGrant.objects.create(collection=collection, **named)
    world.accesses = [access_by_membership(user, owner.slug) for user in people]


def _store(shelf: Shelf, world: int) -> Collection:
    """A shelf with its passages; their ids keep the order of their numbers in every world."""
    collection: Collection = Collection.objects.create(name=shelf.name, slug=shelf.name.replace(" ", "-"))
    index, _ = EmbeddingIndex.objects.get_or_create(
        model="made up", dimensions=DIMENSIONS, status=EmbeddingIndex.Status.ACTIVE
    )
    for paper in shelf.papers:
        document = Document.objects.create(
            collection=collection,
            name=paper.name,
            title=paper.title,
            sha256=paper.name,
            size=1,
            chunk_count=len(paper.passages),
            status=Status.READY,
        )
        version = DocumentVersion.objects.create(document=document, number=1, size=1)
        chunks = [
            Chunk(
                id=UUID(int=(one.number << 64) + world),
                document=document,
                version=version,
                page=one.page,
                number=one.number,
                start=one.number,
                end=one.number + 1,
                text=one.text,
            )
            for one in paper.passages
        ]
        Chunk.objects.bulk_create(chunks)
        ChunkEmbedding.objects.bulk_create(
            ChunkEmbedding(
                index=index, chunk=chunk, document=document, collection=collection, embedding=list(one.vector)
            )
            for chunk, one in zip(chunks, paper.passages, strict=True)
        )
    return collection


def _answers(access: Access, vectors: Sequence[Any], *, scope: Scope = Scope()) -> list[Found]:  # noqa: B008
    """What every kind of search finds; documents without their ids, which no two organisations share."""
    answers = []
    with tenant_atomic(access.tenant_id):
        index = EmbeddingIndex.objects.get()
        for question, vector in zip(QUESTIONS, vectors, strict=True):
            for mode in Mode:
                given = None if mode is Mode.LEXICAL else QuestionVector(index.id, vector)
                for top_k in (3, 50):
                    found = find_passages(access, question, given, top_k=top_k, scope=scope, mode=mode)
                    hits = [replace(hit, document=UUID(int=0)) for hit in found.hits]
                    considered = tuple(replace(hit, document=UUID(int=0)) for hit in found.considered)
                    answers.append(replace(found, hits=hits, considered=considered))
    return answers


@pytest.mark.parametrize("seed", range(2))
def test_I14_what_one_sees_is_found_as_if_nothing_else_existed(seed: int) -> None:
    dice = random.Random(seed)
    world = _random_world(dice)
    owner = _found_organisation()
    _settle(world, owner)
    vectors = [np.array([dice.uniform(-1, 1) for _ in range(DIMENSIONS)], dtype=np.float32) for _ in QUESTIONS]
    is_less = False
    for number, access in enumerate(world.accesses):
        seen = [shelf for shelf in world.shelves if world.may_see(number, shelf)]
        is_less = is_less or len(seen) < len(world.shelves)
        twin = _found_organisation().access
        with tenant_atomic(twin.tenant_id):
            for shelf in seen:
                _store(shelf, number + 2)
        expected = _answers(twin, vectors)
        assert any(answer.hits for answer in expected)
        assert _answers(access, vectors) == expected
    assert is_less
    everything = {hit.name for answer in _answers(owner.access, vectors) for hit in answer.hits}
    assert everything == {paper.name for shelf in world.shelves for paper in shelf.papers}


def test_I14_lists_and_counts_hold_what_one_sees() -> None:
    world = _random_world(random.Random(100))
    owner = _found_organisation()
    _settle(world, owner)
    with tenant_atomic(owner.access.tenant_id):
        ids = dict(Document.objects.values_list("name", "id"))
    for number, access in enumerate(world.accesses):
        seen = [shelf for shelf in world.shelves if world.may_see(number, shelf)]
        papers = {paper.name for shelf in seen for paper in shelf.papers}
        api = person_of(User.objects.get(id=access.user_id), owner.slug).api
        listed = api.get("/api/v1/documents/?limit=200").json()["results"]
        assert {one["name"] for one in listed} == papers
        collections = api.get("/api/v1/collections/?limit=200").json()["results"]
        counts = {one["name"]: (one["documents"], one["chunks"]) for one in collections}
        passages = {shelf.name: sum(len(paper.passages) for paper in shelf.papers) for shelf in seen}
        assert counts == {"Documents": (0, 0)} | {name: (3, total) for name, total in passages.items()}
        with tenant_atomic(access.tenant_id):
            for name, document in ids.items():
                assert _opens(access, document) == (name in papers)


def _opens(access: Access, document: UUID) -> bool:
    try:
        return access_document(access, document).id == document
    except NotFound:
        return False


def test_a_limited_token_searches_its_collections_as_a_scope_would() -> None:
    dice = random.Random(7)
    world = _random_world(dice)
    owner = _found_organisation()
    _settle(world, owner)
    vectors = [np.array([dice.uniform(-1, 1) for _ in range(DIMENSIONS)], dtype=np.float32) for _ in QUESTIONS]
    with tenant_atomic(owner.access.tenant_id):
        ids = frozenset(Collection.objects.filter(name__in=["shelf 1", "shelf 4"]).values_list("id", flat=True))
    for access in (owner.access, *world.accesses):
        limited = replace(access, collections=ids)
        assert _answers(limited, vectors) == _answers(access, vectors, scope=Scope(collections=tuple(ids)))
        assert _answers(replace(access, collections=frozenset()), vectors)[0].hits == []
