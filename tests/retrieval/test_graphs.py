"""Graphs of large indexes: made, measured, followed and dropped, among five hundred organisations."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from bench.search.corpus import Corpus
from bench.search.filling import new_organisation, stock
from documents.models import Chunk, ChunkEmbedding, Collection, Document, EmbeddingIndex
from documents.services.collections import create_collection, set_collection_access
from retrieval.ranking.candidates import POOL
from retrieval.search import find_passages
from retrieval.tasks import tend_graphs
from retrieval.types import Hit, Mode, QuestionVector, Scope
from tenants.access import Access
from tenants.db import tenant_atomic
from tests.config.polling import wait_for
from tests.environment import Environment
from tests.people import Person

pytestmark = pytest.mark.django_db(transaction=True)

LARGE, SMALL, NEIGHBOURS = 240, 12, 500
GRAPHS = "SELECT relname FROM pg_class WHERE starts_with(relname, 'documents_hnsw_') AND relkind = 'i'"


@pytest.fixture
def tend(
    settings: Settings, run_environment: Environment, owner_connection: psycopg.Connection[Any]
) -> Iterator[Callable[[], set[str]]]:
    """Does what the platform process does every minute; the graphs that there are then."""
    settings.DOCENT_EXACT_UP_TO = 100
    settings.DOCENT_OWNER_URL = run_environment.owner_url

    def now() -> set[str]:
        call_command("tend_graphs", verbosity=0)
        return _graphs(owner_connection)

    yield now
    for name in _graphs(owner_connection):
        owner_connection.execute(f'DROP INDEX "{name}"')


def _graphs(owner: psycopg.Connection[Any]) -> set[str]:
    return {name for (name,) in owner.execute(GRAPHS).fetchall()}


def stocked(person: Person, size: int = LARGE, shelves: int = 2) -> EmbeddingIndex:
    """Passages in collections of the person's own; the index they are in."""
    with tenant_atomic(person.access.tenant_id):
        made = [create_collection(access=person.access, name=f"Shelf {number}") for number in range(shelves)]
    stock(person.access.tenant_id, 7, size, made)
    return index_of(person.access.tenant_id)


def index_of(tenant_id: UUID) -> EmbeddingIndex:
    with tenant_atomic(tenant_id):
        index: EmbeddingIndex = EmbeddingIndex.objects.get(status="active")
    return index


def graph_of(index: EmbeddingIndex) -> str:
    return f"documents_hnsw_{index.id.hex}"


def vectors_of(tenant_id: UUID) -> tuple[list[UUID], Any]:
    """Every passage and its vector."""
    with tenant_atomic(tenant_id):
        rows = list(ChunkEmbedding.objects.values_list("chunk_id", "embedding"))
    return [chunk for chunk, _ in rows], np.array([vector for _, vector in rows], dtype=np.float32)


def asked(
    access: Access,
    vector: Any,
    *,
    top_k: int = 10,
    scope: Scope = Scope(),  # noqa: B008
    question: str = "",
    mode: Mode = Mode.VECTOR,
) -> list[Hit]:
    """What is found by meaning, in one unit as at every door."""
    with tenant_atomic(access.tenant_id):
        index = EmbeddingIndex.objects.get(status="active")
        given = QuestionVector(index.id, vector)
        return find_passages(access, question, given, top_k=top_k, scope=scope, mode=mode).hits


def plan_of(access: Access, vector: Any, **options: Any) -> str:
    """How PostgreSQL finds the nearest, said by itself to the role that asks."""
    with CaptureQueriesContext(connection) as queries:
        asked(access, vector, **options)
    statements = [one["sql"] for one in queries.captured_queries]
    lines: list[str] = []
    with tenant_atomic(access.tenant_id), connection.cursor() as cursor:
        for statement in statements:
            if "set_config" in statement:
                cursor.execute(statement)
            elif "WITH near" in statement:
                cursor.execute(f"EXPLAIN {statement}")
                lines += [line for (line,) in cursor.fetchall()]
    assert lines
    return "\n".join(lines)


def nearest_places(hits: Sequence[Hit]) -> list[tuple[UUID, int]]:
    return [(hit.document, hit.page) for hit in hits]


def expected_places(tenant_id: UUID, vector: Any, *, top_k: int = 10) -> list[tuple[UUID, int]]:
    """The nearest, worked out without the database."""
    chunks, vectors = vectors_of(tenant_id)
    with tenant_atomic(tenant_id):
        places = {one.id: (one.document_id, one.page) for one in Chunk.objects.all()}
    order = np.argsort(-(vectors @ vector), kind="stable")[:top_k]
    return [places[chunks[place]] for place in order]


def test_I4_a_graph_holds_one_index_and_finds_as_many_as_asked_for_among_500(
    alice: Person, charlie: Person, tend: Callable[[], set[str]]
) -> None:
    index, foreign = stocked(alice), stocked(charlie)
    neighbours = [new_organisation(f"n{number}", 100 + number, SMALL) for number in range(NEIGHBOURS - 1)]
    assert tend() == {graph_of(index), graph_of(foreign)}
    for person, own in ((alice, index), (charlie, foreign)):
        vector = Corpus(99, LARGE).document(1)[1][0]
        plan = plan_of(person.access, vector)
        assert f"Index Scan using {graph_of(own)} " in plan
        hits = asked(person.access, vector)
        assert len(hits) == 10
        assert len(set(nearest_places(hits)) & set(expected_places(person.access.tenant_id, vector))) >= 9
    vector = Corpus(98, LARGE).document(1)[1][0]
    for tenant_id in neighbours[::50]:
        access = replace(alice.access, tenant_id=tenant_id)
        assert "documents_hnsw" not in plan_of(access, vector)
        assert nearest_places(asked(access, vector)) == expected_places(tenant_id, vector), "exactly"


def test_what_one_may_see_decides_whether_the_graph_is_followed(
    alice: Person, bob: Person, tend: Callable[[], set[str]]
) -> None:
    """A collection apart, small enough to be looked through, and a document by itself: all exactly."""
    stocked(alice, 400, shelves=4)
    with tenant_atomic(alice.access.tenant_id):
        shelves = list(Collection.objects.filter(is_default=False).order_by("name"))
        for shelf in shelves[1:]:
            set_collection_access(access=alice.access, collection=shelf, everyone=False)
        document = Document.objects.filter(collection=shelves[2]).first()
        assert document is not None
        Document.objects.filter(collection=shelves[3]).update(tags=["minutes"])
        Document.objects.filter(collection__in=shelves[:3]).update(language="de")
    tend()
    vector = Corpus(97, LARGE).document(1)[1][0]
    assert "documents_hnsw" in plan_of(alice.access, vector)
    german = Scope(languages=("de",))
    assert "documents_hnsw" in plan_of(alice.access, vector, scope=german)
    assert len(asked(alice.access, vector, top_k=300, scope=german)) == POOL
    for access, scope, seen in (
        (bob.access, Scope(), {shelves[0].id}),
        (alice.access, Scope(collections=(shelves[1].id,)), {shelves[1].id}),
        (alice.access, Scope(documents=(document.id,)), {shelves[2].id}),
        (alice.access, Scope(tags=("minutes",)), {shelves[3].id}),
    ):
        assert "documents_hnsw" not in plan_of(access, vector, scope=scope)
        hits = asked(access, vector, scope=scope)
        assert len(hits) == 10
        with tenant_atomic(access.tenant_id):
            found = Document.objects.filter(id__in={hit.document for hit in hits})
            assert set(found.values_list("collection_id", flat=True)) == seen


def test_an_index_that_lacks_its_graph_is_searched_exactly(
    alice: Person, tend: Callable[[], set[str]], owner_connection: psycopg.Connection[Any]
) -> None:
    index = stocked(alice)
    vector = Corpus(96, LARGE).document(1)[1][0]
    expected = expected_places(alice.access.tenant_id, vector)
    assert nearest_places(asked(alice.access, vector)) == expected, "before it is built"
    tend()
    owner_connection.execute(f'DROP INDEX "{graph_of(index)}"')
    assert index_of(alice.access.tenant_id).hnsw_ef_search is not None
    assert nearest_places(asked(alice.access, vector)) == expected, "somebody dropped it"
    assert tend() == {graph_of(index)}


def test_where_the_graph_finds_too_few_everything_is_compared(alice: Person, tend: Callable[[], set[str]]) -> None:
    index = stocked(alice, 150)
    tend()
    vector = Corpus(94, LARGE).document(1)[1][0]
    assert plan_of(alice.access, vector).count("documents_chunkembedding e ") == 1, "the graph is enough"
    with tenant_atomic(alice.access.tenant_id):
        Document.objects.filter(chunk_count=50).update(chunk_count=90)
    plan = plan_of(alice.access, vector)
    assert (plan.count(f"Scan using {graph_of(index)} "), plan.count("documents_chunkembedding e ")) == (1, 2)
    assert nearest_places(asked(alice.access, vector)) == expected_places(alice.access.tenant_id, vector)


def test_a_document_named_by_the_question_is_looked_through_beside_the_graph(
    alice: Person, tend: Callable[[], set[str]]
) -> None:
    index = stocked(alice, 2 * POOL)
    with tenant_atomic(alice.access.tenant_id):
        document = Document.objects.filter(chunk_count=100).order_by("name").first()
        assert document is not None
    vector = Corpus(93, LARGE).document(1)[1][0]

    def passages() -> list[tuple[UUID, int]]:
        hits = asked(alice.access, vector, top_k=POOL, question=document.title, mode=Mode.HYBRID)
        return [(hit.document, hit.page) for hit in hits]

    compared = passages()
    assert sum(one == document.id for one, _page in compared) > 70, "more than by meaning alone"
    assert tend() == {graph_of(index)}
    assert passages() == compared


def test_a_graph_that_finds_too_little_is_not_followed(
    alice: Person, tend: Callable[[], set[str]], settings: Settings
) -> None:
    settings.DOCENT_RECALL_TARGET = 1.01
    index = stocked(alice)
    assert tend() == {graph_of(index)}
    index = index_of(alice.access.tenant_id)
    assert (index.hnsw_ef_search, index.hnsw_size) == (None, LARGE)
    assert index.hnsw_recall is not None
    vector = Corpus(95, LARGE).document(1)[1][0]
    assert "documents_hnsw" not in plan_of(alice.access, vector)
    assert "graph finds 100.0% of the ten nearest only" in _in_admin(alice, index)


def test_what_was_measured_stands_in_the_administration_and_is_measured_anew_after_growth(
    alice: Person, tend: Callable[[], set[str]]
) -> None:
    index = stocked(alice)
    assert "every passage is compared" in _in_admin(alice, index)
    tend()
    first = index_of(alice.access.tenant_id)
    assert first.hnsw_recall is not None
    assert first.hnsw_recall >= 0.95
    assert f"(ef_search {first.hnsw_ef_search})" in _in_admin(alice, index)
    tend()
    assert index_of(alice.access.tenant_id).hnsw_measured_at == first.hnsw_measured_at
    with tenant_atomic(alice.access.tenant_id):
        Document.objects.filter(chunk_count=100).update(chunk_count=150)
    tend()
    again = index_of(alice.access.tenant_id)
    assert again.hnsw_built_at == first.hnsw_built_at
    assert again.hnsw_size == LARGE + 100


def _in_admin(person: Person, index: EmbeddingIndex) -> str:
    path = f"/o/{person.slug}/admin/documents/embeddingindex/{index.id}/change/"
    return str(person.client.get(path).content.decode())


def test_what_is_left_over_is_dropped(
    alice: Person, charlie: Person, tend: Callable[[], set[str]], owner_connection: psycopg.Connection[Any]
) -> None:
    acme, globex = stocked(alice), stocked(charlie)
    assert tend() == {graph_of(acme), graph_of(globex)}
    # What an organisation that is gone leaves behind.
    gone = f"documents_hnsw_{uuid4().hex}"
    owner_connection.execute(f'CREATE INDEX "{gone}" ON documents_chunkembedding (id) WHERE false')
    assert tend() == {graph_of(acme), graph_of(globex)}
    with tenant_atomic(alice.access.tenant_id):
        EmbeddingIndex.objects.update(status="retired")
    assert tend() == {graph_of(globex)}
    with tenant_atomic(alice.access.tenant_id):
        index = EmbeddingIndex.objects.get()
    assert (index.hnsw_built_at, index.hnsw_ef_search, index.hnsw_recall) == (None, None, None)


def test_a_graph_stays_while_its_index_has_half_as_many(
    alice: Person, tend: Callable[[], set[str]], settings: Settings
) -> None:
    index = stocked(alice)
    assert tend() == {graph_of(index)}
    settings.DOCENT_EXACT_UP_TO = LARGE * 2 - 2
    assert tend() == {graph_of(index)}
    settings.DOCENT_EXACT_UP_TO = LARGE * 2
    assert tend() == set()
    settings.DOCENT_EXACT_UP_TO = LARGE
    assert tend() == set()
    settings.DOCENT_EXACT_UP_TO = LARGE - 1
    assert tend() == {graph_of(index)}


def test_a_build_that_was_broken_off_is_made_anew(
    alice: Person, tend: Callable[[], set[str]], admin_connection: psycopg.Connection[Any]
) -> None:
    index = stocked(alice)
    tend()
    admin_connection.execute(
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = %s::regclass", [graph_of(index)]
    )
    assert tend() == {graph_of(index)}
    row = admin_connection.execute(
        "SELECT indisvalid FROM pg_index WHERE indexrelid = %s::regclass", [graph_of(index)]
    ).fetchone()
    assert row == (True,)


def test_two_do_not_build_at_once(
    alice: Person, tend: Callable[[], set[str]], admin_connection: psycopg.Connection[Any]
) -> None:
    index = stocked(alice)
    admin_connection.execute("SELECT pg_advisory_lock(hashtextextended('docent graphs', 0))")
    try:
        assert tend() == set()
    finally:
        admin_connection.execute("SELECT pg_advisory_unlock(hashtextextended('docent graphs', 0))")
    assert tend() == {graph_of(index)}


def test_I8_only_the_owner_builds(alice: Person, settings: Settings) -> None:
    settings.DOCENT_OWNER_URL = ""
    with pytest.raises(CommandError, match="DATABASE_OWNER_URL"):
        call_command("tend_graphs")


def test_the_platform_process_builds_beside_its_other_work(
    alice: Person, tend: Callable[[], set[str]], owner_connection: psycopg.Connection[Any]
) -> None:
    """What must not wait for it is on the same timetable."""
    index = stocked(alice)
    owner_connection.execute("BEGIN; LOCK TABLE documents_chunkembedding IN SHARE UPDATE EXCLUSIVE MODE")
    try:
        assert tend_graphs() == 1
        assert tend_graphs() == 0, "it is at it"
    finally:
        owner_connection.execute("COMMIT")
    wait_for("the graph is measured", lambda: index_of(alice.access.tenant_id).hnsw_ef_search is not None)
    assert _graphs(owner_connection) == {graph_of(index)}
    wait_for("it is done", lambda: "graphs" not in {thread.name for thread in threading.enumerate()})


def test_without_the_owners_address_nothing_is_built(alice: Person, settings: Settings) -> None:
    settings.DOCENT_OWNER_URL = ""
    assert tend_graphs() == 0
