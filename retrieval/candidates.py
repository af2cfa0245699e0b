"""The first step of a search: which passages, with the plain scores of each list.

The predicate that says what a person may see stands inside the query. Search is exact: the rows of one
tenant's index behind a btree, every vector compared. Literals, not parameters of a prepared plan: the
planner must see which index and which collections it is asked for.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from documents.models import EmbeddingIndex
from retrieval.filters import narrowed
from retrieval.types import Scope

# The best this many by meaning and title are compared by their words too; what lies beyond hardly comes out first.
POOL = 200
# What a title that the question says in full is worth in that choice, as a difference of cosines.
_TITLE_WORTH = 0.2

# How often a passage has each of the question's words, as an array of `word:count`.
_COUNTS = """ARRAY(
    SELECT said.lexeme || ':' || cardinality(said.positions) FROM unnest(chunk.words) said
    WHERE said.lexeme = ANY(%(words)s::text[])
)"""


class Candidate(NamedTuple):
    """`length` is the number of different words of the passage, `counts` how often it has the question's."""

    chunk: UUID
    document: UUID
    page: int
    cosine: float
    length: int
    counts: dict[str, int]


def words_of(question: str) -> list[str]:
    """The question's words as passages are indexed by them: stemmed, without those that say nothing."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tsvector_to_array(to_tsvector('english', %s))", [question])
        words: list[str] = cursor.fetchone()[0]
    return words


def nearest(
    index: EmbeddingIndex,
    visible: Sequence[UUID],
    scope: Scope,
    vector: NDArray[np.float32],
    *,
    words: Sequence[str],
    named: Mapping[UUID, float],
) -> list[Candidate]:
    """The passages nearest in meaning, nearest first, with the counts of `words`.

    Those of the documents of `named` are taken for nearer, by the share of their title that the question says.
    """
    sql, values = _visible(index, visible, scope)
    return _fetch(
        f"""
        WITH near AS MATERIALIZED (
            SELECT e.chunk_id, e.embedding <=> %(vector)s::halfvec AS distance
            FROM documents_chunkembedding e
            LEFT JOIN unnest(%(named)s::uuid[], %(shares)s::float[]) AS title (document, share)
                ON title.document = e.document_id
            WHERE {sql}
            ORDER BY (e.embedding <=> %(vector)s::halfvec) - {_TITLE_WORTH} * coalesce(title.share, 0) LIMIT {POOL}
        )
        SELECT chunk.id, chunk.document_id, chunk.page, 1 - near.distance, length(chunk.words), {_COUNTS}
        FROM near JOIN documents_chunk chunk ON chunk.id = near.chunk_id
        ORDER BY near.distance, chunk.id
        """,  # noqa: S608 - the pieces are this module's own
        {
            **values,
            "words": list(words),
            "vector": _literal(vector),
            "named": list(named),
            "shares": list(named.values()),
        },
    )


def matching(
    index: EmbeddingIndex, visible: Sequence[UUID], scope: Scope, words: Sequence[str]
) -> list[Candidate]:
    """The passages that have most of `words`, best first; their cosine is not computed and reads 0."""
    sql, values = _visible(index, visible, scope)
    return _fetch(
        f"""
        WITH best AS MATERIALIZED (
            SELECT chunk.id, ts_rank(chunk.words, query, 1) AS rank
            FROM documents_chunkembedding e
            JOIN documents_chunk chunk ON chunk.id = e.chunk_id, CAST(%(query)s AS tsquery) AS asked (query)
            WHERE {sql} AND chunk.words @@ query
            ORDER BY rank DESC, chunk.id LIMIT {POOL}
        )
        SELECT chunk.id, chunk.document_id, chunk.page, 0::float, length(chunk.words), {_COUNTS}
        FROM best JOIN documents_chunk chunk ON chunk.id = best.id
        ORDER BY best.rank DESC, chunk.id
        """,  # noqa: S608 - the pieces are this module's own
        {**values, "words": list(words), "query": _any_of(words)},
    )


def _any_of(words: Sequence[str]) -> str:
    quoted = ("'" + word.replace("\\", "\\\\").replace("'", "''") + "'" for word in words)
    return " | ".join(quoted)


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
    more, named = narrowed(scope)
    return sql + more, values | named


def _fetch(sql: str, values: dict[str, Any]) -> list[Candidate]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return [Candidate._make([*row[:-1], _counts(row[-1])]) for row in cursor.fetchall()]


def _counts(pairs: Sequence[str]) -> dict[str, int]:
    split = (pair.rpartition(":") for pair in pairs)
    return {word: int(count) for word, _, count in split}


def _literal(vector: NDArray[np.float32]) -> str:
    return "[" + ",".join(f"{value:.6g}" for value in vector.tolist()) + "]"
