"""A word that nothing near in meaning has brings the passages that have it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from documents.models import EmbeddingIndex
from documents.services.collections import create_collection, set_collection_access
from retrieval.ranking.candidates import POOL
from retrieval.search import find_passages
from retrieval.types import Hit, Mode, QuestionVector
from tenants.access import Access
from tenants.db import tenant_atomic
from tests.documents.indexed import OLD, made_index, stocked, unit
from tests.people import Person

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = "Which kiln has the number zx4711?"
NEAR = [f"Which kiln has the number {number}?" for number in range(POOL + 20)]
FAR = "Deliveries for ZX4711 come through the eastern gate before noon."


def asked(access: Access, mode: Mode = Mode.HYBRID) -> Sequence[Hit]:
    with tenant_atomic(access.tenant_id):
        index = EmbeddingIndex.objects.get()
        # As near to the first passage as can be, and to the last as far.
        vector = np.array(unit(OLD, NEAR[0], 12)) - np.array(unit(OLD, FAR, 12))
        question = QuestionVector(index.id, vector.astype(np.float32))
        return find_passages(access, QUESTION, question, top_k=2 * POOL, mode=mode).hits


def test_a_passage_beyond_the_nearest_is_found_by_a_word_that_those_lack(alice: Person) -> None:
    made_index(alice)
    stocked(alice, "kilns.txt", NEAR)
    far = stocked(alice, "deliveries.txt", [FAR])
    hits = asked(alice.access)
    assert len(hits) == POOL + 1
    [found] = [hit for hit in hits if hit.document == far.id]
    assert found.cosine == min(hit.cosine for hit in hits), "its own"


def test_I14_a_word_that_nearer_ones_have_brings_nothing_and_what_is_hidden_stays_so(
    alice: Person, bob: Person
) -> None:
    made_index(alice)
    stocked(alice, "kilns.txt", NEAR)
    hidden = stocked(alice, "deliveries.txt", [FAR])
    with tenant_atomic(alice.access.tenant_id):
        collection = create_collection(access=alice.access, name="Deliveries")
        set_collection_access(access=alice.access, collection=collection, everyone=False)
    moved = alice.api.patch(f"/api/v1/documents/{hidden.id}/", {"collection": str(collection.id)})
    assert moved.status_code == 200, moved.content
    assert hidden.id in {hit.document for hit in asked(alice.access)}
    assert hidden.id not in {hit.document for hit in asked(bob.access)}
