"""Where requests and handshakes come from: what the operator's own proxies say, and nobody else."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpRequest
from pytest_django import Settings

from tenants.addresses.client_address import address_of
from tenants.errors import NotAuthenticated
from tenants.web.socket_middleware import resolve
from tests.people import Browser, Person

pytestmark = pytest.mark.django_db(transaction=True)

PROXY = "10.0.0.9"


def handshake(*headers: tuple[str, str], client: str | None = PROXY) -> dict[str, Any]:
    """What a server hands over when a socket of acme is to be opened."""
    return {
        "type": "websocket",
        "path": "/o/acme/ws/",
        "query_string": b"",
        "client": client and [client, 50_000],
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers],
    }


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, ["192.0.2.1"], PROXY),
        (1, [], PROXY),
        (1, ["192.0.2.1"], "192.0.2.1"),
        (1, ["198.51.100.1, 192.0.2.1"], "192.0.2.1"),  # the first is what the client itself wrote
        (1, ["198.51.100.1", "192.0.2.1"], "192.0.2.1"),
        (2, ["192.0.2.1, 10.0.0.8"], "192.0.2.1"),
        (2, ["192.0.2.1"], None),  # it came by another way than the operator's
        (1, ["2001:db8::1"], "2001:db8::1"),
        (1, ["nonsense"], None),
    ],
)
def test_a_socket_comes_from_where_a_request_does(
    alice: Person, settings: Settings, proxies: int, forwarded: list[str], expected: str | None
) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies
    lines = [("X-Forwarded-For", one) for one in forwarded]
    access, _login, _locale = resolve(handshake(("Authorization", f"Bearer {alice.token}"), *lines))
    assert access.address == expected
    request = HttpRequest()
    request.META |= {"REMOTE_ADDR": PROXY, **({"HTTP_X_FORWARDED_FOR": ",".join(forwarded)} if forwarded else {})}
    assert address_of(request) == expected


def test_a_socket_of_nowhere(alice: Person) -> None:
    """A server that listens on a Unix socket knows no address."""
    assert resolve(handshake(("Authorization", f"Bearer {alice.token}"), client=None))[0].address is None


@pytest.mark.parametrize("origin", ["http://[", "http://[::1", "http://]/"])
def test_W1_an_origin_that_is_no_address_is_refused(alice: Person, origin: str) -> None:
    cookie = f"sessionid={alice.client.cookies['sessionid'].value}"
    with pytest.raises(NotAuthenticated):
        resolve(handshake(("Cookie", cookie), ("Host", "localhost"), ("Origin", origin)))


@pytest.mark.parametrize("key", ["aaaaaaaaaaaa\\000", "aaaaaaaaaaaa\\377", "x" * 5000, "%00aaaaaaaaaaaa"])
def test_P9_a_cookie_that_names_no_session_is_nobodys(alice: Person, key: str) -> None:
    cookie = f'sessionid="{key}"'
    statuses = [
        Browser(HTTP_COOKIE=cookie).get(path).status_code for path in ("/", "/o/acme/", "/accounts/login/")
    ]
    assert statuses == [200, 302, 200]
    with pytest.raises(NotAuthenticated):
        resolve(handshake(("Cookie", cookie), ("Host", "localhost"), ("Origin", "http://localhost")))
