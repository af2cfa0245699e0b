"""While a model talks no database connection is held: a few of them serve many answers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from tests.config.polling import wait_for
from tests.conversations.doors import Api
from tests.environment import Environment
from tests.processes import web_server
from tests.standins.ollama import OllamaStandIn, Reply

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = "How many days of paid holiday does a full-time employee have?"
POOL = 2
STREAMS = 8
# Seconds that a request waits for a connection before it is refused: with none free it takes as long.
POOL_PATIENCE = 3


@pytest.fixture
def small_server(api: Api, run_environment: Environment, logs: Path, ollama: OllamaStandIn) -> Iterator[Api]:
    """Alice's program at a web server that has two database connections and all the time for a model to begin."""
    few = {"OLLAMA_HOST": ollama.url, "DOCENT_DB_POOL": str(POOL), "DOCENT_FIRST_TOKEN_TIMEOUT": "600"}
    variables = {**run_environment.variables, **few}
    with web_server(variables, logs / "web-small.log") as running:
        yield Api(running, api.person)


def test_slow_answers_hold_no_connection(
    small_server: Api, ollama: OllamaStandIn, admin_connection: psycopg.Connection
) -> None:
    ollama.script(Reply(fault="hang"), Reply(text="word " * 6000, tokens_per_second=10), times=STREAMS // 2)
    with ExitStack() as stack:
        for _ in range(STREAMS):
            path = f"/conversations/{small_server.conversation()}/messages/"
            events = stack.enter_context(small_server.stream("POST", path, json={"content": QUESTION}))
            assert next(event for event in events if event["type"] == "sources")
        assert ollama.wait_requests(10, count=STREAMS)
        wait_for("all are being written", lambda: ollama.open_streams == STREAMS)
        for _ in range(10):
            begun = time.monotonic()
            assert small_server.get("/me/").status_code == 200
            assert small_server.post("/search/", json={"query": QUESTION}).status_code == 200
            assert time.monotonic() - begun < POOL_PATIENCE
        held = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND usename = 'docent_app' AND state LIKE 'idle in transaction%'"
        )
        # A short unit may be under way at the very moment of looking; a held connection would stay.
        wait_for("no transaction is left open", lambda: admin_connection.execute(held).fetchone() == (0,))
        assert ollama.open_streams == STREAMS, "the answers were still being written all the while"
