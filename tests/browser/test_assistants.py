"""Assistants: chosen where a chat begins, shown in its header, made and archived in the settings."""

from __future__ import annotations

from playwright.async_api import expect

from tests.browser.conftest import OpenPortal
from tests.browser.portal import Portal
from tests.people import Person


async def test_a_chat_begins_with_the_assistant_that_was_chosen(portal: Portal) -> None:
    page = portal.page
    choice = page.get_by_role("combobox", name="Assistant")
    await expect(choice).to_have_value("docent")
    scope = page.get_by_role("list", name="What will be searched")
    await expect(scope).to_be_visible()
    await choice.select_option("Open chat")
    await expect(page.get_by_text("Talks without looking into the documents")).to_be_visible()
    await expect(page.get_by_role("button", name="Draft a friendly reminder")).to_be_visible()
    await expect(scope).to_be_hidden()
    await expect(portal.field).to_have_attribute("placeholder", "Ask anything")
    await expect(page.get_by_role("heading", name="What shall we think about?")).to_be_visible()
    await page.reload()
    await expect(choice).to_have_value("open-chat")
    await choice.select_option("Precise quoter")
    await expect(scope).to_be_visible()
    await expect(page.get_by_role("button", name="Draft a friendly reminder")).to_be_hidden()
    await expect(page.get_by_role("heading", name="What would you like to know")).to_be_visible()
    await portal.ask("How many days of paid holiday are there?")
    await portal.answered()
    header = page.get_by_role("banner").get_by_text("Precise quoter")
    await expect(header).to_be_visible()
    await expect(choice).to_have_count(0)
    await page.reload()
    await expect(header).to_be_visible()


async def test_an_assistants_collections_are_chosen_with_it(open_portal: OpenPortal, manager: Person) -> None:
    portal = await open_portal(manager)
    page = portal.page
    await portal.open("settings/assistants/")
    await page.get_by_role("link", name="New assistant").click()
    await page.get_by_label("Name", exact=True).fill("Porter")
    await page.get_by_label("Sample questions").fill("When does the reading room open?")
    await page.get_by_role("checkbox", name="Visits").check()
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Porter is saved.")).to_be_visible()
    row = page.get_by_role("main").get_by_role("listitem").filter(has_text="Porter")
    await row.get_by_role("link", name="Chat Porter").click()
    await expect(page.locator(".scope-chip")).to_have_text(["Visits"])
    await page.get_by_role("button", name="When does the reading room open?").click()
    await portal.answered()
    await expect(portal.answer_text).to_contain_text("opens at nine")
    await portal.ask("How many days of paid holiday does an employee have?")
    await portal.answered()
    await expect(portal.answer).to_contain_text("I found no answer")
    await page.get_by_role("button", name="Choose collections").or_(page.locator(".scope summary")).first.click()
    await page.get_by_role("checkbox", name="Documents").check()
    await portal.field.press("Escape")
    await portal.ask("How many days of paid holiday does an employee have?")
    await portal.answered()
    await expect(portal.answer_text).to_contain_text("twenty-eight days")

    await portal.open("settings/assistants/")
    await row.get_by_role("button", name="Archive Porter").click()
    await page.get_by_role("button", name="Restore Porter").click()
    await expect(page.get_by_text("Porter can be chosen again.")).to_be_visible()
    await row.get_by_role("button", name="Archive Porter").click()
    await expect(page.get_by_role("button", name="Restore Porter")).to_be_visible()
