"""What models on a server have in common: batches, second tries, and no answer believed unseen."""

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from providers import wire
from providers.embedding.base import Purpose
from providers.embedding.known_models import known_model
from providers.errors import PromptTooLong, ProviderError
from providers.wire import not_understood, try_again

# pgvector stores no longer ones in half precision.
MAX_DIMENSIONS = 16_000
_BATCH = 64
_BYTES_A_TOKEN = 3
_SPECIAL_TOKENS = 2
# How often texts are sent that a server refuses as too long; of what its numbers leave, this much.
_TRIES, _MARGIN, _HALF = 5, 0.9, 0.5


class RemoteEmbedder(ABC):
    """An embedder whose model runs elsewhere; `ask` speaks the server's protocol. Threads may share one.

    `model` is `provider/name`. A call has `timeout` seconds for each 64 passages, `question_timeout` for a
    question, second and third tries included.

    Lengths are estimated, for the tokenizer stays with the model: one token for three bytes of UTF-8, which is
    more than English needs and about right for Chinese. What is longer than the model takes is cut here, by the
    same measure: some servers refuse it, others would cut it unseen.
    """

    provider: str

    def __init__(self, name: str, *, timeout: float = 60.0, question_timeout: float = 10.0) -> None:
        self.model = f"{self.provider}/{name}"
        self.name = name
        self._known = known_model(name)
        self.max_tokens = self._known.max_tokens
        self._timeout = timeout
        self._question_timeout = question_timeout

    @abstractmethod
    def ask(self, texts: list[str], deadline: float) -> object:
        """The server's vectors of the texts, unchecked, by `deadline` (monotonic seconds).

        Raises ProviderError, or PassingError where a second try may help.
        """

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Estimated lengths."""
        return [_SPECIAL_TOKENS - (-len(text.encode()) // _BYTES_A_TOKEN) for text in texts]

    def embed(self, texts: Sequence[str], *, purpose: Purpose) -> NDArray[np.float32]:
        """Unit vectors, shape [len(texts), dimensions]; at least one text. Raises ProviderError."""
        is_question = purpose == "query"
        prefix = self._known.query if is_question else self._known.passage
        seconds = self._question_timeout if is_question else self._timeout
        sent = [self._cut(prefix + text) for text in texts]
        parts = [
            self._embed(sent[start : start + _BATCH], time.monotonic() + seconds)
            for start in range(0, len(sent), _BATCH)
        ]
        if len({part.shape[1] for part in parts}) > 1:
            raise not_understood("vectors of different lengths")
        return np.concatenate(parts)

    def _embed(self, texts: list[str], deadline: float) -> NDArray[np.float32]:
        """What is refused as too long is cut shorter: by the server's numbers, else by half."""
        for _ in range(_TRIES):
            try:
                return self._asked(texts, deadline)
            except PromptTooLong as refusal:
                longest = max(len(text.encode()) for text in texts)
                window, length = refusal.window, refusal.prompt_tokens
                share = _MARGIN * window / length if window and length else _HALF
                texts = [_shortened(text, int(longest * min(share, _MARGIN))) for text in texts]
        detail = "A passage is longer than the embedding model takes, however short it is cut."
        raise ProviderError("model_error", detail, permanent=True)

    def _asked(self, texts: list[str], deadline: float) -> NDArray[np.float32]:
        return try_again(lambda: unit_vectors(self.ask(texts, deadline), count=len(texts)), deadline)

    def _cut(self, text: str) -> str:
        return _shortened(text, (self.max_tokens - _SPECIAL_TOKENS) * _BYTES_A_TOKEN)


def _shortened(text: str, size: int) -> str:
    return text.encode()[:size].decode(errors="ignore")


def unit_vectors(answer: object, *, count: int) -> NDArray[np.float32]:
    """Vectors of a server brought to length 1. Raises ProviderError unless they are `count`, alike and finite."""
    if not isinstance(answer, list):
        raise not_understood("no list of vectors")
    if len(answer) != count:
        raise not_understood(f"{len(answer)} vectors for {count} texts")
    try:
        vectors = np.asarray(answer, dtype=np.float64)
    except (ValueError, TypeError, OverflowError) as error:
        raise not_understood("vectors that are none") from error
    if vectors.ndim != 2 or not 0 < vectors.shape[1] <= MAX_DIMENSIONS:  # noqa: PLR2004
        raise not_understood("vectors that are none")
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.isfinite(norms).all() or not norms.all():
        raise not_understood("vectors without a direction")
    return np.asarray(vectors / norms, dtype=np.float32)


def require_ok(status: int) -> None:
    """Raises what a response's status means, unless it is 200."""
    wire.require_ok(status, model="embedding model", task="embed the texts")
