"""What is searched: chunks, and their vectors by embedding model."""

from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db import models
from django.utils.translation import gettext_lazy as _
from pgvector.django import HalfVectorField

from documents.models.collections import Collection
from documents.models.documents import Document, DocumentVersion
from tenants.models import TenantKey, TenantModel


class Chunk(TenantModel):
    """A passage of one page. `start` and `end` are code points of the version's text; `page` counts from 1."""

    document = TenantKey(Document, on_delete=models.DO_NOTHING, related_name="+")
    version = TenantKey(DocumentVersion, on_delete=models.DO_NOTHING, related_name="chunks")
    page = models.PositiveIntegerField()
    number = models.PositiveIntegerField()
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    heading = models.CharField(max_length=300, blank=True)
    text = models.TextField()
    words = models.GeneratedField(
        expression=SearchVector("heading", "text", config="english"),
        output_field=SearchVectorField(),
        db_persist=True,
    )

    if TYPE_CHECKING:
        document_id: UUID
        version_id: UUID

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "version", "number"], name="chunk_number")]
        indexes = [models.Index(fields=["tenant", "document"], name="chunk_by_document")]

    def __str__(self) -> str:
        return f"chunk {self.number}"


class EmbeddingIndex(TenantModel):
    """A tenant's chunks as one model sees them. Exactly one is active; it answers the questions.

    While one is built, `embedded` of `total` chunks have their vector. A retired one may be taken back until
    it is dropped.
    """

    class Status(StrEnum):
        BUILDING = "building"
        ACTIVE = "active"
        RETIRED = "retired"
        FAILED = "failed"

    model = models.CharField(max_length=120)
    dimensions = models.PositiveIntegerField()
    status = models.CharField(max_length=10, choices=[(one.value, one.value) for one in Status])
    embedded = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    error_code = models.CharField(max_length=40, blank=True)
    error_detail = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    activated_at = models.DateTimeField(null=True)
    retired_at = models.DateTimeField(null=True)
    # Its own HNSW graph, when it is large: since when, and how many vectors there were when it was last measured.
    hnsw_built_at = models.DateTimeField(null=True, editable=False)
    hnsw_measured_at = models.DateTimeField(null=True, editable=False)
    hnsw_size = models.PositiveIntegerField(default=0, editable=False)
    # None: every vector is compared, because the graph was not measured yet or misses too much.
    hnsw_ef_search = models.PositiveIntegerField(null=True, editable=False)
    hnsw_recall = models.FloatField(null=True, editable=False)

    class Meta(TenantModel.Meta):
        verbose_name = _("embedding model")
        verbose_name_plural = _("embedding models")
        constraints = [
            models.UniqueConstraint(
                fields=["tenant"], condition=models.Q(status="active"), name="one_active_index"
            ),
            models.UniqueConstraint(
                fields=["tenant"], condition=models.Q(status="building"), name="one_building_index"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model} ({self.status})"


class ChunkEmbedding(TenantModel):
    """A chunk's vector, beside what decides who may find it: so that the filter stands inside the search."""

    index = TenantKey(EmbeddingIndex, on_delete=models.DO_NOTHING, related_name="+")
    chunk = TenantKey(Chunk, on_delete=models.DO_NOTHING, related_name="+")
    document = TenantKey(Document, on_delete=models.DO_NOTHING, related_name="+")
    collection = TenantKey(Collection, on_delete=models.DO_NOTHING, related_name="+")
    is_current = models.BooleanField(default=True)
    # Without a fixed dimension: tenants choose their model.
    embedding = HalfVectorField()

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "index", "chunk"], name="embedding_once")]
        indexes = [
            models.Index(fields=["index", "is_current", "collection"], name="embedding_visible"),
            models.Index(fields=["tenant", "document"], name="embedding_by_document"),
        ]

    def __str__(self) -> str:
        return f"vector of {self.chunk_id}"

    if TYPE_CHECKING:
        chunk_id: UUID
