"""What is counted of searches."""

from collections.abc import Mapping

from prometheus_client import Histogram

from tenants.metrics import SHORT

STAGE_SECONDS = Histogram(
    "docent_retrieval_seconds",
    "What a search's stages took: embedding the question, candidates (lists), ranking, re-ranking by a model.",
    ["stage"],
    buckets=SHORT,
)


def observed(timings: Mapping[str, float]) -> Mapping[str, float]:
    """A search's seconds by stage, counted."""
    for stage, seconds in timings.items():
        STAGE_SECONDS.labels(stage).observe(seconds)
    return timings
