"""T1, T3, T4: a bearer token in its one place opens what it may, and nothing anywhere else is looked at."""

from __future__ import annotations

import base64
import socket
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from django.utils import timezone
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tenants.db import tenant_atomic
from tenants.models import ApiToken
from tenants.permissions import Scope
from tenants.services.tokens import create_token
from tests.people import Person
from tests.plain import NO_TLS
from tests.processes import LiveServer

pytestmark = pytest.mark.django_db(transaction=True)

ME = "/api/v1/me/"
Request = Callable[[httpx.Client, str], httpx.Response]

CARRIERS: dict[str, Request] = {
    "a query string": lambda http, token: http.get(ME, params={"token": token}),
    "an OAuth query string": lambda http, token: http.get(ME, params={"access_token": token}),
    "a cookie": lambda http, token: http.get(ME, headers={"Cookie": f"token={token}; Authorization={token}"}),
    "another header": lambda http, token: http.get(ME, headers={"X-Api-Key": token, "X-Authorization": token}),
    "a proxy's header": lambda http, token: http.get(ME, headers={"Proxy-Authorization": f"Bearer {token}"}),
    "Basic": lambda http, token: http.get(
        ME, headers={"Authorization": "Basic " + base64.b64encode(f"{token}:".encode()).decode()}
    ),
    "DRF's scheme": lambda http, token: http.get(ME, headers={"Authorization": f"Token {token}"}),
    "no scheme": lambda http, token: http.get(ME, headers={"Authorization": token}),
    "a list": lambda http, token: http.get(ME, headers={"Authorization": f"Bearer {token}, Bearer {token}"}),
    "quotes": lambda http, token: http.get(ME, headers={"Authorization": f'Bearer "{token}"'}),
    "a form": lambda http, token: http.post("/api/v1/search/", data={"token": token, "query": "leave"}),
    "JSON": lambda http, token: http.post("/api/v1/search/", json={"token": token, "query": "leave"}),
    "a path": lambda http, token: http.get(f"/api/v1/{token}/me/"),
    "user information": lambda http, token: http.get(
        f"{http.base_url}".rstrip("/").replace("://", f"://{token}:x@") + ME
    ),
}


@pytest.fixture
def http(extractive_server: LiveServer) -> Any:
    with httpx.Client(base_url=extractive_server.url, trust_env=False, verify=NO_TLS) as client:
        yield client


@pytest.mark.parametrize("send", CARRIERS.values(), ids=CARRIERS.keys())
def test_T4_a_token_counts_in_its_header_alone(http: httpx.Client, alice: Person, send: Request) -> None:
    answer = send(http, alice.token)
    assert answer.status_code == 401, answer.text
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="docent"'
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "not_authenticated"
    assert http.get(ME, headers={"Authorization": f"Bearer {alice.token}"}).status_code == 200


def test_T4_two_tokens_at_once_are_none(extractive_server: LiveServer, alice: Person, charlie: Person) -> None:
    parts = urlsplit(extractive_server.url)
    fields = [f"Authorization: Bearer {one.token}" for one in (alice, charlie)]
    request = "\r\n".join([f"GET {ME} HTTP/1.1", "Host: 127.0.0.1", *fields, "Connection: close", "", ""])
    with socket.create_connection((parts.hostname, parts.port or 0), timeout=20) as connection:
        connection.sendall(request.encode())
        assert connection.recv(65536).startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_T4_the_scheme_is_no_matter_of_case(http: httpx.Client, alice: Person, scheme: str) -> None:
    answer = http.get(ME, headers={"Authorization": f"{scheme} {alice.token}"})
    assert answer.json()["user"]["email"] == "alice@example.org"


def test_T4_a_token_opens_no_page_of_the_portal(http: httpx.Client, alice: Person) -> None:
    headers = {"Authorization": f"Bearer {alice.token}"}
    answer = http.get("/o/acme/", headers=headers)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/accounts/login/?next=/o/acme/")
    posted = http.post("/o/acme/c/", headers={**headers, "Accept": "application/json"})
    assert posted.status_code == 401
    http.cookies.set("sessionid", alice.client.cookies["sessionid"].value)
    assert http.get("/o/acme/").status_code == 200


@pytest.mark.parametrize(
    "end",
    [
        {"revoked_at": timezone.now},
        {"expires_at": lambda: timezone.now() - timedelta(seconds=1)},
        {"secret_sha256": lambda: bytes(32)},
    ],
    ids=["revoked", "expired", "another secret"],
)
def test_T3_a_token_that_ended_opens_neither_http_nor_sockets(
    extractive_server: LiveServer, http: httpx.Client, alice: Person, end: dict[str, Callable[[], Any]]
) -> None:
    headers = {"Authorization": f"Bearer {alice.token}"}
    url = f"{extractive_server.ws_url}/o/acme/ws/"
    assert http.get(ME, headers=headers).status_code == 200
    with connect(url, additional_headers=headers, proxy=None):
        pass
    with tenant_atomic(alice.access.tenant_id):
        ApiToken.objects.update(**{name: value() for name, value in end.items()})
    assert http.get(ME, headers=headers).status_code == 401
    with pytest.raises(InvalidStatus) as refusal, connect(url, additional_headers=headers, proxy=None):
        raise AssertionError
    assert refusal.value.response.status_code == 403


def test_T3_each_scope_opens_its_own_part(http: httpx.Client, alice: Person) -> None:
    doors = {
        "conversations": ("GET", "/api/v1/conversations/", None),
        "documents": ("GET", "/api/v1/documents/", None),
        "collections": ("POST", "/api/v1/collections/", {"name": "Minutes"}),
        "renaming": ("PATCH", f"/api/v1/collections/{_collection(alice)}/", {"name": "Files"}),
    }
    opens = {}
    for scope in (Scope.CHAT, Scope.DOCUMENTS_READ, Scope.DOCUMENTS_WRITE):
        token = create_token(access=alice.access, name=scope, scopes=frozenset({scope})).value
        headers = {"Authorization": f"Bearer {token}"}
        answers = {
            name: http.request(method, path, json=body, headers=headers)
            for name, (method, path, body) in doors.items()
        }
        opens[scope] = {name for name, answer in answers.items() if answer.is_success}
        assert {answer.status_code for answer in answers.values() if not answer.is_success} == {403}
    assert opens == {
        Scope.CHAT: {"conversations"},
        Scope.DOCUMENTS_READ: {"documents"},
        Scope.DOCUMENTS_WRITE: {"collections", "renaming"},
    }


def _collection(person: Person) -> str:
    [collection] = person.api.get("/api/v1/collections/").json()["results"]
    return str(collection["id"])


def test_T1_a_secret_is_in_no_answer_and_no_log(
    extractive_server: LiveServer, http: httpx.Client, alice: Person
) -> None:
    secret = alice.token.rpartition("dct_")[2].partition("_")[2]
    headers = {"Authorization": f"Bearer {alice.token}"}
    answers = [http.get(ME, headers=headers), http.get("/api/v1/none/", headers=headers)]
    answers.append(http.get(ME, headers={"Authorization": f"Bearer {alice.token[:-1]}"}))
    assert [answer.status_code for answer in answers] == [200, 404, 401]
    assert not [answer for answer in answers if secret in answer.text or secret[:-1] in answer.text]
    logged = extractive_server.log.read_text()
    assert "/api/v1/none/" in logged
    assert secret[:-1] not in logged
