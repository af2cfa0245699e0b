"""A long text that is pasted is offered as a file (behaviour 6)."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Locator, expect

from tests.browser.conftest import OpenPortal
from tests.browser.portal import Portal
from tests.browser.test_accessibility import violations
from tests.browser.test_attachments import tray
from tests.people import Person
from tests.standins.ollama import OllamaStandIn, Reply

LONG = "The bicycles of the mill are kept in the yard behind the old weir. " * 40
SHORT = "x" * 2000
PERMISSIONS: Any = {"permissions": ["clipboard-read", "clipboard-write"]}


def offer(portal: Portal) -> Locator:
    return portal.page.get_by_role("group", name="Pasted text")


async def pasted(portal: Portal, text: str, keys: str = "Control+V") -> None:
    await portal.page.evaluate("(text) => navigator.clipboard.writeText(text)", text)
    await portal.field.press(keys)


async def test_06_a_long_paste_becomes_a_file_of_the_chat(
    open_portal: OpenPortal, reader: Person, ollama: OllamaStandIn
) -> None:
    ollama.script(Reply(text="They are kept in the yard behind the old weir [1]."))
    portal = await open_portal(reader, **PERMISSIONS)
    await portal.open()
    await portal.field.fill("Where are the bicycles? ")
    await portal.field.press("End")
    await pasted(portal, LONG)
    await expect(offer(portal)).to_contain_text("A long text was pasted: 2680 characters.")
    await expect(portal.field).to_be_focused()
    assert await violations(portal.page) == []
    await portal.field.press("Tab")
    await expect(offer(portal).get_by_role("button", name="Attach as a file")).to_be_focused()
    await portal.page.keyboard.press("Enter")
    await expect(portal.field).to_have_value("Where are the bicycles? ")
    await expect(offer(portal)).to_be_hidden()
    await expect(portal.field).to_be_focused()
    await expect(portal.document("Pasted text.txt")).to_contain_text("Ready")
    await portal.field.press("Enter")
    await portal.answered()
    await expect(portal.answer.locator(".sources")).to_contain_text("Pasted text.txt")
    await portal.page.reload()
    await expect(tray(portal).get_by_role("listitem")).to_have_count(1)


async def test_06_declined_it_stays_text(open_portal: OpenPortal, reader: Person) -> None:
    portal = await open_portal(reader, **PERMISSIONS)
    await portal.open()
    await pasted(portal, LONG)
    await offer(portal).get_by_role("button", name="Keep as text").click()
    await expect(offer(portal)).to_be_hidden()
    await expect(portal.field).to_have_value(LONG)
    await expect(portal.field).to_be_focused()
    assert portal.witness.posts_to("/attachments/") == 0
    await portal.field.fill("")
    await pasted(portal, LONG)
    await expect(offer(portal)).to_be_visible()
    await portal.field.press("Control+A")
    await portal.field.press("Delete")
    await expect(offer(portal)).to_be_hidden()


async def test_06_what_the_field_cannot_hold_is_in_the_file_whole(open_portal: OpenPortal, reader: Person) -> None:
    portal = await open_portal(reader, **PERMISSIONS)
    await portal.open()
    await pasted(portal, LONG * 20)
    await expect(offer(portal)).to_contain_text("53,600 characters")
    await offer(portal).get_by_role("button", name="Attach as a file").click()
    await expect(portal.field).to_have_value("")
    file = portal.document("Pasted text.txt")
    await expect(file).to_contain_text("Ready")
    document = await file.get_attribute("data-document")
    original = await portal.page.request.get(f"{portal.url}d/{document}/v/1/original")
    assert await original.text() == LONG * 20


async def test_06_a_short_or_a_plain_paste_is_just_text(open_portal: OpenPortal, reader: Person) -> None:
    portal = await open_portal(reader, **PERMISSIONS)
    await portal.open()
    await pasted(portal, SHORT)
    await expect(portal.field).to_have_value(SHORT)
    await expect(offer(portal)).to_be_hidden()
    await portal.field.fill("")
    await pasted(portal, LONG, "Control+Shift+V")
    await expect(portal.field).to_have_value(LONG)
    await expect(offer(portal)).to_be_hidden()


async def test_06_who_may_attach_nothing_is_offered_nothing(open_portal: OpenPortal, viewer: Person) -> None:
    portal = await open_portal(viewer, **PERMISSIONS)
    await portal.open()
    await pasted(portal, LONG)
    await expect(portal.field).to_have_value(LONG)
    await expect(offer(portal)).to_have_count(0)
