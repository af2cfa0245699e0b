"""Conversations that ended or are archived, and the rules by which that happens."""

from __future__ import annotations

from uuid import UUID

from playwright.async_api import expect

from tests.browser.conftest import OpenPortal
from tests.browser.test_accessibility import violations
from tests.people import Person
from tests.standins.ollama import OllamaStandIn, Reply


async def test_an_archived_one_is_read_with_its_versions_and_reopened(
    open_portal: OpenPortal, reader: Person, ollama: OllamaStandIn
) -> None:
    portal = await open_portal(reader)
    page = portal.page
    await portal.open()
    ollama.script(Reply(text="The first answer."), Reply(text="The second answer."))
    await portal.ask("How many days of paid holiday do employees have?")
    await portal.answered()
    regenerate = portal.answer.get_by_role("button", name="Regenerate")
    await regenerate.click()
    await expect(portal.answer_text).to_have_text("The second answer.")
    await portal.answered()
    conversation = UUID(page.url.rstrip("/").rpartition("/")[2])
    archive = f"{portal.url.partition('/o/')[0]}/api/v1/conversations/{conversation}/archive/"
    archived = await page.request.post(archive, headers={"Authorization": f"Bearer {reader.token}"})
    assert archived.status == 200, await archived.text()

    await page.reload()
    await expect(page.get_by_text("This conversation is archived.")).to_be_visible()
    await expect(portal.answer_text).to_have_text("The second answer.")
    await expect(regenerate).to_be_hidden()
    await expect(page.get_by_role("button", name="Edit the question")).to_be_hidden()
    await expect(page.get_by_role("group", name="Feedback")).to_be_hidden()
    await expect(page.get_by_role("textbox", name="Your question")).to_be_hidden()
    versions = portal.answer.get_by_role("group", name="Versions of this answer")
    await versions.get_by_role("button", name="Previous version").click()
    await expect(portal.answer_text).to_have_text("The first answer.")
    assert await violations(page) == []
    await page.get_by_role("button", name="Reopen").click()
    await expect(page.get_by_text("This conversation is archived.")).to_be_hidden()
    await expect(portal.answer_text).to_have_text("The first answer.")
    await expect(regenerate).to_be_visible()
    await expect(page.get_by_role("group", name="Feedback")).to_be_visible()
    await expect(page.get_by_role("textbox", name="Your question")).to_be_visible()


async def test_the_rules_are_changed(open_portal: OpenPortal, founder: Person) -> None:
    portal = await open_portal(founder)
    page = portal.page
    await portal.open("settings/")
    await page.get_by_role("link", name="Conversations", exact=True).click()
    assert await violations(page) == []
    idle = page.get_by_role("spinbutton").nth(1)
    await idle.fill("120")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Saved.")).to_be_visible()
    await expect(idle).to_have_value("120")
