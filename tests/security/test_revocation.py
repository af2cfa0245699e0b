"""A9, T5, W5: what is open in somebody's name closes within five seconds of their authority's end."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from tenants.access import decode_token_id
from tenants.db import tenant_atomic
from tenants.models import ApiToken
from tenants.permissions import Role
from tenants.services.accounts import deactivate_user
from tenants.services.members import add_member, change_role, remove_member
from tenants.services.tokens import revoke_token
from tests.browser.line import Line
from tests.config.polling import wait_for
from tests.environment import Environment
from tests.people import Person
from tests.processes import LiveServer, web_server
from tests.security.held import OVER, Ending
from tests.security.house import House
from tests.standins.ollama import OllamaStandIn, Reply

pytestmark = pytest.mark.django_db(transaction=True)

WITHIN = 5.0
# Nobody waits for the end of this one.
ENDLESS = Reply(text="word " * 4000, tokens_per_second=20)

# How what bob opened by his token ends, by the log-in of one browser, by what else he has at acme, and elsewhere.
BY_TOKEN: dict[str, Ending] = {
    "program's conversation": 4401,
    "program's person": 4401,
    "document": OVER,
    "events": OVER,
    "stream": OVER,
    "wait": 401,
    "query": 401,
}
BY_LOGIN: dict[str, Ending] = {"page's conversation": 4401, "page's person": 4401}
AT_ACME: dict[str, Ending] = {**BY_TOKEN, **BY_LOGIN, "other token": 4401, "other browser": 4401}
EVERYWHERE: dict[str, Ending] = {**AT_ACME, "elsewhere": 4401}
ALL_OF_ACME: dict[str, Ending] = {**AT_ACME, "colleague": 4401, "colleague's events": OVER}
AFTER_CHANGE: dict[Ending, Ending] = {4401: 1012, 401: 403, OVER: OVER}
CHANGED = {name: AFTER_CHANGE[how] for name, how in AT_ACME.items()}

TOKEN_REPLIES = {"events", "stream", "wait", "query"}
ALL_REPLIES = {*TOKEN_REPLIES, "page's conversation"}


class Wire:
    """The line to the database, in a loop and a thread of its own, for a test that is no coroutine."""

    def __init__(self, database_url: str) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._line = Line(database_url)
        self._run(self._line.mend())
        parts = urlsplit(database_url)
        login = parts.netloc.rpartition("@")[0]
        self.url = parts._replace(netloc=f"{login}@{urlsplit(self._line.url).netloc}").geturl()

    @contextmanager
    def cut(self) -> Iterator[None]:
        self._run(self._line.cut())
        yield
        self._run(self._line.mend())

    @contextmanager
    def hung(self) -> Iterator[None]:
        """As if the server were stopped where it stands: what is open stays, nothing is answered."""
        self._loop.call_soon_threadsafe(self._line.hold_up)
        yield
        self._loop.call_soon_threadsafe(self._line.release)

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)


@pytest.fixture(scope="module")
def wire(run_environment: Environment) -> Wire:
    return Wire(run_environment.app_url)


@pytest.fixture(scope="module")
def lonely_server(
    run_environment: Environment, logs: Path, wire: Wire, _stand_in: OllamaStandIn
) -> Iterator[LiveServer]:
    """A web process that reaches no Valkey, and the database by the wire."""
    away = {"REDIS_URL": "redis://127.0.0.1:1/0", "DATABASE_URL": wire.url, "OLLAMA_HOST": _stand_in.url}
    log = logs / "web-lonely.log"
    with web_server({**run_environment.variables, **away}, log, health="live") as running:
        yield running


@pytest.fixture
def bob_everywhere(alice: Person, bob: Person, charlie: Person) -> Person:
    """Bob, a member of globex too."""
    add_member(access=charlie.access, user=bob.user, role=Role.MEMBER)
    return bob


@pytest.fixture
def make_house(
    alice: Person, bob_everywhere: Person, charlie: Person, ollama: OllamaStandIn
) -> Iterator[Callable[[LiveServer], House]]:
    ollama.script(ENDLESS, times=20)
    houses: list[House] = []

    def make(server: LiveServer) -> House:
        other_browser = Client()
        other_browser.force_login(bob_everywhere.user)
        houses.append(House(server, alice, bob_everywhere, charlie, other_browser))
        return houses[-1]

    yield make
    for house in houses:
        house.close_all()


def _token_of(person: Person) -> ApiToken:
    ids = decode_token_id(person.token.split("_")[1])
    assert ids is not None
    with tenant_atomic(ids[0]):
        token: ApiToken = ApiToken.objects.get(id=ids[1])
    return token


def revoke_the_token(house: House) -> None:
    revoke_token(access=house.bob.access, token=_token_of(house.bob))


def log_out(house: House) -> None:
    assert house.bob.client.post("/accounts/logout/").status_code == 302


def remove(house: House) -> None:
    remove_member(access=house.alice.access, user_id=house.bob.user.pk)


def change_the_role(house: House) -> None:
    change_role(access=house.alice.access, user_id=house.bob.user.pk, role=Role.ADMIN)


def deactivate(house: House) -> None:
    assert deactivate_user(user=house.bob.user)


def disable_the_organisation(house: House) -> None:
    call_command("disable_tenant", house.alice.slug)


def _require_closed(house: House, since: float, endings: dict[str, Ending]) -> None:
    """Just these are closed, so, and in time; everything else is open and works."""
    wait_for("all are closed", lambda: all(house.held[name].ending is not None for name in endings))
    assert {name: one.ending for name, one in house.held.items() if one.ending is not None} == endings
    assert max(house.held[name].ended_at for name in endings) - since < WITHIN
    assert [name for name, one in house.held.items() if name not in endings and not one.is_working()] == []


@pytest.mark.parametrize(
    ("cause", "endings", "stopped"),
    [
        (revoke_the_token, BY_TOKEN, TOKEN_REPLIES),
        (log_out, BY_LOGIN, set()),
        (change_the_role, CHANGED, set()),
        (remove, AT_ACME, ALL_REPLIES),
        (deactivate, EVERYWHERE, ALL_REPLIES),
        (disable_the_organisation, ALL_OF_ACME, ALL_REPLIES),
    ],
)
def test_W5_all_that_is_open_ends_with_the_authority_and_nothing_else(
    make_house: Callable[[LiveServer], House],
    live_server: LiveServer,
    cause: Callable[[House], None],
    endings: dict[str, Ending],
    stopped: set[str],
) -> None:
    house = make_house(live_server)
    house.open_all()
    since = time.monotonic()
    cause(house)
    _require_closed(house, since, endings)
    wait_for("answers have stopped", lambda: stopped == _named(house, "stopped"), within=WITHIN)
    assert _named(house, "streaming") == ALL_REPLIES - stopped
    # What was written so far is kept; a reply that goes on keeps it about once a second.
    wait_for("texts are kept", lambda: all(text.startswith("word word") for text in house.texts().values()))


def _named(house: House, status: str) -> set[str]:
    return {name for name, one in house.statuses().items() if one == status}


def test_W5_without_valkey_too(make_house: Callable[[LiveServer], House], lonely_server: LiveServer) -> None:
    house = make_house(lonely_server)
    house.open_all()
    since = time.monotonic()
    remove(house)
    _require_closed(house, since, AT_ACME)


def test_W5_a_database_that_was_away_delays_it_and_no_more(
    make_house: Callable[[LiveServer], House], lonely_server: LiveServer, wire: Wire
) -> None:
    house = make_house(lonely_server)
    house.socket("program", house.bob, house.bob.token)
    house.socket("page", house.bob, house.bob.client)
    house.socket("colleague", house.alice, house.alice.token)
    with wire.cut():
        remove(house)
        wait_for("the server misses it", lambda: "revocations are heard when" in lonely_server.log.read_text())
        assert {one.ending for one in house.held.values()} == {None}
    _require_closed(house, time.monotonic(), {"program": 4401, "page": 4401})


def test_T3_a_token_and_a_session_that_expire_take_what_they_opened_along(
    make_house: Callable[[LiveServer], House], live_server: LiveServer
) -> None:
    house = make_house(live_server)
    bob = house.bob
    expiry = timezone.now() + timedelta(seconds=3)
    with tenant_atomic(bob.access.tenant_id):
        ApiToken.objects.filter(id=_token_of(bob).id).update(expires_at=expiry)
    Session.objects.filter(session_key=bob.client.cookies["sessionid"].value).update(expire_date=expiry)
    house.socket("program", bob, bob.token)
    house.socket("page", bob, bob.client)
    house.socket("other browser", bob, house.other_browser)
    house.request("query", bob, "POST", "/query/", body={"query": "What is new?", "mode": "open"})
    assert {one.ending for one in house.held.values()} == {None}
    since = time.monotonic() + (expiry - timezone.now()).total_seconds()
    _require_closed(house, since, {"program": 4401, "page": 4401, "query": 401})
    assert min(house.held[name].ended_at for name in ("program", "page", "query")) >= since
