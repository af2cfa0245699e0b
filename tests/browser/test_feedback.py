"""Thumbs under an answer, and the page on which its owner reads what was said."""

from __future__ import annotations

from playwright.async_api import Locator, expect

from tests.browser.conftest import OpenPortal
from tests.browser.portal import Portal
from tests.browser.test_accessibility import violations
from tests.people import Person
from tests.standins.ollama import OllamaStandIn, Reply

QUESTION = "How many days of paid holiday do full-time employees have?"
ANSWER = "Full-time employees have twenty-eight days of paid holiday [1]."


async def asked(portal: Portal, ollama: OllamaStandIn) -> tuple[Locator, Locator]:
    """The two thumbs under the answer."""
    ollama.script(Reply(text=ANSWER))
    await portal.ask(QUESTION)
    await portal.answered()
    return (
        portal.answer.get_by_role("button", name="Helpful answer"),
        portal.answer.get_by_role("button", name="Answer not helpful"),
    )


async def test_24_a_thumb_is_given_explained_changed_and_taken_back_by_keyboard(
    portal: Portal, ollama: OllamaStandIn
) -> None:
    up, down = await asked(portal, ollama)
    await up.focus()
    await up.press("Tab")
    await down.press("Enter")
    await expect(down).to_have_attribute("aria-pressed", "true")
    await expect(portal.page.locator("[data-announcer]")).to_have_text("Thank you. Your feedback is sent.")
    reason = portal.answer.get_by_label("Why? (optional)")
    await reason.fill("It is twenty-nine by now.")
    assert await violations(portal.page) == []
    await portal.answer.get_by_role("button", name="Send", exact=True).click()
    await expect(reason).to_be_hidden()
    await expect(down).to_be_focused()
    await portal.page.reload()
    await expect(down).to_have_attribute("aria-pressed", "true")
    await up.click()
    await expect(up).to_have_attribute("aria-pressed", "true")
    await expect(down).to_have_attribute("aria-pressed", "false")
    await expect(reason).to_have_value("It is twenty-nine by now.")
    await reason.press("Escape")
    await expect(reason).to_be_hidden()
    await up.click()
    await expect(up).to_have_attribute("aria-pressed", "false")
    await portal.page.reload()
    await expect(up).to_have_attribute("aria-pressed", "false")


async def test_24_admins_read_it_and_make_a_question_of_it(
    open_portal: OpenPortal, portal: Portal, manager: Person, ollama: OllamaStandIn
) -> None:
    up, _down = await asked(portal, ollama)
    await up.click()
    comment = f"Just right, says {portal.page.url}"
    await portal.answer.get_by_label("Why? (optional)").fill(comment)
    await portal.answer.get_by_role("button", name="Send", exact=True).click()
    await expect(portal.answer.get_by_label("Why? (optional)")).to_be_hidden()
    admin = await open_portal(manager)
    await admin.open("documents/")
    await admin.page.get_by_role("link", name="Feedback").click()
    item = admin.page.get_by_role("listitem").filter(has_text=comment).first
    await expect(item).to_contain_text("New")
    await expect(item).to_contain_text(QUESTION)
    assert await violations(admin.page) == []
    await item.get_by_text("Add to a question set").click()
    await item.get_by_role("button", name="Add").click()
    await expect(admin.page.get_by_text("The question is in the set.")).to_be_visible()
    item = admin.page.get_by_role("listitem").filter(has_text=comment).first
    await expect(item.get_by_text("New", exact=True)).to_have_count(0)
