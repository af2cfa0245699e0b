"""Logging in through an organisation's own OpenID Connect oidc."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount

from tenants.access import memberships_of
from tenants.db import tenant_atomic
from tenants.errors import InvalidInput, PermissionRefused
from tenants.models import AuditEvent, SignInProvider, User
from tenants.permissions import Role
from tenants.services.members import remove_member
from tenants.services.signin import find_sign_in, remove_sign_in
from tests.people import Browser, Person
from tests.standins.oidc import OidcStandIn
from tests.tenants.accounts import PASSWORD, is_logged_in, log_in
from tests.tenants.signin import go, set_provider

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_new_person_becomes_a_member_with_the_providers_role(oidc: OidcStandIn, alice: Person) -> None:
    browser = Browser()
    assert go(browser, oidc)["Location"] == "/o/acme/"
    erin = User.objects.get(email="erin@acme.example")
    assert (erin.name, erin.has_usable_password()) == ("Erin Example", False)
    assert [(one.slug, one.role) for one in memberships_of(erin)] == [("acme", Role.MEMBER)]
    assert browser.get("/o/acme/").status_code == 200
    # The organisation's word verifies the address for the organisation alone.
    assert not EmailAddress.objects.get(user=erin).verified
    with tenant_atomic(alice.access.tenant_id):
        event = AuditEvent.objects.get(action="member.joined")
    assert (event.actor_id, event.data) == (erin.pk, {"role": "member"})
    # The second time it is the same person.
    assert go(Browser(), oidc)["Location"] == "/o/acme/"
    assert User.objects.filter(email="erin@acme.example").count() == SocialAccount.objects.count() == 1


def test_claims_that_are_no_text_or_no_address_let_nobody_in_and_break_nothing(oidc: OidcStandIn) -> None:
    lies: list[dict[str, Any]] = [
        {"email": "not an address@acme.example"},
        {"email": "@acme.example"},
        {"email": f"{'a' * 300}@acme.example"},
        {"email": ["erin@acme.example"]},
        {"email": "erin\0@acme.example"},
        {"sub": "e\0"},
    ]
    for number, lie in enumerate(lies):
        oidc.lies = lie
        browser = Browser()
        assert go(browser, oidc).status_code in {401, 403}, number
        assert not is_logged_in(browser)
    assert not SocialAccount.objects.exists()
    assert set(User.objects.values_list("email", flat=True)) == {"alice@example.org"}
    for number, name in enumerate(["山田　太郎\0", {"given": "Erin"}, "E\ud800"]):
        oidc.person = {"sub": str(number), "email": f"{number}@acme.example", "email_verified": True, "name": name}
        oidc.lies = {}
        assert go(Browser(), oidc)["Location"] == "/o/acme/"
    names = User.objects.filter(email__endswith="@acme.example").order_by("email").values_list("name", flat=True)
    assert list(names) == ["山田　太郎", "", "E"]


def test_the_request_is_bound_to_this_browser_and_this_log_in(oidc: OidcStandIn) -> None:
    # What a link adds is not passed on.
    go(Browser(), oidc, scope="admin", auth_params="nonce=mine&prompt=none", process="connect")
    asked = oidc.authorized[0]
    assert set(asked["scope"].split()) == {"openid", "profile", "email"}
    assert asked["nonce"] != "mine"
    assert len(asked["state"]) >= 16
    assert len(asked["nonce"]) >= 43
    assert asked["code_challenge_method"] == "S256"
    assert "prompt" not in asked
    # Another browser cannot finish what this one began.
    victim, attacker = Browser(), Browser()
    back = oidc.authorize(attacker.get("/accounts/oidc/acme/login/")["Location"])
    response = victim.get(urlsplit(back).path + "?" + urlsplit(back).query)
    assert response.status_code == 401
    assert not is_logged_in(victim)


def test_the_log_in_page_offers_it_to_whoever_was_on_the_way_there(oidc: OidcStandIn, charlie: Person) -> None:
    browser = Browser()
    page = browser.get(browser.get("/o/acme/documents/")["Location"]).content.decode()
    assert "Log in with Acme ID" in page
    assert "/accounts/oidc/acme/login/?next=%2Fo%2Facme%2Fdocuments%2F" in page
    assert go(browser, oidc, next="/o/acme/documents/")["Location"] == "/o/acme/documents/"
    for elsewhere in ("/o/globex/", "/o/no-such/", "/", "https://evil.example/o/acme/"):
        assert "/accounts/oidc/" not in Browser().get("/accounts/login/", {"next": elsewhere}).content.decode()


def test_a_disabled_a_missing_and_a_foreign_provider_are_the_same_nothing(
    oidc: OidcStandIn, alice: Person, charlie: Person
) -> None:
    set_provider(alice, oidc, is_enabled=False)
    answers = {
        Browser().get(f"/accounts/oidc/{slug}/login/").status_code for slug in ("acme", "globex", "no-such")
    }
    assert answers == {404}
    assert oidc.requests == []


def test_an_account_with_a_verified_address_is_linked(oidc: OidcStandIn) -> None:
    erin = User.objects.create_user("erin@acme.example", PASSWORD)
    EmailAddress.objects.create(user=erin, email=erin.email, verified=True, primary=True)
    assert go(Browser(), oidc)["Location"] == "/o/acme/"
    assert User.objects.filter(email=erin.email).get().has_usable_password()
    assert SocialAccount.objects.get().user == erin
    assert [(one.slug, one.role) for one in memberships_of(erin)] == [("acme", Role.MEMBER)]


def test_a_present_member_keeps_the_role(oidc: OidcStandIn, alice: Person) -> None:
    EmailAddress.objects.create(user=alice.user, email=alice.user.email, verified=True, primary=True)
    oidc.person = {"sub": "a-1", "email": alice.user.email, "email_verified": True}
    set_provider(alice, oidc, domains=["example.org"])
    assert go(Browser(), oidc)["Location"] == "/o/acme/"
    assert memberships_of(alice.user)[0].role is Role.OWNER


def test_somebody_elses_begun_change_of_address_is_in_nobodys_way(oidc: OidcStandIn, bob: Person) -> None:
    EmailAddress.objects.create(user=bob.user, email="erin@acme.example")
    assert go(Browser(), oidc)["Location"] == "/o/acme/"
    assert SocialAccount.objects.get().user.email == "erin@acme.example"


def test_whoever_was_removed_does_not_come_back_by_it(oidc: OidcStandIn, alice: Person) -> None:
    go(Browser(), oidc)
    erin = User.objects.get(email="erin@acme.example")
    remove_member(access=alice.access, user_id=erin.pk)
    browser = Browser()
    response = go(browser, oidc)
    assert response.status_code == 403
    assert "not a member any more" in response.content.decode()
    assert not is_logged_in(browser)


def test_the_secret_is_sealed_kept_and_given_to_no_other_issuer(
    oidc: OidcStandIn, alice: Person, admin_connection: psycopg.Connection
) -> None:
    (sealed,) = admin_connection.execute("SELECT sealed_secret FROM tenants_signinprovider").fetchone() or (b"",)
    assert oidc.client_secret.encode() not in bytes(sealed)
    set_provider(alice, oidc, secret="", name="Acme, renamed")
    found = find_sign_in("acme")
    assert found is not None
    assert (found.secret, found.name) == (oidc.client_secret, "Acme, renamed")
    with pytest.raises(InvalidInput) as refused:
        set_provider(alice, oidc, secret="", issuer="https://evil.example")
    assert refused.value.errors[0].pointer == "/secret"
    assert (find_sign_in("acme") or found).issuer == oidc.issuer


def test_what_makes_no_sense_is_refused_and_changes_nothing(oidc: OidcStandIn, alice: Person) -> None:
    before = find_sign_in("acme")
    wrong: list[tuple[str, Any, str]] = [
        ("issuer", "http://id.example", "/issuer"),
        ("issuer", "https://user:secret@id.example", "/issuer"),
        ("issuer", "https://id.example/?x=1", "/issuer"),
        ("issuer", "ftp://id.example", "/issuer"),
        ("issuer", "https://[", "/issuer"),
        ("issuer", "", "/issuer"),
        ("client_id", " ", "/client_id"),
        ("name", "x" * 81, "/name"),
        ("domains", [], "/domains"),
        ("domains", ["acme.example", "@acme.example"], "/domains/0"),
        ("domains", ["localhost"], "/domains/0"),
        ("role", "owner", "/role"),
        ("role", "admin", "/role"),
        ("role", "king", "/role"),
    ]
    for field, value, pointer in wrong:
        with pytest.raises(InvalidInput) as refused:
            set_provider(alice, oidc, **{field: value})
        assert [error.pointer for error in refused.value.errors] == [pointer]
    assert find_sign_in("acme") == before


def test_only_administrators_set_and_remove_it(
    oidc: OidcStandIn, alice: Person, bob: Person, dana: Person, charlie: Person
) -> None:
    page = alice.client.get("/o/acme/settings/sign-in/")
    assert page.status_code == 200
    text = page.content.decode()
    assert oidc.client_secret not in text
    assert "http://127.0.0.1:8000/accounts/oidc/acme/login/callback/" in text
    for person in (bob, dana):
        assert person.client.get("/o/acme/settings/sign-in/").status_code == 403
        assert person.client.post("/o/acme/settings/sign-in/", _form(oidc)).status_code == 403
        assert person.client.post("/o/acme/settings/sign-in/delete/").status_code == 403
        with pytest.raises(PermissionRefused):
            remove_sign_in(access=person.access)
    assert charlie.client.get("/o/acme/settings/sign-in/").status_code == 404
    assert charlie.client.post("/o/acme/settings/sign-in/delete/").status_code == 404
    assert find_sign_in("acme") is not None


def test_the_page_sets_corrects_and_removes_it(oidc: OidcStandIn, alice: Person) -> None:
    client = alice.client
    wrong = client.post("/o/acme/settings/sign-in/", _form(oidc, issuer="http://id.example", domains="a b"))
    assert wrong.status_code == 400
    assert "must begin with https://" in wrong.content.decode()
    right = client.post(
        "/o/acme/settings/sign-in/", _form(oidc, name="Acme SSO", domains="acme.example, b.example")
    )
    assert right.status_code == 302
    found = find_sign_in("acme")
    assert found is not None
    assert (found.name, found.domains, found.secret) == (
        "Acme SSO",
        frozenset({"acme.example", "b.example"}),
        oidc.client_secret,
    )
    go(Browser(), oidc)
    assert client.post("/o/acme/settings/sign-in/delete/").status_code == 302
    assert find_sign_in("acme") is None
    assert not SocialAccount.objects.exists()
    with tenant_atomic(alice.access.tenant_id):
        assert not SignInProvider.objects.exists()
        actions = AuditEvent.objects.filter(target_kind="sign_in").order_by("at").values_list("action", flat=True)
        assert list(actions) == ["sign_in.set", "sign_in.set", "sign_in.removed"]


def test_a_person_disconnects_with_their_password(oidc: OidcStandIn, bob: Person) -> None:
    erin = User.objects.create_user("erin@acme.example", PASSWORD)
    EmailAddress.objects.create(user=erin, email=erin.email, verified=True, primary=True)
    go(Browser(), oidc)
    account = SocialAccount.objects.get()
    browser = Browser()
    log_in(browser, erin.email)
    assert "acme" in browser.get("/accounts/connections/").content.decode()
    # Nobody else's, and a missing one is no different.
    bob.client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    for number in (account.pk, 0, "x", "9" * 5000):
        assert bob.client.post("/accounts/connections/", {"account": number}).status_code == 404
    asked = browser.post("/accounts/connections/", {"account": account.pk})
    assert asked["Location"].startswith("/accounts/reauthenticate/")
    browser.post("/accounts/reauthenticate/", {"password": PASSWORD, "next": "/accounts/connections/"})
    browser.post("/accounts/connections/", {"account": account.pk})
    assert not SocialAccount.objects.exists()


def test_turning_back_at_the_provider_is_no_error(oidc: OidcStandIn) -> None:
    browser = Browser()
    there = browser.get("/accounts/oidc/acme/login/")["Location"]
    state = parse_qs(urlsplit(there).query)["state"][0]
    back = browser.get("/accounts/oidc/acme/login/callback/", {"error": "access_denied", "state": state})
    assert back["Location"] == "/accounts/oidc/cancelled/"
    assert "turned back" in browser.get(back["Location"]).content.decode()


def _form(oidc: OidcStandIn, **changes: str) -> dict[str, str]:
    given = {
        "name": "Acme ID",
        "issuer": oidc.issuer,
        "client_id": oidc.client_id,
        "secret": "",
        "domains": "acme.example",
        "role": "viewer",
        "is_enabled": "on",
    }
    return {**given, **changes}
