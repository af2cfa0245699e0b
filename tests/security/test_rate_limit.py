"""R1 to R4: one exact bucket for each person of a tenant, whatever the process, token, address or door."""

from __future__ import annotations

import asyncio
import itertools
import json
import signal
import socket
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import floor
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx
import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from redis import Redis

from tenants.access import access_by_token
from tenants.db import tenant_atomic
from tenants.limits.bucket import Buckets, LocalBuckets
from tenants.models import ApiToken, Tenant
from tenants.permissions import Role
from tenants.services.members import add_member
from tenants.services.tokens import create_token
from tests.config.polling import wait_for
from tests.conversations.doors import Api
from tests.environment import Environment
from tests.people import ApiClient, Person
from tests.plain import NO_TLS
from tests.processes import LiveServer, web_server
from tests.refusals import refusal
from tests.valkeys import Valkey, own_valkey

pytestmark = pytest.mark.django_db(transaction=True)

ME = "/api/v1/me/"
RATE = 5
CALLS = 200


def slow_down(person: Person, rate: int = RATE) -> None:
    """Give the person's organisation a rate that tests can reach."""
    Tenant.objects.filter(slug=person.slug).update(rate_limit=rate)


def drain(person: Person, *, seconds: float = 30) -> None:
    """Leave nothing in the person's bucket, nor let it fill again, for so long."""
    access = person.access
    buckets = Buckets(settings.REDIS_URL, processes=1)
    until = time.monotonic() + seconds
    while buckets.take((access.tenant_id, access.user_id), rate=access.rate_limit, arrived_at=until).is_allowed:
        pass


def rate_headers(response: Any) -> dict[str, str]:
    names = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "Retry-After")
    return {name: response.headers[name] for name in names if name in response.headers}


# --- The bucket itself, at times that the test says --------------------------------------------------------


@pytest.fixture
def who() -> tuple[UUID, UUID]:
    return uuid4(), uuid4()


def test_R1_at_one_instant_exactly_the_bucket_passes_and_a_second_fills_it(who: tuple[UUID, UUID]) -> None:
    both = itertools.cycle([Buckets(settings.REDIS_URL, processes=2) for _ in range(2)])
    now = time.monotonic()

    def passed_at(later: float) -> int:
        with ThreadPoolExecutor(16) as threads:
            tries = [threads.submit(next(both).take, who, rate=RATE, arrived_at=now + later) for _ in range(CALLS)]
        return sum(one.result().is_allowed for one in tries)

    # Seconds after the first burst, and how many calls pass; what came earlier but waited fills nothing. All
    # are a tenth from where the count changes: between clock and script lies a moment.
    expected = {0.0: 5, 0.1: 0, 0.3: 1, 0.2: 0, 0.7: 2, 2.5: 5, 9.0: 5}
    assert {later: passed_at(later) for later in expected} == expected


def test_R1_says_how_many_are_left_and_when_there_are_more(who: tuple[UUID, UUID]) -> None:
    buckets, now = Buckets(settings.REDIS_URL, processes=1), time.monotonic()
    verdicts = [buckets.take(who, rate=2, arrived_at=now) for _ in range(3)]
    shown = [(one.is_allowed, one.limit, one.remaining, one.retry_after, one.reset) for one in verdicts]
    assert shown == [(True, 2, 1, 0, 1), (True, 2, 0, 0, 1), (False, 2, 0, 1, 1)]


def test_R4_without_valkey_the_local_buckets_are_stricter_and_never_absent(who: tuple[UUID, UUID]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as dead:
        address = f"redis://127.0.0.1:{dead.getsockname()[1]}/0"
    now = time.monotonic()
    for processes, rate, expected in ((1, 5, 2), (2, 5, 1), (2, 100, 25), (8, 5, 1)):
        buckets = Buckets(address, processes=processes)
        person = (who[0], uuid4())
        assert sum(buckets.take(person, rate=rate, arrived_at=now).is_allowed for _ in range(CALLS)) == expected
        # Half of its share, in the long run too: four seconds of a call each ten milliseconds.
        later = [buckets.take(person, rate=rate, arrived_at=now + step / 100).is_allowed for step in range(400)]
        assert sum(later) <= 4 * rate / (2 * processes) + 1


def test_R4_local_buckets_forget_whom_they_need_not_know() -> None:
    buckets, tenant = LocalBuckets(1), uuid4()
    for number in range(20_500):
        buckets.take((tenant, uuid4()), rate=RATE, arrived_at=number / 1000)
    assert len(buckets._kept) <= 10_000


def test_R4_nobody_waits_twice_for_a_valkey_that_hangs(who: tuple[UUID, UUID]) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        silent.settimeout(0.01)
        buckets = Buckets(f"redis://127.0.0.1:{silent.getsockname()[1]}/0", processes=1, break_seconds=1.0)
        spans = []
        for _ in range(50):
            begun = time.monotonic()
            buckets.take(who, rate=RATE, arrived_at=begun)
            spans.append(time.monotonic() - begun)
        assert 0.2 < spans[0] < 2
        assert median(spans[1:]) < 0.1
        assert _accepted(silent) == 1
        # When the break is over one call tries again, and again only one waits.
        wait_for("the break is over", lambda: buckets._away_until < time.monotonic())
        with ThreadPoolExecutor(8) as threads:
            for one in [threads.submit(buckets.take, who, rate=RATE, arrived_at=begun) for _ in range(8)]:
                one.result()
        assert _accepted(silent) == 1


def _accepted(server: socket.socket) -> int:
    """How many connections wait to be accepted."""
    count = 0
    while True:
        try:
            server.accept()[0].close()
        except TimeoutError:
            return count
        count += 1


# --- Over HTTP and sockets ---------------------------------------------------------------------------------


def test_R1_refusals_say_when_to_come_again(alice: Person, bob: Person) -> None:
    slow_down(alice)
    assert rate_headers(alice.api.get(ME)) == {
        "RateLimit-Limit": "5",
        "RateLimit-Remaining": "4",
        "RateLimit-Reset": "1",
    }
    drain(alice, seconds=1)
    response = alice.api.get(ME)
    status, body = refusal(response)
    assert (status, body["code"]) == (429, "rate_limited")
    assert rate_headers(response) == {
        "RateLimit-Limit": "5",
        "RateLimit-Remaining": "0",
        "RateLimit-Reset": "1",
        "Retry-After": "1",
    }
    assert bob.api.get(ME).status_code == 200
    wait_for("the bucket has filled", lambda: alice.api.get(ME).status_code == 200, within=10)


def test_R1_a_flood_is_refused_before_the_database_is_asked(
    alice: Person, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    assert alice.api.get(ME).status_code == 200
    slow_down(alice)
    drain(alice)
    with django_assert_num_queries(0):
        assert alice.api.get(ME).status_code == 429
    # Whom the bucket lets pass is looked at anew, known or not.
    access = access_by_token(alice.token)
    with tenant_atomic(access.tenant_id):
        ApiToken.objects.filter(id=access.token_id).update(revoked_at=timezone.now())
    with Redis.from_url(settings.REDIS_URL) as valkey:
        valkey.delete(f"t:{access.tenant_id}:rate:{access.user_id}")
    assert alice.api.get(ME).status_code == 401


def test_R2_every_token_address_method_and_path_takes_from_one_bucket(alice: Person, bob: Person) -> None:
    slow_down(alice)
    drain(alice)
    other = ApiClient(create_token(access=alice.access, name="another").value)
    calls = [
        alice.api.get(ME),
        other.get(ME),
        alice.api.get(ME, headers={"X-Forwarded-For": "192.0.2.7", "Forwarded": "for=192.0.2.7"}),
        alice.api.get(ME, REMOTE_ADDR="192.0.2.8"),
        alice.api.get(f"{ME}?{uuid4()}"),
        alice.api.head(ME),
        alice.api.options(ME),
        alice.api.delete(ME),
        alice.api.get("/api/v1/no-such-thing/"),
        alice.api.get("/api/v1"),
        alice.api.get("/openai/v1/models"),
        alice.api.post("/mcp", {}),
        alice.api.post("/api/v1/query/", {"query": "Who?"}),
    ]
    assert {call.status_code for call in calls} == {429}
    # Another person has a bucket of their own, and so has she elsewhere.
    assert bob.api.get(ME).status_code == 200


def test_R2_in_another_organisation_one_has_another_bucket(alice: Person, charlie: Person) -> None:
    add_member(access=charlie.access, user=alice.user, role=Role.MEMBER)
    slow_down(alice)
    drain(alice)
    assert alice.api.get(ME).status_code == 429
    elsewhere = create_token(access=Person(alice.user, "globex", "").access, name="there").value
    assert ApiClient(elsewhere).get(ME).status_code == 200


def test_pages_schema_health_and_strangers_are_not_counted(alice: Person) -> None:
    slow_down(alice)
    drain(alice)
    for path in ("/o/acme/", "/o/acme/documents/", "/o/acme/settings/usage/", "/", "/api/schema/", "/health/live"):
        response = alice.client.get(path)
        assert (response.status_code, rate_headers(response)) == (200, {}), path
    assert rate_headers(Client().get(ME)) == {}


def test_a_call_counts_once_whoever_answers_it(
    alice: Person, bob: Person, dana: Person, extractive_server: LiveServer
) -> None:
    slow_down(alice)
    # Nobody's bucket has been touched, so each first answer must leave four: of an asynchronous view, of a
    # stream, of a path that is not there.
    conversation = create_conversation_of(bob)
    answers = [
        httpx.get(
            f"{extractive_server.url}/api/v1/nothing/", headers=Api(extractive_server, dana).headers, verify=NO_TLS
        ),
        alice.api.post("/api/v1/query/", {"query": "Who?", "mode": "open"}),
        httpx.post(
            f"{extractive_server.url}/api/v1/conversations/{conversation}/messages/",
            json={"content": "Who?"},
            headers={**Api(extractive_server, bob).headers, "Accept": "text/event-stream"},
            verify=NO_TLS,
        ),
    ]
    assert [one.status_code for one in answers] == [404, 200, 200]
    assert [one.headers["RateLimit-Remaining"] for one in answers] == ["4", "4", "4"]


def create_conversation_of(person: Person) -> str:
    """Begun in the portal, which counts nothing."""
    response = person.client.post(f"/o/{person.slug}/c/")
    assert response.status_code == 201, response.content
    return str(response.json()["id"])


@pytest.mark.parametrize("cookie", [False, True])
def test_R2_a_question_on_a_socket_takes_from_the_same_bucket(
    alice: Person, extractive_server: LiveServer, *, cookie: bool
) -> None:
    slow_down(alice)
    conversation = create_conversation_of(alice)
    with Api(extractive_server, alice).socket(conversation, cookie=cookie) as opened:
        drain(alice)
        opened.send('{"type": "ask", "request_id": "r", "content": "Who?"}')
        frame = json.loads(opened.recv(timeout=20))
    detail = frame.pop("detail")
    assert frame == {
        "type": "failed",
        "request_id": "r",
        "message": None,
        "code": "rate_limited",
        "retryable": True,
    }
    assert detail == "That was too fast. Try again in 1 second."


# --- Two processes -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pair:
    servers: tuple[LiveServer, LiveServer]
    valkey: Valkey

    def burst(self, token: str, calls: int = CALLS) -> tuple[Counter[int], float, float]:
        """Statuses of calls sent at one instant; the slowest's seconds, and those until the last was sent."""
        return asyncio.run(self._burst(token, calls))

    async def _burst(self, token: str, calls: int) -> tuple[Counter[int], float, float]:
        ports = [urlsplit(server.url).port for server in self.servers]
        # Opened before, so that only the calls themselves fall into the instant.
        opened = [await asyncio.open_connection("127.0.0.1", ports[number % 2]) for number in range(calls)]
        request = (
            f"GET {ME} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n"
        )

        async def status(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
            answer = await reader.read()
            writer.close()
            return int(answer.split(b" ", 2)[1])

        begun = time.perf_counter()
        for _, writer in opened:
            writer.write(request.encode())
        sent = time.perf_counter() - begun
        statuses = await asyncio.gather(*(status(*pair) for pair in opened))
        return Counter(statuses), time.perf_counter() - begun, sent


@pytest.fixture(scope="module")
def pair(run_environment: Environment, logs: Path) -> Iterator[Pair]:
    """Two web processes on one database and one Valkey of their own."""
    with own_valkey() as valkey:
        own = {**run_environment.variables, "REDIS_URL": valkey.url, "DOCENT_WEB_PROCESSES": "2"}
        with web_server(own, logs / "web-one.log") as one, web_server(own, logs / "web-two.log") as two:
            yield Pair((one, two), valkey)


def test_R1_two_hundred_calls_at_one_instant_over_two_processes(pair: Pair, alice: Person, bob: Person) -> None:
    # A bucket of one is filled again after a second, longer than it takes until the last call has come.
    slow_down(alice, 1)
    statuses, _, sent = pair.burst(alice.token)
    assert sent < 0.5
    assert statuses == {200: 1, 429: CALLS - 1}
    # The usual five may get one more each fifth of a second that the processes take to notice all calls.
    slow_down(alice, RATE)
    statuses, seconds, _ = pair.burst(bob.token)
    assert RATE <= statuses[200] <= RATE + floor(RATE * seconds)
    assert statuses[200] + statuses[429] == CALLS


def test_R4_two_processes_without_valkey(pair: Pair, alice: Person, bob: Person) -> None:
    """Last of the module: Valkey is frozen, and then gone."""
    slow_down(alice)
    pair.valkey.process.send_signal(signal.SIGSTOP)
    statuses, seconds, _ = pair.burst(alice.token, 20)
    # One call each, and half a call more a second.
    assert 2 <= statuses[200] <= 2 + floor(2.5 * seconds)
    assert statuses[200] + statuses[429] == 20
    spans = []
    for server in pair.servers:
        begun = time.perf_counter()
        response = httpx.get(f"{server.url}{ME}", headers={"Authorization": f"Bearer {bob.token}"}, verify=NO_TLS)
        spans.append(time.perf_counter() - begun)
        assert response.headers["RateLimit-Limit"] == "1"
    assert max(spans) < 0.5
    pair.valkey.process.kill()
    statuses, *_ = pair.burst(bob.token, 20)
    assert statuses[429] >= 15
