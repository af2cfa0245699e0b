"""What every chat model takes and gives."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Literal, Protocol

FinishReason = Literal["stop", "length"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatMessage:
    """One turn of the prompt, in the order in which the model reads it."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A retrieved piece of a document; `marker` is the number by which the answer cites it."""

    marker: int
    title: str
    page: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """One question, ready to be asked.

    `messages` is the whole prompt, passages included; a language model reads nothing else. `question` and
    `passages` say the same in parts, for a model that works without a prompt. `temperature` and `max_tokens`
    left at None mean the model's own. `context_tokens` is the window that the prompt was made for.
    """

    messages: tuple[ChatMessage, ...]
    question: str
    model: str
    passages: tuple[Passage, ...] = ()
    temperature: float | None = None
    max_tokens: int | None = None
    context_tokens: int = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatDelta:
    """A piece of the answer. The last one, and only that, has a `finish_reason`; it may carry text too."""

    text: str = ""
    thinking: str = ""
    finish_reason: FinishReason | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class ChatModel(Protocol):
    """Something that answers.

    `stream` is an async generator: closing it, or cancelling the task that reads it, stops the model. It
    raises `ProviderError`, also in the middle of an answer; an iterator that ends without an error has
    yielded a delta with a `finish_reason`.
    """

    name: str

    def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta]: ...
