"""How a summary of turns is written: by the model that answers, or by rules where there is none."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass

from django.conf import settings

from conversations.chat_models import Choice
from conversations.citing.markers import without_markers
from conversations.prompting.budget import budget_of, shortened, tokens_of
from conversations.prompting.prompts import summary_prompt
from conversations.selectors.memory import REFUSED
from providers.chat.base import ChatMessage, ChatRequest
from providers.chat.extractive import LEAD_IN
from providers.errors import ProviderError
from providers.sentences import sentence_spans

logger = logging.getLogger(__name__)

MAX_SUMMARY = 4_000
"""Characters of a summary that is written here."""

_MAX_TOKENS = 500
# Of one turn: what is longer says what it is about at its beginning.
_TURN_TOKENS = 600
_ASKED, _ANSWERED = 160, 240
# The server is not there now, which says nothing about later.
AWAY = frozenset({"model_unreachable", "model_timeout", "model_busy"})


@dataclass(frozen=True, slots=True)
class Written:
    """A summary, by which model, and what that took; by rules it has none."""

    text: str
    model: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0


def fitting(choice: Choice | None, before: str, turns: Sequence[ChatMessage]) -> int:
    """How many of the turns, oldest first, can be summarised at once: one at least."""
    if choice is None:
        return len(turns)
    budget = budget_of(choice.model, choice.context_tokens, _MAX_TOKENS)
    left = budget.left(summary_prompt(shortened(before, _most_before(choice)), ()))
    for number, turn in enumerate(turns):
        left -= tokens_of([_short(turn)])
        if left < 0:
            # A question stays with its answer.
            return max(1, number - (turn.role != "user"))
    return len(turns)


async def summarise(choice: Choice | None, before: str, turns: Sequence[ChatMessage]) -> Written:
    """One summary of the earlier one and the turns after it; without a model by rules.

    Raises `ProviderError` where the server is away; whatever else goes wrong with the model, rules do it.
    """
    if choice is None:
        return Written(by_rules(before, turns))
    try:
        async with asyncio.timeout(settings.DOCENT_SUMMARY_SECONDS):
            written = await _by_model(choice, before, turns)
    except ProviderError as error:
        if error.code in AWAY:
            raise
        logger.warning("A conversation was summarised by rules: %s", error.detail)
    except TimeoutError:
        logger.warning("A conversation was summarised by rules: the model took too long.")
    else:
        if written.text:
            return written
    return Written(by_rules(before, turns))


async def _by_model(choice: Choice, before: str, turns: Sequence[ChatMessage]) -> Written:
    prompt = summary_prompt(shortened(before, _most_before(choice)), [_short(turn) for turn in turns])
    budget = budget_of(choice.model, choice.context_tokens, _MAX_TOKENS)
    if budget.left(prompt) < 0:
        # A turn alone in a small window.
        room = max(0, tokens_of([_short(turns[0])]) + budget.left(prompt))
        prompt = summary_prompt("", [_short(turns[0], room)])
    request = ChatRequest(
        messages=prompt,
        question="",
        model=choice.model,
        temperature=0.0,
        max_tokens=_MAX_TOKENS,
        # The same window as for answers: with another one Ollama would load the model anew.
        context_tokens=budget.window,
    )
    said, used = "", (0, 0)
    async with aclosing(choice.provider.stream(request)) as deltas:
        async for delta in deltas:
            said += delta.text
            if delta.finish_reason is not None:
                used = (delta.prompt_tokens or 0, delta.completion_tokens or 0)
    return Written(_cut(without_markers(said.strip())), choice.model, *used)


def _most_before(choice: Choice) -> int:
    return budget_of(choice.model, choice.context_tokens).window // 4


def _short(turn: ChatMessage, tokens: int = _TURN_TOKENS) -> ChatMessage:
    return ChatMessage(role=turn.role, content=shortened(turn.content, tokens))


def by_rules(before: str, turns: Sequence[ChatMessage]) -> str:
    """A line a turn: how the question begins, and the answer. Where that is too long the oldest lines go."""
    lines = before.splitlines()
    for turn in turns:
        if turn.role == "user":
            lines.append(f"- {_first_sentence(turn.content, _ASKED)}")
        elif lines and turn.content != REFUSED:
            said = without_markers(turn.content).removeprefix(LEAD_IN).replace("\n- ", "\n").strip(" -\n")
            lines[-1] = f"{lines[-1]} {_first_sentence(said, _ANSWERED)}"
        elif lines:
            lines[-1] = f"{lines[-1]} {REFUSED}"
    while len("\n".join(lines)) > MAX_SUMMARY:
        lines.pop(0)
    return "\n".join(lines)


def _first_sentence(text: str, most: int) -> str:
    start, end = next(iter(sentence_spans(text)), (0, 0))
    sentence = " ".join(text[start:end].split())
    return sentence if len(sentence) <= most else sentence[: most - 1].rsplit(" ", 1)[0] + "…"


def _cut(text: str) -> str:
    """As many whole sentences as have room."""
    if len(text) <= MAX_SUMMARY:
        return text
    ends = [end for _, end in sentence_spans(text[:MAX_SUMMARY])]
    return text[: ends[-2] if len(ends) > 1 else MAX_SUMMARY].rstrip()
