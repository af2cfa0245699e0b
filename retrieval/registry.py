"""What retrieval publishes for the apps above it."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from retrieval.types import Hit, Scope
from tenants.access import Access


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What the answering pipeline made of a question. `cited` are the passages behind citations that hold.

    `score` is the sufficiency verdict's, None where there was none.
    """

    is_refused: bool
    cited: tuple[Hit, ...]
    model: str
    score: float | None


class Answerer(Protocol):
    """Answers in a person's name from one index, the active one without. Stores nothing; raises ProviderError."""

    def __call__(
        self, access: Access, question: str, *, scope: Scope, index: UUID | None
    ) -> Awaitable[Answered]: ...


class Answering:
    """The place of the one answerer: an evaluation asks it, whoever fills it in `AppConfig.ready`."""

    def __init__(self) -> None:
        self._answerer: Answerer | None = None

    def register(self, answerer: Answerer) -> Answerer:
        self._answerer = answerer
        return answerer

    @property
    def answerer(self) -> Answerer:
        assert self._answerer is not None, "an app above registers it"
        return self._answerer


on_answering = Answering()
