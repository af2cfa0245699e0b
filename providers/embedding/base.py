"""What every embedding model takes and gives."""

from collections.abc import Sequence
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Purpose = Literal["query", "passage"]


class Embedder(Protocol):
    """Turns texts into vectors whose inner product is their cosine similarity.

    `model` names the space: vectors of two models are never compared. `max_tokens` counts the model's own
    special tokens; what is longer is cut at the end.
    """

    model: str
    max_tokens: int

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Length of each text in the model's tokens, or an estimate; special tokens included, nothing cut off."""
        ...

    def embed(self, texts: Sequence[str], *, purpose: Purpose) -> NDArray[np.float32]:
        """Unit vectors of shape [len(texts), dimensions], in the order of `texts`; how many dimensions, they show.

        Raises ProviderError.
        """
        ...
