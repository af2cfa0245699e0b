"""A document that is searchable at once: what a worker of this run has made of the same bytes is put in place.

The first time in a process the worker reads the handbook. From then on it is uploaded as ever, and its pages,
passages and vectors are copies of the first one's: for the hundreds of tests that are about something else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID, uuid4

from django.db import models, transaction
from django.utils import timezone

from documents.embedders import get_or_create_index
from documents.models import Chunk, ChunkEmbedding, Document, DocumentVersion, Page
from documents.services.processing import show_state, stop_jobs
from tenants.db import tenant_atomic
from tests.factories import document_of, handbook, processed, uploaded
from tests.people import Person

Row = TypeVar("Row", bound=models.Model)

# What reading says of a version, and of its document beside that.
_OF_VERSION = ("status", "progress", "attempts", "timings", "page_count", "chunk_count", "properties")
_OF_DOCUMENT = ("language", "dated_at")


@dataclass(frozen=True)
class _Reading:
    """What a worker made of a file."""

    document: Document
    version: DocumentVersion
    pages: Sequence[Page]
    chunks: Sequence[Chunk]
    vectors: Sequence[ChunkEmbedding]


_NAME = "handbook.pdf"
_read: list[_Reading] = []


def shelved(person: Person, **fields: Any) -> dict[str, Any]:
    """The handbook, searchable; `fields` go with the upload. Needs the `worker`, for the first in a process.

    For a collection that is cut, masked and embedded as a new organisation's is.
    """
    tenant_id = person.access.tenant_id
    if not _read:
        document = processed(person, uploaded(person, _NAME, handbook(), **fields)["id"])
        assert document["status"] == "ready", document
        _read.append(_reading_of(tenant_id, UUID(document["id"])))
        return document
    with transaction.atomic():
        document = uploaded(person, _NAME, handbook(), **fields)
        _put(_read[0], tenant_id, UUID(document["id"]))
    return document_of(person, document["id"])


def _reading_of(tenant_id: UUID, document_id: UUID) -> _Reading:
    with tenant_atomic(tenant_id):
        return _Reading(
            Document.objects.get(id=document_id),
            DocumentVersion.objects.get(document=document_id),
            list(Page.objects.filter(version__document=document_id)),
            list(Chunk.objects.filter(document=document_id)),
            list(ChunkEmbedding.objects.filter(document=document_id)),
        )


def _put(reading: _Reading, tenant_id: UUID, document_id: UUID) -> None:
    with tenant_atomic(tenant_id):
        document = Document.objects.select_for_update().get(id=document_id)
        version = DocumentVersion.objects.get(document=document)
        stop_jobs(version)
        version.started_at = version.finished_at = timezone.now()
        _take(reading.version, version, _OF_VERSION)
        _take(reading.document, document, _OF_DOCUMENT)
        version.save()
        show_state(document, version)
        document.save()
        index = get_or_create_index()
        chunks = {chunk.id: uuid4() for chunk in reading.chunks}
        Page.objects.bulk_create(
            _copy(page, id=uuid4(), tenant_id=tenant_id, version_id=version.id) for page in reading.pages
        )
        Chunk.objects.bulk_create(
            _copy(chunk, id=chunks[chunk.id], tenant_id=tenant_id, document_id=document_id, version_id=version.id)
            for chunk in reading.chunks
        )
        ChunkEmbedding.objects.bulk_create(
            _copy(
                vector,
                id=uuid4(),
                tenant_id=tenant_id,
                index_id=index.id,
                chunk_id=chunks[vector.chunk_id],
                document_id=document_id,
                collection_id=document.collection_id,
            )
            for vector in reading.vectors
        )


def _take(source: models.Model, target: models.Model, names: Sequence[str]) -> None:
    for name in names:
        setattr(target, name, getattr(source, name))


def _copy(row: Row, **changes: Any) -> Row:
    """A new row that differs in these columns; what the database generates is left to it."""
    fields = [field for field in row._meta.concrete_fields if not field.generated]
    return type(row)(**{field.attname: getattr(row, field.attname) for field in fields} | changes)
