"""The documents page while the same person, or another, works elsewhere (behaviour 40)."""

from __future__ import annotations

from playwright.async_api import expect

from tests.browser.conftest import OpenPortal
from tests.browser.portal import Portal
from tests.browser.test_documents import BROKEN, chosen, state, text_file
from tests.people import Person


async def test_40_documents_of_others_appear_and_are_found(open_portal: OpenPortal, archivist: Person) -> None:
    portal = await open_portal(archivist)
    page = portal.page
    await portal.open("documents/")
    await page.get_by_label("Find by name").press("Tab")
    elsewhere = Portal(await page.context.new_page(), portal.url, portal.witness)
    await elsewhere.open("documents/")
    await chosen(elsewhere).set_input_files([text_file("ferries.txt", b"The ferry leaves at eight."), BROKEN])
    await expect(state(portal.document("ferries.txt"))).to_have_text("Ready")
    await expect(state(portal.document("broken.pdf"))).to_have_text("Failed")
    await expect(page.get_by_role("link", name="All 3")).to_be_visible()
    await page.get_by_label("State").select_option("Failed")
    await expect(page.get_by_text("1 document", exact=False).first).to_be_visible()
    await expect(portal.document("handbook.pdf")).to_have_count(0)
    await page.get_by_role("link", name="Show all").click()
    await page.get_by_label("Find by name").fill("ferr")
    await page.get_by_label("Find by name").press("Enter")
    await expect(portal.document("broken.pdf")).to_have_count(0)
    await expect(portal.document("ferries.txt")).to_be_visible()
    assert page.url.endswith("/documents/?q=ferr")
    await elsewhere.document("ferries.txt").get_by_role("button", name="Delete").click()
    await elsewhere.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(elsewhere.document("ferries.txt")).to_have_count(0)


async def test_40_a_document_goes_though_the_list_is_renewed_while_one_is_asked(
    open_portal: OpenPortal, archivist: Person
) -> None:
    portal = await open_portal(archivist)
    await portal.open("documents/")
    elsewhere = Portal(await portal.page.context.new_page(), portal.url, portal.witness)
    await elsewhere.open("documents/")
    await portal.document("handbook.pdf").get_by_role("button", name="Delete").click()
    question = portal.page.get_by_role("dialog")
    await expect(question).to_be_visible()
    await chosen(elsewhere).set_input_files([text_file("ferries.txt", b"The ferry leaves at eight.")])
    ready = portal.page.locator("[data-document]").filter(has_text="ferries.txt").locator("[data-state]")
    await expect(ready).to_have_text("Ready")
    await question.get_by_role("button", name="Delete").click()
    await expect(portal.document("handbook.pdf")).to_have_count(0)
