"""The first step of a search: which passages, with the plain scores of each list.

The predicate that says what a person may see stands inside the query. Every vector within sight is compared; where
those are many, the index's own graph is followed instead, whenever it is known to find what it must. Literals, not
parameters of a prepared plan: the planner must see which index and which collections it is asked for, or it would
not know the graph that holds that index alone.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
from django.conf import settings
from django.db import connection
from numpy.typing import NDArray

from documents.models import EmbeddingIndex
from retrieval.filters import narrowed
from retrieval.types import Scope

# The best this many by meaning and title are compared by their words too; what lies beyond hardly comes out first.
POOL = 200
# What a title that the question says in full is worth in that choice, as a difference of cosines.
_TITLE_WORTH = 0.2
# Of the documents whose title the question says for the better part, these many are looked through beside a graph.
_NAMED, _NAMED_SHARE = 20, 0.5
# The best this many of those that have a word of the question which none of the nearest has.
_MISSED = 50
# Following a graph takes longer the less of it one may see: below a quarter comparing everything is faster, up to
# three times as many as are compared anyway.
_LEAST_SHARE, _MOST_COMPARED = 4, 3

# The planner takes tenant, index and collection to have nothing to do with each other, expects one row of ten
# thousand, and would look for each by itself.
_FOR_MANY_ROWS = {"enable_nestloop": "off"}


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
    words: Sequence[str],
    *,
    telling: Collection[str] = (),
    named: Mapping[UUID, float] = MappingProxyType({}),
) -> list[Candidate]:
    """The passages nearest in meaning, nearest first, with the counts of `words`.

    Those of the documents of `named` are taken for nearer, by the share of their title that the question says.
    After all of them come those few that have words of `telling` which none of the nearest has, unless there are
    too many passages to look through.
    """
    sql, values = _visible(index, visible, scope)
    values |= {"words": list(words), "vector": _literal(vector)}
    if index.hnsw_ef_search is not None:
        least = _followable(index, scope, values)
        if least:
            found = _follow(index, sql, values, ef_search=index.hnsw_ef_search)
            if len(found) >= least:
                return _with_named(found, sql, values, named)
    found = _compare(sql, values, named)
    return found + _having(_missing(telling, found), sql, values)


def nearest_of_all(
    index: EmbeddingIndex, collections: Sequence[UUID], vector: NDArray[np.float32], *, ef_search: int | None
) -> list[Candidate]:
    """To measure with: the nearest, exactly without `ef_search`, else by following the graph as far as that."""
    sql, values = _visible(index, collections, Scope())
    values |= {"words": [], "vector": _literal(vector)}
    return _compare(sql, values, {}) if ef_search is None else _follow(index, sql, values, ef_search=ef_search)


def matching(
    index: EmbeddingIndex, visible: Sequence[UUID], scope: Scope, words: Sequence[str]
) -> list[Candidate]:
    """The passages that have most of `words`, best first; their cosine is not computed and reads 0."""
    sql, values = _visible(index, visible, scope)
    return _by_words(sql, values | {"words": list(words)}, wanted=words, cosine="0::float", limit=POOL)


def _followable(index: EmbeddingIndex, scope: Scope, values: dict[str, Any]) -> int:
    """How many passages the graph must find at least; 0: too few are within sight to follow it.

    By what the documents say they have: wrong by a few, it costs time and nothing else.
    """
    if scope.phrases or scope.without:
        return 0
    more, _values = narrowed(scope)
    sql = f"""
        SELECT sum(chunk_count) FROM (
            SELECT id AS document_id, collection_id, chunk_count FROM documents_document
            WHERE tenant_id = %(tenant)s
        ) e WHERE e.collection_id = ANY(%(collections)s) {more}
    """  # noqa: S608 - our own pieces
    if "documents" in values:
        sql += " AND e.document_id = ANY(%(documents)s)"
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        within_sight = cursor.fetchone()[0] or 0
    compared = settings.DOCENT_EXACT_UP_TO
    enough = min(max(index.hnsw_size // _LEAST_SHARE, compared), _MOST_COMPARED * compared)
    return min(POOL, within_sight) if within_sight > enough else 0


def _compare(sql: str, values: dict[str, Any], named: Mapping[UUID, float]) -> list[Candidate]:
    """By every vector within sight."""
    near = f"""
        SELECT e.chunk_id, e.embedding <=> %(vector)s::halfvec AS distance
        FROM documents_chunkembedding e
        LEFT JOIN unnest(%(named)s::uuid[], %(shares)s::float[]) AS title (document, share)
            ON title.document = e.document_id
        WHERE {sql}
        ORDER BY (e.embedding <=> %(vector)s::halfvec) - {_TITLE_WORTH} * coalesce(title.share, 0) LIMIT {POOL}
    """  # noqa: S608 - the pieces are this module's own
    with _planning(_FOR_MANY_ROWS):
        return _nearest(near, values | {"named": list(named), "shares": list(named.values())})


def _follow(index: EmbeddingIndex, sql: str, values: dict[str, Any], *, ef_search: int) -> list[Candidate]:
    """By the index's graph: fewer than there are when it runs out of patience."""
    kind = f"halfvec({int(index.dimensions)})"
    # Without sorting there is no way but the graph; where it is missing PostgreSQL sorts nevertheless.
    with _planning(
        {"hnsw.ef_search": str(ef_search), "hnsw.iterative_scan": "relaxed_order", "enable_sort": "off"}
    ):
        return _nearest(
            f"""
            SELECT e.chunk_id, e.embedding::{kind} <=> %(vector)s::{kind} AS distance
            FROM documents_chunkembedding e WHERE {sql} ORDER BY distance LIMIT {POOL}
            """,  # noqa: S608 - the pieces are this module's own
            values,
        )


def _with_named(
    found: list[Candidate], sql: str, values: dict[str, Any], named: Mapping[UUID, float]
) -> list[Candidate]:
    """What a graph has found, and what the question's own documents have, by the order that `_compare` gives."""
    said = sorted((one for one in named if named[one] >= _NAMED_SHARE), key=lambda one: (-named[one], one))
    if not said:
        return found
    inside = f"{sql} AND e.document_id = ANY(%(said)s)"
    other = _compare(inside, values | {"said": said[:_NAMED]}, named)
    both = {one.chunk: one for one in [*found, *other]}.values()
    worth = sorted(both, key=lambda one: -one.cosine - _TITLE_WORTH * named.get(one.document, 0.0))
    return sorted(worth[:POOL], key=lambda one: (-one.cosine, one.chunk))


def _nearest(near: str, values: dict[str, Any]) -> list[Candidate]:
    found = _fetch(
        f"""
        WITH near AS MATERIALIZED ({near})
        SELECT chunk.id, chunk.document_id, chunk.page, 1 - near.distance, length(chunk.words), chunk.words::text
        FROM near JOIN documents_chunk chunk ON chunk.id = near.chunk_id
        WHERE chunk.id = ANY(ARRAY(SELECT chunk_id FROM near))
        """,  # noqa: S608 - the pieces are this module's own
        values,
    )
    return sorted(found, key=lambda one: (-one.cosine, one.chunk))


def _missing(words: Collection[str], found: Sequence[Candidate]) -> list[str]:
    """The words that none of the nearest has."""
    if len(found) < POOL:
        return []  # there are no others
    said = {word for one in found for word in one.counts}
    return [word for word in words if word not in said]


def _having(words: Sequence[str], sql: str, values: dict[str, Any]) -> list[Candidate]:
    """The best passages with any of the words."""
    cosine = "1 - (e.embedding <=> %(vector)s::halfvec)"
    return _by_words(sql, values, wanted=words, cosine=cosine, limit=_MISSED) if words else []


def _by_words(
    sql: str, values: dict[str, Any], *, wanted: Sequence[str], cosine: str, limit: int
) -> list[Candidate]:
    with _planning(_FOR_MANY_ROWS):
        return _fetch(
            f"""
            SELECT id, document_id, page, cosine, length(words), words::text FROM (
                SELECT chunk.id, chunk.document_id, chunk.page, chunk.words, {cosine} AS cosine,
                       ts_rank(chunk.words, %(query)s::tsquery, 1) AS rank
                FROM documents_chunkembedding e JOIN documents_chunk chunk ON chunk.id = e.chunk_id
                WHERE {sql} AND chunk.words @@ %(wanted)s::tsquery
                    AND chunk.tenant_id = %(tenant)s AND chunk.document_id = ANY(ARRAY(
                        SELECT id FROM documents_document
                        WHERE tenant_id = %(tenant)s AND collection_id = ANY(%(collections)s)
                    ))
                ORDER BY rank DESC, chunk.id LIMIT {limit}
            ) chunk
            """,  # noqa: S608 - the pieces are this module's own
            values | {"query": _any_of(values["words"]), "wanted": _any_of(wanted)},
        )


@contextmanager
def _planning(wanted: dict[str, str]) -> Iterator[None]:
    """How PostgreSQL plans until the block ends; an error ends the unit, and its settings with it."""
    _set(wanted)
    yield
    _set({name: "on" for name in wanted if name.startswith("enable_")})


def _set(wanted: dict[str, str]) -> None:
    """For the length of the unit."""
    calls = ", ".join(["set_config(%s, %s, true)"] * len(wanted))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {calls}", [part for pair in wanted.items() for part in pair])


def _any_of(words: Sequence[str]) -> str:
    return " | ".join(map(_quoted, words))


def _quoted(word: str) -> str:
    """As tsquery takes it and tsvector gives it."""
    return "'" + word.replace("\\", "\\\\").replace("'", "''") + "'"


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
    # As PostgreSQL writes them. To unnest each passage's words there takes three times as long as all the rest.
    wanted = {word: f" {_quoted(word)}:" for word in values["words"]}
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return [Candidate._make([*row[:-1], _counts(f" {row[-1]} ", wanted)]) for row in cursor.fetchall()]


def _counts(said: str, wanted: Mapping[str, str]) -> dict[str, int]:
    """How often each word stands in a passage: `said` is its words, each with the list of its places."""
    counts = {}
    for word, beginning in wanted.items():
        start = said.find(beginning)
        if start >= 0:
            places = start + len(beginning)
            counts[word] = said.count(",", places, said.index(" ", places)) + 1
    return counts


def _literal(vector: NDArray[np.float32]) -> str:
    return "[" + ",".join(f"{value:.6g}" for value in vector.tolist()) + "]"
