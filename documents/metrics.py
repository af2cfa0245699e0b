"""What is counted of documents that are read."""

from collections.abc import Mapping

from django.db import transaction
from prometheus_client import Counter, Histogram

from tenants.metrics import LONG

STAGE_SECONDS = Histogram("docent_ingest_seconds", "What a document's stages took.", ["stage"], buckets=LONG)
PAGES = Counter("docent_ingest_pages", "Pages of documents that became ready.")
DOCUMENTS = Counter("docent_documents", "Documents that were processed, by outcome.", ["outcome", "code"])


def count_document(*, outcome: str, code: str = "", pages: int = 0, timings: Mapping[str, float]) -> None:
    """When the transaction is committed: a worker that lost its job has processed nothing.

    `timings` are read then, too: a unit adds those of its last stage at its end.
    """

    def count() -> None:
        DOCUMENTS.labels(outcome, code).inc()
        PAGES.inc(pages)
        for stage, took in timings.items():
            STAGE_SECONDS.labels(stage).observe(took)

    transaction.on_commit(count)
