"""From a question to the events of its answer. Knows no HTTP, keeps no state, writes nothing.

What a question leaves out is taken from the conversation first; a question about the conversation itself is
answered from its messages; everything else, in grounded mode, from the documents alone.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any
from uuid import UUID

from conversations.answering.continuation_model import rest_of
from conversations.answering.evidence import Question, find_evidence, refusal, vector_of
from conversations.answering.fitted_prompt import (
    bare_grounded,
    budget_for,
    grounded_request,
    open_request,
    recall_request,
    room_for,
)
from conversations.answering.limits import bounded
from conversations.answering.thinking import Thinking
from conversations.chat_models import Choice, OwnModels, chooser, own_models
from conversations.chat_models.admission import Turn, turn_at
from conversations.citing.claims import Support, supports_of
from conversations.citing.markers import MarkerFilter
from conversations.citing.sources import source_items
from conversations.events import Event, SourcesFound, StageChanged, TextAdded
from conversations.follow_ups import needs_conversation
from conversations.models import Mode
from conversations.prompting.budget import Past, read_report
from conversations.prompting.continuation import Begun, joint
from conversations.prompting.prompts import (
    as_recalled,
    passages_of,
)
from conversations.prompting.rewriting import make_whole
from conversations.prompting.shortening import until_it_fits
from conversations.searching.recall import Recall, recall, told, told_before, wanted_recall
from conversations.tracing import Tracer
from documents.models import EmbeddingIndex
from documents.selectors import find_index
from providers.chat.base import ChatDelta, ChatMessage, ChatRequest
from providers.errors import ProviderError
from retrieval.types import Hit
from tenants.db import run_in_tenant

_CHARACTERS_A_TOKEN = 4
_CUT = "The model could read only the end of what it was given: the answer may miss something."


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
    # Whether files are waited for, before any model is asked.
    is_reading: bool = False
    # What answered, once that is known.
    choice: Choice | None = None
    # Its place at the model.
    turn: Turn | None = None
    # What was there before this run, where it goes on with a cut answer.
    begun: Begun | None = None
    # The sources are stored: nothing adds to them.
    has_kept_sources: bool = False
    # Numbers in brackets are the model's own words, and not of sources.
    keeps_numbers: bool = False
    # It stays in no list, and is looked for by nobody.
    is_unlisted: bool = False
    thinking: Thinking = field(default_factory=Thinking)

    def __post_init__(self) -> None:
        if self.begun is not None:
            self.hits, self.searched_for = list(self.begun.hits), self.begun.searched_for
            self.timings = dict(self.begun.timings)
            self.thinking.seconds = self.timings.get("thinking", 0.0)

    def think(self, delta: ChatDelta) -> Event | None:
        """What of a delta is thought and to be shown; notes how long that took."""
        thought = self.thinking.take(delta)
        if self.thinking.text:
            self.timings["thinking"] = round(self.thinking.seconds, 4)
        return thought

    @property
    def provider(self) -> str:
        """The operator's server that was asked, by its name."""
        if self.choice is None:
            return "none"
        return self.choice.name.server if self.choice.name is not None else self.choice.model

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
    own, index = await run_in_tenant(question.access.tenant_id, _at_first, question.index)
    question = replace(question, index_row=index)
    choice = await chooser().choose(own, question.model)
    outcome.model, outcome.choice = choice.model, choice
    with turn_at(question.access.tenant_id, choice) as outcome.turn:
        async with aclosing(_answer(question, choice, outcome, started)) as events:
            async for event in events:
                yield event


async def _answer(question: Question, choice: Choice, outcome: Outcome, started: float) -> AsyncGenerator[Event]:
    if question.begun is not None and question.begun.text and not choice.is_model:
        raise ProviderError("model_unreachable", "There is no language model to go on with it.", permanent=True)
    if question.begun is not None and question.begun.hits:
        async with aclosing(_go_on_from_documents(question, question.begun, choice, outcome, started)) as events:
            async for event in events:
                yield event
        return
    wanted = wanted_recall(question.text) if question.history and not question.voice.is_plain else None
    if wanted is not None:
        yield StageChanged("searching", "Looking through this conversation…")
        recalled = await _recall(question, wanted, outcome)
        if recalled and choice.is_model:
            recalling = partial(recall_request, choice, question, recalled)
            async with aclosing(_write(choice, recalling, outcome, started)) as events:
                async for event in events:
                    yield event
            return
        if recalled:
            yield TextAdded(0, as_recalled(recalled))
            return
    answering = _answer_openly if question.mode is Mode.OPEN else _answer_from_documents
    async with aclosing(answering(question, choice, outcome, started)) as events:
        async for event in events:
            yield event


def _at_first(index: UUID | None) -> tuple[OwnModels, EmbeddingIndex | None]:
    """What every answer needs to know, at one go: where many ask, each unit of its own waits for its turn."""
    return own_models(), find_index(index)


async def _answer_openly(
    question: Question, choice: Choice, outcome: Outcome, started: float
) -> AsyncGenerator[Event]:
    outcome.keeps_numbers = question.voice.is_plain
    async with aclosing(_write(choice, partial(open_request, choice, question), outcome, started)) as events:
        async for event in events:
            yield event


async def _answer_from_documents(
    question: Question, choice: Choice, outcome: Outcome, started: float
) -> AsyncGenerator[Event]:
    if question.last_whole and needs_conversation(question.text):
        yield StageChanged("searching", "Reading the conversation…")
        async with aclosing(_turn(outcome)) as waiting:
            async for stage in waiting:
                yield stage
        rewriting = make_whole(choice, question.text, question.last_whole, question.history)
        whole = await outcome.tracer.timed("whole", rewriting)
        outcome.searched_for, outcome.aside_tokens = whole.text, (whole.prompt_tokens, whole.completion_tokens)
        question = replace(question, text=whole.text)
        yield StageChanged("searching", f"Searching for “{whole.text}”…")
    else:
        yield StageChanged("searching", "Searching your documents…")
    budget, bare = budget_for(choice, question), bare_grounded(question)
    room = room_for(budget, choice, bare)
    if choice.is_model:
        room = budget.for_passages(bare, Past(question.summary, question.history).tokens)
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
    yield StageChanged("writing", f"{_number_of(len(found.hits), 'passage')} found. Writing…")
    passages = passages_of(found.hits, evidence.titles)
    request_of = partial(grounded_request, choice, question, passages)
    async with aclosing(_write(choice, request_of, outcome, started)) as events:
        async for event in events:
            yield event


async def _go_on_from_documents(
    question: Question, begun: Begun, choice: Choice, outcome: Outcome, started: float
) -> AsyncGenerator[Event]:
    """From the passages that the first part was written from, so that its numbers mean the same."""
    yield SourcesFound(source_items(question.access.tenant_slug, begun.hits))
    yield StageChanged("writing", "Going on with the answer…")
    whole = replace(question, text=begun.searched_for or question.text)
    passages = passages_of(begun.hits, begun.titles)
    request_of = partial(grounded_request, choice, whole, passages)
    async with aclosing(_write(choice, request_of, outcome, started)) as events:
        async for event in events:
            yield event


async def cite(question: Question, text: str, outcome: Outcome) -> None:
    """Look for what supports each marker of the text, whole or cut short. Takes processor time, on a thread."""
    if outcome.hits and outcome.finish_reason != "refused":
        asked = outcome.searched_for or question.text
        found = asyncio.to_thread(supports_of, asked, text, outcome.hits)
        outcome.supports = await outcome.tracer.timed("citing", found)


async def _recall(question: Question, wanted: Recall, outcome: Outcome) -> tuple[ChatMessage, ...]:
    """What the conversation says of it; nothing where the documents are to be asked."""
    if question.is_unlisted:
        return told_before(question.history, wanted)
    vector = await vector_of(question.access, wanted.topic, question.index_row) if wanted.topic else None
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
    return told(pairs)


async def _write(
    choice: Choice, request_of: Callable[[], ChatRequest], outcome: Outcome, started: float
) -> AsyncGenerator[Event]:
    """What the model says when its turn has come."""
    async with aclosing(_turn(outcome)) as waiting:
        async for stage in waiting:
            yield stage
    writing = until_it_fits(request_of, lambda request: _written(choice, request, outcome, started))
    async with aclosing(writing) as events:
        async for event in events:
            yield event


async def _turn(outcome: Outcome) -> AsyncGenerator[Event]:
    """The numbers in line until this answer may ask the model, once for all that it asks."""
    assert outcome.turn is not None
    async with aclosing(outcome.turn.come()) as waiting:
        async for stage in waiting:
            yield stage
    if outcome.turn.seconds:
        outcome.timings["queued"] = round(outcome.turn.seconds, 4)


async def _written(
    choice: Choice, request: ChatRequest, outcome: Outcome, started: float
) -> AsyncGenerator[Event]:
    """The model's text, markers checked against the passages it was given."""
    known = None if outcome.keeps_numbers else {passage.marker for passage in request.passages}
    before = outcome.begun.text if outcome.begun else ""
    markers = MarkerFilter(known, before)
    offset = len(before)
    says_something = bool(before)
    given = sum(len(message.content) for message in request.messages)
    asked, written_for = time.perf_counter(), outcome.timings.get("total", 0.0)
    async with aclosing(bounded(_said(choice, request, goes_on=bool(before)))) as deltas:
        async for delta in deltas:
            if delta.text or delta.thinking:
                _note_first_token(outcome, started, asked)
            # Another than was asked for, where that one could not answer.
            outcome.model = delta.model or outcome.model
            if (thought := outcome.think(delta)) is not None:
                yield thought
            outcome.prompt_characters = given
            outcome.completion_characters += len(delta.text) + len(delta.thinking)
            # At each, for one that is broken off says nothing at the end.
            outcome.timings["total"] = round(written_for + time.perf_counter() - started, 4)
            shown = markers.feed(delta.text)
            if delta.finish_reason is not None:
                shown += markers.flush()
                outcome.finish_reason = delta.finish_reason
                _count(choice, request, delta, outcome)
            if shown:
                if before and offset == len(before):
                    shown = joint(before, shown) + shown
                yield TextAdded(offset, shown)
                offset += len(shown)
                says_something = says_something or not shown.isspace()
    if outcome.timings.get("context", {}).get("was_cut"):
        yield StageChanged("writing", _CUT)
    if not says_something:
        # All that came were markers of passages that do not exist.
        raise ProviderError("model_empty", "The model gave an empty answer.", permanent=False)


def _note_first_token(outcome: Outcome, started: float, asked: float) -> None:
    """How long it took, from the question and from the model's request on; the first time it is told."""
    if "first_token" not in outcome.timings:
        now = time.perf_counter()
        outcome.timings["first_token"] = round(now - started, 4)
        outcome.timings["model_first_token"] = round(now - asked, 4)


def _count(choice: Choice, request: ChatRequest, last: ChatDelta, outcome: Outcome) -> None:
    """What the server says that it read and wrote. Where it does not say, it is estimated when it is stored."""
    if last.prompt_tokens is not None or not choice.is_model:
        outcome.usage = outcome.usage_of(last.prompt_tokens or 0, last.completion_tokens or 0)
    if choice.is_model:
        # Tokens are those of the model that read it, which may be another than was asked for.
        read = replace(request, model=outcome.model)
        outcome.timings["context"] = read_report(read, last.prompt_tokens).as_json()


def _said(choice: Choice, request: ChatRequest, *, goes_on: bool) -> AsyncGenerator[ChatDelta]:
    return rest_of(choice, request) if goes_on else choice.provider.stream(request)


def _number_of(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
