"""A log-in that ends while a page is open (behaviour 41)."""

from __future__ import annotations

from playwright.async_api import expect

from tests.browser.conftest import PASSWORD, OpenPortal
from tests.browser.test_streaming import LAST, QUESTION, slow
from tests.people import Person
from tests.standins.ollama import OllamaStandIn

DRAFT = "And who grants the leave"


async def test_41_who_was_logged_out_logs_in_again_and_finds_draft_and_answer(
    open_portal: OpenPortal, reader: Person, ollama: OllamaStandIn
) -> None:
    ollama.script(slow(20, tokens_per_second=40, held_from=20))
    portal = await open_portal(reader)
    portal.witness.expect("401")
    await portal.open()
    await portal.ask(QUESTION)
    await expect(portal.answer_text).to_contain_text("Paragraph 0")
    await portal.field.fill(DRAFT)
    address = portal.page.url

    elsewhere = await portal.page.context.new_page()
    await elsewhere.goto(portal.url)
    await elsewhere.get_by_role("navigation").get_by_text(reader.user.email).click()
    await elsewhere.get_by_role("button", name="Log out").click()

    await expect(portal.page.get_by_text("You are logged out.")).to_be_visible()
    await portal.page.get_by_role("link", name="Log in again").click()
    await portal.page.get_by_label("Email").fill(reader.user.email)
    await portal.page.get_by_label("Password").fill(PASSWORD)
    await portal.page.get_by_role("button", name="Log in", exact=True).click()

    await expect(portal.page).to_have_url(address)
    await expect(portal.field).to_have_value(DRAFT)
    ollama.go_on()
    await portal.answered()
    await expect(portal.answer_text).to_contain_text(LAST)
