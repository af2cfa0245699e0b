"""Organisations of a given size, by multi-row inserts and without an embedder."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID, uuid4

from django.db import connection

from bench.search.corpus import DIMENSIONS, DOCUMENT, Corpus
from documents.models import Collection, Document, DocumentVersion, EmbeddingIndex, Status
from documents.vectors import store_vectors
from tenants.db import tenant_atomic
from tenants.models import Tenant

COLLECTIONS = 10
"""In an organisation."""

_CHUNKS = """
    INSERT INTO documents_chunk (id, tenant_id, document_id, version_id, page, number, start, "end", heading, text)
    SELECT id, %s, %s, %s, number, number, number * 1000, number * 1000 + 1000, '', text
    FROM unnest(%s::uuid[], %s::int[], %s::text[]) AS made (id, number, text)
"""


def new_organisation(slug: str, seed: int, size: int) -> UUID:
    """An organisation with `size` passages; its id."""
    tenant = Tenant.objects.create(name=slug.title(), slug=slug)
    with tenant_atomic(tenant.id):
        shelves = Collection.objects.bulk_create(
            Collection(name=f"Shelf {number}", slug=f"shelf-{number}", is_default=number == 0)
            for number in range(COLLECTIONS)
        )
    stock(tenant.id, seed, size, shelves)
    return tenant.id


def stock(tenant_id: UUID, seed: int, size: int, shelves: Sequence[Collection]) -> None:
    """Put passages into an organisation that has none, in documents that go round its collections."""
    corpus = Corpus(seed, size)
    with tenant_atomic(tenant_id):
        index = EmbeddingIndex.objects.create(
            model="bench", dimensions=DIMENSIONS, status=EmbeddingIndex.Status.ACTIVE
        )
    for number, start in enumerate(range(0, size, DOCUMENT)):
        with tenant_atomic(tenant_id):
            _document(index, shelves[number % len(shelves)], corpus, min(DOCUMENT, size - start), number)


def _document(index: EmbeddingIndex, collection: Collection, corpus: Corpus, count: int, number: int) -> None:
    texts, vectors = corpus.document(count)
    document = Document.objects.create(
        collection=collection,
        name=f"report-{number}.txt",
        title=f"Report {number} {' '.join(texts[0].split()[:3])}",
        sha256=f"{number:064}",
        size=1000 * count,
        status=Status.READY,
        page_count=count,
        chunk_count=count,
    )
    version = DocumentVersion.objects.create(document=document, number=1, size=document.size, status=Status.READY)
    ids = [uuid4() for _ in texts]
    _store_chunks(document, version, ids, texts)
    store_vectors(index, ids, vectors)


def _store_chunks(document: Document, version: DocumentVersion, ids: Sequence[UUID], texts: Sequence[str]) -> None:
    with connection.cursor() as cursor:
        values = [
            document.tenant_id,
            document.id,
            version.id,
            list(ids),
            list(range(1, len(ids) + 1)),
            list(texts),
        ]
        cursor.execute(_CHUNKS, values)
