"""Notes on how an answer comes about, taken on the way: kept small, and without the documents' words."""

import time
from collections.abc import Awaitable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from conversations.metrics import STAGE_SECONDS
from retrieval.sufficiency import Verdict
from retrieval.types import Found, Hit

T = TypeVar("T")

_DIGITS = 4


@dataclass(slots=True)
class Tracer:
    """`stages` are seconds; `about` is empty until something was searched."""

    stages: dict[str, float] = field(default_factory=dict)
    about: dict[str, Any] = field(default_factory=dict)

    async def timed(self, stage: str, awaited: Awaitable[T]) -> T:
        """Wait for it and note how long that took."""
        started = time.perf_counter()
        try:
            return await awaited
        finally:
            self.stages[stage] = time.perf_counter() - started
            STAGE_SECONDS.labels(stage).observe(self.stages[stage])

    def noted(self, searched_for: str, found: Found, verdict: Verdict) -> Verdict:
        """Note what a search came to; its hits are what the model is given, numbered from 1."""
        self.stages |= found.timings
        if found.reranking is not None:
            self.stages["reranking"] = found.reranking.seconds
        markers = {_key(hit): number for number, hit in enumerate(found.hits, 1)}
        others = [hit for hit in found.considered if _key(hit) not in markers]
        self.about = {
            "searched_for": searched_for,
            "by_words_alone": found.by_words_alone,
            "verdict": asdict(verdict),
            "reranking": asdict(found.reranking) if found.reranking is not None else None,
            "passages": [_place(markers.get(_key(hit)), hit) for hit in (*found.hits, *others)],
        }
        return verdict

    def as_json(self, timings: Mapping[str, float]) -> dict[str, Any]:
        """Everything noted, with what the answer's own `timings` say of its writing."""
        stages = dict(self.stages)
        if "model_first_token" in timings:
            stages["first_token"] = timings["model_first_token"]
            if "total" in timings:
                stages["writing"] = timings["total"] - timings["first_token"]
        return {**self.about, "stages": {name: round(seconds, _DIGITS) for name, seconds in stages.items()}}


def _key(hit: Hit) -> tuple[object, ...]:
    return hit.document, hit.version, hit.start


def _place(marker: int | None, hit: Hit) -> dict[str, Any]:
    return {
        "marker": marker,
        "document": str(hit.document),
        "version": hit.version,
        "title": hit.title,
        "page": hit.page,
        "start": hit.start,
        "end": hit.end,
        "score": round(hit.score, _DIGITS),
        "shares": {name: round(share, _DIGITS) for name, share in hit.shares.items()},
        "ranks": dict(hit.ranks),
    }
