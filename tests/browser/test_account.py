"""Coming in and going out."""

from __future__ import annotations

from playwright.async_api import expect

from tests.browser.conftest import PASSWORD
from tests.browser.portal import Portal
from tests.people import Person


async def test_signing_up_creates_an_organisation_and_lands_in_its_chat(stranger: Portal) -> None:
    page = stranger.page
    await stranger.open()
    await page.get_by_role("link", name="Create an organisation").click()
    await page.get_by_label("Organisation").fill("Blue Lighthouse")
    await page.get_by_label("Email").fill("keeper@example.org")
    await page.get_by_label("Password").fill("lamps-and-lenses")
    await page.get_by_role("button", name="Create and log in").click()
    await expect(page.get_by_role("heading", name="What would you like to know")).to_have_text(
        "What would you like to know from Blue Lighthouse’s documents?"
    )
    await expect(page).to_have_url(f"{stranger.url}o/blue-lighthouse/")
    await expect(page.get_by_text("No documents")).to_have_count(0)


async def test_a_weak_password_is_refused_in_words(stranger: Portal) -> None:
    page = stranger.page
    await stranger.open("accounts/signup/")
    await page.get_by_label("Organisation").fill("Blue Lighthouse")
    await page.get_by_label("Email").fill("other-keeper@example.org")
    await page.get_by_label("Password").fill("lamp")
    await page.get_by_role("button", name="Create and log in").click()
    await expect(page.get_by_text("This password is too short.")).to_be_visible()
    await expect(page.get_by_label("Organisation")).to_have_value("Blue Lighthouse")


async def test_logging_in_leads_to_where_one_was_going_and_logging_out_shuts_the_door(
    stranger: Portal, reader: Person
) -> None:
    page, organisation = stranger.page, f"o/{reader.slug}/"
    await stranger.open(f"{organisation}documents/")
    await page.get_by_label("Email").fill(reader.user.email)
    await page.get_by_label("Password").fill("not-the-password")
    await page.get_by_role("button", name="Log in", exact=True).click()
    await expect(page.get_by_role("alert")).to_contain_text("not correct")

    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in", exact=True).click()
    await expect(page).to_have_url(f"{stranger.url}{organisation}documents/")
    await expect(page.get_by_role("heading", name="Documents", level=1)).to_be_visible()

    await page.get_by_role("navigation").get_by_text(reader.user.email).click()
    await page.get_by_role("button", name="Log out").click()
    await expect(page).to_have_url(stranger.url)
    await stranger.open(organisation)
    await expect(page.get_by_role("heading", name="Welcome back")).to_be_visible()
