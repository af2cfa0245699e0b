"""The first step of a search: which passages, with the plain scores of each list.

The predicate that says what a person may see stands inside the query. Search is exact: the rows of one
tenant's index behind a btree, every vector compared. Literals, not parameters of a prepared plan: the
planner must see which index and which collections it is asked for.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from documents.models import EmbeddingIndex
from retrieval.types import Scope

# The nearest this many get a lexical score too; what lies beyond them has not come out on top.
POOL = 400

_OR_QUERY = """(
    SELECT string_agg(quote_literal(lexeme), ' | ')::tsquery FROM unnest(to_tsvector('english', %(question)s))
)"""


class Candidate(NamedTuple):
    """`words` is PostgreSQL's ts_rank with length normalisation 1 for any word of the question."""

    chunk: UUID
    document: UUID
    page: int
    cosine: float
    words: float


def nearest(
    index: EmbeddingIndex, visible: Sequence[UUID], scope: Scope, question: str, vector: NDArray[np.float32]
) -> list[Candidate]:
    """The passages nearest in meaning, nearest first, with their lexical score beside it."""
    sql, values = _visible(index, visible, scope)
    return _fetch(
        f"""
        WITH near AS MATERIALIZED (
            SELECT chunk_id, embedding <=> %(vector)s::halfvec AS distance
            FROM documents_chunkembedding e WHERE {sql}
            ORDER BY distance LIMIT {POOL}
        )
        SELECT chunk.id, chunk.document_id, chunk.page, 1 - near.distance,
               coalesce(ts_rank(chunk.words, {_OR_QUERY}, 1), 0)
        FROM near JOIN documents_chunk chunk ON chunk.id = near.chunk_id
        ORDER BY near.distance, chunk.id
        """,  # noqa: S608 - the pieces are this module's own
        {**values, "question": question, "vector": _literal(vector)},
    )


def matching(index: EmbeddingIndex, visible: Sequence[UUID], scope: Scope, question: str) -> list[Candidate]:
    """The passages with the best lexical score, best first; their cosine is not computed and reads 0."""
    sql, values = _visible(index, visible, scope)
    return _fetch(
        f"""
        SELECT chunk.id, chunk.document_id, chunk.page, 0.0, ts_rank(chunk.words, query, 1) AS rank
        FROM documents_chunkembedding e
        JOIN documents_chunk chunk ON chunk.id = e.chunk_id, {_OR_QUERY} AS asked (query)
        WHERE {sql} AND chunk.words @@ query
        ORDER BY rank DESC, chunk.id LIMIT {POOL}
        """,  # noqa: S608 - the pieces are this module's own
        {**values, "question": question},
    )


def _visible(index: EmbeddingIndex, visible: Sequence[UUID], scope: Scope) -> tuple[str, dict[str, Any]]:
    wanted = set(visible) if scope.collections is None else set(visible) & set(scope.collections)
    sql = (
        "e.tenant_id = %(tenant)s AND e.index_id = %(index)s AND e.is_current"
        " AND e.collection_id = ANY(%(collections)s)"
    )
    values: dict[str, Any] = {
        "tenant": index.tenant_id,
        "index": index.id,
        "collections": sorted(wanted),
    }
    if scope.documents is not None:
        sql += " AND e.document_id = ANY(%(documents)s)"
        values["documents"] = list(scope.documents)
    return sql, values


def _fetch(sql: str, values: dict[str, Any]) -> list[Candidate]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(map(Candidate._make, cursor.fetchall()))


def _literal(vector: NDArray[np.float32]) -> str:
    return "[" + ",".join(f"{value:.6g}" for value in vector.tolist()) + "]"
