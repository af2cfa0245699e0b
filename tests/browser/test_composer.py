"""The field for the question (behaviours 1 to 4, 8 and 9)."""

from __future__ import annotations

import asyncio

from playwright.async_api import expect

from tests.browser.conftest import OpenPortal
from tests.browser.portal import Portal
from tests.browser.test_accessibility import violations
from tests.people import Person
from tests.standins.ollama import OllamaStandIn, Reply

QUESTION = "How many days of paid holiday do employees have?"
SLOW = Reply(text="Twenty-eight days of paid holiday a year [1]. " + "There is more to say. " * 40, held_from=40)


async def test_01_enter_sends_and_shift_enter_begins_a_line(portal: Portal) -> None:
    await portal.field.fill("How many days of paid holiday")
    await portal.field.press("Shift+Enter")
    await portal.field.press_sequentially("do employees have?")
    await expect(portal.field).to_have_value("How many days of paid holiday\ndo employees have?")
    await portal.field.press("Enter")
    await expect(portal.page.get_by_role("article", name="You asked")).to_have_text(
        "How many days of paid holiday do employees have?"
    )
    await expect(portal.field).to_have_value("")
    await portal.answered()


async def test_01_enter_that_ends_a_composition_does_not_send(portal: Portal) -> None:
    await portal.field.focus()
    keyboard = await portal.page.context.new_cdp_session(portal.page)
    await keyboard.send("Input.imeSetComposition", {"text": "にほん", "selectionStart": 3, "selectionEnd": 3})
    # What Chromium hears of a key that an input method has taken: its name, and the code 229 for "processed".
    taken = {"type": "rawKeyDown", "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 229}
    await keyboard.send("Input.dispatchKeyEvent", taken)
    await expect(portal.field).to_have_value("にほん")
    await keyboard.send("Input.insertText", {"text": "日本"})
    await expect(portal.field).to_have_value("日本")
    await expect(portal.page.get_by_role("article")).to_have_count(0)
    await portal.field.press("Enter")
    await expect(portal.page.get_by_role("article", name="You asked")).to_have_text("日本")
    await portal.answered()


async def test_01_enter_on_a_touch_screen_begins_a_line(open_portal: OpenPortal, reader: Person) -> None:
    portal = await open_portal(reader, has_touch=True, is_mobile=True, viewport={"width": 390, "height": 844})
    await portal.open()
    await portal.field.fill("one")
    await portal.field.press("Enter")
    await portal.field.press_sequentially("two")
    await expect(portal.field).to_have_value("one\ntwo")
    await portal.send.tap()
    await expect(portal.page.get_by_role("article", name="You asked")).to_be_visible()
    await portal.answered()


async def test_02_the_field_grows_to_ten_lines_and_then_scrolls(portal: Portal) -> None:
    async def lines(count: int) -> tuple[float, bool]:
        await portal.field.fill("\n".join(["line"] * count))
        measured = await portal.field.evaluate(
            "(field) => [field.clientHeight, field.scrollHeight > field.clientHeight]"
        )
        return measured[0], measured[1]

    (one, one_scrolls), (three, three_scrolls), (thirty, thirty_scrolls) = [await lines(n) for n in (1, 3, 30)]
    line = (three - one) / 2
    assert 16 <= line <= 32
    assert 9 * line <= thirty <= 12 * line
    assert (one_scrolls, three_scrolls, thirty_scrolls) == (False, False, True)


async def test_02_a_draft_outlives_a_reload_in_its_own_chat(portal: Portal) -> None:
    await portal.ask(QUESTION)
    await portal.answered()
    await portal.field.fill("and in the second year?")
    await portal.page.reload()
    await expect(portal.field).to_have_value("and in the second year?")
    conversation = portal.page.url
    await portal.open()
    await expect(portal.field).to_have_value("")
    await portal.page.goto(conversation)
    await expect(portal.field).to_have_value("and in the second year?")


async def test_03_send_waits_for_words(portal: Portal) -> None:
    await expect(portal.send).to_be_disabled()
    await portal.field.fill("   ")
    await expect(portal.send).to_be_disabled()
    await portal.field.press("Enter")
    await expect(portal.page.get_by_role("article")).to_have_count(0)
    await portal.field.fill("words")
    await expect(portal.send).to_be_enabled()


async def test_03_stop_keeps_what_was_written_and_reaches_the_model(portal: Portal, ollama: OllamaStandIn) -> None:
    ollama.script(SLOW)
    await portal.ask(QUESTION)
    await expect(portal.answer_text).to_contain_text("There is more to say.")
    await expect(portal.send).to_be_hidden()
    await portal.stop.click()
    assert await asyncio.to_thread(ollama.wait_aborted, 2)
    await _is_stopped(portal)


async def test_03_escape_stops_too(portal: Portal, ollama: OllamaStandIn) -> None:
    ollama.script(SLOW)
    await portal.ask(QUESTION)
    await expect(portal.answer_text).to_contain_text("There is more to say.")
    await portal.page.keyboard.press("Escape")
    assert await asyncio.to_thread(ollama.wait_aborted, 2)
    await _is_stopped(portal)


async def _is_stopped(portal: Portal) -> None:
    """The beginning of `SLOW` stands there, marked as stopped, now and after a reload."""
    note = portal.answer.get_by_text("Stopped. What had been written is kept.")
    await expect(note).to_be_visible()
    await expect(portal.send).to_be_visible()
    await expect(portal.answer.get_by_role("button", name="Ask again")).to_be_visible()
    kept = await portal.answer_text.inner_text()
    assert "There is more to say." in kept
    assert kept.count("There is more to say.") < 40
    await portal.page.reload()
    await expect(note).to_be_visible()
    await expect(portal.answer_text).to_have_text(kept)


async def test_04_arrow_up_in_the_empty_field_recalls_the_last_question(portal: Portal) -> None:
    await portal.ask(QUESTION)
    await portal.answered()
    await portal.field.press("ArrowUp")
    await expect(portal.field).to_have_value(QUESTION)
    await portal.field.fill("something else")
    await portal.field.press("ArrowUp")
    await expect(portal.field).to_have_value("something else")


async def test_04_a_recalled_question_is_asked_anew_in_its_place(portal: Portal) -> None:
    questions = portal.page.get_by_role("article", name="You asked")
    bar = portal.page.get_by_role("group", name="Your last question")
    await portal.ask("Who pays for night trains?")
    await portal.answered()
    await portal.field.press("ArrowUp")
    await expect(bar).to_be_visible()
    assert await violations(portal.page) == []
    await portal.page.reload()
    await expect(bar).to_be_visible()
    await portal.field.press("End")
    await portal.field.press_sequentially(" And for holidays?")
    await portal.field.press("Enter")
    await expect(questions).to_have_count(1)
    await expect(questions.first).to_contain_text("Who pays for night trains? And for holidays?")
    await portal.answered()
    await expect(questions.first.get_by_role("img", name="Version 2 of 2")).to_be_visible()
    await expect(bar).to_be_hidden()
    await portal.ask(QUESTION)
    await portal.answered()
    await expect(questions).to_have_count(2)


async def test_04_a_recalled_question_may_be_left_or_asked_as_a_new_one(portal: Portal) -> None:
    questions = portal.page.get_by_role("article", name="You asked")
    bar = portal.page.get_by_role("group", name="Your last question")
    await portal.ask(QUESTION)
    await portal.answered()
    for leave in ("Escape", "Control+A Delete"):
        await portal.field.press("ArrowUp")
        await expect(bar).to_be_visible()
        for key in leave.split():
            await portal.field.press(key)
        await expect(bar).to_be_hidden()
        await expect(portal.field).to_have_value("")
    await portal.field.press("ArrowUp")
    await bar.get_by_role("button", name="Ask as a new question").click()
    await expect(questions).to_have_text([QUESTION, QUESTION])
    await portal.answered()
    await expect(portal.page.get_by_role("img", name="Version 2 of 2")).to_have_count(0)


async def test_08_chips_show_what_is_searched_and_go_with_one_click(portal: Portal) -> None:
    chips = portal.page.get_by_role("list", name="What will be searched").get_by_role("listitem")
    await expect(chips).to_have_text(["Documents", "Visits"])
    await portal.page.get_by_role("button", name="Do not search Documents").click()
    await expect(chips).to_have_text(["Visits"])
    await portal.ask("Are night trains refunded?")
    await portal.answered()
    await expect(portal.answer_text).to_contain_text("Searched: Visits.")

    await portal.answer.get_by_role("button", name="Search all collections").click()
    await expect(portal.page.get_by_role("article", name="Answer")).to_have_count(2)
    await portal.answered()
    await expect(chips).to_have_text(["Documents", "Visits"])
    await expect(portal.answer_text).to_contain_text("Night trains are refunded like any other connection")


async def test_09_typing_goes_on_while_an_answer_streams(portal: Portal, ollama: OllamaStandIn) -> None:
    text = "Twenty-eight days of paid holiday a year [1]. " + "So it is. " * 20
    ollama.script(Reply(text=text, held_from=20))
    await portal.ask(QUESTION)
    await expect(portal.answer_text).to_contain_text("So it is.")
    await portal.page.keyboard.type("What about night trains?")
    await portal.page.keyboard.press("Enter")
    await expect(portal.field).to_have_value("What about night trains?")
    ollama.go_on()
    await portal.answered()
    await expect(portal.field).to_be_focused()
    await expect(portal.field).to_have_value("What about night trains?")
    await expect(portal.page.get_by_role("article", name="You asked")).to_have_count(1)
