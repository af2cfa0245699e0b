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
from conversations.evidence import Question, find_evidence, refusal, vector_of
from conversations.follow_ups import needs_conversation
from conversations.markers import MarkerFilter
from conversations.models import Message, Mode
from conversations.policy import keep_turns, room_for_passages
from conversations.prompts import as_recalled, grounded_prompt, open_prompt, passages_of, recall_prompt, recent
from conversations.recall import Recall, recall, told, wanted_recall
from conversations.rewriting import make_whole
from conversations.sources import source_items
from conversations.tracing import Tracer
from providers.chat.base import ChatMessage, ChatRequest, Passage
from providers.errors import ProviderError
from retrieval.types import Hit
from tenants.db import run_in_tenant

_CHARACTERS_A_TOKEN = 4


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
    # How sure it was that the passages are enough; None where nothing was looked for.
    score: float | None = None
    usage: dict[str, Any] = field(default_factory=dict)
    timings: dict[str, Any] = field(default_factory=dict)
    tracer: Tracer = field(default_factory=Tracer)
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
        rewriting = make_whole(choice, question.text, question.last_whole, question.history)
        whole = await outcome.tracer.timed("whole", rewriting)
        outcome.searched_for, outcome.aside_tokens = whole.text, (whole.prompt_tokens, whole.completion_tokens)
        question = replace(question, text=whole.text)
        yield StageChanged("searching", f"Searching for “{whole.text}”…")
    else:
        yield StageChanged("searching", "Searching your documents…")
    turns = _turns(question)
    room = room_for_passages(grounded_prompt(question.text, (), turns), context=settings.DOCENT_MODEL_CONTEXT)
    evidence = await find_evidence(question, outcome.tracer, room)
    found = evidence.found
    if found.by_words_alone:
        yield StageChanged("searching", "The embedding model is away: searching by words alone…")
    outcome.hits, outcome.score = found.hits, evidence.verdict.score
    outcome.timings["search"] = round(time.perf_counter() - started, 4)
    if found.reranking is not None:
        outcome.timings["rerank"] = found.reranking.seconds
    outcome.tracer.noted(question.text, found, evidence.verdict)
    if not evidence.verdict.is_enough:
        outcome.finish_reason = "refused"
        yield TextAdded(0, refusal(evidence))
        return
    yield SourcesFound(source_items(question.access.tenant_slug, found.hits))
    yield StageChanged("writing", f"{_count(len(found.hits), 'passage')} found. Writing…")
    passages = passages_of(found.hits, evidence.titles)
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
        found = asyncio.to_thread(supports_of, asked, text, outcome.hits)
        outcome.supports = await outcome.tracer.timed("citing", found)


async def _recall(question: Question, wanted: Recall, outcome: Outcome) -> list[tuple[Message, Message]]:
    """What the conversation says of it; nothing where the documents are to be asked."""
    vector = await vector_of(question.access, wanted.topic, question.index) if wanted.topic else None
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


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
