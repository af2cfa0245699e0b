"""Keyboard shortcuts (behaviour 35)."""

from __future__ import annotations

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.conftest import OpenPortal
from tests.browser.portal import Portal
from tests.people import Person
from tests.standins.ollama import OllamaStandIn, Reply

QUESTION = "How many days of paid holiday do employees have?"
CODE = "Twenty-eight days a year [1].\n\n```python\ndays = 28\n```\n\nSo it is."
# A key as an input method sends it, before the word that it composes is done.
_COMPOSED = """([key, code, shiftKey]) => document.activeElement.dispatchEvent(
    new KeyboardEvent("keydown", {
        key, code, shiftKey, ctrlKey: true, isComposing: true, bubbles: true, cancelable: true,
    })
)"""
_CLIPBOARD_IS = "async (text) => (await navigator.clipboard.readText()).trim() === text"
# A key of a keyboard that writes other letters; whether the page took it for itself.
_TAKEN = """([key, code, ctrlKey, shiftKey, altKey]) => !document.body.dispatchEvent(
    new KeyboardEvent("keydown", {key, code, ctrlKey, shiftKey, altKey, bubbles: true, cancelable: true})
)"""


def sidebar(page: Page) -> Locator:
    return page.locator("#sidebar").get_by_role("link", name="Documents", exact=True)


async def test_35_a_new_chat_from_anywhere(portal: Portal) -> None:
    await portal.open("documents/")
    await portal.page.keyboard.press("Control+Shift+O")
    await expect(portal.page).to_have_url(portal.url)
    await expect(portal.field).to_be_focused()


async def test_35_the_sidebar_goes_and_stays_away_until_it_is_wanted(portal: Portal) -> None:
    page = portal.page
    opener = page.get_by_label("Open the menu")
    await expect(sidebar(page)).to_be_visible()
    await expect(opener).to_be_hidden()
    begins = "(main) => main.getBoundingClientRect().x"
    beside = await page.get_by_role("main").evaluate(begins)
    await page.keyboard.press("Control+Shift+S")
    await expect(sidebar(page)).to_be_hidden()
    await expect(portal.field).to_be_focused()
    assert await page.get_by_role("main").evaluate(begins) < beside
    await page.reload()
    await expect(opener).to_be_visible()
    await expect(sidebar(page)).to_be_hidden()
    await opener.click()
    await expect(page.get_by_label("Close the menu")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(sidebar(page)).to_be_hidden()
    await expect(opener).to_be_focused()
    await page.keyboard.press("Control+Shift+S")
    await expect(sidebar(page)).to_be_visible()
    await page.reload()
    await expect(sidebar(page)).to_be_visible()


async def test_35_shift_escape_goes_to_the_field_and_stops_nothing(portal: Portal, ollama: OllamaStandIn) -> None:
    ollama.script(Reply(text="So it is. " * 800, tokens_per_second=40))
    await portal.ask(QUESTION)
    await expect(portal.answer_text).to_contain_text("So it is.")
    await sidebar(portal.page).focus()
    await portal.page.keyboard.press("Shift+Escape")
    await expect(portal.field).to_be_focused()
    await expect(portal.stop).to_be_visible()
    await portal.page.keyboard.press("Escape")
    await expect(portal.answer.get_by_text("Stopped. What had been written is kept.")).to_be_visible()


async def test_35_the_last_answer_and_the_last_code_are_copied(
    open_portal: OpenPortal, reader: Person, ollama: OllamaStandIn
) -> None:
    ollama.script(Reply(text=CODE))
    portal = await open_portal(reader, permissions=["clipboard-read", "clipboard-write"])
    said = portal.page.locator("[data-announcer]")
    await portal.open()
    await portal.page.keyboard.press("Control+Shift+C")
    await expect(said).to_have_text("There is nothing to copy yet.")
    await portal.ask(QUESTION)
    await portal.answered()
    await portal.page.keyboard.press("Control+Shift+C")
    await expect(said).to_have_text("Copied")
    copied = await portal.page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("Twenty-eight days a year")
    assert "handbook.pdf" in copied
    await portal.page.keyboard.press("Control+Shift+Semicolon")
    await portal.page.wait_for_function(_CLIPBOARD_IS, arg="days = 28")


async def test_35_the_list_of_shortcuts_opens_by_key_and_from_the_menu(portal: Portal, reader: Person) -> None:
    page = portal.page
    shortcuts = page.get_by_role("dialog", name="Keyboard shortcuts")
    await page.keyboard.press("Control+/")
    await expect(shortcuts).to_be_visible()
    await expect(shortcuts.get_by_role("term")).to_have_text(
        [
            "Search conversations",
            "New chat",
            "Show or hide the menu",
            "Go to the question field",
            "Copy the last answer",
            "Copy the last code",
            "This list",
            "Close what is open, or stop the answer",
        ]
    )
    await page.keyboard.press("Control+Shift+O")
    await expect(shortcuts).to_be_visible()
    await page.keyboard.press("Control+/")
    await expect(shortcuts).to_be_hidden()
    await expect(portal.field).to_be_focused()
    await page.get_by_role("navigation").get_by_text(reader.user.email).click()
    await page.get_by_role("button", name="Keyboard shortcuts").click()
    await expect(shortcuts).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(shortcuts).to_be_hidden()
    await expect(page.locator("summary.person-name")).to_be_focused()


async def test_35_no_key_means_anything_while_a_word_is_composed(portal: Portal) -> None:
    page = portal.page
    await portal.field.fill("かんじ")
    for key in (["/", "Slash", False], ["S", "KeyS", True], ["O", "KeyO", True]):
        assert await page.evaluate(_COMPOSED, key), "left to the input method"
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(sidebar(page)).to_be_visible()
    await expect(portal.field).to_have_value("かんじ")


@pytest.mark.parametrize(
    ("key", "is_taken"),
    [
        (["ы", "KeyS", True, True, False], True),
        (["S", "KeyS", True, True, False], True),
        # What is written by AltGr, what belongs to the browser, and letters in other places.
        (["s", "KeyS", True, True, True], False),
        (["s", "KeyS", True, False, False], False),
        (["o", "KeyO", True, False, False], False),
        (["c", "KeyC", True, False, False], False),
        (["R", "KeyR", True, True, False], False),
        (["I", "KeyI", True, True, False], False),
        (["T", "KeyT", True, True, False], False),
        (["ö", "Semicolon", True, True, False], False),
        (["s", "KeyS", False, False, False], False),
    ],
    ids=str,
)
async def test_35_only_what_is_listed_is_taken_from_the_browser(
    portal: Portal, key: list[str | bool], is_taken: bool
) -> None:
    assert await portal.page.evaluate(_TAKEN, key) is is_taken


async def test_35_shortcuts_can_be_switched_off(open_portal: OpenPortal, reader: Person) -> None:
    portal = await open_portal(reader)
    page = portal.page
    await portal.open()
    await page.keyboard.press("Control+/")
    await page.get_by_role("link", name="Switch them off").click()
    await page.get_by_role("checkbox", name="Keyboard shortcuts").uncheck()
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Saved.")).to_be_visible()
    await page.keyboard.press("Control+Shift+S")
    await page.keyboard.press("Control+/")
    await expect(sidebar(page)).to_be_visible()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await page.get_by_role("navigation").get_by_text(reader.user.email).click()
    await page.get_by_role("button", name="Keyboard shortcuts").click()
    shortcuts = page.get_by_role("dialog", name="Keyboard shortcuts")
    await expect(shortcuts).to_contain_text("You have switched them off. Only Esc works.")
    await page.keyboard.press("Escape")
    await expect(shortcuts).to_be_hidden()
    await portal.open()
    await page.keyboard.press("Control+Shift+S")
    await expect(sidebar(page)).to_be_visible()
