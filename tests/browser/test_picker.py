"""`#`, `/` and `@` in the question field (behaviour 7), and the chips of what was picked (8)."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Locator, expect
from pytest_django import DjangoDbBlocker

from conversations.services.prompts import save_prompt
from tests.browser.conftest import OpenPortal
from tests.browser.portal import Portal
from tests.browser.test_accessibility import violations
from tests.people import Person

PROMPT = "Sum up what is said on {{topic}} for {{whom}}."
PHONE: Any = {"viewport": {"width": 320, "height": 640}, "has_touch": True, "is_mobile": True}


@pytest.fixture
def keeper(reader: Person, django_db_blocker: DjangoDbBlocker) -> Person:
    """Somebody with two prompts."""
    with django_db_blocker.unblock():
        save_prompt(access=reader.access, title="Summary", text=PROMPT)
        save_prompt(access=reader.access, title="Compare", text="Compare both years.")
    return reader


def offered(portal: Portal) -> Locator:
    return portal.page.get_by_role("listbox").get_by_role("option")


def chosen(portal: Portal) -> Locator:
    """The option that Tab would accept."""
    return portal.page.get_by_role("listbox").get_by_role("option", selected=True)


def chips(portal: Portal) -> Locator:
    return portal.page.get_by_role("list", name="What will be searched").get_by_role("listitem")


async def test_07_a_hash_picks_a_document_and_tab_accepts(portal: Portal) -> None:
    await portal.field.press_sequentially("When does it open? #")
    await expect(portal.page.get_by_role("listbox", name="Collections and documents")).to_be_visible()
    await expect(offered(portal)).to_contain_text(["Documents", "Visits", "handbook.pdf", "opening-hours.txt"])
    assert await violations(portal.page) == []
    await portal.field.press_sequentially("open")
    await expect(offered(portal)).to_have_count(1)
    await expect(offered(portal)).to_contain_text("opening-hours.txt")
    assert await portal.field.get_attribute("aria-activedescendant") == await chosen(portal).get_attribute("id")
    await portal.field.press("Tab")
    await expect(portal.page.get_by_role("listbox")).to_be_hidden()
    await expect(chips(portal)).to_have_text(["opening-hours.txt"])
    await expect(portal.field).to_be_focused()
    await expect(portal.field).to_have_value("When does it open? ")
    await portal.field.press("Enter")
    await portal.answered()
    await expect(portal.answer_text).to_contain_text("opens at nine")
    await portal.ask("How many days of paid holiday do employees have?")
    await portal.answered()
    await expect(portal.answer).to_contain_text("I found no answer")
    await portal.page.reload()
    await expect(chips(portal)).to_have_text(["opening-hours.txt"])


async def test_07_arrows_choose_enter_accepts_and_a_click_too(portal: Portal) -> None:
    await portal.field.press_sequentially("#")
    await expect(chosen(portal)).to_contain_text("Documents")
    await portal.field.press("ArrowDown")
    await expect(chosen(portal)).to_contain_text("Visits")
    await portal.field.press("ArrowUp")
    await portal.field.press("ArrowUp")
    await expect(chosen(portal)).to_contain_text("opening-hours.txt")
    await portal.field.press("ArrowDown")
    await portal.field.press("ArrowDown")
    await portal.field.press("Enter")
    await expect(chips(portal)).to_have_text(["Visits"])
    await expect(portal.page.get_by_role("article")).to_have_count(0)
    await portal.field.press_sequentially("#hand")
    await offered(portal).filter(has_text="handbook.pdf").click()
    await expect(chips(portal)).to_have_text(["handbook.pdf"])
    await expect(portal.field).to_be_focused()
    await expect(portal.field).to_have_value("")


async def test_07_escape_closes_and_what_is_typed_stays(portal: Portal) -> None:
    await portal.field.press_sequentially("Is #han")
    await expect(offered(portal)).to_have_count(1)
    await portal.field.press("Escape")
    await expect(portal.page.get_by_role("listbox")).to_be_hidden()
    await portal.field.press_sequentially("dbook")
    await portal.field.press("Tab")
    await expect(portal.field).not_to_be_focused()
    await portal.field.press_sequentially(" right?")
    await expect(portal.field).to_have_value("Is #handbook right?")
    await expect(portal.page.get_by_role("listbox")).to_be_hidden()
    await expect(chips(portal)).to_have_text(["Documents", "Visits"])
    await portal.field.press("Enter")
    await expect(portal.page.get_by_role("article", name="You asked")).to_have_text("Is #handbook right?")
    await portal.answered()


async def test_07_keys_pressed_before_the_list_is_there_mean_the_same(portal: Portal) -> None:
    await portal.page.keyboard.type("#open")
    await portal.page.keyboard.press("Tab")
    await expect(chips(portal)).to_have_text(["opening-hours.txt"])
    await expect(portal.field).to_be_focused()
    await portal.page.keyboard.type("Is rule #99 about trains?")
    await portal.page.keyboard.press("Enter")
    await expect(portal.page.get_by_role("article", name="You asked")).to_have_text("Is rule #99 about trains?")
    await portal.answered()


async def test_07_a_slash_fills_in_a_prompt_whose_gaps_are_filled_one_after_the_other(
    open_portal: OpenPortal, keeper: Person
) -> None:
    portal = await open_portal(keeper)
    await portal.open()
    await portal.field.press_sequentially("/")
    await expect(offered(portal)).to_contain_text(["Compare", "Summary"])
    assert await violations(portal.page) == []
    await portal.field.press_sequentially("sum")
    await expect(offered(portal)).to_have_count(1)
    await portal.field.press("Tab")
    await expect(portal.field).to_have_value(PROMPT)
    await expect(portal.page.get_by_text("Still to fill in: topic, whom.")).to_be_visible()
    await portal.page.keyboard.type("leave")
    await portal.page.keyboard.press("Enter")
    await expect(portal.page.get_by_role("article")).to_have_count(0)
    await expect(portal.page.get_by_text("Still to fill in: whom.")).to_be_visible()
    await portal.page.keyboard.type("parents")
    await expect(portal.field).to_have_value("Sum up what is said on leave for parents.")
    await expect(portal.page.get_by_text("Still to fill in")).to_be_hidden()
    await portal.page.keyboard.press("Enter")
    await expect(portal.page.get_by_role("article", name="You asked")).to_have_text(
        "Sum up what is said on leave for parents."
    )
    await portal.answered()


async def test_07_tab_leads_from_gap_to_gap_and_sending_twice_leaves_them(
    open_portal: OpenPortal, keeper: Person
) -> None:
    portal = await open_portal(keeper)
    await portal.open()
    await portal.field.press_sequentially("/summary")
    await expect(offered(portal)).to_have_count(1)
    await portal.field.press("Enter")
    await portal.field.press("Tab")
    await portal.page.keyboard.type("parents")
    await expect(portal.field).to_have_value("Sum up what is said on {{topic}} for parents.")
    await portal.field.press("Enter")
    await expect(portal.page.get_by_role("article")).to_have_count(0)
    await portal.field.press("Enter")
    await expect(portal.page.get_by_role("article", name="You asked")).to_have_text(
        "Sum up what is said on {{topic}} for parents."
    )
    await portal.answered()


async def test_07_a_slash_elsewhere_than_at_the_beginning_is_a_slash(
    open_portal: OpenPortal, keeper: Person
) -> None:
    portal = await open_portal(keeper)
    await portal.open()
    await portal.field.press_sequentially("and/or /sum")
    await portal.field.press("Enter")
    await expect(portal.page.get_by_role("article", name="You asked")).to_have_text("and/or /sum")
    await portal.answered()


async def test_07_an_at_sign_picks_who_answers_and_says_where_that_cannot_be_changed(portal: Portal) -> None:
    page = portal.page
    await portal.field.press_sequentially("@precise")
    await expect(offered(portal)).to_have_count(1)
    await portal.field.press("Tab")
    await expect(page.get_by_role("combobox", name="Assistant")).to_have_value("precise-quoter")
    await expect(portal.field).to_have_value("")
    await portal.ask("How many days of paid holiday are there?")
    await portal.answered()
    await expect(page.get_by_role("banner").get_by_text("Precise quoter")).to_be_visible()
    await portal.field.press_sequentially("@")
    await expect(page.locator(".picker-note")).to_have_text(
        "The assistant is chosen where a chat begins. Begin a new chat for another one."
    )
    await expect(page.get_by_role("listbox")).to_be_hidden()
    await portal.field.press_sequentially("home")
    await portal.field.press("Enter")
    await expect(page.get_by_role("article", name="You asked").last).to_have_text("@home")
    await portal.answered()


async def test_07_what_has_no_such_name_is_said_and_nothing_is_in_the_way(portal: Portal) -> None:
    await portal.field.press_sequentially("#zebra")
    note = portal.page.locator(".picker-note")
    await expect(note).to_have_text("No collection or document has this name.")
    await portal.field.press_sequentially(" crossing")
    await expect(note).to_be_hidden()
    await portal.field.press("Enter")
    await expect(portal.page.get_by_role("article", name="You asked")).to_have_text("#zebra crossing")
    await portal.answered()


async def test_07_an_input_method_is_left_alone(portal: Portal) -> None:
    await portal.field.press_sequentially("#")
    await expect(offered(portal)).to_have_count(4)
    keyboard = await portal.page.context.new_cdp_session(portal.page)
    await keyboard.send("Input.imeSetComposition", {"text": "ほん", "selectionStart": 2, "selectionEnd": 2})
    await expect(portal.page.get_by_role("listbox")).to_be_hidden()
    taken = {"type": "rawKeyDown", "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 229}
    await keyboard.send("Input.dispatchKeyEvent", taken)
    await expect(portal.field).to_have_value("#ほん")
    await keyboard.send("Input.insertText", {"text": "本"})
    await expect(portal.page.locator(".picker-note")).to_be_visible()
    await expect(chips(portal)).to_have_text(["Documents", "Visits"])


async def test_07_a_narrow_touch_screen_reaches_it_by_a_button(open_portal: OpenPortal, reader: Person) -> None:
    portal = await open_portal(reader, **PHONE)
    await portal.open()
    await portal.page.locator(".scope summary").tap()
    await portal.page.get_by_role("button", name="Find a collection or a document").tap()
    await expect(offered(portal)).to_have_count(4)
    boxes = [await one.bounding_box() for one in await offered(portal).all()]
    assert all(box and box["height"] >= 44 and box["x"] >= 0 and box["x"] + box["width"] <= 320 for box in boxes)
    assert await violations(portal.page) == []
    await offered(portal).filter(has_text="handbook.pdf").tap()
    await expect(chips(portal)).to_have_text(["handbook.pdf"])
    assert await portal.page.evaluate("() => document.documentElement.scrollWidth") <= 320


async def test_08_the_last_chip_taken_away_means_everything_and_says_so(portal: Portal) -> None:
    await portal.field.press_sequentially("#handbook")
    await expect(offered(portal)).to_have_count(1)
    await portal.field.press("Tab")
    await expect(chips(portal)).to_have_text(["handbook.pdf"])
    remove = portal.page.get_by_role("button", name="Do not search handbook.pdf")
    await remove.focus()
    await remove.press("Enter")
    await expect(chips(portal)).to_have_text(["Documents", "Visits"])
    await expect(portal.page.get_by_text("Everything that you may see is searched again.")).to_have_count(1)
    await expect(portal.page.get_by_role("button", name="Do not search Documents")).to_be_focused()
    await portal.ask("When does the reading room open?")
    await portal.answered()
    await expect(portal.answer_text).to_contain_text("opens at nine")


async def test_08_each_chat_keeps_its_chips_also_in_another_browser(
    open_portal: OpenPortal, reader: Person
) -> None:
    portal = await open_portal(reader)
    await portal.open()
    await portal.page.get_by_role("button", name="Do not search Documents").click()
    await portal.ask("When does the reading room open?")
    await portal.answered()
    await portal.field.press_sequentially("#handbook")
    await expect(offered(portal)).to_have_count(1)
    async with portal.page.expect_response(lambda answer: answer.url.endswith("/scope/")):
        await portal.field.press("Tab")
    elsewhere = await open_portal(reader)
    await elsewhere.page.goto(portal.page.url)
    await expect(chips(elsewhere)).to_have_text(["handbook.pdf"])
    await elsewhere.ask("How many days of paid holiday do employees have?")
    await elsewhere.answered()
    await expect(elsewhere.answer_text).to_contain_text("twenty-eight days")
    await elsewhere.open()
    await expect(chips(elsewhere)).to_have_text(["Documents", "Visits"])


async def test_08_an_address_that_names_a_document_begins_a_chat_about_it(
    open_portal: OpenPortal, reader: Person
) -> None:
    portal = await open_portal(reader)
    await portal.open("documents/")
    row = portal.page.get_by_role("link", name="opening-hours.txt")
    document = (await row.get_attribute("href") or "").rstrip("/").rpartition("/")[2]
    await portal.open(f"?document={document}")
    await expect(chips(portal)).to_have_text(["opening-hours.txt"])
    await portal.ask("When does the reading room open?")
    await portal.answered()
    await expect(portal.answer_text).to_contain_text("opens at nine")
    await portal.page.reload()
    await expect(chips(portal)).to_have_text(["opening-hours.txt"])
