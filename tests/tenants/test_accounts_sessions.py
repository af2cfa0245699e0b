"""Where one is logged in, ending that, and what the other processes are told."""

from __future__ import annotations

import hashlib

import pytest
from allauth.usersessions.models import UserSession
from django.test import Client

from tenants.models import Revocation
from tests.people import Browser, Person
from tests.tenants.accounts import PASSWORD, is_logged_in, log_in

pytestmark = pytest.mark.django_db(transaction=True)


def _logged_in(person: Person, agent: str) -> Browser:
    browser = Browser(HTTP_USER_AGENT=agent)
    log_in(browser, person.user.email)
    return browser


def _digest(browser: Client) -> str:
    return hashlib.sha256(browser.cookies["sessionid"].value.encode()).hexdigest()


def _announced() -> set[tuple[str, str]]:
    return set(Revocation.objects.values_list("session_sha256", "reason"))


def test_sessions_are_listed_and_ended_one_by_one_or_all_at_once(alice: Person, bob: Person) -> None:
    here, there, elsewhere = (_logged_in(alice, agent) for agent in ("Here", "There", "Elsewhere"))
    bobs = _logged_in(bob, "Bob's")
    page = here.get("/accounts/sessions/").content.decode()
    assert all(agent in page for agent in ("Here", "There", "Elsewhere"))
    assert "Bob" not in page

    ended = _digest(there)
    here.post("/accounts/sessions/", {"session": UserSession.objects.get(user_agent="There").pk})
    assert [is_logged_in(browser) for browser in (here, there, elsewhere, bobs)] == [True, False, True, True]
    assert _announced() == {(ended, "ended")}

    also = _digest(elsewhere)
    here.post("/accounts/sessions/")
    assert [is_logged_in(browser) for browser in (here, elsewhere, bobs)] == [True, False, True]
    assert _announced() == {(ended, "ended"), (also, "ended")}


def test_anothers_session_is_like_none(alice: Person, bob: Person) -> None:
    here, bobs = _logged_in(alice, "Here"), _logged_in(bob, "Bob's")
    foreign = UserSession.objects.get(user_agent="Bob's").pk
    for number in (foreign, foreign + 100, "x", ""):
        assert here.post("/accounts/sessions/", {"session": number}).status_code == 404
    assert is_logged_in(bobs)
    assert _announced() == set()


def test_logging_out_is_announced(alice: Person) -> None:
    here, there = _logged_in(alice, "Here"), _logged_in(alice, "There")
    ended = _digest(here)
    here.post("/accounts/logout/")
    assert [is_logged_in(browser) for browser in (here, there)] == [False, True]
    assert _announced() == {(ended, "ended")}


def test_a_new_password_ends_every_other_session(alice: Person) -> None:
    here, there = _logged_in(alice, "Here"), _logged_in(alice, "There")
    new = {"password1": "another-long-one", "password2": "another-long-one"}
    here.post("/accounts/password/change/", {"oldpassword": PASSWORD, **new})
    assert [is_logged_in(browser) for browser in (here, there)] == [True, False]
    # Whatever is open comes back and is looked at anew.
    assert set(Revocation.objects.values_list("user_id", "reason")) == {(alice.user.pk, "changed")}


def test_pages_of_an_account_are_for_who_is_logged_in(alice: Person) -> None:
    for path in ("email", "password/change", "2fa", "sessions", "connections"):
        assert Browser().get(f"/accounts/{path}/")["Location"].startswith("/accounts/login/?next=")
        assert alice.client.get(f"/accounts/{path}/").status_code == 200
