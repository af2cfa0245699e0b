"""What both locks between tenants cost on a list: the real application against one without them.

The database holds one organisation, so that both answer with the same documents; each is one process behind
one connection, asked in turns of a few dozen requests. The figure is the difference of the medians.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from statistics import median

import httpx
import psycopg

from bench.figures import Figure, parser, report
from bench.portal import BenchError, Portal, portal
from config.embedded import PROJECT, servers

TARGET_PERCENT = 15.0
DOCUMENTS = 400
_TURNS, _REQUESTS, _WARM_UP = 30, 20, 30
_READY_WITHIN = 60.0
_PATH = "/api/v1/documents/?limit=50"

_ROWS = """
INSERT INTO documents_document (id, tenant_id, collection_id, name, title, sha256, size, media_type,
    current_version, status, progress, error_code, error_detail, attempts, timings, page_count, chunk_count,
    chunk_size, chunk_overlap, tags, metadata, created_at, updated_at)
SELECT gen_random_uuid(), tenant_id, id, 'report-' || number || '.pdf', 'Report ' || number,
    md5(number::text) || md5(number::text), 1000, 'application/pdf', 1, 'ready', 1, '', '', 1, '{}', 3, 9, 1000,
    200, '{}', '{}', now() + number * interval '1 second', now()
FROM documents_collection, generate_series(1, %s) AS number
"""


def measure(running: Portal) -> Iterable[Figure]:
    """The figure for the list of documents."""
    with _database(running) as ops_url, _unlocked(running, ops_url) as url:
        clients = [
            httpx.Client(base_url=base, headers=running.headers, trust_env=False) for base in (running.url, url)
        ]
        with clients[0], clients[1]:
            if clients[0].get(_PATH).json()["results"] != clients[1].get(_PATH).json()["results"]:
                raise BenchError("the two applications do not list the same documents")
            locked, unlocked = _in_turns(clients)
    yield Figure(
        name=f"Both locks on a list of 50 of {DOCUMENTS} documents",
        value=100 * (locked / unlocked - 1),
        unit="%",
        target=TARGET_PERCENT,
        details={"with both locks, ms": 1000 * locked, "without, ms": 1000 * unlocked},
    )


def _in_turns(clients: list[httpx.Client]) -> list[float]:
    """The median seconds of each client's request."""
    seconds: list[list[float]] = [[], []]
    for client in clients:
        for _ in range(_WARM_UP):
            client.get(_PATH).raise_for_status()
    for turn in range(_TURNS):
        for place in (0, 1) if turn % 2 else (1, 0):
            for _ in range(_REQUESTS):
                begun = time.perf_counter()
                clients[place].get(_PATH).raise_for_status()
                seconds[place].append(time.perf_counter() - begun)
    return [median(one) for one in seconds]


@contextmanager
def _database(running: Portal) -> Iterator[str]:
    """Documents in the organisation, and `docent_ops` allowed what a request writes; yields its address."""
    environ = _own_environ()
    with servers(running.data, environ):
        name = environ["DATABASE_URL"].rpartition("/")[2]
        with psycopg.connect(
            environ["DATABASE_ADMIN_URL"].rpartition("/")[0] + f"/{name}", autocommit=True
        ) as admin:
            admin.execute(_ROWS, [DOCUMENTS])
            admin.execute("ANALYZE")
            admin.execute("GRANT UPDATE ON tenants_apitoken TO docent_ops")
        yield environ["DATABASE_OPS_URL"]


@contextmanager
def _unlocked(running: Portal, ops_url: str) -> Iterator[str]:
    """The application without locks, on the same database and Valkey; yields its address."""
    with servers(running.data, environ := _own_environ()), socket.create_server(("127.0.0.1", 0)) as listener:
        environ |= {"DATABASE_URL": ops_url, "DOCENT_DATA": str(running.data), "DOCENT_PUBLIC_URL": running.url}
        environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as `up` does
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        command = [
            sys.executable, "-m", "uvicorn", "bench.unlocked:application", f"--fd={listener.fileno()}",
            "--lifespan=off", "--log-level=warning", "--no-server-header",
        ]  # fmt: skip
        with subprocess.Popen(command, cwd=PROJECT, env=environ, pass_fds=(listener.fileno(),)) as process:
            try:
                _wait_until_live(url, process)
                yield url
            finally:
                process.terminate()


def _own_environ() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key not in {"DATABASE_URL", "REDIS_URL"}}


def _wait_until_live(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _READY_WITHIN
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/health/live", timeout=5, trust_env=False).is_success:
                return
        time.sleep(0.2)
    raise BenchError("the application without locks does not start")


def main() -> int:
    options = parser(__doc__).parse_args()
    with portal() as running:
        return report(measure(running), as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
