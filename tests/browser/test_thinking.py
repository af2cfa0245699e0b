"""What a model thinks before it answers, and how an answer was made (behaviours 17 and 26)."""

from __future__ import annotations

import json
import re

from playwright.async_api import expect

from tests.browser.conftest import OpenPortal
from tests.browser.portal import Portal
from tests.browser.test_accessibility import violations
from tests.people import Person
from tests.standins.ollama import OllamaStandIn, Reply

QUESTION = "How many days of paid holiday do employees have?"
ANSWER = "Twenty-eight days of paid holiday a year [1]."
THOUGHTS = "They ask about holiday [1].\n\nThe first passage says <b>twenty-eight</b> days."


def thoughtful(*, tokens_per_second: float | None = None) -> Reply:
    return Reply(text=ANSWER, thinking=THOUGHTS, tokens_per_second=tokens_per_second)


async def test_17_thoughts_are_folded_away_with_their_time_and_come_back_after_a_reload(
    portal: Portal, ollama: OllamaStandIn
) -> None:
    ollama.script(thoughtful())
    await portal.ask(QUESTION)
    await portal.answered()
    summary = portal.answer.get_by_text(re.compile(r"^Thought for \d+ s$"))
    thoughts = portal.answer.get_by_role("group", name="Thoughts of the model")
    for _ in range(2):
        await expect(summary).to_be_visible()
        await expect(thoughts).to_be_hidden()
        await summary.press("Enter")
        await expect(thoughts).to_have_text(THOUGHTS)
        await expect(thoughts.locator("*")).to_have_count(0)
        await expect(portal.chips).to_have_text(["1"])
        await portal.page.reload()


async def test_17_thoughts_are_seen_while_they_come_in_every_tab(portal: Portal, ollama: OllamaStandIn) -> None:
    ollama.script(Reply(text=ANSWER, thinking="Once more from the beginning. " * 40, tokens_per_second=40))
    await portal.ask(QUESTION)
    thoughts = portal.answer.get_by_role("group", name="Thoughts of the model")
    await portal.answer.get_by_text("Thinking…", exact=True).click()
    await expect(thoughts).to_contain_text("Once more from the beginning.")
    second = Portal(await portal.page.context.new_page(), portal.url, portal.witness)
    await second.page.goto(portal.page.url)
    await second.answer.get_by_text("Thinking…", exact=True).click()
    await expect(second.answer.get_by_role("group", name="Thoughts of the model")).to_contain_text("Once more")
    await expect(portal.answer_text).to_be_empty()
    await portal.stop.click()
    await portal.answered()
    await expect(portal.answer.get_by_text(re.compile(r"^Thought for \d+ s$"))).to_be_visible()
    await expect(portal.answer.get_by_text("Stopped. What had been written is kept.")).to_be_visible()


async def test_17_thoughts_are_no_part_of_the_answer_and_of_no_later_question(
    portal: Portal, ollama: OllamaStandIn
) -> None:
    ollama.script(thoughtful(), Reply(text="No more than that."))
    await portal.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await portal.ask(QUESTION)
    await portal.answered()
    await portal.answer.get_by_role("button", name="Copy the answer with its sources").click()
    copied = await portal.page.evaluate("() => navigator.clipboard.readText()")
    assert "Twenty-eight days" in copied
    assert "first passage says" not in copied
    await portal.ask("And how much of it is unpaid?")
    await portal.answered()
    await expect(portal.answer_text).to_have_text("No more than that.")
    told = json.dumps(ollama.requests)
    assert "Twenty-eight days of paid holiday a year" in told
    assert "first passage says" not in told


async def test_17_who_loses_sight_of_a_source_loses_the_thoughts_about_it(
    open_portal: OpenPortal, archivist: Person, ollama: OllamaStandIn
) -> None:
    ollama.script(thoughtful())
    portal = await open_portal(archivist)
    portal.witness.expect(r"status 404: .*/thoughts/", r"Failed to load resource: .*404")
    await portal.open()
    await portal.ask(QUESTION)
    await portal.answered()
    address = portal.page.url
    await portal.open("documents/")
    await portal.document("handbook.pdf").get_by_role("button", name="Delete").click()
    await portal.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(portal.document("handbook.pdf")).to_have_count(0)
    await portal.page.goto(address)
    await portal.answer.get_by_text(re.compile(r"^Thought for \d+ s$")).click()
    await expect(portal.answer.get_by_text("not kept, or no longer available to you")).to_be_visible()
    await expect(portal.answer_text).to_contain_text("Twenty-eight days of paid holiday a year")


async def test_26_how_an_answer_was_made_is_behind_a_button(portal: Portal, ollama: OllamaStandIn) -> None:
    ollama.script(thoughtful(tokens_per_second=60))
    await portal.ask(QUESTION)
    await portal.answered()
    button = portal.answer.get_by_label("How this answer was made")
    details = portal.answer.locator("[data-details-list]")
    for _ in range(2):
        await expect(details).to_be_hidden()
        await button.focus()
        await portal.page.keyboard.press("Enter")
        names = await details.get_by_role("term").all_inner_texts()
        assert names == [
            "When", "Model", "Search", "Thinking time", "Time to first token", "Whole answer", "Tokens in",
            "Tokens out", "Speed",
        ]  # fmt: skip
        said = await details.get_by_role("definition").all_inner_texts()
        shapes = [r".*\d{4}.*", r"stand-in:latest", *[r"\d+\.\d\d s"] * 4, r"[\d,]+", r"\d+", r"[\d.]+ tokens/s"]
        assert [one for one, shape in zip(said, shapes, strict=True) if not re.fullmatch(shape, one)] == []
        await portal.page.keyboard.press("Escape")
        await expect(details).to_be_hidden()
        await expect(button).to_be_focused()
        await portal.page.reload()


async def test_38_thoughts_code_tables_and_details_are_accessible(portal: Portal, ollama: OllamaStandIn) -> None:
    code = f"```python\nprint({'a long line ' * 20!r})\n```"
    table = f"| {' | '.join(f'Column number {one}' for one in range(12))} |\n|{' --- |' * 12}\n|{' 1 |' * 12}"
    ollama.script(Reply(text=f"{ANSWER}\n\n{code}\n\n{table}", thinking=THOUGHTS * 40))
    await portal.ask(QUESTION)
    await portal.answered()
    await portal.answer.get_by_text("Thought for").click()
    await portal.answer.get_by_label("How this answer was made").click()
    await expect(portal.answer.locator("[data-details-list]")).to_be_visible()
    assert await violations(portal.page) == []
    await portal.page.keyboard.press("Escape")
    await portal.chips.first.click()
    await portal.panel.get_by_role("button", name="Text", exact=True).click()
    assert await violations(portal.page) == []
    await portal.page.set_viewport_size({"width": 320, "height": 700})
    assert await portal.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    assert await violations(portal.page) == []


async def test_26_that_answers_can_be_wrong_is_said_once(portal: Portal) -> None:
    for number in range(1, 3):
        await portal.ask(QUESTION)
        await expect(portal.page.get_by_role("article", name="Answer")).to_have_count(number)
        await portal.answered()
    await expect(portal.page.get_by_text("can be wrong")).to_have_count(1)
    await expect(portal.page.get_by_text("can be wrong")).to_be_visible()
