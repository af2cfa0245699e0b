"""What every re-ranking model takes and gives."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class RerankRequest:
    """A question and the texts that may answer it, at least one."""

    query: str
    documents: tuple[str, ...]


class Reranker(Protocol):
    """Reads a question and a text together and says how well the one answers the other. Threads may share one."""

    model: str

    def rerank(self, request: RerankRequest) -> list[float]:
        """A relevance for each text, in the order of the texts; more is better. Raises ProviderError."""
        ...
