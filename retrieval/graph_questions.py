"""Questions to measure a graph with: as near as can be to what is really asked of an index."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from documents.models import ChunkEmbedding, EmbeddingIndex

Vectors = Sequence[NDArray[np.float32]]
Source = Callable[[EmbeddingIndex, int], Vectors]

_sources: list[Source] = []


def register_questions(source: Source) -> Source:
    """Have questions that were really asked used before made-up ones, whoever keeps them.

    `source` is called in the tenant's unit and returns at most so many vectors of the index's own model, the
    latest first.
    """
    if source not in _sources:
        _sources.append(source)
    return source


def sample_questions(index: EmbeddingIndex, count: int) -> Vectors:
    """As many vectors as wanted, if there are: of questions asked, then what stands between two passages each."""
    asked: list[NDArray[np.float32]] = []
    for source in _sources:
        asked += source(index, count - len(asked))
    return [*asked, *_between_passages(index, count - len(asked))]


def _between_passages(index: EmbeddingIndex, count: int) -> Vectors:
    """Nearer to one passage than to another, and to neither as near as itself: a graph finds itself too easily."""
    rows = ChunkEmbedding.objects.filter(index=index, is_current=True).order_by("?")
    ids = list(rows.values_list("id", flat=True)[: 2 * count])
    vectors = [
        np.asarray(one, dtype=np.float32)
        for one in ChunkEmbedding.objects.filter(id__in=ids).values_list("embedding", flat=True)
    ]
    pairs = zip(vectors[::2], vectors[1::2], strict=False)
    return [_unit(2 * near + far) for near, far in pairs]


def _unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(vector / (np.linalg.norm(vector) or 1), dtype=np.float32)
