"""A passkey, with the browser's own authenticator."""

from __future__ import annotations

import pytest
from allauth.account.models import EmailAddress
from playwright.async_api import Page, expect
from pytest_django import DjangoDbBlocker

from tests.browser.conftest import PASSWORD, OpenPortal
from tests.people import Person
from tests.processes import LiveServer

_INSIDE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def verified(reader: Person, django_db_blocker: DjangoDbBlocker) -> Person:
    """A reader whose address is verified: only such may have a second factor."""
    with django_db_blocker.unblock():
        EmailAddress.objects.create(user=reader.user, email=reader.user.email, verified=True, primary=True)
    return reader


async def _plug_in_authenticator(page: Page) -> None:
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("WebAuthn.enable")
    await devtools.send("WebAuthn.addVirtualAuthenticator", {"options": _INSIDE})


async def test_a_passkey_takes_the_place_of_the_password(
    open_portal: OpenPortal, live_server: LiveServer, verified: Person
) -> None:
    # Browsers take passkeys at a domain: `localhost` counts as one, the address 127.0.0.1 does not.
    origin = live_server.url.replace("127.0.0.1", "localhost")
    portal = await open_portal(verified, at=origin)
    portal.witness.expect("401")  # the page that is left by logging out may still ask what became of its socket
    page = portal.page
    await _plug_in_authenticator(page)
    await page.goto(f"{origin}/accounts/2fa/webauthn/add/")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Go on").click()
    await page.get_by_label("Passwordless").check()
    await page.get_by_role("button", name="Add the key").click()
    await expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    await page.goto(f"{origin}/accounts/2fa/webauthn/")
    await expect(page.get_by_text("Not used yet.")).to_be_visible()
    await page.get_by_role("button", name="Log out").click()

    await page.goto(f"{origin}/accounts/login/?next=/o/{verified.slug}/documents/")
    await page.get_by_role("button", name="Log in with a passkey").click()
    await expect(page).to_have_url(f"{origin}/o/{verified.slug}/documents/")

    # It is also the second factor of whoever types the password.
    await page.get_by_role("navigation").get_by_text(verified.user.email).click()
    await page.get_by_role("button", name="Log out").click()
    await page.goto(f"{origin}/accounts/login/")
    await page.get_by_label("Email").fill(verified.user.email)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in", exact=True).click()
    await page.get_by_role("button", name="Use a passkey or security key").click()
    await expect(page).to_have_url(f"{origin}/o/{verified.slug}/")


async def test_a_browser_without_the_key_says_so_in_words(
    open_portal: OpenPortal, live_server: LiveServer
) -> None:
    origin = live_server.url.replace("127.0.0.1", "localhost")
    portal = await open_portal(None, at=origin)
    await portal.page.goto(f"{origin}/accounts/login/")
    await portal.page.evaluate("() => { navigator.credentials.get = () => Promise.reject(new Error('no')); }")
    await portal.page.get_by_role("button", name="Log in with a passkey").click()
    await expect(portal.page.get_by_role("alert")).to_have_text(
        "The passkey was not used. Try again, or choose another way."
    )
