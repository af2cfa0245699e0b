"""Finding passages: what a person may see, ordered by what helps to answer."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from documents.embedders import DEFAULT_MODEL, embedder_of
from documents.models import Chunk, Document
from documents.selectors import find_active_index, visible_collections
from retrieval import candidates
from retrieval.candidates import Candidate
from retrieval.fusion import best_of_each_page, fuse
from retrieval.names import look_up_names
from retrieval.types import Found, Hit, Mode, Scope
from tenants.access import Access
from tenants.db import tenant_atomic
from tenants.permissions import Action

EVERYWHERE = Scope()


def embed_question(question: str) -> NDArray[np.float32]:
    """The question's vector, shape [dimensions]. Takes milliseconds of processor; hold no connection."""
    vectors: NDArray[np.float32] = embedder_of(DEFAULT_MODEL).embed([question], purpose="query")
    vector: NDArray[np.float32] = vectors[0]
    return vector


def search(
    access: Access, question: str, *, top_k: int, scope: Scope = EVERYWHERE, mode: Mode = Mode.HYBRID
) -> list[Hit]:
    """The best passages, best first. Opens its own unit; embeds before it."""
    access.require(Action.READ_DOCUMENTS)
    vector = None if mode is Mode.LEXICAL else embed_question(question)
    with tenant_atomic(access.tenant_id):
        return find_passages(access, question, vector, top_k=top_k, scope=scope, mode=mode).hits


def find_passages(
    access: Access,
    question: str,
    vector: NDArray[np.float32] | None,
    *,
    top_k: int,
    scope: Scope = EVERYWHERE,
    mode: Mode = Mode.HYBRID,
) -> Found:
    """`search` for a question embedded already, inside the caller's unit. No vector: lexical only."""
    index = find_active_index()
    if index is None:
        return Found()
    visible = list(visible_collections(access).values_list("id", flat=True))
    if vector is None:
        found = candidates.matching(index, visible, scope, question)
    else:
        found = candidates.nearest(index, visible, scope, question, vector)
    documents = {one.document for one in found}
    titles: dict[UUID, str] = dict(Document.objects.filter(id__in=documents).values_list("id", "title"))
    return Found(
        hits=_hits(list(islice(_rank(found, question, mode, titles), top_k))),
        names=look_up_names(question, [one.chunk for one in found], titles.values()),
    )


def _rank(
    found: Sequence[Candidate], question: str, mode: Mode, titles: Mapping[UUID, str]
) -> Iterator[tuple[Candidate, float]]:
    if mode is Mode.VECTOR:
        return ((one, one.cosine) for one in found)
    if mode is Mode.LEXICAL:
        return ((one, one.words) for one in found)
    return best_of_each_page(fuse(found, question, titles))


def _hits(ranked: Sequence[tuple[Candidate, float]]) -> list[Hit]:
    chunks = Chunk.objects.select_related("document", "version").in_bulk([one.chunk for one, _score in ranked])
    return [
        Hit(
            document=chunk.document.id,
            name=chunk.document.name,
            title=chunk.document.title,
            version=chunk.version.number,
            page=chunk.page,
            text=chunk.text,
            score=score,
            start=chunk.start,
            end=chunk.end,
            cosine=candidate.cosine,
        )
        for candidate, score in ranked
        if (chunk := chunks.get(candidate.chunk)) is not None
    ]
