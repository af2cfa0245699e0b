"""How much of what is nearest a search by an index's graph finds, and how far it must look for that."""

import logging
from collections.abc import Iterable, Sequence
from uuid import UUID

import numpy as np
from django.conf import settings
from django.db.models.functions import Now
from numpy.typing import NDArray

from documents.hnsw_graphs import Graph
from documents.models import Collection, EmbeddingIndex
from retrieval.graph_questions import sample_questions
from retrieval.ranking.candidates import nearest_of_all
from tenants.db import tenant_atomic

logger = logging.getLogger(__name__)

QUESTIONS = 40
_NEAREST = 10
# What `hnsw.ef_search` is tried with, the fastest first; pgvector takes no more than 1,000.
_STEPS = (40, 100, 200, 400, 800)
# Measured again when the index has grown, or shrunk, by more than this.
_CHANGE = 0.25


def measure_graphs(graphs: Iterable[Graph]) -> int:
    """Measure those of the graphs that are new or over something else by now; returns how many."""
    return sum(_is_due(graph) and _measure(graph) for graph in graphs)


def _is_due(graph: Graph) -> bool:
    with tenant_atomic(graph.tenant_id):
        index = _find(graph)
    if index is None:
        return False
    grown = abs(graph.size - index.hnsw_size) > _CHANGE * index.hnsw_size
    found = index.hnsw_recall if index.hnsw_recall is not None else 0.0
    # It may have been measured for a lower target.
    too_little = index.hnsw_ef_search is not None and found < settings.DOCENT_RECALL_TARGET
    return index.hnsw_measured_at is None or grown or too_little


def _measure(graph: Graph) -> bool:
    """Note the least effort that reaches the target, or that none does."""
    with tenant_atomic(graph.tenant_id):
        index = _find(graph)
        if index is None:
            return False
        everywhere = list(Collection.objects.values_list("id", flat=True))
        questions = sample_questions(index, QUESTIONS)
        expected = [_nearest(index, everywhere, vector) for vector in questions]
    effort, recall = None, 0.0
    for step in _STEPS:
        # A unit of its own for each: none holds its snapshot for long.
        with tenant_atomic(graph.tenant_id):
            found = [_nearest(index, everywhere, vector, ef_search=step) for vector in questions]
        recall = _recall(found, expected)
        if recall >= settings.DOCENT_RECALL_TARGET:
            effort = step
            break
    with tenant_atomic(graph.tenant_id):
        EmbeddingIndex.objects.filter(id=index.id, hnsw_built_at=index.hnsw_built_at).update(
            hnsw_ef_search=effort, hnsw_recall=recall, hnsw_size=graph.size, hnsw_measured_at=Now()
        )
    logger.info("The graph of index %s finds %.3f at ef_search %s", index.id, recall, effort or "none")
    return True


def _find(graph: Graph) -> EmbeddingIndex | None:
    found: EmbeddingIndex | None = EmbeddingIndex.objects.filter(
        id=graph.index_id, hnsw_built_at__isnull=False
    ).first()
    return found


def _nearest(
    index: EmbeddingIndex,
    collections: Sequence[UUID],
    vector: NDArray[np.float32],
    ef_search: int | None = None,
) -> set[UUID]:
    """By the very statement that questions are answered with."""
    found = nearest_of_all(index, collections, vector, ef_search=ef_search)
    return {one.chunk for one in found[:_NEAREST]}


def _recall(found: Sequence[set[UUID]], expected: Sequence[set[UUID]]) -> float:
    wanted = sum(map(len, expected))
    return sum(len(one & other) for one, other in zip(found, expected, strict=True)) / wanted if wanted else 0.0
