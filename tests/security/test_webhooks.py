"""Rows S1 to S5 at the door of webhooks: an address of somebody's choice, posted to from inside."""

from __future__ import annotations

import ipaddress
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pytest_django import Settings

from tenants.db import tenant_atomic
from tenants.models import Webhook
from tenants.webhooks.posting import post
from tests.config.polling import wait_for
from tests.environment import Environment
from tests.people import Person
from tests.processes import celery_worker
from tests.refusals import pointers
from tests.standins.receiver import ReceiverStandIn, Said
from tests.tenants.hooks import PATH, deliveries, hook, is_signed, send_now

pytestmark = pytest.mark.django_db(transaction=True)

# Refused as they stand: rows S1 (plain http, other ports), S2 (encodings) and S3 (what parsers may differ about).
REFUSED_AT_ONCE = r"""
    http://example.org/ http://example.org:443/
    https://example.org:8443/ https://example.org:22/ https://2130706433/ https://0x7f000001/
    https://127.1/ https://0177.0.0.1/ https://127.0.0.1%2f@example.org/ https://good.example@127.0.0.1/
    https://good.example:pass@127.0.0.1/ https://good.example\@127.0.0.1/ https:\\127.0.0.1/ https:/127.0.0.1/
    //127.0.0.1/ file:///etc/passwd gopher://127.0.0.1/ ftp://example.org/ javascript:alert(1) https://[::1%25lo]/
    https:///x https://[::1/ https://example..org/ example.org
""".split()
# Well written, and nobody's to reach from here: refused when the name is looked up, before anything is sent.
INTERNAL = """
    https://127.0.0.1/ https://127.8.9.10/ https://localhost/ https://LOCALHOST./ https://[::1]/ https://0.0.0.0/ https://[::]/
    https://10.1.2.3/ https://172.16.0.1/ https://192.168.1.1/ https://100.64.0.1/ https://169.254.169.254/latest/meta-data/
    https://[fe80::1]/ https://[fd00::1]/ https://224.0.0.1/ https://255.255.255.255/ https://192.0.2.1/
    https://[::ffff:127.0.0.1]/ https://[::ffff:a00:1]/ https://[64:ff9b::7f00:1]/ https://[2002:7f00:1::]/
""".split()


def test_S1_S2_S3_addresses_that_are_refused_as_they_stand(alice: Person) -> None:
    answers = {url: alice.full_api.post(PATH, {"url": url, "events": ["quota.near"]}) for url in REFUSED_AT_ONCE}
    told = {url: answer.status_code == 400 and pointers(answer) for url, answer in answers.items()}
    assert told == {url: [("/url", "address_refused")] for url in REFUSED_AT_ONCE}
    # What is written oddly and is nothing else is written anew.
    made = alice.full_api.post(PATH, {"url": " HTTPS://Example.ORG.:443/a#b ", "events": ["quota.near"]})
    assert made.json()["url"] == "https://example.org/a"


def test_S1_S2_nothing_is_sent_into_our_own_network(settings: Settings) -> None:
    settings.DOCENT_WEBHOOK_PRIVATE_HOSTS = frozenset()
    assert {url: post(url, b"{}", {}).error for url in INTERNAL} == dict.fromkeys(INTERNAL, "address_refused")


def test_S1_an_address_that_the_operator_has_closed_since_is_posted_to_no_more(
    alice: Person, receiver: ReceiverStandIn, settings: Settings
) -> None:
    webhook = hook(alice, receiver)
    settings.DOCENT_WEBHOOK_PRIVATE_HOSTS = frozenset()
    alice.full_api.post(f"{PATH}{webhook['id']}/test/")
    send_now(alice)
    assert receiver.heard == []
    assert [one["error"] for one in deliveries(alice, webhook)] == ["address_refused"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_S4_no_redirect_is_followed(alice: Person, receiver: ReceiverStandIn, status: int) -> None:
    webhook = hook(alice, receiver)
    receiver.script(Said(status, headers={"Location": f"http://{receiver.host}/inside"}))
    alice.full_api.post(f"{PATH}{webhook['id']}/test/")
    send_now(alice)
    assert [one.path for one in receiver.heard] == ["/told"]
    assert [one["error"] for one in deliveries(alice, webhook)] == ["redirected"]


_heard: list[tuple[str, object]] = []
_listens = threading.Event()


def _listen(event: str, arguments: tuple[object, ...]) -> None:
    if _listens.is_set() and event in {"socket.getaddrinfo", "socket.connect"}:
        _heard.append((event, arguments[0] if event == "socket.getaddrinfo" else arguments[1]))


def test_S4_a_name_is_looked_up_once_and_what_was_checked_is_posted_to(
    receiver: ReceiverStandIn, settings: Settings
) -> None:
    """A name that leads elsewhere a moment later gains nothing."""
    settings.DOCENT_WEBHOOK_PRIVATE_HOSTS = frozenset({"localhost"})
    sys.addaudithook(_listen)
    _heard.clear()
    _listens.set()
    try:
        assert post(f"http://localhost:{receiver.host.partition(':')[2]}/told", b"{}", {}).error == ""
    finally:
        _listens.clear()
    names = [str(name) for event, name in _heard if event == "socket.getaddrinfo"]
    assert [name for name in names if name[0] not in "0123456789:"] == ["localhost"]
    connected = [place[0] for event, place in _heard if event == "socket.connect" and isinstance(place, tuple)]
    assert connected
    for address in connected:
        ipaddress.ip_address(str(address))


def test_S5_of_a_long_answer_little_is_read_and_less_is_kept(alice: Person, receiver: ReceiverStandIn) -> None:
    webhook = hook(alice, receiver)
    receiver.script(Said(200, b"<script>alert(1)</script>" + b"x" * 20_000_000))
    alice.full_api.post(f"{PATH}{webhook['id']}/test/")
    began = time.monotonic()
    send_now(alice)
    assert time.monotonic() - began < 5
    [delivery] = deliveries(alice, webhook)
    assert (delivery["status"], len(delivery["answer"])) == ("delivered", 500)


def test_S5_who_does_not_answer_is_left_in_time(
    alice: Person, receiver: ReceiverStandIn, settings: Settings
) -> None:
    settings.DOCENT_WEBHOOK_SECONDS = 0.3
    webhook = hook(alice, receiver)
    receiver.script(Said(holds=True))
    alice.full_api.post(f"{PATH}{webhook['id']}/test/")
    began = time.monotonic()
    send_now(alice)
    assert time.monotonic() - began < 3
    [delivery] = deliveries(alice, webhook)
    assert (delivery["status"], delivery["error"], delivery["attempts"]) == ("pending", "too_slow", 1)
    assert 250 < delivery["duration_ms"] < 3000


def test_T7_the_secret_is_sealed_for_its_own_row(alice: Person, receiver: ReceiverStandIn) -> None:
    """One that is moved to another webhook does not open: nothing is signed with it."""
    one, other = hook(alice, receiver), hook(alice, receiver)
    with tenant_atomic(alice.access.tenant_id):
        stolen = Webhook.objects.get(id=one["id"]).sealed_secret
        Webhook.objects.filter(id=other["id"]).update(sealed_secret=stolen)
    alice.full_api.post(f"{PATH}{other['id']}/test/")
    send_now(alice)
    assert receiver.heard == []


@contextmanager
def senders(run: Environment, log: Path) -> Iterator[int]:
    """What sends, as `up` runs it; its process id."""
    own = {"DOCENT_SENDS_WEBHOOKS": "1", "DOCENT_JOB_LEASE_SECONDS": "2", "DOCENT_SENDERS": "4"}
    with celery_worker({**run.variables, **own}, log, queues="none", pool="solo") as running:
        yield running.process.pid


def test_a_slow_receiver_holds_up_nobody_and_a_killed_sender_tells_again(
    alice: Person, charlie: Person, run_environment: Environment, logs: Path
) -> None:
    with ReceiverStandIn() as slow, ReceiverStandIn() as quick:
        slow.script(Said(holds=True), Said(holds=True), Said(holds=True))
        stuck = [hook(alice, slow) for _ in range(3)]
        theirs = hook(charlie, quick)
        with senders(run_environment, logs / "sender.log") as pid:
            told = [alice.full_api.post(f"{PATH}{one['id']}/test/").json()["event"] for one in stuck]
            # Half of the places are for one organisation.
            slow.wait_heard(2)
            for number in range(5):
                charlie.full_api.post(f"{PATH}{theirs['id']}/test/")
                quick.wait_heard(number + 1, within=5)
            assert len(slow.heard) == 2
            os.kill(pid, signal.SIGKILL)
        slow.let_go.set()
        with senders(run_environment, logs / "sender-again.log"):
            wait_for("all are told", lambda: _delivered(alice, stuck) == 3, within=40)
        assert {one.event for one in slow.heard} == set(told)
        assert len(slow.heard) > 3, "what was under way was told again, with the same id"
        secrets = {event: one["secret"] for event, one in zip(told, stuck, strict=True)}
        assert all(is_signed(one, secrets[one.event]) for one in slow.heard)


def _delivered(person: Person, webhooks: list[dict[str, str]]) -> int:
    return sum(one["status"] == "delivered" for webhook in webhooks for one in deliveries(person, webhook))
