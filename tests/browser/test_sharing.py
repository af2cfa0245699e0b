"""What a conversation's menu does: pinning, exporting, sharing; and a shared conversation as others read it."""

from __future__ import annotations

from playwright.async_api import expect

from tests.browser.conftest import OpenPortal
from tests.browser.portal import Portal
from tests.browser.test_accessibility import violations
from tests.people import Person
from tests.standins.ollama import OllamaStandIn, Reply

QUESTION = "How many days of paid holiday do full-time employees have?"
ANSWER = "Every full-time employee has twenty-eight days of paid holiday a year [1]."


async def asked(portal: Portal) -> None:
    await portal.open()
    await portal.ask(QUESTION)
    await portal.answered()


async def choose(portal: Portal, name: str) -> None:
    await portal.page.get_by_label("Conversation menu").click()
    await portal.page.locator("[data-conversation-menu]").get_by_text(name, exact=True).click()


async def test_a_pinned_conversation_stands_on_top(
    open_portal: OpenPortal, reader: Person, ollama: OllamaStandIn
) -> None:
    ollama.script(Reply(text=ANSWER), times=2)
    portal = await open_portal(reader)
    await asked(portal)
    await choose(portal, "Pin")
    pinned = portal.page.locator('[data-group="Pinned"]')
    await expect(pinned.get_by_role("listitem")).to_have_count(1)
    await asked(portal)
    await expect(portal.page.locator(".conversation-group h2")).to_have_text(["Pinned", "Today"])
    await pinned.get_by_role("link").click()
    await choose(portal, "Unpin")
    await expect(pinned).to_have_count(0)


async def test_a_conversation_is_exported(open_portal: OpenPortal, reader: Person, ollama: OllamaStandIn) -> None:
    ollama.script(Reply(text=ANSWER))
    portal = await open_portal(reader)
    await asked(portal)
    for item, ending in (
        ("Export as Markdown", ".md"),
        ("Export to print (HTML)", ".html"),
        ("Export as JSON", ".json"),
    ):
        async with portal.page.expect_download() as download:
            await choose(portal, item)
        await portal.page.keyboard.press("Escape")
        name = (await download.value).suggested_filename
        assert (name.startswith("How-many-days-of-paid-holiday"), name.endswith(ending)) == (True, True)


async def test_a_conversation_is_shared_read_copied_and_shared_no_more(
    open_portal: OpenPortal, reader: Person, viewer: Person, ollama: OllamaStandIn
) -> None:
    ollama.script(Reply(text=ANSWER))
    portal = await open_portal(reader)
    portal.witness.expect("status 400", "status of 400")
    await asked(portal)
    await choose(portal, "Share…")
    dialog = portal.page.get_by_role("dialog", name="Share this conversation")
    await dialog.get_by_role("button", name="Share").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("Name people or groups")
    await dialog.get_by_label("who has the link").check()
    await dialog.get_by_role("button", name="Share").click()
    link = await dialog.get_by_label("Link", exact=True).input_value()
    assert await violations(portal.page) == []

    other = await open_portal(viewer)
    other.witness.expect("status 404", "status of 404")
    await other.page.goto(link)
    await expect(other.answer_text).to_contain_text("twenty-eight days")
    await expect(other.page.get_by_text("shares this conversation with you")).to_be_visible()
    await expect(other.field).to_have_count(0)
    for name in ("Ask again", "Regenerate", "Continue"):
        await expect(other.answer.get_by_role("button", name=name)).to_have_count(0)
    await expect(other.page.get_by_role("button", name="Edit the question")).to_have_count(0)
    assert await violations(other.page) == []
    await other.chips.first.click()
    await expect(other.panel).to_contain_text("handbook")
    await other.page.keyboard.press("Escape")
    # The pointer is still at the chip, whose preview would lie over the button.
    await other.page.mouse.move(5, 5)
    await expect(other.page.locator("#citation-preview")).to_be_hidden()
    await other.page.get_by_role("button", name="Go on in a copy of my own").click()
    await expect(other.field).to_be_visible()
    await expect(other.answer_text).to_contain_text("twenty-eight days")

    await other.open("shared/")
    row = other.page.get_by_role("listitem").filter(has_text="by link")
    await expect(row).to_contain_text(QUESTION)
    assert await violations(other.page) == []
    await row.get_by_role("button", name="Remove").click()
    await expect(other.page.get_by_text("It is off your list.")).to_be_visible()
    await expect(row).to_have_count(0)

    await dialog.get_by_role("button", name="End").click()
    await expect(dialog.get_by_label("Link", exact=True)).to_have_count(0)
    response = await other.page.goto(link)
    assert response is not None
    assert response.status == 404
