"""Every page of the URL configurations by axe, light and dark (behaviours 37 to 39)."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import expect
from pytest_django import DjangoDbBlocker

from tenants.admin_sites.tenant_site import tenant_admin
from tests.browser.conftest import OpenPortal, new_founder
from tests.browser.pages import SECTIONS, global_paths, pages_among, paths_of
from tests.browser.portal import Portal
from tests.browser.test_accessibility import violations
from tests.isolation.estates import Estate, estate_of
from tests.people import Person
from tests.processes import Running

# The administration's frame is Django's: its style sheets import others, which axe would fetch into the page, and
# its tables of related rows begin with a cell for what a row says of itself, which has no heading.
_OF_DJANGO = {"preload": False, "rules": {"empty-table-header": {"enabled": False}}}
# Settings have a test of their own, and a logo is a picture.
_OTHER_SECTIONS = {"settings", "logo"}
# What is foreign, gone or used up has a page too.
_REFUSED = (r"status 4\d\d: ", r"Failed to load resource: .* 4\d\d")


@pytest.fixture(scope="module")
def estate(django_db_setup: None, django_db_blocker: DjangoDbBlocker, worker: Running) -> Estate:
    """An owner who has one of everything."""
    with django_db_blocker.unblock():
        return estate_of(new_founder("Everything"))


async def _all_violations(portal: Portal, addresses: list[str], **options: Any) -> list[str]:
    """Of each page, by address; there must be some."""
    found = []
    pages = await pages_among(portal.page, addresses)
    for address in pages:
        await portal.page.goto(address)
        found += [f"{address}: {one}" for one in await violations(portal.page, **options)]
    assert pages or not addresses
    return found


@pytest.mark.parametrize("section", [name for name in SECTIONS if name not in _OTHER_SECTIONS])
async def test_39_pages_of_an_organisation(section: str, open_portal: OpenPortal, estate: Estate) -> None:
    portal = await open_portal(estate.person)
    portal.witness.expect(*_REFUSED)
    assert await _all_violations(portal, [portal.url + path for path in paths_of(section, estate)]) == []


async def test_39_settings_of_an_organisation(open_portal: OpenPortal, estate: Estate) -> None:
    portal = await open_portal(estate.person)
    portal.witness.expect(*_REFUSED)
    assert await _all_violations(portal, [portal.url + path for path in paths_of("settings", estate)]) == []


async def test_39_pages_outside_for_a_stranger(open_portal: OpenPortal) -> None:
    portal = await open_portal(None)
    portal.witness.expect(*_REFUSED)
    assert await _all_violations(portal, [portal.url + path for path in global_paths()]) == []


async def test_39_pages_outside_for_somebody_logged_in(open_portal: OpenPortal, reader: Person) -> None:
    portal = await open_portal(reader)
    portal.witness.expect(*_REFUSED)
    origin = portal.url.partition("o/")[0]
    away = {"accounts/logout/"}
    addresses = [origin + path for path in global_paths() if path not in away]
    assert await _all_violations(portal, [*addresses, origin + "accounts/logout/"]) == []


@pytest.mark.parametrize("app", sorted({model._meta.app_label for model in tenant_admin._registry}))
async def test_39_the_administration(app: str, open_portal: OpenPortal, estate: Estate) -> None:
    portal = await open_portal(estate.person)
    names = [model._meta.model_name for model in tenant_admin._registry if model._meta.app_label == app]
    addresses = [f"{portal.url}admin/{app}/"]
    for name in names:
        addresses.append(f"{portal.url}admin/{app}/{name}/")
        await portal.page.goto(addresses[-1])
        await expect(portal.page.locator("#changelist")).to_be_visible()
        row = portal.page.locator("#result_list tbody th a").first
        if await row.count():
            await row.click()
            await expect(portal.page.locator("form fieldset").first).to_be_visible()
            addresses += [portal.page.url, portal.page.url.replace("/change/", "/history/")]
            addresses += [portal.page.url.replace("/change/", "/delete/")]
        addresses.append(f"{portal.url}admin/{app}/{name}/add/")
    portal.witness.expect(*_REFUSED)
    assert await _all_violations(portal, addresses, **_OF_DJANGO) == []
