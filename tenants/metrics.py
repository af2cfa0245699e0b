"""What is counted, and how it is called: without a person, an organisation or a document in any label.

Counting is memory only, on the way of every request. What must be looked up is looked up elsewhere: gauges by
`sample`, every few seconds, and what the database knows when somebody reads the numbers (`config.metrics`).
"""

from collections.abc import Callable

from django.conf import settings
from django.db import connections

# They say where the processes of a machine share their numbers, and the library reads that when it is imported.
IS_SHARED = bool(settings.DOCENT_METRICS_PORT)

from prometheus_client import Counter, Gauge, Histogram  # noqa: E402

LABELS = frozenset(
    {
        *("code", "direction", "kind", "method", "outcome", "provider"),
        *("queue", "reason", "route", "stage", "state", "status"),
    }
)
"""All labels there are. Each has a few dozen values at most, whoever uses the installation and for what."""

SHORT = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
LONG = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)

REQUESTS = Counter("docent_http_requests", "Requests answered, by route.", ["route", "method", "status"])
REQUEST_SECONDS = Histogram(
    "docent_http_request_seconds", "From a request to the first byte of its answer.", ["route"], buckets=SHORT
)
SOCKETS = Gauge("docent_sockets", "Sockets that are open.", multiprocess_mode="livesum")
POOL = Gauge(
    "docent_database_pool_connections",
    "Connections to the database: open, of them available, and how many may be open.",
    ["state"],
    multiprocess_mode="livesum",
)
POOL_WAITING = Gauge(
    "docent_database_pool_waiting", "Units that wait for a connection.", multiprocess_mode="livesum"
)
JOBS = Counter("docent_jobs", "Attempts at jobs, by how they ended.", ["kind", "outcome"])
JOB_SECONDS = Histogram("docent_job_seconds", "How long an attempt at a job took.", ["kind"], buckets=LONG)

_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
_samplers: list[Callable[[], None]] = []


def count_request(*, route: str, method: str, status: int, seconds: float) -> None:
    """`route` is a name of the URL configuration, never a path."""
    REQUESTS.labels(route, method if method in _METHODS else "other", f"{status // 100}xx").inc()
    REQUEST_SECONDS.labels(route).observe(seconds)


def on_sample(sampler: Callable[[], None]) -> None:
    """Have gauges of this process set anew every few seconds, on a thread; it must not wait for anything."""
    _samplers.append(sampler)


def sample() -> None:
    """Set this process's gauges."""
    for sampler in (_sample_pool, *_samplers):
        sampler()


def _sample_pool() -> None:
    pools = connections["default"]._connection_pools  # type: ignore[attr-defined]
    stats = pools["default"].get_stats() if "default" in pools else {}
    POOL.labels("open").set(stats.get("pool_size", 0))
    POOL.labels("available").set(stats.get("pool_available", 0))
    POOL.labels("most").set(stats.get("pool_max", 0))
    POOL_WAITING.set(stats.get("requests_waiting", 0))
