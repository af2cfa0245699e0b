"""F27, F28: sockets that are only held cost little, and those whose other end is gone are let go."""

from __future__ import annotations

import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.conversations.doors import Api
from tests.environment import Environment
from tests.faults.stuck import closing, memory_of, open_socket
from tests.faults.times import scaled
from tests.people import Person
from tests.processes import LiveServer, Running, web_server
from tests.shelving import shelved

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = "How many days of paid holiday does a full-time employee have?"
PING, REAPED_WITHIN = 20.0, 60.0
IDLE, IDLE_BYTES = 200, 100_000
# A request's head, as a body, may pause that long.
HEAD_SECONDS = 30.0
SLACK = 3.0  # of a machine that has much to do


@pytest.fixture
def api(alice: Person, run_environment: Environment, logs: Path) -> Iterator[Api]:
    """Alice's program at a web process that asks its sockets whether they live."""
    options = (f"--ws-ping-interval={scaled(PING)}", f"--ws-ping-timeout={scaled(PING)}")
    own = {"DOCENT_BODY_IDLE_SECONDS": str(scaled(HEAD_SECONDS))}
    with web_server({**run_environment.variables, **own}, logs / "web-pinging.log", options=options) as running:
        yield Api(running, alice)


def test_F28_a_socket_whose_other_end_is_gone_is_let_go(api: Api) -> None:
    """Nothing comes from there any more: no end of the connection, and no answer to a ping."""
    conversation = api.conversation()
    with closing([open_socket(api, conversation) for _ in range(3)]) as gone, api.socket(conversation) as living:
        begun = time.monotonic()
        for pipe in gone:
            pipe.settimeout(scaled(REAPED_WITHIN) + SLACK)
            while pipe.recv(1000):
                pass
        print(f"three sockets were let go after {time.monotonic() - begun:.1f} s")  # noqa: T201
        assert scaled(PING) < time.monotonic() - begun < scaled(REAPED_WITHIN) + SLACK
        pong = living.ping()
        assert pong.wait(10), "one that answers stays"


def test_F27_a_socket_on_which_nobody_speaks_stays(api: Api) -> None:
    with api.socket(api.conversation()) as quiet:
        with pytest.raises(TimeoutError):
            quiet.recv(timeout=scaled(max(HEAD_SECONDS, REAPED_WITHIN)) + SLACK)
        assert quiet.ping().wait(10)


@contextmanager
def as_many_files_as_allowed() -> Iterator[None]:
    """A socket is a file, and an ordinary user's process begins with a thousand."""
    few, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (few, most))


@pytest.mark.parametrize("sent", [b"", b"GET /api/v1/me/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"])
def test_F28_who_begins_no_request_or_does_not_go_on_is_let_go(api: Api, sent: bytes) -> None:
    parts = urlsplit(api.server.url)
    with socket.create_connection((parts.hostname, parts.port or 0), timeout=60) as pipe:
        begun = time.monotonic()
        pipe.sendall(sent)
        assert pipe.recv(100) == b""
        assert scaled(HEAD_SECONDS) - 0.5 < time.monotonic() - begun < scaled(HEAD_SECONDS) + SLACK


def test_F27_idle_sockets_stay_open_and_cost_little(
    alice: Person, worker: Running, extractive_server: LiveServer
) -> None:
    """A few of them. `make bench-chat` holds five thousand for ten minutes while people ask."""
    shelved(alice)
    api = Api(extractive_server, alice)
    assert api.follow(api.begin(QUESTION))[-1]["type"] == "finished", "what the first one loads is loaded"
    conversation = api.conversation()
    with ExitStack() as stack:
        stack.enter_context(as_many_files_as_allowed())
        stack.enter_context(api.socket(conversation))
        before = memory_of(api.server.process.pid)
        held = [stack.enter_context(api.socket(conversation)) for _ in range(IDLE)]
        each = (memory_of(api.server.process.pid) - before) / IDLE
        print(f"an idle socket takes {each / 1000:.0f} kB")  # noqa: T201
        assert each < IDLE_BYTES
        assert api.follow(api.begin(QUESTION))[-1]["type"] == "finished"
        pongs = [one.ping() for one in held]
        assert all(pong.wait(20) for pong in pongs)
