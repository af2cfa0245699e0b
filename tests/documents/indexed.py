"""Passages made of rows, with the vectors that the stand-in's models give them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import numpy as np

from documents.models import Chunk, ChunkEmbedding, Collection, Document, DocumentVersion, EmbeddingIndex, Status
from documents.reindex import REINDEX
from retrieval.search import search
from retrieval.types import Mode
from tenants.db import tenant_atomic
from tenants.jobs.models import Job
from tenants.jobs.runner import run_job
from tests.people import Person
from tests.standins.embeddings import vector_of

OLD, NEW = "ollama/old-embed", "ollama/new-embed"
TEXTS = [f"The kiln of workshop {number} is fired on day {number % 7}, team {number % 9}." for number in range(40)]
MANY = [f"Clause {number}: kiln {number % 13} is fired on Fridays in week {number % 52}." for number in range(400)]
QUESTION = "Which kiln is fired on Fridays?"


def made_index(person: Person, model: str = OLD, dimensions: int = 12) -> EmbeddingIndex:
    """The active one."""
    with tenant_atomic(person.access.tenant_id):
        index: EmbeddingIndex = EmbeddingIndex.objects.create(model=model, dimensions=dimensions, status="active")
    return index


def stocked(
    person: Person, name: str, texts: Sequence[str], *, collection: object = None, **fields: Any
) -> Document:
    """A document that is ready: a page and a passage for each text, with their vectors in the active index.

    In the collection of that id, the default one without; `fields` are the row's.
    """
    with tenant_atomic(person.access.tenant_id):
        index = EmbeddingIndex.objects.get(status="active")
        shelf = {"is_default": True} if collection is None else {"id": collection}
        document: Document = Document.objects.create(
            collection=Collection.objects.get(**shelf),
            name=name,
            title=name,
            sha256=name,
            size=1,
            status=Status.READY,
            chunk_count=len(texts),
            uploaded_by_id=person.user.pk,
        )
        if fields:
            Document.objects.filter(id=document.id).update(**fields)
        add_version(document, 1, texts, index)
    return document


def add_version(document: Document, number: int, texts: Sequence[str], index: EmbeddingIndex) -> DocumentVersion:
    """Inside the caller's unit."""
    version: DocumentVersion = DocumentVersion.objects.create(
        document=document, number=number, size=1, status=Status.READY, storage_key=f"none/{document.id}-{number}"
    )
    chunks = [
        Chunk(document=document, version=version, page=place, number=place, start=place, end=place + 1, text=text)
        for place, text in enumerate(texts, start=1)
    ]
    Chunk.objects.bulk_create(chunks)
    ChunkEmbedding.objects.bulk_create(
        ChunkEmbedding(
            index=index,
            chunk=chunk,
            document=document,
            collection_id=document.collection_id,
            is_current=number == document.current_version,
            embedding=unit(index.model, chunk.text, index.dimensions),
        )
        for chunk in chunks
    )
    return version


def unit(model: str, text: str, dimensions: int) -> list[float]:
    vector = vector_of(model.partition("/")[2], text, dimensions)
    return [float(value) for value in vector / np.linalg.norm(vector)]


def expected_hits(texts: Sequence[str], model: str, dimensions: int, *, top_k: int) -> list[str]:
    """Which passages are nearest to the question, worked out without the database."""
    question = np.array(unit(model, QUESTION, dimensions))
    nearness = {text: float(np.array(unit(model, text, dimensions)) @ question) for text in texts}
    return sorted(nearness, key=lambda text: -nearness[text])[:top_k]


def found(person: Person, *, top_k: int = 5) -> list[str]:
    """What the question finds by meaning."""
    return [hit.text for hit in search(person.access, QUESTION, top_k=top_k, mode=Mode.VECTOR).hits]


def index_of(person: Person, status: str) -> EmbeddingIndex:
    """The one with the status."""
    with tenant_atomic(person.access.tenant_id):
        index: EmbeddingIndex = EmbeddingIndex.objects.get(status=status)
    return index


def indexes_of(person: Person) -> dict[str, str]:
    """Statuses by model."""
    with tenant_atomic(person.access.tenant_id):
        return dict(EmbeddingIndex.objects.values_list("model", "status"))


def holdings_of(person: Person, index: EmbeddingIndex) -> set[tuple[UUID, UUID, UUID, bool]]:
    """Passage, document, collection and currentness of each vector."""
    with tenant_atomic(person.access.tenant_id):
        rows = ChunkEmbedding.objects.filter(index=index)
        return set(rows.values_list("chunk_id", "document_id", "collection_id", "is_current"))


def reindex_job() -> Job | None:
    return Job.objects.filter(kind=REINDEX).first()


def run_reindex() -> None:
    """As a worker would."""
    job = reindex_job()
    assert job is not None
    assert run_job(job.id)
