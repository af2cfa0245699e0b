"""Each large index's own HNSW graph, built and dropped by the platform process as the database's owner.

A graph over all tenants' vectors finds a small tenant's neighbours among everybody else's; one over an index alone
cannot. Only what answers questions has one, and only when comparing every vector would take too long.
"""

import logging
from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from django.conf import settings
from psycopg import sql

logger = logging.getLogger(__name__)

# What halfvec vectors may have in an HNSW of pgvector.
MOST_DIMENSIONS = 4000
_PREFIX = "documents_hnsw_"
# Bytes of a vector's place in the graph while it is built, beside the vector.
_PLACE_BYTES = 700
_LEAST_MEMORY_KB = 16 * 1024

# A look into each tenant, in its own context, without a word to and fro. Documents know how many passages they
# have; counting vectors would read them.
_FIND: LiteralString = """
    DO $$
    DECLARE
        tenant uuid;
        passages bigint;
        found text := '';
    BEGIN
        FOR tenant IN SELECT id FROM tenants_tenant ORDER BY id LOOP
            PERFORM set_config('app.tenant_id', tenant::text, true);
            SELECT coalesce(sum(chunk_count), 0) INTO passages FROM documents_document;
            found := found || coalesce((
                SELECT string_agg(concat_ws(' ', tenant, id, dimensions, passages, status = 'active',
                    hnsw_built_at IS NOT NULL), ',') || ','
                FROM documents_embeddingindex
                WHERE hnsw_built_at IS NOT NULL
                    OR status = 'active' AND passages > current_setting('docent.graphs_from')::bigint
            ), '');
        END LOOP;
        PERFORM set_config('docent.graphs', found, true);
    END $$
"""
_STANDING: LiteralString = """
    SELECT relname, indisvalid FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
    WHERE indrelid = 'documents_chunkembedding'::regclass AND starts_with(relname, %s)
"""
_BUILD: LiteralString = """
    CREATE INDEX CONCURRENTLY {name} ON documents_chunkembedding
    USING hnsw ((embedding::halfvec({dimensions})) halfvec_cosine_ops) WHERE index_id = {index} AND is_current
"""


@dataclass(frozen=True, slots=True)
class Graph:
    """An index that may have a graph; `size` is how many passages its documents say they have."""

    tenant_id: UUID
    index_id: UUID
    dimensions: int
    size: int
    is_active: bool
    is_noted: bool  # the index says that its graph is there

    @property
    def name(self) -> str:
        return f"{_PREFIX}{self.index_id.hex}"

    def deserves_it(self, least: int) -> bool:
        return self.is_active and self.size > least and self.dimensions <= MOST_DIMENSIONS


def tend_graphs(owner_url: str) -> list[Graph]:
    """Build what is missing and drop what is left over; the graphs that stand now.

    An index gets its graph when it has more than `DOCENT_EXACT_UP_TO` vectors, and keeps it down to half as many.
    Whoever finds somebody else at it leaves it to them, and finds none.
    """
    least = settings.DOCENT_EXACT_UP_TO
    with psycopg.connect(owner_url, autocommit=True, application_name="docent indexing") as connection:
        if not _is_alone(connection):
            return []
        known = _known(connection, least // 2)
        kept = {graph.name for graph in known if graph.deserves_it(least // 2)}
        standing: dict[str, bool] = dict(connection.execute(_STANDING, [_PREFIX]).fetchall())
        sound = {name for name, is_valid in standing.items() if is_valid and name in kept}
        for graph in known:
            # Before it goes: searches count on what the index says.
            if graph.is_noted != (graph.name in sound):
                _note(connection, graph, is_built=graph.name in sound)
        for name in standing.keys() - sound:
            _drop(connection, name)
        for graph in known:
            if graph.name not in sound and graph.deserves_it(least) and _build(connection, graph):
                sound.add(graph.name)
        return [graph for graph in known if graph.name in sound]


def _is_alone(connection: psycopg.Connection[Any]) -> bool:
    """Held until the connection ends, also when its process dies before PostgreSQL has finished building."""
    row = connection.execute("SELECT pg_try_advisory_lock(hashtextextended('docent graphs', 0))").fetchone()
    return bool(row and row[0])


def _known(connection: psycopg.Connection[Any], least: int) -> list[Graph]:
    """Those of organisations with more passages than `least`, and those that say they have a graph."""
    with connection.transaction():
        connection.execute("SELECT set_config('docent.graphs_from', %s, true)", [str(least)])
        connection.execute(_FIND)
        [found] = connection.execute("SELECT current_setting('docent.graphs')").fetchone() or [""]
    graphs = []
    for line in found.split(",")[:-1]:
        tenant, index, dimensions, size, is_active, is_noted = line.split()
        graphs.append(
            Graph(UUID(tenant), UUID(index), int(dimensions), int(size), is_active == "t", is_noted == "t")
        )
    return graphs


def _build(connection: psycopg.Connection[Any], graph: Graph) -> bool:
    """False when PostgreSQL could not; it is tried again next time."""
    # Where a graph does not fit, the rest of it is built on disk, many times slower.
    needed = graph.size * (2 * graph.dimensions + _PLACE_BYTES) // 1024
    memory = max(_LEAST_MEMORY_KB, min(needed, settings.DOCENT_INDEXING_MEMORY_MB * 1024))
    statement = sql.SQL(_BUILD).format(
        name=sql.Identifier(graph.name),
        dimensions=sql.Literal(graph.dimensions),
        index=sql.Literal(graph.index_id),
    )
    try:
        connection.execute("SELECT set_config('maintenance_work_mem', %s, false)", [f"{memory}kB"])
        connection.execute(statement)
    except psycopg.Error:
        logger.exception("The graph of index %s was not built", graph.index_id)
        if not connection.broken:
            _drop(connection, graph.name)
        return False
    _note(connection, graph, is_built=True)
    return True


def _drop(connection: psycopg.Connection[Any], name: str) -> None:
    connection.execute(sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(sql.Identifier(name)))


def _note(connection: psycopg.Connection[Any], graph: Graph, *, is_built: bool) -> None:
    """Say on the index whether there is a graph; what was measured of another does not hold for it."""
    with connection.transaction():
        connection.execute("SELECT set_config('app.tenant_id', %s, true)", [str(graph.tenant_id)])
        connection.execute(
            "UPDATE documents_embeddingindex SET hnsw_built_at = CASE WHEN %s THEN now() END, hnsw_size = 0,"
            " hnsw_ef_search = NULL, hnsw_recall = NULL, hnsw_measured_at = NULL WHERE id = %s",
            [is_built, graph.index_id],
        )
