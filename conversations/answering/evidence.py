"""What the documents say to a question: passages for the answer, and whether they are enough."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from django.conf import settings

from conversations.answering.passage_selection import Preferences, choose, preferences_of
from conversations.models import Mode
from conversations.prompting.continuation import Begun
from conversations.selectors.personas import NO_VOICE, Voice
from conversations.tracing import Tracer
from documents.models import EmbeddingIndex
from documents.selectors import find_active_index, find_index, hidden_titles
from documents.sight import names_within_sight
from providers.chat.base import ChatMessage
from providers.errors import ProviderError
from retrieval.ranking.reranking import reranked_aside
from retrieval.search import do_without, embed_question_aside, find_passages
from retrieval.selectors import find_threshold
from retrieval.sufficiency import Verdict, judge
from retrieval.types import Found, QuestionVector, Scope
from retrieval.types import Mode as SearchMode
from tenants.access import Access
from tenants.db import run_in_tenant
from tenants.observing.trace_spans import span

_COLLECTIONS_NAMED, _DOCUMENTS_NAMED = 5, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Everything that an answer depends on."""

    access: Access
    conversation_id: UUID
    message_id: UUID
    text: str
    mode: Mode
    scope: Scope
    history: tuple[ChatMessage, ...] = ()
    # Of what was said before the history.
    summary: str = ""
    # The latest question of the conversation that stands by itself.
    last_whole: str = ""
    # By which it is to be answered; the one that is chosen without.
    model: str = ""
    # To be answered from; the active one without.
    index: UUID | None = None
    # That one's row, once it has been read.
    index_row: EmbeddingIndex | None = None
    # What was written of the answer before it was cut, if it is to be gone on with.
    begun: Begun | None = None
    # It may be the first to be answered in a conversation that nobody has named.
    wants_title: bool = False
    # Whoever asks brings what was said before, of which nothing is stored, and keeps the answer themselves.
    is_unlisted: bool = False
    voice: Voice = NO_VOICE


@dataclass(frozen=True, slots=True)
class Evidence:
    """Names of the collections searched, what was found, and its titles as a model may read them.

    The hits of `found` are the passages for the answer; the nearest, where the verdict is that they do not do.
    """

    collections: list[str]
    found: Found
    titles: dict[str, str]
    verdict: Verdict


async def vector_of(access: Access, text: str, index: EmbeddingIndex | None = None) -> QuestionVector | None:
    """The text's vector, in the active index unless another is given.

    None where there is nothing to compare it with, or its model cannot be used.
    """
    index = index or await run_in_tenant(access.tenant_id, find_active_index)
    if index is None:
        return None
    try:
        return await embed_question_aside(index, text)
    except ProviderError as error:
        do_without(error, SearchMode.HYBRID)
        return None


async def _vector(question: Question) -> QuestionVector | None:
    """None too where the index that was asked for is gone."""
    access, row = question.access, question.index_row
    if row is None and question.index is not None:
        row = await run_in_tenant(access.tenant_id, find_index, question.index)
        if row is None:
            return None
    return await vector_of(access, question.text, row)


async def find_evidence(question: Question, tracer: Tracer, room: int) -> Evidence:
    """The passages for an answer to it, in at most `room` tokens."""
    with span("retrieval", {"docent.reply": str(question.message_id)}) as current:
        evidence = await _find_evidence(question, tracer, room)
        if current is not None:
            current.set_attribute("docent.passages", len(evidence.found.hits))
        return evidence


async def _find_evidence(question: Question, tracer: Tracer, room: int) -> Evidence:
    vector = await tracer.timed("embedding", _vector(question))

    def find() -> tuple[list[str], Found, dict[str, str], Preferences, float | None]:
        scope = question.scope
        seen = names_within_sight(question.access, attached_to=scope.attached_to)
        names = [name for one, name in seen.items() if scope.collections is None or one in scope.collections]
        top_k = max(settings.DOCENT_CANDIDATES, settings.DOCENT_PASSAGES)
        found = find_passages(question.access, question.text, vector, top_k=top_k, scope=scope, visible=list(seen))
        candidates = found.shortlist.hits if found.shortlist is not None else found.hits
        conversation = question.conversation_id if question.history else None
        preferences = preferences_of(conversation, question.text, candidates)
        threshold = find_threshold(vector.index if vector else None)
        return names, found, hidden_titles(hit.title for hit in candidates), preferences, threshold

    searched = run_in_tenant(question.access.tenant_id, find)
    names, found, titles, preferences, threshold = await tracer.timed("search", searched)
    found = await reranked_aside(question.text, found)
    # Judged as searched, whatever the conversation prefers.
    nearest = found.hits[: settings.DOCENT_PASSAGES]
    verdict = judge(replace(found, hits=nearest), threshold)
    hits = choose(found.hits, preferences, tokens=room) if verdict.is_enough else nearest
    known = {hit.title: titles[hit.title] for hit in hits}
    return Evidence(names, replace(found, hits=list(hits)), known, verdict)


def refusal(evidence: Evidence) -> str:
    """What was searched, what came nearest, and what to do about it."""
    collections = evidence.collections
    if not collections:
        return "There is no collection that I may search for you. Ask an admin of your organisation for access."
    places = _listed(collections, _COLLECTIONS_NAMED) + ("…" if len(collections) > _COLLECTIONS_NAMED else "")
    text = f"I found no answer to this in the documents. {evidence.verdict.reason} Searched: {places}."
    # As a model may read them: what was said is told to it with the next question.
    nearest = list(dict.fromkeys(evidence.titles.values()))
    if nearest:
        text += f" The nearest documents were: {_listed(nearest, _DOCUMENTS_NAMED)}."
    return f"{text} Try other words, widen the search to more collections, or add a document that says it."


def _listed(names: Sequence[str], most: int) -> str:
    return ", ".join(names[:most])
