"""Every route, every method, everybody: over HTTP and sockets, against the table in `matrix`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest
import websockets.sync.client
from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from config import asgi
from tenants.permissions import Scope
from tenants.services.tokens import create_token
from tests.isolation.estates import Estate, estate_of
from tests.isolation.matrix import API, GLOBAL, PORTAL, SOCKETS, Row
from tests.people import Person
from tests.processes import LiveServer, Running

pytestmark = pytest.mark.django_db(transaction=True)

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_PARAMETER = re.compile(r"<(?:(?P<kind>\w+):)?(?P<name>\w+)>")
_CSRF = "a" * 32
_API_PREFIX = "api/v1/"


@dataclass(frozen=True, slots=True)
class Route:
    """A named pattern of a URL configuration, without the leading slash."""

    name: str
    pattern: str

    @property
    def names_something(self) -> bool:
        """Whether the path holds an id that may be another's."""
        return "<uuid:" in self.pattern

    def path(self, estate: Estate, *, is_missing: bool = False) -> str:
        """The path to what that estate has, or to nothing at all."""

        def value(match: re.Match[str]) -> str:
            if match["kind"] == "int":
                return "1"
            if is_missing:
                return str(uuid4())
            owned = match["name"].removesuffix("_id")
            return str(estate.reply if owned == "message" else getattr(estate, owned))

        return "/" + _PARAMETER.sub(value, self.pattern)


def _walk(resolver: URLResolver, prefix: str = "") -> Iterator[Route]:
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLPattern):
            assert pattern.name, f"{prefix}{pattern.pattern} has no name"
            yield Route(pattern.name, f"{prefix}{pattern.pattern}")
        else:
            yield from _walk(pattern, f"{prefix}{pattern.pattern}")


def _global_routes() -> list[Route]:
    return list(_walk(get_resolver(settings.ROOT_URLCONF)))


def _api_routes() -> dict[str, Route]:
    return {route.name: route for route in _global_routes() if route.pattern.startswith(_API_PREFIX)}


def _portal_routes() -> dict[str, Route]:
    return {route.name: route for route in _walk(get_resolver(settings.TENANT_URLCONF))}


def test_I1_every_route_has_a_row_and_every_row_a_route() -> None:
    assert {row.route for row in API} == set(_api_routes())
    assert {row.route for row in PORTAL} == set(_portal_routes())
    others = {route.name for route in _global_routes() if not route.pattern.startswith(_API_PREFIX)}
    assert set(GLOBAL) == others
    assert set(SOCKETS) == {str(route.pattern) for route in asgi._sockets.app.routes}  # type: ignore[attr-defined]
    for rows in (API, PORTAL):
        assert len({(row.method, row.route) for row in rows}) == len(rows)


@pytest.fixture
def http(extractive_server: LiveServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=extractive_server.url, timeout=30) as client:
        yield client


@pytest.fixture
def acme_estate(alice: Person, bob: Person, dana: Person, worker: Running) -> Estate:
    return estate_of(alice)


@pytest.fixture
def globex_estate(charlie: Person, worker: Running) -> Estate:
    return estate_of(charlie)


def _cookies(person: Person) -> dict[str, str]:
    return {"sessionid": person.client.cookies["sessionid"].value, "csrftoken": _CSRF}


def _sent(row: Row) -> dict[str, Any]:
    return {"json": row.json, "files": row.files}


def _outcome(response: httpx.Response) -> tuple[int, str, str]:
    """All that an asker can tell two refusals apart by."""
    body = re.sub(r'"request_id": *"\w+"', "", response.text)
    return response.status_code, response.headers.get("Content-Type", ""), body


class ApiAsker:
    """Sends a row's request with a token, with a cookie, or with nothing."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def ask(
        self, row: Row, path: str, token: str | None, *, cookies: dict[str, str] | None = None
    ) -> httpx.Response:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._http.cookies.clear()
        self._http.cookies.update(cookies or {})
        return self._http.request(row.method, path, headers=headers, **_sent(row))


class PortalAsker:
    """Sends a row's request with a session cookie and, unless told otherwise, the proof against forgery."""

    def __init__(self, http: httpx.Client, slug: str) -> None:
        self._http = http
        self._prefix = f"/o/{slug}"

    def ask(self, row: Row, path: str, person: Person | None, *, has_proof: bool = True) -> httpx.Response:
        self._http.cookies.clear()
        headers = {"X-CSRFToken": _CSRF} if has_proof else {}
        if row.method == "POST" and row.files is None:
            headers["Accept"] = "application/json"
        cookies = _cookies(person) if person else {"csrftoken": _CSRF}
        self._http.cookies.update(cookies)
        return self._http.request(row.method, self._prefix + path, headers=headers, **_sent(row))


def test_I1_the_matrix_of_the_api(
    http: httpx.Client, acme_estate: Estate, globex_estate: Estate, bob: Person, dana: Person
) -> None:
    alice, charlie = acme_estate.person, globex_estate.person
    asker, routes = ApiAsker(http), _api_routes()
    wrong: list[str] = []

    def expect(row: Row, who: str, response: httpx.Response, status: int) -> None:
        if response.status_code != status:
            wrong.append(f"{row.method} {row.route}: {who} got {response.status_code}, not {status}")

    weak: dict[Scope, str] = {scope: _token_without(alice, {scope}) for scope in Scope if scope is not Scope.ADMIN}
    for row in API:
        route = routes[row.route]
        path = route.path(acme_estate)
        expect(row, "nobody", asker.ask(row, path, None), 401)
        cookie = asker.ask(row, path, None, cookies=_cookies(alice))
        expect(row, "alice's cookie", cookie, 401)
        if row.scope is not None:
            expect(row, "a token without the scope", asker.ask(row, path, weak[row.scope]), 403)
        foreign = asker.ask(row, path, charlie.token)
        if route.names_something:
            missing = asker.ask(row, route.path(acme_estate, is_missing=True), charlie.token)
            expect(row, "charlie", foreign, 404)
            if _outcome(foreign) != _outcome(missing):
                wrong.append(f"{row.method} {row.route}: foreign and missing differ")
        elif acme_estate.ids & set(re.findall(r"[0-9a-f-]{36}", foreign.text)):
            wrong.append(f"{row.method} {row.route}: charlie reads of alice's")
        expect(row, "bob", asker.ask(row, path, bob.token), row.bob)
        expect(row, "dana", asker.ask(row, path, dana.token), row.dana)
        own = asker.ask(row, path, alice.token)
        expect(row, "alice", own, row.alice)
    assert not wrong, "\n".join(wrong)


def test_I1_methods_without_a_row_are_not_allowed(http: httpx.Client, acme_estate: Estate) -> None:
    alice = acme_estate.person
    allowed = set()
    for table, routes in ((API, _api_routes()), (PORTAL, _portal_routes())):
        for name, route in routes.items():
            listed = {row.method for row in table if row.route == name}
            for method in set(_METHODS) - listed:
                row = Row(method, name, 405, 405, 405)
                path = route.path(acme_estate)
                if table is API:
                    response = ApiAsker(http).ask(row, path, alice.token)
                else:
                    response = PortalAsker(http, alice.slug).ask(row, path, alice)
                if response.status_code != 405:
                    allowed.add(f"{method} {path}: {response.status_code}")
    assert allowed == set()


def test_I1_the_matrix_of_the_portal(
    http: httpx.Client, acme_estate: Estate, globex_estate: Estate, bob: Person, dana: Person
) -> None:
    alice, charlie = acme_estate.person, globex_estate.person
    at_acme, at_globex = PortalAsker(http, alice.slug), PortalAsker(http, charlie.slug)
    nowhere = PortalAsker(http, "no-such-organisation")
    routes = _portal_routes()
    wrong: list[str] = []

    def expect(row: Row, who: str, response: httpx.Response, status: int) -> None:
        if response.status_code != status:
            wrong.append(f"{row.method} {row.route}: {who} got {response.status_code}, not {status}")

    for row in PORTAL:
        route = routes[row.route]
        path = route.path(acme_estate)
        nobody = at_acme.ask(row, path, None)
        expect(row, "nobody", nobody, 401 if row.method == "POST" and row.files is None else 302)
        if row.method == "POST":
            expect(row, "alice without proof", at_acme.ask(row, path, alice, has_proof=False), 403)
        # Charlie at alice's organisation sees what he sees at one that does not exist.
        stranger = at_acme.ask(row, path, charlie)
        expect(row, "charlie at acme", stranger, 404)
        if _outcome(stranger) != _outcome(nowhere.ask(row, path, charlie)):
            wrong.append(f"{row.method} {row.route}: a foreign and a missing organisation differ")
        if route.names_something:
            foreign = at_globex.ask(row, path, charlie)
            missing = at_globex.ask(row, route.path(acme_estate, is_missing=True), charlie)
            expect(row, "charlie at globex", foreign, 404)
            if _outcome(foreign) != _outcome(missing):
                wrong.append(f"{row.method} {row.route}: foreign and missing differ")
        expect(row, "bob", at_acme.ask(row, path, bob), row.bob)
        expect(row, "dana", at_acme.ask(row, path, dana), row.dana)
        expect(row, "alice", at_acme.ask(row, path, alice), row.alice)
    assert not wrong, "\n".join(wrong)


def test_I1_pages_outside_every_organisation(http: httpx.Client, acme_estate: Estate) -> None:
    alice = acme_estate.person
    found = {}
    for route in _global_routes():
        if route.pattern.startswith(_API_PREFIX):
            continue
        path = "/" + route.pattern.replace("^", "").replace("$", "")
        path = path.replace(r"(?P<key>[-:\w]+)", "key").replace("(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)", "1-key")
        http.cookies.clear()
        nobody = http.get(path)
        http.cookies.update(_cookies(alice))
        person = http.get(path)
        found[route.name] = (nobody.status_code, person.status_code)
        assert not acme_estate.ids & set(re.findall(r"[0-9a-f-]{36}", nobody.text + person.text))
    assert found == GLOBAL


def test_W3_the_matrix_of_the_sockets(
    extractive_server: LiveServer, acme_estate: Estate, globex_estate: Estate, bob: Person, dana: Person
) -> None:
    alice, charlie = acme_estate.person, globex_estate.person
    people = {"alice": alice, "bob": bob, "dana": dana, "charlie": charlie}
    for pattern, (welcome, needed) in SOCKETS.items():
        route = Route(pattern, pattern.replace("<slug:slug>", alice.slug))
        url = extractive_server.ws_url + route.path(acme_estate)
        origin = extractive_server.url
        entered = {name for name, person in people.items() if _enters(url, cookie=_cookies(person), origin=origin)}
        assert entered == welcome, pattern
        entered = {name for name, person in people.items() if _enters(url, token=person.token)}
        assert entered == welcome, pattern
        assert not _enters(url, origin=origin)
        assert not _enters(url, token=_token_without(alice, needed))
        assert not _enters(url.replace("/acme/", "/no-such-organisation/"), token=alice.token)
        # A bearer token for one organisation opens nothing at another, whoever holds it.
        assert not _enters(url.replace("/acme/", "/globex/"), token=alice.token)


def _token_without(person: Person, scopes: AbstractSet[Scope]) -> str:
    rest = frozenset({Scope.CHAT, Scope.DOCUMENTS_READ, Scope.DOCUMENTS_WRITE}) - scopes
    return create_token(access=person.access, name="weak", scopes=rest).value


def _enters(
    url: str, *, cookie: dict[str, str] | None = None, origin: str | None = None, token: str | None = None
) -> bool:
    """Whether the handshake is accepted; a refusal is HTTP 403 and nothing else."""
    headers = {}
    if cookie:
        headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookie.items())
    if token:
        headers["Authorization"] = f"Bearer {token}"
    try:
        with websockets.sync.client.connect(
            url, additional_headers=headers, origin=Origin(origin) if origin else None, proxy=None
        ):
            return True
    except InvalidStatus as refusal:
        if refusal.response.status_code != 403:
            raise
        return False
