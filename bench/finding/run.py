"""Filling the database, then the figures. Imported once Django is set up."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from uuid import UUID, uuid4

import numpy as np
import psycopg
from django.db import connection
from pgvector import HalfVector

from bench.figures import Figure
from bench.search.organisations import admin_url
from conversations.models import Conversation, Message, MessageChunk, MessageEmbedding, Role, Status
from conversations.searching.search import excerpts, find_conversations
from conversations.searching.vocabulary import gather_words
from documents.models import EmbeddingIndex
from retrieval.types import QuestionVector
from tenants.access import Access, Carrier
from tenants.db import tenant_atomic
from tenants.models import Tenant
from tenants.permissions import Role as TenantRole

MESSAGES = 20
ROUNDS = 200
_VOCABULARY, _DIMENSIONS = 8_000, 384
_QUESTION, _ANSWER = 12, 60  # words
_BATCH = 50
_BY_WORDS, _BY_MEANING = 50.0, 200.0


def measure(conversations: int) -> Iterator[Figure]:
    words = _words()
    tenant = Tenant.objects.create(name="Bench", slug="bench")
    person = _access(tenant)
    with tenant_atomic(tenant.id):
        index = EmbeddingIndex.objects.create(
            model="bench", dimensions=_DIMENSIONS, status=EmbeddingIndex.Status.ACTIVE
        )
    dice = random.Random(7)
    for author, has_vectors in ((person.user_id, True), (uuid4(), False)):
        for _ in range(0, conversations, _BATCH):
            with tenant_atomic(tenant.id):
                _fill(author, words, dice, index if has_vectors else None)
    with psycopg.connect(admin_url(), autocommit=True) as admin:
        admin.execute("VACUUM ANALYZE")
    asked = [" ".join(dice.choices(words, k=dice.randint(1, 4))) for _ in range(ROUNDS)]
    made = np.random.default_rng(7).standard_normal((ROUNDS, _DIMENSIONS)).astype(np.float32)
    vectors = [QuestionVector(index.id, row / np.linalg.norm(row)) for row in made]
    name = f"Looked for in {conversations:,} conversations of {MESSAGES} messages"
    yield _figure(f"{name}, by words, P95", _BY_WORDS, [partial(_look, person, one, None) for one in asked])
    pairs = zip(asked, vectors, strict=True)
    by_meaning = [partial(_look, person, one, vector) for one, vector in pairs]
    yield _figure(f"{name}, by words and meaning, P95", _BY_MEANING, by_meaning)


def _figure(name: str, target: float, looks: Sequence[Callable[[], int]]) -> Figure:
    times, found = [], []
    for look in looks:
        begun = time.perf_counter()
        found.append(look())
        times.append(1000 * (time.perf_counter() - begun))
    times.sort()
    return Figure(
        name=name,
        value=times[int(0.95 * len(times))],
        unit="ms",
        target=target,
        details={"median, ms": times[len(times) // 2], "found, median": sorted(found)[len(found) // 2]},
    )


def _look(access: Access, query: str, vector: QuestionVector | None) -> int:
    """As the first page of a search is made, in a unit of its own."""
    with tenant_atomic(access.tenant_id):
        found = find_conversations(access, query, vector)
        page = found[:50]
        conversations = Conversation.objects.in_bulk([one.conversation for one in page])
        messages = Message.objects.in_bulk([one.message for one in page if one.message])
        excerpts(
            query,
            [
                messages[one.message].content if one.message else conversations[one.conversation].title
                for one in page
            ],
        )
    return len(found)


def _words() -> list[str]:
    """Made-up words, the first ones by far the most frequent: each stands in the list as often as it is used."""
    dice = random.Random(1)
    syllables = [first + second for first in "bcdfglmnprstv" for second in "aeiou"]
    made = ["".join(dice.choices(syllables, k=dice.randint(2, 5))) for _ in range(_VOCABULARY)]
    return [word for rank, word in enumerate(made, start=1) for _ in range(max(1, _VOCABULARY // (4 * rank)))]


def _access(tenant: Tenant) -> Access:
    return Access(
        tenant_id=tenant.id,
        tenant_slug=tenant.slug,
        tenant_name=tenant.name,
        user_id=uuid4(),
        email="",
        role=TenantRole.MEMBER,
        carrier=Carrier.SESSION,
        scopes=frozenset(),
        rate_limit=100_000,
    )


def _fill(author: UUID, words: list[str], dice: random.Random, index: EmbeddingIndex | None) -> None:
    made = Conversation.objects.bulk_create(
        Conversation(author_id=author, title=" ".join(dice.choices(words, k=5))) for _ in range(_BATCH)
    )
    messages = Message.objects.bulk_create(
        Message(
            conversation=one,
            role=Role.ASSISTANT if number % 2 else Role.USER,
            content=" ".join(dice.choices(words, k=_ANSWER if number % 2 else _QUESTION)),
            status=Status.FINISHED,
        )
        for one in made
        for number in range(MESSAGES)
    )
    pieces = [
        MessageChunk(message=one, number=0, start=0, end=len(one.content), text=one.content) for one in messages
    ]
    MessageChunk.objects.bulk_create(pieces)
    if index is not None:
        near = np.random.default_rng(dice.randrange(2**32)).standard_normal((len(pieces), _DIMENSIONS))
        near /= np.linalg.norm(near, axis=1, keepdims=True)
        MessageEmbedding.objects.bulk_create(
            MessageEmbedding(index=index, chunk=piece, embedding=HalfVector(row))
            for piece, row in zip(pieces, near.astype(np.float32), strict=True)
        )
    gather_words({one.id for one in made})
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
