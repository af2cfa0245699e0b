"""The organisations to ask, and what the answers must be."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import psycopg

from bench.search.corpus import Corpus, Question
from config.embedded import DATABASE
from config.provisioning import with_database
from documents.models import Chunk, ChunkEmbedding, Collection, EmbeddingIndex
from tenants.access import Access, Carrier
from tenants.db import tenant_atomic
from tenants.models import Tenant
from tenants.permissions import Role

QUESTIONS = 25
_NEAREST = """
    WITH near AS MATERIALIZED (
        SELECT chunk_id FROM documents_chunkembedding
        WHERE tenant_id = %s AND collection_id = ANY(%s) ORDER BY embedding <=> %s::halfvec LIMIT 10
    )
    SELECT document_id, page FROM near JOIN documents_chunk chunk ON chunk.id = chunk_id
"""

Place = tuple[UUID, int]


@dataclass(frozen=True, slots=True)
class Organisation:
    """`access` is its owner's."""

    access: Access
    index: EmbeddingIndex
    collections: tuple[UUID, ...]
    questions: tuple[Question, ...]

    def limited(self, count: int | None) -> Access:
        """Somebody who sees so many of its collections, None for all."""
        return replace(self.access, collections=None if count is None else frozenset(self.collections[:count]))


def open_organisation(tenant_id: UUID) -> Organisation:
    tenant = Tenant.objects.get(id=tenant_id)
    access = Access(
        tenant_id=tenant_id,
        tenant_slug=tenant.slug,
        tenant_name=tenant.name,
        user_id=uuid4(),
        email="",
        role=Role.OWNER,
        carrier=Carrier.SESSION,
        scopes=frozenset(),
        rate_limit=100_000,
    )
    with tenant_atomic(tenant_id):
        index = EmbeddingIndex.objects.get()
        collections = tuple(Collection.objects.order_by("name").values_list("id", flat=True))
        # Every so many-th, of all documents alike.
        chunks = list(Chunk.objects.filter(number__in=(7, 40)).order_by("id").only("text")[:QUESTIONS])
        chunks = chunks or list(Chunk.objects.order_by("id").only("text")[:QUESTIONS])
        rows = ChunkEmbedding.objects.filter(chunk__in=[one.id for one in chunks])
        vectors = dict(rows.values_list("chunk_id", "embedding"))
    near = np.array([vectors[one.id] for one in chunks], dtype=np.float32)
    questions = Corpus(len(tenant.slug), 100).questions([one.text for one in chunks], near)
    return Organisation(access, index, collections, tuple(questions))


@cache
def admin_url() -> str:
    return with_database(os.environ["DATABASE_ADMIN_URL"], DATABASE)


def nearest(
    admin: psycopg.Connection[Any], organisation: Organisation, collections: Sequence[UUID], question: Question
) -> set[Place]:
    """The ten nearest by comparing every vector; no index may be used that leaves any out."""
    with admin.transaction():
        admin.execute("SET LOCAL enable_indexscan = off")
        values = [organisation.access.tenant_id, list(collections), str(question.vector.tolist())]
        return set(admin.execute(_NEAREST, values).fetchall())
