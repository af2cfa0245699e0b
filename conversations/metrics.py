"""What is counted of answers. A provider is a server of the operator's, by its name, or what quotes passages."""

from collections.abc import Mapping

from prometheus_client import Counter, Gauge, Histogram

from tenants.metrics import LONG, SHORT

REPLIES = Counter("docent_replies", "Answers that are over, by how they ended.", ["provider", "reason"])
FIRST_TOKEN_SECONDS = Histogram(
    "docent_first_token_seconds", "From a question to the first sign of its answer.", ["provider"], buckets=LONG
)
REPLY_SECONDS = Histogram(
    "docent_reply_seconds", "From a question to its answer's end.", ["provider"], buckets=LONG
)
TOKENS = Counter("docent_tokens", "Tokens that models were given and wrote.", ["provider", "direction"])
STAGE_SECONDS = Histogram("docent_reply_stage_seconds", "What an answer's stages took.", ["stage"], buckets=SHORT)
WRITING = Gauge("docent_replies_writing", "Answers that are being written.", multiprocess_mode="livesum")
PROVIDER_ERRORS = Counter("docent_provider_errors", "Requests that models failed.", ["provider", "code"])
RESTING = Gauge(
    "docent_models_resting",
    "Models that are left alone because they failed too often, by each process.",
    ["provider"],
    multiprocess_mode="livesum",
)


def count_reply(
    *, provider: str, reason: str, first_token: float | None, tokens: Mapping[str, int], seconds: float
) -> None:
    """One answer that is stored, or could not be; of one that was gone on with, its new part."""
    REPLIES.labels(provider, reason).inc()
    REPLY_SECONDS.labels(provider).observe(seconds)
    if first_token is not None:
        FIRST_TOKEN_SECONDS.labels(provider).observe(first_token)
    TOKENS.labels(provider, "in").inc(tokens["prompt_tokens"])
    TOKENS.labels(provider, "out").inc(tokens["completion_tokens"])
