"""Health: soon, whatever hangs, and no to a process that should be sent nothing."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.config.polling import wait_for
from tests.environment import Environment
from tests.people import Person
from tests.plain import NO_TLS
from tests.processes import LiveServer, web_server
from tests.security.test_revocation import Wire
from tests.standins.ollama import OllamaStandIn, Reply
from tests.valkeys import Valkey, own_valkey

pytestmark = pytest.mark.django_db(transaction=True)

# A second is promised; on a machine that runs the other tests it is more, but less than any server's own patience.
_SOON = 2.0


def ask(server: LiveServer, path: str, token: str = "") -> tuple[int, str, float]:
    """Status, words and seconds."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    began = time.monotonic()
    answer = httpx.get(f"{server.url}/health/{path}", headers=headers, timeout=30, verify=NO_TLS)
    return answer.status_code, answer.text, time.monotonic() - began


@contextmanager
def _stopped(valkey: Valkey) -> Iterator[None]:
    valkey.process.send_signal(signal.SIGSTOP)
    yield
    valkey.process.send_signal(signal.SIGCONT)


def _check_unready_soon(server: LiveServer) -> None:
    for _ in range(5):
        status, words, seconds = ask(server, "ready")
        assert (status, words, seconds < _SOON) == (503, "unavailable", True), seconds
        status, words, seconds = ask(server, "live")
        assert (status, words, seconds < _SOON) == (200, "ok", True), seconds


def test_health_answers_soon_while_a_server_hangs(run_environment: Environment, logs: Path) -> None:
    wire = Wire(run_environment.app_url)
    with own_valkey() as valkey:
        own = {"DATABASE_URL": wire.url, "REDIS_URL": valkey.url}
        with web_server({**run_environment.variables, **own}, logs / "web-health.log") as server:
            assert ask(server, "ready")[:2] == (200, "ok")
            for trouble in (wire.hung(), _stopped(valkey), wire.cut()):
                with trouble:
                    _check_unready_soon(server)
                wait_for("it is ready again", lambda: ask(server, "ready")[0] == 200)


def test_a_process_is_not_ready_while_migrations_are_missing(
    live_server: LiveServer, alice: Person, admin_connection: psycopg.Connection
) -> None:
    moved = "UPDATE django_migrations SET name = %s WHERE app = 'tenants' AND name = %s"
    assert ask(live_server, "ready")[:2] == (200, "ok")
    admin_connection.execute(moved, ["0001_later", "0001_initial"])
    try:
        assert ask(live_server, "ready")[:2] == (503, "unavailable")
        assert '"schema": "migrations are missing"' in ask(live_server, "ready", alice.full_token)[1]
        assert ask(live_server, "live")[0] == 200
    finally:
        admin_connection.execute(moved, ["0001_initial", "0001_later"])
    assert ask(live_server, "ready")[:2] == (200, "ok")


def test_a_process_that_goes_down_is_not_ready(
    run_environment: Environment, logs: Path, alice: Person, ollama: OllamaStandIn
) -> None:
    ollama.script(Reply(text="and more and more " * 100, tokens_per_second=20))
    variables = {**run_environment.variables, "OLLAMA_HOST": ollama.url, "DOCENT_DRAIN_SECONDS": "20"}
    with web_server(variables, logs / "web-going-down.log") as server:
        headers = {"Authorization": f"Bearer {alice.token}"}
        with httpx.Client(base_url=server.url, headers=headers, timeout=30, verify=NO_TLS) as client:
            made = client.post("/api/v1/conversations/", json={"mode": "open"}).json()["id"]
            path = f"/api/v1/conversations/{made}/messages/"
            asked = client.post(path, json={"content": "Tell me."}, headers={"Prefer": "respond-async"})
            assert asked.status_code == 202

        def slowly() -> Iterator[bytes]:
            """What was sent before it was told to end is still answered."""
            yield b" "
            assert ask(server, "ready")[:2] == (200, "ok")
            os.kill(server.process.pid, signal.SIGTERM)
            wait_for("no connection is taken any more", lambda: not _is_listening(server))
            yield b" "

        url, more = f"{server.url}/health/ready", {"Content-Length": "2"}
        late = httpx.request("GET", url, content=slowly(), headers=more, timeout=30, verify=NO_TLS)
    assert (late.status_code, late.text) == (503, "unavailable")


def _is_listening(server: LiveServer) -> bool:
    try:
        httpx.get(f"{server.url}/health/live", timeout=2, verify=NO_TLS)
    except httpx.TransportError:
        return False
    return True
