"""How PostgreSQL looks for words under row-level security, where no index of words may be used."""

from __future__ import annotations

import re
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bench.search.filling import new_organisation, stock
from documents.models import Chunk
from documents.services.collections import create_collection
from retrieval.search import find_passages
from retrieval.types import Mode
from tenants.db import tenant_atomic
from tests.people import Person

pytestmark = pytest.mark.django_db(transaction=True)

SIZE, NEIGHBOURS = 600, 60


def test_I4_words_are_looked_for_in_ones_own_passages_and_once_in_each(
    alice: Person, owner_connection: psycopg.Connection[Any]
) -> None:
    """The planner expects a few rows of hundreds, and would fetch every passage by itself."""
    with tenant_atomic(alice.access.tenant_id):
        shelf = create_collection(access=alice.access, name="Shelf")
    stock(alice.access.tenant_id, 7, SIZE, [shelf])
    for number in range(NEIGHBOURS):
        new_organisation(f"n{number}", 100 + number, 100)
    owner_connection.execute("ANALYZE documents_chunk, documents_chunkembedding")
    with tenant_atomic(alice.access.tenant_id):
        passage = Chunk.objects.order_by("id").first()
        assert passage is not None
        question = " ".join(passage.text.split()[:9])
        with CaptureQueriesContext(connection) as queries:
            found = find_passages(alice.access, question, None, top_k=10, mode=Mode.LEXICAL)
    assert len(found.hits) == 10
    assert passage.text in {hit.text for hit in found.hits}
    plan = _plan(alice, [one["sql"] for one in queries.captured_queries])
    scans = re.findall(r"((?:\w+ )+Scan)(?: using \w+)? on documents_chunk\b", plan)
    assert scans == ["Bitmap Heap Scan"]
    assert re.search(r"Index Cond: \(\(tenant_id = .* AND \(document_id = ANY", plan), "within sight"
    assert "Nested Loop" not in plan
    assert plan.count("Hash Join") == 1


def _plan(person: Person, statements: list[str]) -> str:
    lines: list[str] = []
    with tenant_atomic(person.access.tenant_id), connection.cursor() as cursor:
        for statement in statements:
            if "set_config" in statement and "'off'" in statement:
                cursor.execute(statement)
            elif "ts_rank" in statement:
                cursor.execute(f"EXPLAIN {statement}")
                lines += [line for (line,) in cursor.fetchall()]
    return "\n".join(lines)
