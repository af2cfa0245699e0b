"""What one would try first: an HNSW over all organisations' vectors, on a copy without row-level security."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from uuid import UUID

import psycopg

from bench.search.asking import Times, ask_in_turn
from bench.search.corpus import DIMENSIONS, Question
from bench.search.organisations import Organisation, Place, admin_url, nearest

_SETUP = (
    f"CREATE TABLE bench_shared (tenant_id uuid, document_id uuid, page int, embedding halfvec({DIMENSIONS}))",
    """
    INSERT INTO bench_shared SELECT e.tenant_id, e.document_id, c.page, e.embedding
    FROM documents_chunkembedding e JOIN documents_chunk c ON c.id = e.chunk_id
    WHERE e.tenant_id = ANY(%s) ORDER BY c.id
    """,
    "CREATE INDEX ON bench_shared (tenant_id)",
    "SET maintenance_work_mem = '2GB'",
    "CREATE INDEX ON bench_shared USING hnsw (embedding halfvec_cosine_ops)",
    "VACUUM ANALYZE bench_shared",
)
_NEAREST = """
    SELECT document_id, page FROM bench_shared WHERE tenant_id = %s ORDER BY embedding <=> %s::halfvec LIMIT 10
"""
_local = threading.local()


def build_shared(tenants: Sequence[UUID]) -> None:
    """Over the passages of these organisations alone: one graph over a million takes an hour to build."""
    with psycopg.connect(admin_url(), autocommit=True) as admin:
        for statement in _SETUP:
            admin.execute(statement, [list(tenants)] if "%s" in statement else None)


def shared_recall(organisation: Organisation) -> float:
    found = expected = 0
    with psycopg.connect(admin_url(), autocommit=True) as admin:
        for question in organisation.questions:
            wanted = nearest(admin, organisation, organisation.collections, question)
            found += len(wanted & _search(admin, organisation, question))
            expected += len(wanted)
    return found / expected


def shared_load(organisation: Organisation) -> Times:
    """As the product's own search is timed, one connection for each person; the vector query alone."""

    def search(question: Question) -> set[Place]:
        if not hasattr(_local, "connection"):
            _local.connection = psycopg.connect(admin_url(), autocommit=True)
        return _search(_local.connection, organisation, question)

    return ask_in_turn(organisation.questions, search)


def _search(connection: psycopg.Connection, organisation: Organisation, question: Question) -> set[Place]:
    # Literals, as in the product: the planner chooses what it would choose there.
    cursor = psycopg.ClientCursor(connection)
    cursor.execute(_NEAREST, [organisation.access.tenant_id, str(question.vector.tolist())])
    return set(cursor.fetchall())
