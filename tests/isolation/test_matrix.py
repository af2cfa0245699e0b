"""Every route, every method, everybody, every way in, every id: against what the permission table says."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from asgiref.testing import ApplicationCommunicator

from config import asgi
from tenants.permissions import Action
from tests.isolation.cells import Cells, global_path, told_by
from tests.isolation.estates import Estate
from tests.isolation.matrix import (
    GLOBAL,
    METHODS,
    PARAMETER,
    SAFE,
    SIGHTS,
    Authority,
    Outcome,
    Row,
    Whose,
    api_actions,
    api_routes,
    global_routes,
    portal_actions,
    portal_routes,
    rows,
)
from tests.isolation.population import ROLES, Population, fingerprints
from tests.isolation.samples import SAMPLES
from tests.people import ApiClient, Browser, Person

API_ROWS = rows(api_routes(), api_actions)
PORTAL_ROWS = rows(portal_routes(), portal_actions)
each_api_row = pytest.mark.parametrize("row", API_ROWS, ids=str)
each_portal_row = pytest.mark.parametrize("row", PORTAL_ROWS, ids=str)

# Channels' routes hold ASGI applications where Django's stubs expect views.
SOCKETS: list[Any] = asgi._sockets.app.app.routes
_HOST = "testserver"
Header = tuple[str, str]
# How values of a path are written, by kind.
_VALUES = {"uuid", "int", "path"}
# Never a whole view's: services ask for these, about some objects or some values of a body.
_ASKED_BY_SERVICES = {
    Action.MANAGE_DOCUMENTS,
    Action.MANAGE_PERSONAS,
    Action.SHARE_PROMPTS,
    Action.MANAGE_PROMPTS,
    Action.SEE_RESTRICTED,
    Action.MANAGE_OWNERS,
    Action.EXPORT_TENANT,
}


@pytest.fixture
def require_unchanged(population: Population, admin_connection: psycopg.Connection[Any]) -> Callable[[], None]:
    """Fails unless every tenant's rows are still what they were when the test began."""
    before = fingerprints(admin_connection)

    def require() -> None:
        now = fingerprints(admin_connection)
        assert {table for table in before if now[table] != before[table]} == set(), "who was refused changed this"

    return require


def test_A3_every_view_says_which_action_it_is_and_every_id_who_sees_it() -> None:
    """A route of tomorrow is in the matrix by itself, or it is named here."""
    silent = []
    for routes, actions_of in ((api_routes(), api_actions), (portal_routes(), portal_actions)):
        for route in routes:
            said = actions_of(route)
            silent += [
                f"{method} {route.name}" for method, action in said.items() if not isinstance(action, Action)
            ]
            silent += [f"{route.name} serves nothing"] if not said else []
            silent += [f"{route.name}: who sees a {kind}?" for kind in route.kinds if kind not in SIGHTS]
            silent += [f"{route.name}: what is a {kind}?" for kind, _ in route.parameters if kind not in _VALUES]
    assert silent == []
    used = {row.action for row in (*API_ROWS, *PORTAL_ROWS)}
    assert set(Action) - used <= _ASKED_BY_SERVICES
    known = {(row.method, row.route.name) for row in (*API_ROWS, *PORTAL_ROWS)}
    assert set(SAMPLES) <= known, "a sample of no row"


@each_api_row
def test_I1_the_matrix_of_the_api(row: Row, population: Population, require_unchanged: Callable[[], None]) -> None:
    alice = population.people["alice"]
    cells = Cells(row, population)
    cells.expect("nobody", ApiClient(""), alice, Whose.OWN, Outcome.UNAUTHENTICATED)
    cells.expect("alice's cookie", alice.person.client, alice, Whose.OWN, Outcome.UNAUTHENTICATED)
    for one in population.programs:
        cells.expect_by_table(one.name, one.client, one.estate, one.authority, is_allowed=False)
    require_unchanged()
    for one in population.programs:
        cells.expect_by_table(one.name, one.client, one.estate, one.authority, is_allowed=True)
    if not row.route.kinds and row.method in SAFE:
        answer = cells.ask(population.stranger.person.full_api, row.route.path({}))
        assert not _ids_in(answer) & alice.ids, "a stranger reads of alice's"
    assert cells.wrong == []


def _ids_in(answer: Any) -> set[str]:
    text = answer.getvalue() if not answer.streaming else b""
    return set(re.findall(r"[0-9a-f-]{36}", text.decode()))


@each_portal_row
def test_I1_the_matrix_of_the_portal(
    row: Row, population: Population, require_unchanged: Callable[[], None]
) -> None:
    alice, stranger = population.people["alice"], population.stranger.person
    cells, nowhere = Cells(row, population, "/o/acme"), Cells(row, population, "/o/nowhere")
    cells.expect("nobody", Browser(), alice, Whose.OWN, Outcome.UNAUTHENTICATED)
    cells.expect("alice's token", alice.person.api, alice, Whose.OWN, Outcome.UNAUTHENTICATED)
    cells.expect("charlie", stranger.client, alice, Whose.OWN, Outcome.UNSEEN)
    path = row.route.path({kind: getattr(alice, kind) for kind in row.route.kinds})
    assert told_by(cells.ask(stranger.client, path), path) == told_by(nowhere.ask(stranger.client, path), path)
    if row.method not in SAFE:
        checked = Browser(enforce_csrf_checks=True)
        checked.force_login(alice.person.user)
        cells.expect("alice without proof of the form", checked, alice, Whose.OWN, Outcome.FORBIDDEN)
    for name, estate in population.people.items():
        cells.expect_by_table(name, estate.person.client, estate, Authority(ROLES[name]), is_allowed=False)
    require_unchanged()
    for name, estate in population.people.items():
        cells.expect_by_table(name, estate.person.client, estate, Authority(ROLES[name]), is_allowed=True)
    assert cells.wrong == []


def test_I1_methods_that_no_row_names_are_not_allowed(population: Population) -> None:
    alice = population.people["alice"]
    served = {(row.route.pattern, row.method) for row in (*API_ROWS, *PORTAL_ROWS)}
    allowed = []
    for prefix, client, routes in (
        ("", alice.person.full_api, api_routes()),
        ("/o/acme", alice.person.client, portal_routes()),
    ):
        for route in routes:
            path = prefix + route.path({kind: getattr(alice, kind) for kind in route.kinds})
            methods = [method for method in METHODS if (route.pattern, method) not in served]
            allowed += [one for one in methods if client.generic(one, path).status_code != 405]
    assert allowed == []


def test_I1_pages_outside_every_organisation(population: Population) -> None:
    alice = population.people["alice"]
    found = {}
    for route in global_routes():
        path = global_path(route)
        nobody, person = (client.get(path) for client in (Browser(), alice.person.client))
        found[route.name] = (nobody.status_code, person.status_code)
        assert not (_ids_in(nobody) | _ids_in(person)) & alice.ids
    assert found == GLOBAL


def _socket_actions(route: Any) -> frozenset[Action]:
    found: frozenset[Action] = route.callback.consumer_class.actions
    return found


def _socket_kinds(route: Any) -> list[str]:
    return [match["name"] for match in PARAMETER.finditer(str(route.pattern)) if match["kind"] == "uuid"]


async def _enters(path: str, *headers: tuple[str, str]) -> bool:
    """Whether the handshake is accepted."""
    raw = [(name.encode(), value.encode()) for name, value in (("host", _HOST), *headers)]
    scope = {"type": "websocket", "path": path, "headers": raw, "query_string": b"", "subprotocols": []}
    socket: Any = ApplicationCommunicator(asgi.application, scope)  # type: ignore[no-untyped-call]
    await socket.send_input({"type": "websocket.connect"})
    answer = await socket.receive_output(timeout=20)
    await socket.send_input({"type": "websocket.disconnect", "code": 1000})
    await socket.wait(timeout=20)
    assert answer["type"] in {"websocket.accept", "websocket.close"}
    return bool(answer["type"] == "websocket.accept")


def _cookie(person: Person) -> tuple[Header, Header]:
    return ("cookie", f"sessionid={person.client.cookies['sessionid'].value}"), ("origin", f"http://{_HOST}")


def _bearer(token: str) -> tuple[Header]:
    return (("authorization", f"Bearer {token}"),)


def test_W3_every_socket_says_which_actions_open_it() -> None:
    assert SOCKETS
    assert [str(route.pattern) for route in SOCKETS if not _socket_actions(route)] == []
    assert {kind for route in SOCKETS for kind in _socket_kinds(route)} <= set(SIGHTS)


@pytest.mark.parametrize("route", SOCKETS, ids=lambda route: str(route.pattern))
async def test_W3_the_matrix_of_the_sockets(route: Any, population: Population) -> None:
    kinds = _socket_kinds(route)
    relations = [one for one in Whose if one is not Whose.HIDDEN] if kinds else [Whose.OWN]
    wrong = []

    def path(slug: str, own: Estate, whose: Whose = Whose.OWN) -> str:
        values = {**population.ids(own, whose, kinds), "slug": slug}
        return "/" + PARAMETER.sub(lambda match: str(values[match["name"]]), str(route.pattern))

    people = [(name, one, Authority(ROLES[name]), _cookie(one.person)) for name, one in population.people.items()]
    programs = [(one.name, one.estate, one.authority, _bearer(one.token)) for one in population.programs]
    for who, own, authority, headers in (*people, *programs):
        may_enter = any(authority.may(action) for action in _socket_actions(route))
        for whose in relations:
            expected = may_enter and all(authority.sees(kind, whose) for kind in kinds)
            if await _enters(path("acme", own, whose), *headers) is not expected:
                wrong.append(f"{who}, {whose}: {'not ' if expected else ''}in")
        if await _enters(path("globex", own), *headers):
            wrong.append(f"{who} enters another organisation")
    alice, charlie = population.people["alice"], population.stranger.person
    cookie, origin = _cookie(alice.person)
    for who, headers in {
        "nobody": (origin,),
        "a cookie without origin": (cookie,),
        "a cookie from another origin": (cookie, ("origin", "https://elsewhere.example")),
        "charlie's cookie": _cookie(charlie),
        "charlie's token": _bearer(charlie.token),
    }.items():
        if await _enters(path("acme", alice), *headers):
            wrong.append(f"{who} enters")
    assert wrong == []
