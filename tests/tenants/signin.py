"""Logging in through the stand-in of an OpenID Connect provider, as a browser does it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from tenants.permissions import Role
from tenants.services.signin import set_sign_in
from tests.people import Browser, Person
from tests.standins.oidc import OidcStandIn


def set_provider(person: Person, provider: OidcStandIn, **changes: Any) -> None:
    """Make it the person's organisation's, for addresses at acme.example."""
    given = {
        "name": "Acme ID",
        "issuer": provider.issuer,
        "client_id": provider.client_id,
        "secret": provider.client_secret,
        "domains": ["acme.example"],
        "role": Role.MEMBER,
        "is_enabled": True,
    }
    set_sign_in(access=person.access, **{**given, **changes})


def go(browser: Browser, provider: OidcStandIn, slug: str = "acme", **query: str) -> Any:
    """To the provider and back; the answer to coming back."""
    there = browser.get(f"/accounts/oidc/{slug}/login/", query)
    assert there.status_code == 302, there.content
    back = provider.authorize(there["Location"])
    assert back.startswith(f"http://127.0.0.1:8000/accounts/oidc/{slug}/")
    return browser.get(f"{urlsplit(back).path}?{urlsplit(back).query}")
