"""Storing passages' vectors beside what decides who may find them, in one statement for hundreds."""

from collections.abc import Sequence
from uuid import UUID

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from documents.models import EmbeddingIndex

# Half the time of the ORM's rows and pgvector's conversion, and it sees by itself which passages are still there.
_INSERT = """
    INSERT INTO documents_chunkembedding
        (id, tenant_id, index_id, chunk_id, document_id, collection_id, is_current, embedding)
    SELECT gen_random_uuid(), chunk.tenant_id, %s, chunk.id, document.id, document.collection_id,
        version.number = document.current_version, made.embedding::halfvec
    FROM unnest(%s::uuid[], %s::text[]) AS made (chunk_id, embedding)
    JOIN documents_chunk chunk ON chunk.id = made.chunk_id
    JOIN documents_documentversion version ON version.id = chunk.version_id
    JOIN documents_document document ON document.id = chunk.document_id
"""


def store_vectors(index: EmbeddingIndex, chunks: Sequence[UUID], vectors: NDArray[np.float32]) -> int:
    """Store the vectors, shape [len(chunks), dimensions], of passages that have none; returns how many it stored.

    Passages deleted meanwhile are passed over. The caller holds their documents, so that neither collection nor
    current version changes before its unit ends.
    """
    row = f"[{','.join(['%.6g'] * vectors.shape[1])}]"  # a half has four digits
    embeddings = [row % tuple(vector) for vector in vectors.tolist()]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, [index.id, list(chunks), embeddings])
        return int(cursor.rowcount)
