"""Every word by gettext: in the pseudo-language no page says anything without its brackets (behaviour 39)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin

import pytest
from django.conf import settings
from django.core.management import call_command
from playwright.async_api import expect

from tests.browser.conftest import OpenPortal
from tests.browser.portal import Portal
from tests.browser.test_accessibility import QUESTION
from tests.browser.words import bare_words
from tests.people import Person

# Organisations of the tests, and an example of an address.
OWN = (
    r"Harbour Library",
    r"Archive \d+",
    r"Documents(?= · )",
    r"https?://\S*",
    r"handbook\.pdf",
    QUESTION[:-1],
    r"CASE-\S+",
    r"llama\S+",
    r"Ollama",
)
MORE = ("shared/", "feedback/")
BEFORE_LOG_IN = ("", "accounts/login/", "accounts/signup/", "accounts/password/reset/")
PSEUDO: dict[str, Any] = {"locale": "en-XA"}


@pytest.fixture(scope="session", autouse=True)
def pseudo_language() -> None:
    """Its catalogue, before anybody asks for it."""
    assert "en-xa" in dict(settings.LANGUAGES)
    call_command("messages", "--pseudo")


async def found_on(portal: Portal, addresses: list[str]) -> dict[str, list[str]]:
    """What the pages say outside the brackets, by address."""
    found = {}
    for address in addresses:
        await portal.page.goto(urljoin(portal.url, address))
        found[address] = await bare_words(portal.page, OWN)
    return {address: words for address, words in found.items() if words}


async def test_39_pages_before_log_in_say_nothing_untranslated(open_portal: OpenPortal) -> None:
    portal = await open_portal(None, **PSEUDO)
    await portal.open()
    await expect(portal.page.locator("html")).to_have_attribute("lang", "en-xa")
    assert await found_on(portal, [f"{portal.url}{path}" for path in BEFORE_LOG_IN]) == {}


async def test_39_pages_of_ones_account_say_nothing_untranslated(open_portal: OpenPortal, reader: Person) -> None:
    portal = await open_portal(reader, **PSEUDO)
    origin = portal.url.partition("/o/")[0]
    paths = ("email", "password/change", "2fa", "sessions", "connections", "reauthenticate", "delete")
    assert await found_on(portal, [f"{origin}/accounts/{path}/" for path in paths]) == {}
    assert await found_on(portal, [f"{origin}/", f"{origin}/organisations/new/"]) == {}


async def test_39_a_chat_says_nothing_untranslated(open_portal: OpenPortal, reader: Person) -> None:
    portal = await open_portal(reader, **PSEUDO)
    assert await found_on(portal, [portal.url]) == {}
    await portal.page.locator("[data-composer] textarea").fill(QUESTION)
    await portal.page.locator("[data-composer] textarea").press("Enter")
    await expect(portal.page.locator(".answer-actions").last).to_be_visible()
    assert await bare_words(portal.page, OWN) == []
    await portal.page.locator(".answer-body .chip").first.click()
    await expect(portal.panel.locator("img").first).to_be_visible()
    assert await bare_words(portal.page, OWN) == []
    assert await found_on(portal, [portal.page.url]) == {}


async def test_39_documents_say_nothing_untranslated(open_portal: OpenPortal, archivist: Person) -> None:
    portal = await open_portal(archivist, **PSEUDO)
    await portal.open("documents/")
    await portal.page.get_by_role("link", name="handbook.pdf").first.click()
    documents, document = f"{portal.url}documents/", portal.page.url
    pages = [documents, document, f"{document}chunks/", f"{portal.url}documents/search/"]
    assert await found_on(portal, pages) == {}
    await portal.page.goto(documents)
    shelves = await portal.page.locator("main a[href*='/collections/']").all()
    addresses = {str(await link.get_attribute("href")) for link in shelves}
    assert await found_on(portal, sorted(addresses)) == {}


async def test_39_settings_say_nothing_untranslated(open_portal: OpenPortal, founder: Person) -> None:
    portal = await open_portal(founder, **PSEUDO)
    await portal.open("settings/")
    links = await portal.page.locator("nav a[href*='/settings/']").all()
    addresses = {str(await link.get_attribute("href")) for link in links}
    assert len(addresses) > 8
    assert await found_on(portal, [*sorted(addresses), *(f"{portal.url}{one}" for one in MORE)]) == {}


async def test_38_longer_words_fit_a_screen_of_320_pixels(open_portal: OpenPortal, archivist: Person) -> None:
    screen: Any = {"viewport": {"width": 320, "height": 640}, "has_touch": True, "is_mobile": True}
    portal = await open_portal(archivist, **PSEUDO, **screen)
    wide = {}
    for path in ("", "documents/", "documents/search/", "settings/", "settings/members/", "settings/usage/"):
        await portal.open(path)
        wide[path] = await portal.page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
    assert {path: by for path, by in wide.items() if by > 0} == {}
