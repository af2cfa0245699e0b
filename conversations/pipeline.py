"""From a question to the events of its answer. Knows no HTTP, keeps no state, writes nothing."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.conf import settings

from conversations.chat_models import Choice, chooser
from conversations.claims import Support, supports_of
from conversations.events import Event, SourcesFound, StageChanged, TextAdded, ThinkingAdded
from conversations.markers import MarkerFilter
from conversations.models import Mode
from conversations.prompts import grounded_prompt, open_prompt, passages_of
from conversations.sources import source_items
from conversations.tracing import Tracer
from documents.selectors import find_active_index, hidden_titles, visible_collections
from providers.chat.base import ChatMessage, ChatRequest, Passage
from providers.errors import ProviderError
from retrieval.reranking import reranked_aside
from retrieval.search import do_without, embed_question_aside, find_passages
from retrieval.sufficiency import Verdict, judge
from retrieval.types import Found, Hit, QuestionVector, Scope
from retrieval.types import Mode as SearchMode
from tenants.access import Access
from tenants.db import run_in_tenant

_CHARACTERS_A_TOKEN = 4


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


@dataclass(slots=True)
class Outcome:
    """What the run came to; filled while the events are read, `supports` by `cite` when the text is known."""

    finish_reason: str = "stop"
    model: str = ""
    hits: list[Hit] = field(default_factory=list)
    supports: list[Support] = field(default_factory=list)
    usage: dict[str, Any] = field(default_factory=dict)
    timings: dict[str, Any] = field(default_factory=dict)
    tracer: Tracer = field(default_factory=Tracer)
    # Given to the model and taken from it, thinking included.
    prompt_characters: int = 0
    completion_characters: int = 0

    def estimated_usage(self) -> dict[str, int]:
        """Tokens when the model was cut off before it said how many: about one for four characters."""
        return {
            "prompt_tokens": -(-self.prompt_characters // _CHARACTERS_A_TOKEN),
            "completion_tokens": -(-self.completion_characters // _CHARACTERS_A_TOKEN),
        }


async def answer(question: Question, outcome: Outcome) -> AsyncGenerator[Event]:
    """Events up to, but without, the terminal one: that is told when it has been saved.

    Raises `ProviderError` when the model fails, also after part of the text. Holds no database
    connection while the model talks.
    """
    started = time.perf_counter()
    choice = await chooser().choose()
    outcome.model = choice.model
    passages: tuple[Passage, ...] = ()
    if question.mode is Mode.OPEN:
        prompt = open_prompt(question.text, question.history)
    else:
        yield StageChanged("searching", "Searching your documents…")
        collections, found, titles = await _find(question, outcome.tracer)
        if found.by_words_alone:
            yield StageChanged("searching", "The embedding model is away: searching by words alone…")
        outcome.hits = found.hits
        outcome.timings["search"] = round(time.perf_counter() - started, 4)
        if found.reranking is not None:
            outcome.timings["rerank"] = found.reranking.seconds
        verdict = outcome.tracer.noted(question.text, found, judge(found))
        if not verdict.is_enough:
            outcome.finish_reason = "refused"
            yield TextAdded(0, _refusal(collections, titles, verdict))
            return
        yield SourcesFound(source_items(question.access.tenant_slug, found.hits))
        yield StageChanged("writing", f"{_count(len(found.hits), 'passage')} found. Writing…")
        passages = passages_of(found.hits, titles)
        prompt = grounded_prompt(question.text, passages, question.history)
    request = ChatRequest(
        messages=prompt,
        question=question.text,
        passages=passages,
        model=choice.model,
        context_tokens=settings.DOCENT_MODEL_CONTEXT,
    )
    async with aclosing(_write(choice, request, outcome, started)) as events:
        async for event in events:
            yield event


async def cite(question: Question, text: str, outcome: Outcome) -> None:
    """Look for what supports each marker of the text, whole or cut short. Takes processor time, on a thread."""
    if outcome.hits and outcome.finish_reason != "refused":
        found = asyncio.to_thread(supports_of, question.text, text, outcome.hits)
        outcome.supports = await outcome.tracer.timed("citing", found)


async def _vector_of(question: Question) -> QuestionVector | None:
    """The question's vector; None where there is nothing to compare it with, or its model cannot be used."""
    index = await run_in_tenant(question.access.tenant_id, find_active_index)
    if index is None:
        return None
    try:
        return await embed_question_aside(index, question.text)
    except ProviderError as error:
        do_without(error, SearchMode.HYBRID)
        return None


async def _find(question: Question, tracer: Tracer) -> tuple[list[str], Found, dict[str, str]]:
    """Names of the collections searched, the passages for the model, and their titles as it may read them."""

    vector = await tracer.timed("embedding", _vector_of(question))

    def find() -> tuple[list[str], Found, dict[str, str]]:
        visible = visible_collections(question.access)
        if question.scope.collections is not None:
            visible = visible.filter(id__in=question.scope.collections)
        names = list(visible.order_by("name").values_list("name", flat=True))
        found = find_passages(
            question.access, question.text, vector, top_k=settings.DOCENT_PASSAGES, scope=question.scope
        )
        candidates = found.shortlist.hits if found.shortlist is not None else found.hits
        return names, found, hidden_titles(hit.title for hit in candidates)

    searched = run_in_tenant(question.access.tenant_id, find)
    names, found, titles = await tracer.timed("search", searched)
    found = await reranked_aside(question.text, found)
    return names, found, {hit.title: titles[hit.title] for hit in found.hits}


async def _write(choice: Choice, request: ChatRequest, outcome: Outcome, started: float) -> AsyncGenerator[Event]:
    """The model's text, markers checked against the passages it was given."""
    markers = MarkerFilter({passage.marker for passage in request.passages})
    offset = thought = 0
    says_something = False
    asked = time.perf_counter()
    async with aclosing(choice.provider.stream(request)) as deltas:
        async for delta in deltas:
            if "first_token" not in outcome.timings and (delta.text or delta.thinking):
                now = time.perf_counter()
                outcome.timings["first_token"] = round(now - started, 4)
                outcome.timings["model_first_token"] = round(now - asked, 4)
            if delta.thinking:
                yield ThinkingAdded(thought, delta.thinking)
                thought += len(delta.thinking)
            outcome.prompt_characters = sum(len(message.content) for message in request.messages)
            outcome.completion_characters += len(delta.text) + len(delta.thinking)
            shown = markers.feed(delta.text)
            if delta.finish_reason is not None:
                shown += markers.flush()
                outcome.finish_reason = delta.finish_reason
                outcome.usage = {
                    "prompt_tokens": delta.prompt_tokens or 0,
                    "completion_tokens": delta.completion_tokens or 0,
                }
            if shown:
                yield TextAdded(offset, shown)
                offset += len(shown)
                says_something = says_something or not shown.isspace()
    outcome.timings["total"] = round(time.perf_counter() - started, 4)
    if not says_something:
        # All that came were markers of passages that do not exist.
        raise ProviderError("model_empty", "The model gave an empty answer.", permanent=False)


def _refusal(collections: list[str], titles: dict[str, str], verdict: Verdict) -> str:
    """What was searched, what came nearest, and what to do about it."""
    if not collections:
        return "There is no collection that I may search for you. Ask an admin of your organisation for access."
    places = ", ".join(collections[:5]) + ("…" if len(collections) > 5 else "")  # noqa: PLR2004
    text = f"I found no answer to this in the documents. {verdict.reason} Searched: {places}."
    # As a model may read them: what was said is told to it with the next question.
    nearest = list(dict.fromkeys(titles.values()))[:3]
    if nearest:
        text += f" The nearest documents were: {', '.join(nearest)}."
    return f"{text} Try other words, widen the search to more collections, or add a document that says it."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
