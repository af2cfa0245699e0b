"""The search over every page (behaviour 31) and addresses of messages (behaviour 33)."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Locator, expect

from tests.browser.conftest import OpenPortal
from tests.browser.portal import Portal
from tests.browser.test_accessibility import violations
from tests.people import Person
from tests.standins.ollama import OllamaStandIn, Reply

QUESTION = "How many days of paid holiday do employees have?"
SECOND = "Are night trains refunded?"
PHONE: Any = {"viewport": {"width": 320, "height": 640}, "has_touch": True, "is_mobile": True}


def options(portal: Portal) -> Locator:
    return portal.page.get_by_role("listbox", name="Conversations found").get_by_role("option")


def field(portal: Portal) -> Locator:
    return portal.page.get_by_role("combobox", name="Search conversations")


async def told(portal: Portal, ollama: OllamaStandIn) -> None:
    """A conversation of two questions, whose second answer tells of a zeppelin."""
    ollama.script(
        Reply(text="Twenty-eight days of holiday [1]."),
        Reply(text="Take the zeppelin <b>instead</b>, which leaves at nine [1]."),
    )
    await portal.ask(QUESTION)
    await portal.answered()
    await portal.ask(SECOND)
    await portal.answered()


async def test_31_a_message_is_found_marked_and_gone_to_by_keyboard(portal: Portal, ollama: OllamaStandIn) -> None:
    page = portal.page
    await told(portal, ollama)
    await portal.open()
    await page.keyboard.press("Control+k")
    await expect(field(portal)).to_be_focused()
    await expect(page.get_by_text("Your latest conversations")).to_be_visible()
    await expect(options(portal)).to_have_count(1)
    await page.keyboard.type("zeppelin")
    await expect(options(portal).locator("mark")).to_have_text(["zeppelin"])
    # What an answer says is text here, whatever it looks like.
    await expect(options(portal).locator("b")).to_have_count(0)
    await expect(field(portal)).to_have_attribute("aria-activedescendant", "found-1")
    await expect(options(portal)).to_have_attribute("aria-selected", "true")
    assert await violations(page) == []
    await page.keyboard.press("Enter")
    await expect(page.locator("[data-marked]")).to_contain_text("Take the zeppelin")
    await expect(page.locator("[data-marked]")).to_be_focused()
    await expect(page.locator("[data-marked]")).to_be_in_viewport()


async def test_31_arrow_keys_choose_and_escape_gives_the_focus_back(portal: Portal, ollama: OllamaStandIn) -> None:
    page = portal.page
    await told(portal, ollama)
    await portal.open()
    ollama.script(Reply(text="Bicycles are in the yard [1]."))
    await portal.ask("Where are the bicycles?")
    await portal.answered()
    await page.keyboard.press("Control+k")
    await expect(options(portal)).to_have_count(2)
    chosen = options(portal).and_(page.locator('[aria-selected="true"]'))
    for key, place in (("ArrowDown", 2), ("ArrowDown", 1), ("ArrowUp", 2)):
        await page.keyboard.press(key)
        await expect(chosen).to_have_attribute("id", f"found-{place}")
    await page.keyboard.press("Escape")
    await expect(field(portal)).to_be_hidden()
    await expect(portal.field).to_be_focused()


async def test_31_nothing_found_and_a_search_that_fails_are_said(portal: Portal) -> None:
    page = portal.page
    await page.get_by_role("link", name="Search conversations").click()
    await expect(page.get_by_text("You have no conversations yet.")).to_be_visible()
    await field(portal).fill("zeppelin")
    await expect(page.get_by_text("Nothing found. Try other or fewer words.")).to_be_visible()
    await expect(options(portal)).to_have_count(0)
    assert await violations(page) == []
    portal.witness.expect("Failed to load resource", "request failed")
    await page.route("**/conversations/found/*", lambda route: route.abort("internetdisconnected"))
    await field(portal).fill("zeppelins")
    await expect(page.get_by_text("The search did not work.")).to_be_visible()
    await page.unroute("**/conversations/found/*")
    await page.get_by_role("button", name="Try again").click()
    await expect(page.get_by_text("Nothing found. Try other or fewer words.")).to_be_visible()
    await expect(page.get_by_text("The search did not work.")).to_be_hidden()


async def test_31_by_touch_on_a_small_screen(
    open_portal: OpenPortal, reader: Person, ollama: OllamaStandIn
) -> None:
    portal = await open_portal(reader, **PHONE)
    await portal.open()
    ollama.script(Reply(text="Take the zeppelin, which leaves at nine [1]."))
    await portal.field.fill(QUESTION)
    await portal.send.tap()
    await portal.answered()
    await portal.page.get_by_label("Open the menu").tap()
    await portal.page.get_by_role("link", name="Search conversations").tap()
    await field(portal).fill("zeppelin")
    await expect(options(portal)).to_have_count(1)
    box = await options(portal).bounding_box()
    assert box is not None
    assert (box["height"] >= 44, box["x"] + box["width"] <= 320) == (True, True)
    assert await violations(portal.page) == []
    await options(portal).tap()
    await expect(portal.page.locator("[data-marked]")).to_contain_text("Take the zeppelin")


async def test_31_of_an_archived_one_the_title_alone_is_found_and_that_is_said(
    portal: Portal, reader: Person, ollama: OllamaStandIn
) -> None:
    page = portal.page
    ollama.script(Reply(text="Take the zeppelin, which leaves at nine [1]."))
    await portal.ask(QUESTION)
    await portal.answered()
    await page.get_by_label("Conversation menu").click()
    await page.get_by_role("button", name="Archive").click()
    await expect(page.get_by_text("This conversation is archived.")).to_be_visible()
    await page.keyboard.press("Control+k")
    await field(portal).fill("zeppelin")
    await expect(page.get_by_text("Nothing found. Try other or fewer words.")).to_be_visible()
    await expect(page.get_by_text("In archived conversations only the titles are searched.")).to_be_visible()
    await field(portal).fill("paid holiday")
    await expect(options(portal)).to_contain_text("Archived: title only")


async def test_33_a_link_to_a_message_leads_to_it_in_its_branch(
    open_portal: OpenPortal, reader: Person, ollama: OllamaStandIn
) -> None:
    portal = await open_portal(reader, permissions=["clipboard-read", "clipboard-write"])
    page = portal.page
    await portal.open()
    ollama.script(Reply(text="The first answer."), Reply(text="The second answer."))
    await portal.ask(QUESTION)
    await portal.answered()
    await portal.answer.get_by_role("button", name="Copy a link to this answer").click()
    link = await page.evaluate("() => navigator.clipboard.readText()")
    assert link.startswith(f"{page.url}?message=")
    await portal.answer.get_by_role("button", name="Regenerate").click()
    await expect(portal.answer_text).to_have_text("The second answer.")
    await portal.answered()
    conversation = page.url
    await page.goto(link)
    await expect(page.locator("[data-marked]")).to_contain_text("The first answer.")
    await expect(page.locator("[data-marked]")).to_be_focused()
    # The question of that answer has an address too, on this very page.
    question = page.get_by_role("article", name="You asked")
    name = await question.get_attribute("id")
    await page.goto(f"{link.partition('#')[0]}#{name}")
    await expect(page.locator("[data-marked]")).to_contain_text(QUESTION)
    await page.go_back()
    await expect(page.locator("[data-marked]")).to_contain_text("The first answer.")
    # Looking at a message changes nothing of where the conversation is.
    await page.goto(conversation)
    await expect(portal.answer_text).to_have_text("The second answer.")
