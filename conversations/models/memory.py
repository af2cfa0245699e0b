"""What a conversation is searched by: its messages' pieces, and their vectors by embedding model."""

from typing import TYPE_CHECKING
from uuid import UUID

from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db import models
from pgvector.django import HalfVectorField

from conversations.models.messages import Message
from documents.models import EmbeddingIndex
from tenants.models import TenantKey, TenantModel


class MessageChunk(TenantModel):
    """A piece of a message as it may be searched: masked by the rules whose digest `masked_by` is.

    `start` and `end` are code points of the message's content.
    """

    message = TenantKey(Message, on_delete=models.CASCADE, related_name="+")
    number = models.PositiveIntegerField()
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    text = models.TextField()
    masked_by = models.CharField(max_length=64, blank=True)
    words = models.GeneratedField(
        expression=SearchVector("text", config="english"), output_field=SearchVectorField(), db_persist=True
    )

    if TYPE_CHECKING:
        message_id: UUID

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "message", "number"], name="message_chunk_number")
        ]

    def __str__(self) -> str:
        return f"piece {self.number}"


class MessageEmbedding(TenantModel):
    """A piece's vector in one index."""

    # They go with their index, which documents drop without knowing of them.
    index = TenantKey(EmbeddingIndex, on_delete=models.CASCADE, related_name="+")
    chunk = TenantKey(MessageChunk, on_delete=models.CASCADE, related_name="+")
    # Without a fixed dimension: tenants choose their model.
    embedding = HalfVectorField()

    if TYPE_CHECKING:
        chunk_id: UUID

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "index", "chunk"], name="message_embedding_once"),
        ]
        indexes = [models.Index(fields=["tenant", "chunk"], name="message_embedding_by_chunk")]

    def __str__(self) -> str:
        return f"vector of {self.chunk_id}"
