"""A temporary chat (behaviour 32)."""

from __future__ import annotations

from typing import Any

import httpx
from playwright.async_api import expect

from tests.browser.conftest import OpenPortal
from tests.browser.line import LOST, Line
from tests.browser.portal import Portal
from tests.browser.test_accessibility import violations
from tests.people import Person
from tests.processes import LiveServer

QUESTION = "How many days of paid holiday do employees have?"


async def test_32_a_temporary_chat_says_so_and_is_in_no_list(portal: Portal) -> None:
    page = portal.page
    await page.get_by_role("link", name="Temporary chat").click()
    note = page.get_by_text("it is in no list and no search")
    await expect(note).to_be_visible()
    assert await violations(page) == []
    await portal.ask(QUESTION)
    await portal.answered()
    await expect(portal.answer_text).to_contain_text("holiday")
    await expect(note).to_be_visible()
    await expect(portal.conversation(QUESTION)).to_have_count(0)
    # It goes on over a reload, and is asked on.
    address = page.url
    await page.reload()
    await expect(note).to_be_visible()
    await portal.ask("Are night trains refunded?")
    await portal.answered()
    await expect(page.get_by_role("article", name="Answer")).to_have_count(2)
    await page.get_by_label("Conversation menu").click()
    menu = page.locator("[data-conversation-menu]")
    await expect(menu.get_by_text("Export as Markdown")).to_be_visible()
    for kept in ("Pin", "Share…", "Archive"):
        await expect(menu.get_by_text(kept, exact=True)).to_have_count(0)
    assert await violations(page) == []
    await page.keyboard.press("Escape")

    second = Portal(await page.context.new_page(), portal.url, portal.witness)
    await second.open()
    await expect(second.conversation(QUESTION)).to_have_count(0)
    await second.page.keyboard.press("Control+k")
    await second.page.get_by_role("combobox", name="Search conversations").fill("holiday")
    await expect(second.page.get_by_text("Nothing found.")).to_be_visible()

    await menu.locator("summary").click()
    await page.get_by_role("button", name="Delete").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Conversations")
    await expect(page.get_by_role("button", name="Undo")).to_be_hidden()
    portal.witness.expect("status 404", "status of 404")
    await page.goto(address)
    await expect(page.get_by_role("heading", name="There is nothing here")).to_be_visible()


async def test_32_a_page_that_comes_back_after_its_chat_has_ended_says_so(
    open_portal: OpenPortal, reader: Person, line: Line, live_server: LiveServer
) -> None:
    portal = await open_portal(reader, at=line.url)
    portal.witness.expect(*LOST, "request failed", "status 404", "status of 404", "status 403")
    await portal.open("?temporary")
    await portal.ask(QUESTION)
    await portal.answered()
    await line.cut()
    conversation = portal.page.url.rstrip("/").rpartition("/")[2]
    headers = {"Authorization": f"Bearer {reader.token}"}
    async with httpx.AsyncClient(base_url=live_server.url, headers=headers, trust_env=False) as client:
        (await client.delete(f"/api/v1/conversations/{conversation}/")).raise_for_status()
    await line.mend()
    await expect(portal.page.get_by_text("This conversation is not there any more.")).to_be_visible()


async def test_32_an_organisation_may_have_none(open_portal: OpenPortal, founder: Person) -> None:
    portal = await open_portal(founder)
    page = portal.page
    await portal.open()
    offered = page.get_by_role("link", name="Temporary chat")
    await expect(offered).to_be_visible()
    await portal.open("settings/conversations/")
    await page.get_by_label("People may begin temporary chats").uncheck()
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Saved.").first).to_be_visible()
    await portal.open()
    await expect(portal.field).to_be_visible()
    await expect(offered).to_have_count(0)
    portal.witness.expect("status 403", "status of 403")
    assert (await page.request.get(f"{portal.url}?temporary")).status == 403


async def test_32_it_fits_a_small_screen(open_portal: OpenPortal, reader: Person) -> None:
    screen: Any = {"viewport": {"width": 320, "height": 640}, "has_touch": True, "is_mobile": True}
    portal = await open_portal(reader, **screen)
    await portal.open()
    await portal.page.get_by_role("link", name="Temporary chat").tap()
    await expect(portal.page.get_by_text("Temporary chat.")).to_be_visible()
    assert await portal.page.evaluate("() => document.documentElement.scrollWidth") <= 320
    assert await violations(portal.page) == []
