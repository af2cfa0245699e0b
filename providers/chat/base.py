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
    `passages` say the same in parts, for a model that works without a prompt. `temperature`, `max_tokens`,
    `top_p` and `seed` left at None mean the model's own; before any of `stop` it ends its answer. `context_tokens`
    is the window that the prompt was made for.
    """

    messages: tuple[ChatMessage, ...]
    question: str
    model: str
    passages: tuple[Passage, ...] = ()
    temperature: float | None = None
    max_tokens: int | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    context_tokens: int = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatDelta:
    """A piece of the answer. The last one, and only that, has a `finish_reason`; it may carry text too.

    `model` says who answers where that may be another than was asked for; then the first delta has it.
    """

    text: str = ""
    thinking: str = ""
    finish_reason: FinishReason | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    model: str = ""


class ChatModel(Protocol):
    """Something that answers.

    `stream` is an async generator: closing it, or cancelling the task that reads it, stops the model. It
    raises `ProviderError`, also in the middle of an answer; an iterator that ends without an error has
    yielded a delta with a `finish_reason`.
    """

    name: str

    def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """A model on a server; what the server does not tell is None, or empty.

    `context_tokens` is the longest window that it takes, `parameters` how large it is ("3.2B"), `is_loaded`
    whether it is in memory and answers without being read from disk first.
    """

    name: str
    context_tokens: int | None = None
    is_loaded: bool | None = None
    size_bytes: int | None = None
    parameters: str = ""


PullStatus = Literal["starting", "downloading", "verifying", "storing", "done"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PullProgress:
    """How far a download is, in bytes of all the files that are known of so far."""

    status: PullStatus
    completed: int | None = None
    total: int | None = None


class ModelServer(Protocol):
    """What has models: lists them and, where it can, gets and deletes them.

    All but `probe` raise `ProviderError`.
    """

    name: str

    async def list_models(self) -> list[ModelInfo]:
        """Those that can chat, in the server's order."""
        ...

    async def describe(self, model: str) -> ModelInfo:
        """All that is known of one of them."""
        ...

    def pull(self, model: str) -> AsyncGenerator[PullProgress]:
        """Get a model, or bring it up to date. The last progress is "done"; closing the generator stops it."""
        ...

    async def delete(self, model: str) -> None: ...

    async def probe(self, *, timeout: float) -> list[ModelInfo] | None:  # noqa: ASYNC109
        """The list within `timeout` seconds, or None when there is none."""
        ...
