from documents.models.collections import Collection, CollectionGrant
from documents.models.documents import TERMINAL, Document, DocumentVersion, Page, Processing, Status
from documents.models.index import Chunk, ChunkEmbedding, EmbeddingIndex
from documents.models.masking import MaskingPolicy
from documents.models.sources import Source

__all__ = [
    "TERMINAL",
    "Chunk",
    "ChunkEmbedding",
    "Collection",
    "CollectionGrant",
    "Document",
    "DocumentVersion",
    "EmbeddingIndex",
    "MaskingPolicy",
    "Page",
    "Processing",
    "Source",
    "Status",
]
