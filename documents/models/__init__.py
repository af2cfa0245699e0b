from documents.models.collections import Collection, CollectionGrant
from documents.models.documents import TERMINAL, Document, DocumentVersion, Page, Status
from documents.models.index import Chunk, ChunkEmbedding, EmbeddingIndex

__all__ = [
    "TERMINAL",
    "Chunk",
    "ChunkEmbedding",
    "Collection",
    "CollectionGrant",
    "Document",
    "DocumentVersion",
    "EmbeddingIndex",
    "Page",
    "Status",
]
