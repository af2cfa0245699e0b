"""From a question to the events of its answer. Knows no HTTP, keeps no state, writes nothing.

What a question leaves out is taken from the conversation first; a question about the conversation itself is
answered from its messages; everything else, in grounded mode, from the documents alone.
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from django.conf import settings

from conversations.chat_models import Choice, chooser
from conversations.claims import Support, supports_of
from conversations.events import Event, SourcesFound, StageChanged, TextAdded, ThinkingAdded
from conversations.follow_ups import needs_conversation
from conversations.markers import MarkerFilter
from conversations.models import Message, Mode
from conversations.policy import keep_turns, room_for_passages
from conversations.prompts import as_recalled, grounded_prompt, open_prompt, passages_of, recall_prompt, recent
from conversations.recall import Recall, recall, told, wanted_recall
from conversations.rewriting import make_whole
from conversations.selection import Preferences, choose, preferences_of
from conversations.sources import source_items
from documents.selectors import find_active_index, hidden_titles, visible_collections
from providers.chat.base import ChatMessage, ChatRequest, Passage
from providers.errors import ProviderError
from retrieval.reranking import reranked_aside
from retrieval.search import do_without, embed_question_aside, find_passages
from retrieval.sufficiency import Verdict, judge
from retrieval.types import Found, Hit, QuestionVector, Reranking, Scope
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
    # The latest question of the conversation that stands by itself.
    last_whole: str = ""


@dataclass(slots=True)
class Outcome:
    """What the run came to; filled while the events are read, `supports` by `cite` when the text is known.

    `searched_for` is the question made whole, if it was not; `recalled` are the earlier answers told again.
    """

    finish_reason: str = "stop"
    searched_for: str = ""
    recalled: list[UUID] = field(default_factory=list)
    model: str = ""
    hits: list[Hit] = field(default_factory=list)
    supports: list[Support] = field(default_factory=list)
    usage: dict[str, Any] = field(default_factory=dict)
    timings: dict[str, Any] = field(default_factory=dict)
    # Given to the model and taken from it, thinking included.
    prompt_characters: int = 0
    completion_characters: int = 0
    # What making the question whole took, in tokens.
    aside_tokens: tuple[int, int] = (0, 0)

    def estimated_usage(self) -> dict[str, int]:
        """Tokens when the model was cut off before it said how many: about one for four characters."""
        return self.usage_of(
            -(-self.prompt_characters // _CHARACTERS_A_TOKEN),
            -(-self.completion_characters // _CHARACTERS_A_TOKEN),
        )

    def usage_of(self, prompt_tokens: int, completion_tokens: int) -> dict[str, int]:
        """The answer's tokens with those that went before it."""
        before, said = self.aside_tokens
        return {"prompt_tokens": prompt_tokens + before, "completion_tokens": completion_tokens + said}


async def answer(question: Question, outcome: Outcome) -> AsyncGenerator[Event]:
    """Events up to, but without, the terminal one: that is told when it has been saved.

    Raises `ProviderError` when the model fails, also after part of the text. Holds no database
    connection while the model talks.
    """
    started = time.perf_counter()
    choice = await chooser().choose()
    outcome.model = choice.model
    wanted = wanted_recall(question.text) if question.history else None
    if wanted is not None:
        yield StageChanged("searching", "Looking through this conversation…")
        pairs = await _recall(question, wanted, outcome)
        if pairs and choice.is_model:
            prompt = recall_prompt(question.text, told(pairs))
            async with aclosing(_write(choice, _request(choice, question, prompt), outcome, started)) as events:
                async for event in events:
                    yield event
            return
        if pairs:
            yield TextAdded(0, as_recalled(told(pairs)))
            return
    answering = _answer_openly if question.mode is Mode.OPEN else _answer_from_documents
    async with aclosing(answering(question, choice, outcome, started)) as events:
        async for event in events:
            yield event


async def _answer_openly(
    question: Question, choice: Choice, outcome: Outcome, started: float
) -> AsyncGenerator[Event]:
    prompt = open_prompt(question.text, _turns(question))
    async with aclosing(_write(choice, _request(choice, question, prompt), outcome, started)) as events:
        async for event in events:
            yield event


async def _answer_from_documents(
    question: Question, choice: Choice, outcome: Outcome, started: float
) -> AsyncGenerator[Event]:
    if question.last_whole and needs_conversation(question.text):
        yield StageChanged("searching", "Reading the conversation…")
        whole = await make_whole(choice, question.text, question.last_whole, question.history)
        outcome.searched_for, outcome.aside_tokens = whole.text, (whole.prompt_tokens, whole.completion_tokens)
        question = replace(question, text=whole.text)
        yield StageChanged("searching", f"Searching for “{whole.text}”…")
    else:
        yield StageChanged("searching", "Searching your documents…")
    turns = _turns(question)
    room = room_for_passages(grounded_prompt(question.text, (), turns), context=settings.DOCENT_MODEL_CONTEXT)
    found = await _find(question, await vector_of(question.access, question.text), room)
    if found.by_words_alone:
        yield StageChanged("searching", "The embedding model is away: searching by words alone…")
    outcome.hits = found.hits
    outcome.timings["search"] = round(time.perf_counter() - started, 4)
    if found.reranking is not None:
        outcome.timings["rerank"] = found.reranking.seconds
    if not found.verdict.is_enough:
        outcome.finish_reason = "refused"
        yield TextAdded(0, _refusal(found.collections, found.titles, found.verdict))
        return
    yield SourcesFound(source_items(question.access.tenant_slug, found.hits))
    yield StageChanged("writing", f"{_count(len(found.hits), 'passage')} found. Writing…")
    passages = passages_of(found.hits, found.titles)
    request = _request(choice, question, grounded_prompt(question.text, passages, turns), passages)
    async with aclosing(_write(choice, request, outcome, started)) as events:
        async for event in events:
            yield event


def _turns(question: Question) -> tuple[ChatMessage, ...]:
    return keep_turns(recent(question.history), context=settings.DOCENT_MODEL_CONTEXT)


def _request(
    choice: Choice, question: Question, prompt: tuple[ChatMessage, ...], passages: tuple[Passage, ...] = ()
) -> ChatRequest:
    return ChatRequest(
        messages=prompt,
        question=question.text,
        passages=passages,
        model=choice.model,
        context_tokens=settings.DOCENT_MODEL_CONTEXT,
    )


async def cite(question: Question, text: str, outcome: Outcome) -> None:
    """Look for what supports each marker of the text, whole or cut short. Takes processor time, on a thread."""
    if outcome.hits and outcome.finish_reason != "refused":
        asked = outcome.searched_for or question.text
        outcome.supports = await asyncio.to_thread(supports_of, asked, text, outcome.hits)


async def _recall(question: Question, wanted: Recall, outcome: Outcome) -> list[tuple[Message, Message]]:
    """What the conversation says of it; nothing where the documents are to be asked."""
    vector = await vector_of(question.access, wanted.topic) if wanted.topic else None
    pairs = await run_in_tenant(
        question.access.tenant_id,
        recall,
        question.access,
        reply_id=question.message_id,
        conversation_id=question.conversation_id,
        wanted=wanted,
        vector=vector,
    )
    outcome.recalled = [reply.id for _asked, reply in pairs]
    return pairs


async def vector_of(access: Access, text: str) -> QuestionVector | None:
    """The text's vector; None where there is nothing to compare it with, or its model cannot be used."""
    index = await run_in_tenant(access.tenant_id, find_active_index)
    if index is None:
        return None
    try:
        return await embed_question_aside(index, text)
    except ProviderError as error:
        do_without(error, SearchMode.HYBRID)
        return None


@dataclass(frozen=True, slots=True)
class _Evidence:
    """Names of the collections searched, the passages for the model, and their titles as it may read them.

    Where the verdict is that they are not enough, `hits` are the nearest.
    """

    collections: list[str]
    hits: list[Hit]
    titles: dict[str, str]
    verdict: Verdict
    by_words_alone: bool
    reranking: Reranking | None


async def _find(question: Question, vector: QuestionVector | None, room: int) -> _Evidence:
    def find() -> tuple[list[str], Found, dict[str, str], Preferences]:
        visible = visible_collections(question.access)
        if question.scope.collections is not None:
            visible = visible.filter(id__in=question.scope.collections)
        names = list(visible.order_by("name").values_list("name", flat=True))
        top_k = max(settings.DOCENT_CANDIDATES, settings.DOCENT_PASSAGES)
        found = find_passages(question.access, question.text, vector, top_k=top_k, scope=question.scope)
        candidates = found.shortlist.hits if found.shortlist is not None else found.hits
        conversation = question.conversation_id if question.history else None
        preferences = preferences_of(conversation, question.text, candidates)
        return names, found, hidden_titles(hit.title for hit in candidates), preferences

    names, found, titles, preferences = await run_in_tenant(question.access.tenant_id, find)
    found = await reranked_aside(question.text, found)
    # Judged as searched, whatever the conversation prefers.
    nearest = found.hits[: settings.DOCENT_PASSAGES]
    verdict = judge(replace(found, hits=nearest))
    hits = choose(found.hits, preferences, tokens=room) if verdict.is_enough else nearest
    known = {hit.title: titles[hit.title] for hit in hits}
    return _Evidence(names, hits, known, verdict, found.by_words_alone, found.reranking)


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
                outcome.usage = outcome.usage_of(delta.prompt_tokens or 0, delta.completion_tokens or 0)
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
