"""Finding passages: what a person may see, ordered by what helps to answer."""

import asyncio
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import islice
from uuid import UUID

from django.conf import settings

from documents.embedders import embed
from documents.models import Chunk, Document, EmbeddingIndex
from documents.selectors import find_active_index, find_index, hidden_titles
from documents.sight import names_within_sight
from providers.errors import ProviderError
from providers.visible_text import plain
from retrieval.exact_phrases import exact_words
from retrieval.metrics import STAGE_SECONDS, observed
from retrieval.question_names import telling_words
from retrieval.ranking import candidates
from retrieval.ranking.candidates import Candidate
from retrieval.ranking.fusion import best_of_each_page, fuse
from retrieval.ranking.page_words import coverage
from retrieval.ranking.reranking import reranked, shortlist_of, shortlist_size
from retrieval.ranking.shares import CONSIDERED, with_shares
from retrieval.ranking.titles import TitleMatcher
from retrieval.types import Found, Hit, Mode, QuestionVector, Scope, Shortlist
from tenants.access import Access
from tenants.database.prepared_queries import Prepared, any_of
from tenants.db import tenant_atomic
from tenants.errors import Unavailable
from tenants.observing.trace_spans import span
from tenants.permissions import Action

logger = logging.getLogger(__name__)

EVERYWHERE = Scope()
_THREADS = 8
# Titles that are compared with a question before its passages are looked for.
_TITLES = 1000
# Of passages: not their words, which take as much room again.
_SHOWN = ("page", "text", "heading", "start", "end", "document__name", "document__title", "version__number")
# What waiting for a thread may take beyond the model's own time.
_GRACE_SECONDS = 1.0


def embed_question(index: EmbeddingIndex, question: str) -> QuestionVector:
    """The question as the index's model sees it. Takes its time: hold no connection. Raises ProviderError."""
    with STAGE_SECONDS.labels("embedding").time():
        return QuestionVector(index.id, embed(index, [plain(question)], purpose="query")[0])


async def embed_question_aside(index: EmbeddingIndex, question: str) -> QuestionVector:
    """The same on a thread that questions to one model share, so that a server that hangs holds up no others."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(settings.DOCENT_QUESTION_TIMEOUT + _GRACE_SECONDS):
            return await loop.run_in_executor(_threads_of(index.model), embed_question, index, question)
    except TimeoutError as error:
        detail = "The embedding model did not answer in time."
        raise ProviderError("model_timeout", detail, permanent=False) from error


@cache
def _threads_of(model: str) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_THREADS, thread_name_prefix=f"questions-{model}")


def search(
    access: Access, question: str, *, top_k: int, scope: Scope = EVERYWHERE, mode: Mode = Mode.HYBRID
) -> Found:
    """The best passages, best first. Opens its own units; embeds between them.

    Where the embedding model cannot be used, a hybrid search compares words alone and says so; a search by
    meaning raises `Unavailable`.
    """
    access.require(Action.READ_DOCUMENTS)
    with span("retrieval"):
        return _search(access, question, top_k, scope, mode)


def _search(access: Access, question: str, top_k: int, scope: Scope, mode: Mode) -> Found:
    with tenant_atomic(access.tenant_id):
        index = find_active_index()
    vector = None
    if index is not None and mode is not Mode.LEXICAL:
        try:
            vector = embed_question(index, question)
        except ProviderError as error:
            do_without(error, mode)
    with tenant_atomic(access.tenant_id):
        found = find_passages(access, question, vector, top_k=top_k, scope=scope, mode=mode)
    return reranked(question, found)


def do_without(error: ProviderError, mode: Mode) -> None:
    """Go on by words alone where the mode allows it, else raise `Unavailable`."""
    logger.warning("A question was not embedded: %s", error)
    if mode is Mode.VECTOR:
        raise Unavailable(error.detail, code=error.code) from error


def find_passages(
    access: Access,
    question: str,
    vector: QuestionVector | None,
    *,
    top_k: int,
    scope: Scope = EVERYWHERE,
    mode: Mode = Mode.HYBRID,
    visible: Sequence[UUID] | None = None,
) -> Found:
    """`search` for a question embedded already, inside the caller's unit. No vector: by words alone.

    `visible` is what `visible_collections` has said in this unit, where the caller has asked it already.
    The caller hands it on to `reranked`, or `reranked_aside`, when the unit is over. It looks where the vector
    belongs, even if another index has become the active one since. If that one is gone too, hybrid search goes by
    words, search by meaning raises `Unavailable`.
    """
    index, vector = _at_home(vector)
    if index is None:
        return Found(question)
    started, question = time.perf_counter(), plain(question)
    if visible is None:
        visible = list(names_within_sight(access, attached_to=scope.attached_to))
    asked, scope = exact_words(question, scope) if mode is Mode.LEXICAL else (question, scope)
    words, matcher = candidates.words_of(asked), TitleMatcher(asked)
    named = _named(visible, scope, matcher) if mode is Mode.HYBRID else None
    found = _listed(index, vector, visible, scope, mode, asked, words, named or {})
    listed = time.perf_counter()
    titles = _titled(found, matcher) if named is None else named
    hits = _ordered(found, coverage(found, words), mode, titles, _looked_at(mode, top_k))
    return Found(
        question=question,
        hits=hits[:top_k],
        best=hits[0].score if hits else 0.0,
        by_words_alone=vector is None,
        shortlist=_shortlist(hits, mode, top_k),
        considered=tuple(hits[:CONSIDERED]),
        timings=observed({"lists": listed - started, "ranking": time.perf_counter() - listed}),
    )


def _listed(  # noqa: PLR0917
    index: EmbeddingIndex,
    vector: QuestionVector | None,
    visible: Sequence[UUID],
    scope: Scope,
    mode: Mode,
    question: str,
    words: Sequence[str],
    named: Mapping[UUID, float],
) -> list[Candidate]:
    """The passages among which the best are."""
    if vector is not None:
        telling = _telling(question, words) if mode is Mode.HYBRID else []
        return candidates.nearest(index, visible, scope, vector.values, words, telling=telling, named=named)
    if mode is Mode.VECTOR:
        raise Unavailable("The embedding model has just been changed; try again.", code="index_changed")
    return candidates.matching(index, visible, scope, words)


def _telling(question: str, words: Sequence[str]) -> list[str]:
    """Those of its indexed words that are names and codes."""
    telling = telling_words(question)
    return [word for word in words if any(one.startswith(word) for one in telling)]


def _named(visible: Sequence[UUID], scope: Scope, matcher: TitleMatcher) -> dict[UUID, float] | None:
    """The documents that the question names, with how much of their title it says.

    None with too many documents to look at them all: then those count that are found by meaning.
    """
    if scope.documents is None:
        titles = _titles_in.rows(collections=list(visible))
    else:
        titled = Document.objects.filter(collection__in=visible, id__in=scope.documents)
        titles = list(titled.values_list("id", "title")[: _TITLES + 1])
    if len(titles) > _TITLES:
        return None
    return {document: share for document, title in titles if (share := matcher(title))}


_titles_in = Prepared(
    lambda collections: Document.objects.filter(any_of("collection", collections)).values_list("id", "title")[
        : _TITLES + 1
    ]
)


def _titled(found: Sequence[Candidate], matcher: TitleMatcher) -> dict[UUID, float]:
    """How much of each document's title the question says."""
    titles = Document.objects.filter(id__in={one.document for one in found}).values_list("id", "title")
    return {document: matcher(title) for document, title in titles}


def _at_home(vector: QuestionVector | None) -> tuple[EmbeddingIndex | None, QuestionVector | None]:
    """The vector with its own index; where that is gone, or there is none, the active one without a vector."""
    own = find_index(vector.index) if vector is not None else None
    return (own, vector) if own is not None else (find_active_index(), None)


def _rank(
    found: Sequence[Candidate], said: Sequence[float], mode: Mode, titles: Mapping[UUID, float]
) -> Iterator[tuple[Candidate, float]]:
    if mode is Mode.VECTOR:
        return ((one, one.cosine) for one in found)
    return best_of_each_page(fuse(found, said, titles))


def _ordered(
    found: Sequence[Candidate], said: Sequence[float], mode: Mode, titles: Mapping[UUID, float], size: int
) -> list[Hit]:
    """The best `size`, each with what the lists say of it."""
    ranked = list(islice(_rank(found, said, mode, titles), size))
    return with_shares(_hits(ranked), found, said, titles)


def _looked_at(mode: Mode, top_k: int) -> int:
    return max(top_k, shortlist_size(mode, top_k), CONSIDERED)


def _shortlist(hits: Sequence[Hit], mode: Mode, top_k: int) -> Shortlist | None:
    """What a re-ranking model is to choose from, where there is one."""
    size = shortlist_size(mode, top_k)
    chosen = hits[: max(top_k, size)]
    return shortlist_of(chosen, hidden_titles(hit.title for hit in chosen)) if size else None


_shown = Prepared(lambda chunks: Chunk.objects.filter(any_of("id", chunks)).values_list("id", *_SHOWN))


def _hits(ranked: Sequence[tuple[Candidate, float]]) -> list[tuple[Candidate, Hit]]:
    rows = _shown.rows(chunks=[one.chunk for one, _score in ranked])
    shown = {row[0]: dict(zip(_SHOWN, row[1:], strict=True)) for row in rows}
    return [
        (
            candidate,
            Hit(
                document=candidate.document,
                name=row["document__name"],
                title=row["document__title"],
                version=row["version__number"],
                page=row["page"],
                text=row["text"],
                score=score,
                start=row["start"],
                end=row["end"],
                cosine=candidate.cosine,
                heading=row["heading"],
            ),
        )
        for candidate, score in ranked
        if (row := shown.get(candidate.chunk)) is not None
    ]
