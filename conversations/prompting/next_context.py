"""What a conversation's next question would be told of what was said before: for people who ask why it forgot."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings

from conversations.chat_models import chooser
from conversations.models import Conversation, Mode, Role, Summary
from conversations.prompting.budget import Budget, Past, budget_of, tokens_of
from conversations.prompting.prompts import grounded_prompt, open_prompt
from conversations.selectors.branches import end_of
from conversations.selectors.conversations import access_conversation, require_unarchived
from conversations.selectors.history import steps_before
from conversations.selectors.memory import Memory, find_summary, remember, turns_of
from conversations.selectors.personas import Voice, voice_of
from providers.chat.base import ChatMessage
from providers.errors import ProviderError
from tenants.access import Access
from tenants.db import run_in_tenant

# What a passage takes, of the usual length.
_PASSAGE_TOKENS = 380
_MOST_STEPS = 10_000


@dataclass(frozen=True, slots=True)
class _Kept:
    """A conversation as it is remembered, and how many questions its branch has."""

    conversation: Conversation
    memory: Memory
    summary: Summary | None
    questions: int
    voice: Voice


async def next_context(access: Access, conversation_id: UUID) -> dict[str, Any]:
    """Raises `NotFound` for a conversation that is not one's own, `Conflict` for an archived one."""
    kept = await run_in_tenant(access.tenant_id, _kept, access, conversation_id)
    try:
        choice = await chooser().choose(access, kept.voice.model)
        model, budget = choice.model, budget_of(choice.model, choice.context_tokens, kept.voice.max_tokens)
    except ProviderError:
        model, budget = None, budget_of("")
    bare, for_passages = _bare(kept, budget)
    past = Past(kept.memory.summary, kept.memory.history).within(budget.left(bare) - for_passages)
    estimated = budget.estimate(bare) + round(past.tokens * budget.usual)
    return {
        "memory": kept.conversation.memory,
        "memory_turns": turns_of(kept.conversation),
        "model": model,
        "window": budget.window,
        "answer_tokens": budget.answer,
        "estimated_tokens": estimated,
        "room": max(0, round((budget.left(bare) - past.tokens) * budget.worth)),
        "questions": kept.questions,
        "questions_told": sum(turn.role == "user" for turn in past.turns),
        "answers_withheld": kept.memory.hidden,
        "messages": _messages(kept.memory, past, budget),
        "summary": _told(kept.summary, past),
    }


def _kept(access: Access, conversation_id: UUID) -> _Kept:
    conversation = access_conversation(access, conversation_id)
    require_unarchived(conversation)
    last = end_of(conversation)
    memory = remember(access, conversation, last)
    steps = steps_before(last, most=_MOST_STEPS)
    questions = sum(step.role == Role.USER for step in steps)
    summary = find_summary(access, conversation) if memory.summary else None
    return _Kept(conversation, memory, summary, questions, voice_of(conversation))


def _bare(kept: _Kept, budget: Budget) -> tuple[tuple[ChatMessage, ...], int]:
    """The prompt without question, passages and past, and what passages would take beside the past."""
    if kept.conversation.mode == Mode.OPEN:
        return open_prompt("", (), kept.voice.instructions), 0
    bare = grounded_prompt("", (), (), kept.voice.instructions)
    room = budget.for_passages(bare, Past(kept.memory.summary, kept.memory.history).tokens)
    return bare, min(room, settings.DOCENT_PASSAGES * _PASSAGE_TOKENS)


def _messages(memory: Memory, past: Past, budget: Budget) -> list[dict[str, Any]]:
    """Those told, oldest first; they are the latest of what was remembered."""
    first = len(memory.history) - len(past.turns)
    told = zip(memory.told[first:], memory.history[first:], past.turns, strict=True)
    return [
        {
            "id": str(message),
            "role": turn.role,
            "tokens": round(tokens_of([turn]) * budget.usual),
            "is_cut": turn != whole,
        }
        for message, whole, turn in told
    ]


def _told(summary: Summary | None, past: Past) -> dict[str, Any] | None:
    if summary is None or not past.summary:
        return None
    return {"text": past.summary, "is_edited": bool(summary.edited), "until": str(summary.until_id)}
