"""Signing up, verifying an address, changing it, and a forgotten password."""

from __future__ import annotations

import io
import re
import smtplib
import socket
from urllib.parse import urlsplit

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.management import CommandError, call_command
from pytest_django import Settings

from tenants.access import memberships_of
from tenants.models import Tenant, User
from tenants.permissions import Role
from tenants.services.invitations import create_invitation
from tests.people import Browser, Person
from tests.tenants.accounts import (
    PASSWORD,
    is_logged_in,
    link_in,
    log_in,
    mails_to,
    reauthenticate,
    sign_up,
    verify,
)

pytestmark = pytest.mark.django_db(transaction=True)


def _invite(alice: Person, email: str) -> str:
    """The path of an invitation's link, as a member of acme."""
    mail.outbox.clear()
    made = create_invitation(access=alice.access, email=email, role=Role.MEMBER)
    mail.outbox.clear()
    return urlsplit(made.url).path


def test_signing_up_logs_in_at_once_and_asks_to_verify_the_address() -> None:
    browser = Browser()
    response = sign_up(browser, "Keeper@Example.org")
    assert (response.status_code, response["Location"]) == (302, "/o/blue-lighthouse/")
    user = User.objects.get()
    assert user.email == "keeper@example.org"
    assert [(one.slug, one.role) for one in memberships_of(user)] == [("blue-lighthouse", Role.OWNER)]
    assert not EmailAddress.objects.get().verified
    assert verify(browser, "keeper@example.org").status_code == 302
    assert EmailAddress.objects.get().verified


def test_a_closed_installation_says_kindly_that_it_takes_invitations_only(settings: Settings) -> None:
    settings.DOCENT_SIGNUP = "closed"
    browser = Browser()
    page = browser.get("/accounts/signup/").content.decode()
    assert "ask one of its administrators for an invitation" in page
    assert 'name="password1"' not in page
    assert "administrators" in sign_up(browser, "keeper@example.org").content.decode()
    assert not User.objects.exists()
    # Nothing offers what is not there.
    assert "/accounts/signup/" not in browser.get("/").content.decode()
    assert "/accounts/signup/" not in browser.get("/accounts/login/").content.decode()


@pytest.mark.parametrize("policy", ["open", "closed"])
def test_whoever_is_invited_signs_up_for_that_organisation_alone(
    policy: str, alice: Person, settings: Settings
) -> None:
    settings.DOCENT_SIGNUP = policy
    email = f"erin-{policy}@example.org"
    path = _invite(alice, email)
    browser = Browser()
    browser.get(path)
    form = browser.get("/accounts/signup/").content.decode()
    assert 'name="organisation"' not in form
    assert "invitation to Acme" in form
    # The address is the invitation's, whatever is sent.
    response = sign_up(browser, "somebody.else@example.org", organisation="Mallory Inc.")
    assert (response.status_code, response["Location"]) == (302, path)
    erin = User.objects.get(email=email)
    assert set(User.objects.values_list("email", flat=True)) == {"alice@example.org", email}
    assert set(Tenant.objects.values_list("slug", flat=True)) == {"acme"}
    assert memberships_of(erin) == []
    assert verify(browser, email)["Location"] == path
    assert browser.post(path)["Location"] == "/o/acme/"
    assert [(one.slug, one.role) for one in memberships_of(erin)] == [("acme", Role.MEMBER)]


def test_an_invitation_that_is_not_good_opens_no_closed_door(alice: Person, settings: Settings) -> None:
    settings.DOCENT_SIGNUP = "closed"
    path = _invite(alice, "erin@example.org")
    browser = Browser()
    browser.get(path[:-2] + ("A/" if path[-2] != "A" else "B/"))
    sign_up(browser, "erin@example.org")
    assert not User.objects.filter(email="erin@example.org").exists()


def test_logging_in_with_an_invitation_leads_back_to_it(alice: Person, charlie: Person) -> None:
    path = _invite(alice, charlie.user.email)
    browser = Browser()
    browser.get(path)
    assert log_in(browser, charlie.user.email)["Location"] == path


def test_a_changed_address_counts_once_it_is_verified_and_the_old_one_is_told(alice: Person) -> None:
    EmailAddress.objects.create(user=alice.user, email=alice.user.email, verified=True, primary=True)
    browser = alice.client
    reauthenticate(browser)
    browser.post("/accounts/email/", {"action_add": "", "email": "alice@new.example"})
    assert User.objects.get().email == "alice@example.org"
    verify(browser, "alice@new.example")
    assert User.objects.get().email == "alice@new.example"
    told = mails_to("alice@example.org")[-1]
    assert "alice@new.example" in str(told.body)
    assert set(EmailAddress.objects.values_list("email", "verified", "primary")) == {
        ("alice@new.example", True, True)
    }
    assert not is_logged_in(_logged_in(alice.user, "alice@example.org"))
    assert is_logged_in(_logged_in(alice.user, "alice@new.example"))


def test_an_address_that_is_another_accounts_is_not_taken_over(alice: Person, bob: Person) -> None:
    reauthenticate(bob.client)
    response = bob.client.post("/accounts/email/", {"action_add": "", "email": alice.user.email})
    assert response.status_code == 302
    link = link_in(mails_to(alice.user.email)[-1])
    assert bob.client.post(link).status_code in {200, 302}
    assert User.objects.get(pk=bob.user.pk).email == bob.user.email
    assert User.objects.get(pk=alice.user.pk).email == alice.user.email


def test_a_pending_change_keeps_nobody_from_signing_up_with_their_address(bob: Person) -> None:
    reauthenticate(bob.client)
    bob.client.post("/accounts/email/", {"action_add": "", "email": "keeper@example.org"})
    assert sign_up(Browser(), "keeper@example.org")["Location"] == "/o/blue-lighthouse/"


def test_an_address_that_is_not_verified_is_never_logged_in_with(bob: Person) -> None:
    reauthenticate(bob.client)
    bob.client.post("/accounts/email/", {"action_add": "", "email": "bob@new.example"})
    for action in ("action_primary", "action_remove"):
        for email in ("bob@new.example", "bob@example.org"):
            bob.client.post("/accounts/email/", {action: "", "email": email})
        assert User.objects.get(pk=bob.user.pk).email == "bob@example.org"


def test_changing_the_address_asks_who_it_is(alice: Person) -> None:
    response = alice.client.post("/accounts/email/", {"action_add": "", "email": "alice@new.example"})
    assert response["Location"].startswith("/accounts/reauthenticate/")
    assert mails_to("alice@new.example") == []


def test_a_forgotten_password_is_set_anew_by_mail(alice: Person) -> None:
    browser = Browser()
    browser.post("/accounts/password/reset/", {"email": "alice@example.org"})
    form = browser.get(link_in(mails_to("alice@example.org")[-1]))["Location"]
    browser.post(form, {"password1": "another-long-one", "password2": "another-long-one"})
    assert is_logged_in(_logged_in(alice.user, "alice@example.org", "another-long-one"))
    assert not is_logged_in(_logged_in(alice.user, "alice@example.org", PASSWORD))


def test_a_mail_server_that_is_away_stops_nobody(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        settings.EMAIL_PORT = closed.getsockname()[1]
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST = "127.0.0.1"
    assert issubclass(smtplib.SMTPException, OSError)
    assert sign_up(Browser(), "keeper@example.org")["Location"] == "/o/blue-lighthouse/"


def test_a_platform_administrator_is_made_or_promoted(alice: Person) -> None:
    out = io.StringIO()
    call_command("create_platform_admin", "Root@Example.org", stdout=out)
    root = User.objects.get(email="root@example.org")
    assert (root.is_staff, root.is_superuser, root.has_usable_password()) == (True, True, False)
    assert EmailAddress.objects.get(user=root).verified
    path = urlsplit(re.findall(r"https?://\S+reset\S+", out.getvalue())[0]).path
    browser = Browser()
    form = browser.get(path)["Location"]
    browser.post(form, {"password1": "another-long-one", "password2": "another-long-one"})
    assert is_logged_in(_logged_in(root, root.email, "another-long-one"))

    # Again: a person who is one already keeps everything.
    out = io.StringIO()
    call_command("create_platform_admin", "root@example.org", stdout=out)
    assert "reset" not in out.getvalue()
    assert User.objects.get(email=root.email).has_usable_password()

    # Somebody who chose a password before the address was verified need not be its owner.
    call_command("create_platform_admin", "alice@example.org", stdout=io.StringIO())
    promoted = User.objects.get(email="alice@example.org")
    assert (promoted.is_staff, promoted.is_superuser, promoted.has_usable_password()) == (True, True, False)
    assert not is_logged_in(alice.client)


def test_a_platform_administrator_needs_an_address() -> None:
    with pytest.raises(CommandError):
        call_command("create_platform_admin", "root")
    assert not User.objects.exists()


def _logged_in(user: User, email: str, password: str = PASSWORD) -> Browser:
    """A browser that has tried to log in."""
    browser = Browser()
    log_in(browser, email, password)
    return browser
