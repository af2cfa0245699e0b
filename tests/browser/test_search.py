"""The page that searches the text of documents."""

from __future__ import annotations

from playwright.async_api import expect

from tests.browser.conftest import OpenPortal
from tests.browser.test_accessibility import violations
from tests.people import Person


async def test_from_words_to_the_passage_in_its_page_by_keyboard(open_portal: OpenPortal, reader: Person) -> None:
    portal = await open_portal(reader)
    page = portal.page
    await portal.open("documents/")
    await page.get_by_role("link", name="Search the text").click()
    field = page.get_by_role("searchbox", name="Words or a question")
    await expect(field).to_be_focused()
    await page.keyboard.type("Are night trains refunded?")
    await page.keyboard.press("Enter")
    first = page.get_by_role("list", name="Passages").get_by_role("listitem").first
    await expect(first).to_contain_text("page 3")
    await expect(first.locator("mark")).to_have_text(["Night", "trains", "refunded"])
    await expect(field).to_have_value("Are night trains refunded?")
    await first.get_by_role("link").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Page 3 of 3")).to_be_visible()
    await expect(page.get_by_role("blockquote")).to_contain_text("Night trains are refunded")
    await page.go_back()
    await expect(first).to_contain_text("page 3")


async def test_filters_narrow_and_can_be_left_with_one_click(open_portal: OpenPortal, reader: Person) -> None:
    portal = await open_portal(reader)
    page = portal.page
    await portal.open("documents/search/?q=reading+room")
    passages = page.get_by_role("list", name="Passages").get_by_role("listitem")
    await expect(passages).to_have_count(4)
    await page.get_by_label("Collection").select_option("Visits")
    await page.get_by_role("button", name="Search").click()
    await expect(passages).to_have_count(1)
    await expect(passages).to_contain_text("opening-hours.txt")
    await page.get_by_label("until").fill("2001-01-01")
    await page.get_by_role("button", name="Search").click()
    await expect(page.get_by_role("status").filter(has_text="No passage matches.")).to_be_visible()
    await page.get_by_role("link", name="Search all documents for it").click()
    await expect(passages).to_have_count(4)


async def test_it_is_accessible_and_fits_a_telephone(open_portal: OpenPortal, reader: Person) -> None:
    portal = await open_portal(reader, viewport={"width": 390, "height": 844})
    portal.witness.expect("until=2020-01-01", "status of 400")
    for path in ("", "?q=night+trains", "?q=zeppelin&mode=lexical", "?q=trains&since=2021-01-01&until=2020-01-01"):
        await portal.open(f"documents/search/{path}")
        assert await violations(portal.page) == []
        width = await portal.page.evaluate("() => document.documentElement.scrollWidth")
        assert width <= 390
