"""What a model is asked: a question with as much beside it as the model's window has room for."""

from collections.abc import Callable

from django.utils.formats import number_format
from django.utils.translation import gettext

from conversations.answering.evidence import Question
from conversations.chat_models import Choice
from conversations.prompting.budget import Budget, Past, budget_of, keep_turns, tokens_of
from conversations.prompting.continuation import gone_on
from conversations.prompting.prompts import grounded_prompt, open_prompt, plain_prompt, recall_prompt, with_summary
from providers.chat.base import ChatMessage, ChatRequest, Passage
from tenants.errors import TooLarge

# A prompt by the turns that stand in it.
_PromptOf = Callable[[tuple[ChatMessage, ...]], tuple[ChatMessage, ...]]
# Beside instructions and question, by our count: a passage or a turn, else there is nothing to go by.
_LEAST_ROOM = 250


def budget_for(choice: Choice, question: Question) -> Budget:
    return budget_of(choice.model, choice.context_tokens, question.voice.max_tokens)


def bare_grounded(question: Question) -> tuple[ChatMessage, ...]:
    """The prompt without passages and past."""
    return _grounded_prompt_of(question, ())(())


def _grounded_prompt_of(question: Question, passages: tuple[Passage, ...]) -> _PromptOf:
    return lambda turns: grounded_prompt(question.text, passages, turns, question.voice.instructions)


def grounded_request(choice: Choice, question: Question, passages: tuple[Passage, ...]) -> ChatRequest:
    """From as many of the passages as have room, the best first; one always. Raises `TooLarge`."""
    budget = budget_for(choice, question)
    room_for(budget, choice, bare_grounded(question))
    while choice.is_model and len(passages) > 1 and budget.left(_grounded_prompt_of(question, passages)(())) < 0:
        passages = passages[:-1]
    prompt = _fitted(question, budget, _grounded_prompt_of(question, passages))
    return _request(choice, question, prompt, passages)


def open_request(choice: Choice, question: Question) -> ChatRequest:
    """Without any passages. Raises `TooLarge`."""
    budget, instructions = budget_for(choice, question), question.voice.instructions
    prompt_of = plain_prompt if question.voice.is_plain else open_prompt
    room_for(budget, choice, prompt_of(question.text, (), instructions))
    prompt = _fitted(question, budget, lambda turns: prompt_of(question.text, turns, instructions))
    return _request(choice, question, prompt)


def recall_request(choice: Choice, question: Question, said: tuple[ChatMessage, ...]) -> ChatRequest:
    """About the conversation, from the part of it that was said. Raises `TooLarge`."""
    instructions = question.voice.instructions
    room = room_for(budget_for(choice, question), choice, recall_prompt(question.text, (), instructions))
    prompt = recall_prompt(question.text, keep_turns(said, tokens=room), instructions)
    return _request(choice, question, prompt)


def _fitted(question: Question, budget: Budget, prompt_of: _PromptOf) -> tuple[ChatMessage, ...]:
    """A prompt with as much as has room of the answer so far and, after that, of what was said before."""
    left = budget.left(prompt_of(()))
    written: tuple[ChatMessage, ...] = ()
    if question.begun is not None and question.begun.text:
        written = gone_on(question.begun.told, tokens=left // 2)
        left -= tokens_of(written)
    past = Past(question.summary, question.history).within(left)
    return (*with_summary(prompt_of(past.turns), past.summary), *written)


def room_for(budget: Budget, choice: Choice, bare: tuple[ChatMessage, ...]) -> int:
    """What the prompt without passages and past leaves. Raises `TooLarge` for a question that fills the window."""
    left = budget.left(bare)
    if not choice.is_model:
        return budget.prompt
    if left < _LEAST_ROOM:
        raise TooLarge(
            gettext(
                "The model {model} reads {window} tokens at once: this question alone takes about {needed}, and"
                " its answer needs room too. Shorten it, or upload it as a document."
            ).format(
                model=choice.model,
                window=number_format(budget.window, force_grouping=True),
                needed=number_format(budget.estimate(bare), force_grouping=True),
            ),
            code="question_too_long",
        )
    return left


def _request(
    choice: Choice, question: Question, prompt: tuple[ChatMessage, ...], passages: tuple[Passage, ...] = ()
) -> ChatRequest:
    budget, voice = budget_for(choice, question), question.voice
    return ChatRequest(
        messages=prompt,
        question=question.text,
        passages=passages,
        model=choice.model,
        **(voice.sampling | {"max_tokens": budget.allowed(prompt, voice.max_tokens)}),
        context_tokens=budget.window,
    )
