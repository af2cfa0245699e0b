"""Attacks through an organisation's own sign-in provider: row A7 of the security table."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlsplit

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from pytest_django import Settings

from tenants.access import memberships_of
from tenants.addresses.outbound_requests import is_public
from tenants.errors import NotFound
from tenants.models import User
from tenants.permissions import Role
from tenants.web.socket_middleware import resolve
from tests.people import Browser, Person
from tests.standins.oidc import OidcStandIn
from tests.tenants.accounts import PASSWORD, is_logged_in, seen_in
from tests.tenants.signin import go, set_provider

pytestmark = pytest.mark.django_db(transaction=True)


LIES: dict[str, dict[str, Any]] = {
    "an address that is not verified": {"email_verified": False},
    "nothing of verification": {"email_verified": None},
    "the word true": {"email_verified": "true"},
    "no address": {"email": None},
    "another domain": {"email": "erin@globex.example"},
    "a subdomain": {"email": "erin@evil.acme.example"},
    "a domain that begins like it": {"email": "erin@acme.example.evil.example"},
    "two at signs": {"email": "erin@evil.example@acme.example.x"},
    "another log-in's nonce": {"nonce": "another"},
    "no nonce": {"nonce": None},
    "another client's token": {"aud": "another"},
    "a token made for another client": {"aud": ["docent", "another"], "azp": "another"},
    "another issuer": {"iss": "https://id.evil.example"},
    "an old token": {"iat": 1_600_000_000, "exp": 1_600_000_300},
    "a token without an end": {"exp": None},
    "nobody": {"sub": None},
}


def _assert_nobody_came_in(browser: Browser, response: Any) -> None:
    assert response.status_code in {401, 403}, response.content
    assert not is_logged_in(browser)
    assert set(User.objects.values_list("email", flat=True)) == {"alice@example.org"}
    assert not SocialAccount.objects.exists()


def test_A7_a_provider_that_lies_lets_nobody_in(oidc: OidcStandIn) -> None:
    for lie in LIES.values():
        oidc.lies = lie
        browser = Browser()
        _assert_nobody_came_in(browser, go(browser, oidc))
    oidc.lies = {}
    assert go(Browser(), oidc).status_code == 302


def test_A7_the_signature_counts_and_the_algorithm_is_not_the_tokens_to_choose(oidc: OidcStandIn) -> None:
    for algorithm in ("none", "HS256"):
        oidc.algorithm = algorithm
        browser = Browser()
        _assert_nobody_came_in(browser, go(browser, oidc))
    oidc.algorithm = "RS256"
    oidc.sign_as_stranger()
    browser = Browser()
    _assert_nobody_came_in(browser, go(browser, oidc))


def test_A7_metadata_that_lead_elsewhere_are_not_followed(oidc: OidcStandIn) -> None:
    for lie in (
        {"issuer": "https://id.evil.example"},
        {"jwks_uri": "http://127.0.0.1:9/keys"},
        {"token_endpoint": "http://169.254.169.254/latest"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": None},
    ):
        oidc.metadata_lies = lie
        response = Browser().get("/accounts/oidc/acme/login/")
        assert (response.status_code, "did not answer as it should" in response.content.decode()) == (401, True)
    oidc.metadata_lies = {}
    oidc.redirects_metadata_to = f"{oidc.issuer}/keys"
    oidc.requests.clear()
    assert Browser().get("/accounts/oidc/acme/login/").status_code == 401
    assert oidc.requests == ["/.well-known/openid-configuration"]


def test_A7_issuers_inside_are_not_asked(oidc: OidcStandIn, alice: Person, settings: Settings) -> None:
    settings.DOCENT_OIDC_PRIVATE_HOSTS = frozenset()
    port = urlsplit(oidc.issuer).port
    for host in (
        f"127.0.0.1:{port}",
        f"localhost:{port}",
        f"[::1]:{port}",
        "10.0.0.1",
        "169.254.169.254",
        "0.0.0.0",  # noqa: S104
    ):
        set_provider(alice, oidc, issuer=f"https://{host}")
        began = time.monotonic()
        assert Browser().get("/accounts/oidc/acme/login/").status_code == 401
        assert time.monotonic() - began < 2  # refused, not tried until it timed out
    assert oidc.requests == []


def test_A7_which_addresses_are_public() -> None:
    public = {"93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::ffff:93.184.215.14"}
    private = """
        127.0.0.1 10.1.2.3 172.16.0.1 192.168.1.1 100.64.0.1 169.254.169.254 0.0.0.0 224.0.0.1 255.255.255.255
        ::1 :: fe80::1%eth0 fd00::1 ff02::1 ::ffff:10.0.0.1 2002:7f00:1:: 64:ff9b::7f00:1
        64:ff9b:1::7f00:1 ::127.0.0.1 fec0::1
    """
    assert {address for address in {*public, *private.split()} if is_public(address)} == public


def test_A7_an_account_whose_address_nobody_verified_is_not_taken_over(oidc: OidcStandIn, alice: Person) -> None:
    erin = User.objects.create_user("erin@acme.example", PASSWORD)
    EmailAddress.objects.create(user=erin, email=erin.email, primary=True)
    browser = Browser()
    response = go(browser, oidc)
    assert response.status_code == 403
    assert "has not been verified" in response.content.decode().replace("\n", " ")
    assert not is_logged_in(browser)
    assert not SocialAccount.objects.exists()
    assert memberships_of(erin) == []


def test_A7_an_organisations_word_opens_that_organisation_and_nothing_else(
    oidc: OidcStandIn, alice: Person, charlie: Person
) -> None:
    """Acme's administrator runs acme's provider, and lets it say whatever they like about charlie of globex."""
    EmailAddress.objects.create(user=charlie.user, email=charlie.user.email, verified=True, primary=True)
    set_provider(alice, oidc, domains=["example.org"])
    oidc.person = {"sub": "c-1", "email": charlie.user.email, "email_verified": True}
    browser = Browser()
    assert go(browser, oidc)["Location"] == "/o/acme/"
    assert [(one.slug, one.role) for one in memberships_of(charlie.user)] == [
        ("acme", Role.MEMBER),
        ("globex", Role.OWNER),
    ]
    assert browser.get("/o/acme/").status_code == 200
    for path in ("/o/globex/", "/o/globex/documents/", "/o/globex/settings/sign-in/"):
        assert browser.get(path).status_code == 404
    assert seen_in(browser.get("/o/globex/")) == seen_in(browser.get("/o/no-such-organisation/"))
    assert resolve(_handshake(browser, "acme"))[0].tenant_slug == "acme"
    with pytest.raises(NotFound):
        resolve(_handshake(browser, "globex"))
    for page in (browser.get("/"), browser.get("/o/acme/")):
        assert "Globex" not in page.content.decode()
    for path in (
        "/accounts/email/",
        "/accounts/password/change/",
        "/accounts/password/set/",
        "/accounts/2fa/",
        "/accounts/2fa/totp/activate/",
        "/accounts/2fa/webauthn/add/",
        "/accounts/sessions/",
        "/accounts/connections/",
        "/organisations/new/",
    ):
        assert browser.get(path).status_code == 403, path
        assert browser.post(path).status_code == 403, path

    # Charlie's own password in the same session, and all of it is charlie's again.
    browser.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert browser.get("/o/globex/").status_code == 200
    assert browser.get("/accounts/email/").status_code == 200


def _handshake(browser: Browser, slug: str) -> dict[str, Any]:
    cookie = f"sessionid={browser.cookies['sessionid'].value}"
    headers = [(b"host", b"localhost"), (b"origin", b"http://localhost"), (b"cookie", cookie.encode())]
    return {"path": f"/o/{slug}/ws/", "headers": headers, "client": ("127.0.0.1", 1)}


def test_A7_another_issuer_knows_none_of_the_people_of_the_last(
    oidc: OidcStandIn, alice: Person, settings: Settings
) -> None:
    """The subject "e-1" of one issuer is not that of another, also where the organisation is the same."""
    go(Browser(), oidc)
    with OidcStandIn() as other:
        other.person = {"sub": "e-1", "email": "mallory@acme.example", "email_verified": True}
        settings.DOCENT_OIDC_PRIVATE_HOSTS = frozenset({oidc.host, other.host})
        set_provider(alice, other)
        go(Browser(), other)
    assert set(SocialAccount.objects.values_list("user__email", flat=True)) == {
        "erin@acme.example",
        "mallory@acme.example",
    }
