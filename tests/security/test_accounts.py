"""Attacks on accounts: rows A1, A4 to A6 and A11 of the security table."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
import time

import pytest
from allauth.account.forms import default_token_generator
from allauth.account.models import EmailAddress
from allauth.account.utils import user_pk_to_url_str
from django.core import mail, signing
from django.core.signing import b62_encode
from pytest_django import Settings

from config.embedded import PROJECT
from tenants.models import User
from tests.environment import Environment
from tests.people import Browser, Person
from tests.tenants.accounts import PASSWORD, is_logged_in, link_in, log_in, mails_to, seen_in, sign_up

pytestmark = pytest.mark.django_db(transaction=True)

_NEW = {"password1": "another-long-one", "password2": "another-long-one"}


def _stranger() -> User:
    """Somebody whose address no other test has used up the patience for."""
    return User.objects.create_user(f"person-{secrets.token_hex(4)}@example.org", PASSWORD)


def test_A1_logging_in_starts_another_session(alice: Person) -> None:
    browser = Browser()
    # An invitation's link starts a session for whoever opens it, as an attacker could for a victim.
    session = browser.session
    session["planted"] = True
    session.save()
    before = browser.cookies["sessionid"].value
    log_in(browser, alice.user.email)
    cookie = browser.cookies["sessionid"]
    assert cookie.value != before
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    fixed = Browser()
    fixed.cookies["sessionid"] = before
    assert not is_logged_in(fixed)
    assert is_logged_in(browser)


def test_A1_behind_tls_cookies_are_secure_and_bound_to_the_host(run_environment: Environment) -> None:
    names = ("SESSION_COOKIE_NAME", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_NAME", "CSRF_COOKIE_SECURE")
    code = f"from django.conf import settings; print([getattr(settings, name) for name in {names}])"
    variables = {**os.environ, **run_environment.variables, "DOCENT_PUBLIC_URL": "https://docent.example.org"}
    variables["DJANGO_SETTINGS_MODULE"] = "config.settings.production"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, env=variables, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "['__Host-sessionid', True, '__Host-csrftoken', True]"


def test_A4_logging_in_does_not_say_who_has_an_account(alice: Person) -> None:
    known = log_in(Browser(), alice.user.email, "not-the-password")
    unknown = log_in(Browser(), "nobody@example.org", "not-the-password")
    assert seen_in(known) == seen_in(unknown)
    assert "not correct" in known.content.decode()


def test_A4_nor_does_asking_for_another_password(alice: Person) -> None:
    answers = []
    for email in (alice.user.email, "nobody@example.org"):
        browser = Browser()
        response = browser.post("/accounts/password/reset/", {"email": email})
        answers.append((response.status_code, response["Location"], seen_in(browser.get(response["Location"]))))
        assert len(mails_to(email)) == 1  # so that the time is the same too
    assert answers[0] == answers[1]


def test_A4_signing_up_with_a_taken_address_tells_its_owner_alone(db: None) -> None:
    owner = _stranger()
    browser = Browser()
    response = sign_up(browser, owner.email)
    page = browser.get(response["Location"]).content.decode()
    assert "Check your e-mail" in page
    assert owner.email not in page
    assert not is_logged_in(browser)
    assert User.objects.count() == 1
    assert "already" in str(mails_to(owner.email)[0].body)
    sign_up(Browser(), owner.email)
    assert len(mails_to(owner.email)) == 1  # nobody's mailbox is filled by it


def test_A5_an_account_is_closed_for_a_while_to_whoever_guesses(bob: Person) -> None:
    victim = _stranger()
    for _ in range(5):
        log_in(Browser(), victim.email, "not-the-password")
    right = Browser()
    assert "Too many" in log_in(right, victim.email).content.decode()
    assert not is_logged_in(right)
    other = Browser()
    log_in(other, bob.user.email)
    assert is_logged_in(other)


def test_A5_an_address_is_closed_too_and_may_not_call_itself_another(alice: Person) -> None:
    guesser = Browser()
    for number in range(10):
        log_in(
            guesser, f"person-{number}@example.org", "a-password", headers={"X-Forwarded-For": f"10.1.1.{number}"}
        )
    refused = guesser.post(
        "/accounts/login/",
        {"login": alice.user.email, "password": PASSWORD},
        headers={"X-Forwarded-For": "10.2.2.2"},
    )
    assert not is_logged_in(guesser)
    assert refused.status_code in {200, 429}
    elsewhere = Browser()
    log_in(elsewhere, alice.user.email)
    assert is_logged_in(elsewhere)


def test_A5_a_named_proxy_says_who_is_asking(alice: Person, settings: Settings) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    proxy = Browser()
    log_in(proxy, alice.user.email, headers={"X-Forwarded-For": "10.9.9.9, 203.0.113.7"})
    # What the client wrote itself stands further left.
    assert "203.0.113.7" in proxy.get("/accounts/sessions/").content.decode()


def test_A6_a_reset_link_is_good_once_for_an_hour_and_for_that_address(alice: Person) -> None:
    browser = Browser()
    browser.post("/accounts/password/reset/", {"email": alice.user.email})
    link = link_in(mails_to(alice.user.email)[0])
    form = browser.get(link)["Location"]
    # Opened elsewhere the form's address alone is worth nothing.
    assert "no longer works" in Browser().get(form).content.decode()
    browser.post(form, _NEW)
    used = Browser().get(link)
    assert used.status_code == 200
    assert "no longer works" in used.content.decode()

    alice.user.refresh_from_db()
    assert Browser().get(_reset_path(alice.user, age=3590)).status_code == 302
    assert "no longer works" in Browser().get(_reset_path(alice.user, age=3610)).content.decode()
    early = _reset_path(alice.user, age=0)
    User.objects.filter(pk=alice.user.pk).update(email="alice@new.example")
    assert "no longer works" in Browser().get(early).content.decode()


def _reset_path(user: User, *, age: int) -> str:
    generator = default_token_generator
    made = generator._num_seconds(generator._now()) - age
    key = generator._make_token_with_timestamp(user, made, generator.secret)
    return f"/accounts/password/reset/key/{user_pk_to_url_str(user)}-{key}/"


class _Aged(signing.TimestampSigner):
    """Signs as if it were `age` seconds ago."""

    age = 0

    def timestamp(self) -> str:
        return b62_encode(int(time.time()) - self.age)


def test_A6_a_verification_link_is_good_once_and_for_a_day(alice: Person) -> None:
    address = EmailAddress.objects.create(user=alice.user, email=alice.user.email, primary=True)

    def link(age: int) -> str:
        signer = _Aged(salt="account")
        signer.age = age
        return f"/accounts/confirm-email/{signer.sign_object(address.pk, compress=False)}/"

    day = 24 * 60 * 60
    assert Browser().post(link(day + 60)).status_code == 404
    address.refresh_from_db()
    assert not address.verified
    # Looking at it uses nothing up: mail scanners do.
    good = link(day - 60)
    assert Browser().get(good).status_code == 200
    address.refresh_from_db()
    assert not address.verified
    assert Browser().post(good).status_code == 302
    address.refresh_from_db()
    assert address.verified
    assert Browser().post(good).status_code == 404


def test_A11_nobody_is_sent_elsewhere(alice: Person) -> None:
    for destination in (
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "https:evil.example",
        "javascript:alert(1)",
    ):
        browser = Browser()
        assert log_in(browser, alice.user.email, next=destination)["Location"] == "/o/acme/"
        assert browser.post("/accounts/logout/", {"next": destination})["Location"] == "/"


def test_A11_links_in_mail_stand_on_our_address_whatever_the_host_header_says(db: None) -> None:
    assert Browser().get("/accounts/login/", headers={"host": "evil.example"}).status_code == 400
    owner = _stranger()
    for path, form in (
        ("/accounts/password/reset/", {"email": owner.email}),
        ("/accounts/signup/", {"email": owner.email, "password1": "lamps-and-lenses", "organisation": "A"}),
        (
            "/accounts/signup/",
            {
                "email": f"new-{secrets.token_hex(4)}@example.org",
                "password1": "lamps-and-lenses",
                "organisation": "A",
            },
        ),
    ):
        mail.outbox.clear()
        Browser().post(path, form, headers={"host": "localhost:1234"})
        links = re.findall(r"https?://[^/\s]+", str(mail.outbox[0].body))
        assert set(links) == {"http://127.0.0.1:8000"}
