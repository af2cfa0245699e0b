"""After the switch, and round about it: taking back, stopping, dropping, and who may."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import psycopg
import pytest
from django.db import connections

from documents.models import ChunkEmbedding
from documents.reindex import drop_indexes, drop_old_indexes, start_reindex, stop_reindex, take_back
from tenants.db import tenant_atomic
from tenants.errors import Conflict, DocentError, PermissionRefused
from tenants.models import AuditEvent
from tests.documents.indexed import (
    MANY,
    NEW,
    OLD,
    TEXTS,
    expected_hits,
    found,
    holdings_of,
    index_of,
    indexes_of,
    made_index,
    reindex_job,
    run_reindex,
    stocked,
)
from tests.people import Person
from tests.standins.ollama import EmbedReply, OllamaStandIn

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("models")]

_AGE = """
    UPDATE documents_embeddingindex SET retired_at = now() - %s::interval
    WHERE tenant_id = %s AND status = 'retired'
"""


def test_one_that_is_complete_is_taken_back_at_once(alice: Person, acme_texts: list[str]) -> None:
    start_reindex(access=alice.access, model=NEW)
    run_reindex()
    back = take_back(access=alice.access)
    assert (back.model, back.status, reindex_job()) == (OLD, "active", None)
    assert indexes_of(alice) == {OLD: "active", NEW: "retired"}
    assert found(alice) == expected_hits(acme_texts, OLD, 12, top_k=5)
    with tenant_atomic(alice.access.tenant_id):
        assert AuditEvent.objects.filter(action="index.taken_back", target_id=back.id).count() == 1


def test_one_that_lacks_what_came_since_is_brought_up_to_date_first(alice: Person, acme_texts: list[str]) -> None:
    start_reindex(access=alice.access, model=NEW)
    run_reindex()
    stocked(alice, "later.txt", MANY[:30])
    back = take_back(access=alice.access)
    assert (back.model, back.status) == (OLD, "building")
    texts = [*acme_texts, *MANY[:30]]
    assert found(alice) == expected_hits(texts, NEW, 20, top_k=5)
    run_reindex()
    assert found(alice) == expected_hits(texts, OLD, 12, top_k=5)
    assert holdings_of(alice, index_of(alice, "active")) == holdings_of(alice, index_of(alice, "retired"))


def test_one_whose_taking_back_is_stopped_can_be_taken_back_later(alice: Person, acme_texts: list[str]) -> None:
    start_reindex(access=alice.access, model=NEW)
    run_reindex()
    stocked(alice, "later.txt", MANY[:30])
    take_back(access=alice.access)
    stop_reindex(access=alice.access)
    assert (indexes_of(alice), reindex_job()) == ({OLD: "retired", NEW: "active"}, None)
    take_back(access=alice.access)
    run_reindex()
    assert indexes_of(alice) == {OLD: "active", NEW: "retired"}
    assert found(alice) == expected_hits([*acme_texts, *MANY[:30]], OLD, 12, top_k=5)


def test_F24_one_whose_model_has_changed_is_not_taken_back(
    alice: Person, models: OllamaStandIn, acme_texts: list[str]
) -> None:
    with pytest.raises(Conflict, match="no earlier index"):
        take_back(access=alice.access)
    start_reindex(access=alice.access, model=NEW)
    run_reindex()
    models.dimensions["old-embed"] = 13
    with pytest.raises(DocentError, match="gives 13 dimensions now and gave 12"):
        take_back(access=alice.access)
    del models.dimensions["old-embed"]
    with pytest.raises(DocentError, match="does not have the embedding model"):
        take_back(access=alice.access)
    assert indexes_of(alice) == {OLD: "retired", NEW: "active"}


def test_one_is_built_at_a_time_and_can_be_stopped(alice: Person, acme_texts: list[str]) -> None:
    barrier = Barrier(2)

    def start(_number: int) -> str:
        barrier.wait(20)
        try:
            return start_reindex(access=alice.access, model=NEW).status
        except Conflict as conflict:
            return conflict.code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(start, range(2))) == ["building", "in_progress"]
    stop_reindex(access=alice.access)
    assert (indexes_of(alice), reindex_job()) == ({OLD: "active", NEW: "failed"}, None)
    with pytest.raises(Conflict, match="No index is being built"):
        stop_reindex(access=alice.access)


def test_the_old_one_is_dropped_after_a_week(
    alice: Person, charlie: Person, acme_texts: list[str], admin_connection: psycopg.Connection[Any]
) -> None:
    made_index(charlie)
    stocked(charlie, "same.txt", TEXTS)
    for person in (alice, charlie):
        start_reindex(access=person.access, model=NEW)
        run_reindex()
    admin_connection.execute(_AGE, ["8 days", alice.access.tenant_id])
    admin_connection.execute(_AGE, ["6 days", charlie.access.tenant_id])
    assert drop_old_indexes() == 1
    assert drop_old_indexes() == 0
    assert indexes_of(alice) == {NEW: "active"}
    assert indexes_of(charlie) == {OLD: "retired", NEW: "active"}
    with tenant_atomic(alice.access.tenant_id):
        assert ChunkEmbedding.objects.count() == 40
    assert found(alice) == expected_hits(acme_texts, NEW, 20, top_k=5)
    with pytest.raises(Conflict):
        take_back(access=alice.access)
    assert drop_indexes(access=charlie.access) == 1
    assert indexes_of(charlie) == {NEW: "active"}
    with tenant_atomic(charlie.access.tenant_id):
        assert AuditEvent.objects.filter(action="index.dropped").count() == 1


def test_D4_members_change_no_model_and_no_organisation_touches_anothers(
    alice: Person, bob: Person, dana: Person, charlie: Person, acme_texts: list[str]
) -> None:
    made_index(charlie)
    stocked(charlie, "theirs.txt", MANY[:20])
    for person in (bob, dana):
        with pytest.raises(PermissionRefused):
            start_reindex(access=person.access, model=NEW)
        for refused in (take_back, stop_reindex, drop_indexes):
            with pytest.raises(PermissionRefused):
                refused(access=person.access)
    start_reindex(access=charlie.access, model=NEW)
    run_reindex()
    assert drop_indexes(access=charlie.access) == 1
    assert indexes_of(alice) == {OLD: "active"}
    assert found(alice) == expected_hits(acme_texts, OLD, 12, top_k=5)
    assert found(charlie) == expected_hits(MANY[:20], NEW, 20, top_k=5)


def test_an_admin_sees_how_far_it_is(alice: Person, bob: Person, models: OllamaStandIn) -> None:
    made_index(alice)
    stocked(alice, "clauses.txt", MANY)
    start_reindex(access=alice.access, model=NEW)
    models.script_embeddings(EmbedReply(), EmbedReply(fault="garbage"))
    run_reindex()
    page = alice.client.get("/o/acme/admin/documents/embeddingindex/")
    assert page.status_code == 200
    text = page.content.decode()
    for words in (NEW, "building", "64 of 400 passages", "not Ollama&#x27;s protocol", OLD, "active"):
        assert words in text, words
    assert bob.client.get("/o/acme/admin/documents/embeddingindex/").status_code == 403
