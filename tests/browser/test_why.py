"""Why an answer says what it says, opened under it by admins."""

from __future__ import annotations

from playwright.async_api import expect

from tests.browser.conftest import OpenPortal
from tests.browser.portal import Portal
from tests.browser.test_accessibility import violations
from tests.people import Person
from tests.standins.ollama import OllamaStandIn, Reply

QUESTION = "How many days of paid holiday do full-time employees have?"
ANSWER = "Full-time employees have twenty-eight days of paid holiday [1]."


async def asked(portal: Portal) -> None:
    await portal.open()
    await portal.field.fill(QUESTION)
    await portal.send.click()
    await expect(portal.answer.locator(".answer-actions")).to_be_visible()


async def test_admins_open_what_was_found_for_an_answer_and_how_long_it_took(
    open_portal: OpenPortal, manager: Person, ollama: OllamaStandIn
) -> None:
    ollama.script(Reply(text=ANSWER))
    portal = await open_portal(manager)
    await asked(portal)
    why = portal.answer.locator("details.why")
    await why.locator("summary").click()
    await expect(why.get_by_role("table")).to_contain_text("Cited [1]")
    await expect(why).to_contain_text(QUESTION)
    await expect(why).to_contain_text("Embedding")
    assert await violations(portal.page) == []

    await portal.page.reload()
    await why.locator("summary").click()
    await expect(why.get_by_role("table")).to_contain_text("Given [2]")
    await why.get_by_role("link", name="handbook.pdf").first.click()
    await expect(portal.page.get_by_role("heading", name="handbook.pdf")).to_be_visible()


async def test_members_have_no_such_thing(open_portal: OpenPortal, reader: Person, ollama: OllamaStandIn) -> None:
    ollama.script(Reply(text=ANSWER))
    portal = await open_portal(reader)
    await asked(portal)
    await expect(portal.answer.get_by_text("Why this answer")).to_have_count(0)
