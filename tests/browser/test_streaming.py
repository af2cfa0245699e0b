"""Answers on their way (behaviours 10 to 16)."""

from __future__ import annotations

import re

from playwright.async_api import expect

from tests.browser.conftest import OpenPortal
from tests.browser.line import LOST, Line
from tests.browser.portal import Portal
from tests.people import Person
from tests.standins.ollama import OllamaStandIn, Reply

QUESTION = "How many days of paid holiday do employees have?"
FIRST = "Twenty-eight days of paid holiday a year [1]."
LAST = "That was all."
_RECORD_HEIGHTS = """(body) => {
    window.heights = [];
    new ResizeObserver(() => window.heights.push(body.offsetHeight)).observe(body);
}"""

# Where a person has come to, when the page scrolls no more.
_PLACE_AT_REST = """() => new Promise((tell) => {
    const look = (before, frames) => requestAnimationFrame(() => {
        const still = scrollY === before ? frames + 1 : 0;
        if (still < 10) look(scrollY, still);
        else tell(scrollY);
    });
    look(scrollY, 0);
})"""

# Much has come by the time that the page hears how it followed a little.
_GROW_WHILE_FOLLOWING = """() => {
    const grow = (height) => {
        const line = document.createElement("div");
        line.style.height = `${height}px`;
        document.querySelector("[data-log]").append(line);
    };
    grow(40);
    scrollTo({ top: document.documentElement.scrollHeight, behavior: "instant" });
    grow(400);
}"""


def slow(paragraphs: int, *, tokens_per_second: float, held_from: int | None = None) -> Reply:
    """An answer that begins with `FIRST` and ends with `LAST`; each paragraph has eight tokens."""
    middle = "".join(f"Paragraph {number} says a little more about it.\n\n" for number in range(paragraphs))
    return Reply(text=f"{FIRST}\n\n{middle}{LAST}", tokens_per_second=tokens_per_second, held_from=held_from)


async def test_an_answer_streams_and_ends_with_its_citation(portal: Portal, ollama: OllamaStandIn) -> None:
    ollama.script(slow(4, tokens_per_second=30, held_from=20))
    await portal.ask(QUESTION)
    await expect(portal.answer_text).to_contain_text("Paragraph 0")
    await expect(portal.answer_text).not_to_contain_text(LAST)
    await expect(portal.stop).to_be_visible()
    ollama.go_on()
    await portal.answered()
    await expect(portal.answer_text).to_contain_text(LAST)
    await expect(portal.chips).to_have_text(["1"])


async def test_11_what_a_follow_up_is_searched_for_is_said_and_kept(portal: Portal, ollama: OllamaStandIn) -> None:
    whole = "How many days of paid holiday did employees have in 2021?"
    ollama.script(Reply(text=FIRST), Reply(text=FIRST))
    ollama.script_rewrites(Reply(text=whole, first_token_after=0.2))
    await portal.ask("How many days of paid holiday did employees have in 2020?")
    await portal.answered()
    await portal.record(portal.page.locator("[data-log]"))
    await portal.ask("And in 2021, please?")
    await portal.answered()
    assert any(f"Searching for “{whole}”…" in text for text in await portal.recorded())
    await portal.page.reload()
    await portal.answer.last.get_by_label("How this answer was made").click()
    await expect(portal.answer.last).to_contain_text(f"Searched for{whole}")


async def test_without_a_model_the_answer_quotes_the_documents_and_says_so(portal: Portal) -> None:
    await expect(portal.page.get_by_text("No language model: answers are quotations")).to_be_visible()
    await portal.ask(QUESTION)
    await portal.answered()
    await expect(portal.answer_text).to_contain_text("No language model is connected")
    await expect(portal.answer_text).to_contain_text(
        "Every full-time employee has twenty-eight days of paid holiday a year."
    )
    assert await portal.chips.count() >= 1


async def test_10_the_question_stands_there_at_once_and_survives_a_dead_line(
    open_portal: OpenPortal, reader: Person, line: Line
) -> None:
    portal = await open_portal(reader, at=line.url)
    portal.witness.expect(*LOST)
    await portal.open()
    await line.cut()
    await portal.ask(QUESTION)
    await expect(portal.page.get_by_role("article", name="You asked")).to_have_text(QUESTION)
    await expect(portal.answer.get_by_text("Nothing is lost: try again.")).to_be_visible()
    await line.mend()
    await portal.answer.get_by_role("button", name="Ask again").click()
    await expect(portal.answer_text).to_contain_text("twenty-eight days")
    await portal.answered()
    await expect(portal.page.get_by_role("article", name="You asked")).to_have_text([QUESTION])
    await portal.page.reload()
    await expect(portal.page.get_by_role("article", name="You asked")).to_have_text([QUESTION])


async def test_10_what_is_asked_while_the_line_is_cut_is_sent_when_it_is_mended(
    open_portal: OpenPortal, reader: Person, line: Line
) -> None:
    portal = await open_portal(reader, at=line.url)
    portal.witness.expect(*LOST)
    await portal.open()
    await portal.ask(QUESTION)
    await portal.answered()
    await line.cut()
    await portal.ask("Are night trains refunded?")
    await expect(portal.page.get_by_role("article", name="You asked").last).to_have_text(
        "Are night trains refunded?"
    )
    await line.mend()
    await expect(portal.answer_text).to_contain_text("Night trains are refunded")
    await portal.answered()
    await portal.page.reload()
    await expect(portal.page.get_by_role("article", name="You asked")).to_have_count(2)


async def test_11_stages_are_told_before_the_first_word(portal: Portal, ollama: OllamaStandIn) -> None:
    ollama.script(slow(1, tokens_per_second=0), Reply(text=FIRST, first_token_after=1.0))
    await portal.ask(QUESTION)
    await portal.answered()
    await portal.record(portal.page.get_by_role("log"))
    await portal.ask(QUESTION)
    await expect(portal.answer.get_by_text("passages found. Writing…")).to_be_visible()
    await portal.answered()
    told = "\n".join(await portal.recorded())
    assert told.index("Searching Documents, Visits…") < told.index("passages found. Writing…")


async def test_12_the_page_follows_only_who_is_at_its_end(portal: Portal, ollama: OllamaStandIn) -> None:
    # The rest comes when somebody reads above: whatever the machine is at, words come meanwhile.
    ollama.script(slow(60, tokens_per_second=120, held_from=240))
    jump = portal.page.get_by_role("button", name="Jump to latest")
    await portal.ask(QUESTION)
    await expect(portal.answer_text).to_contain_text("Paragraph 12")
    assert await portal.is_following()
    await expect(jump).to_be_hidden()

    await portal.page.mouse.move(640, 300)
    await portal.page.mouse.wheel(0, -600)
    await expect(jump).to_be_visible()
    place = await portal.page.evaluate(_PLACE_AT_REST)
    ollama.go_on()
    await expect(portal.answer_text).to_contain_text(LAST)
    assert await portal.page.evaluate("() => scrollY") == place
    await expect(jump.locator(".jump-dot")).to_be_visible()

    await jump.click()
    await expect(jump).to_be_hidden()
    await portal.answered()
    assert await portal.is_following()

    await portal.page.evaluate(_GROW_WHILE_FOLLOWING)
    assert await portal.is_following()
    await expect(jump).to_be_hidden()


async def test_13_unfinished_markup_is_calm_and_the_end_moves_nothing(
    portal: Portal, ollama: OllamaStandIn
) -> None:
    code = "```python\n" + "".join(f"line_{number} = {number}\n" for number in range(12)) + "```"
    years = "- In the **first year** 28 days.\n- In the second year [29 days](https://evil.example/)."
    table = "| Year | Days |\n| --- | --- |\n| 2020 | 28 |\n| 2021 | 29 |"
    ollama.script(Reply(text=f"{FIRST}\n\n{code}\n\n{years}\n\n{table}\n\n{LAST}", tokens_per_second=40))
    await portal.ask(QUESTION)
    await portal.record(portal.answer_text)
    await portal.answer_text.evaluate(_RECORD_HEIGHTS)
    await portal.answered()
    await expect(portal.answer_text.locator("li")).to_have_count(2)
    shown = await portal.recorded()
    assert len(shown) > 8
    assert [text for text in shown if re.search(r"```|\*\*|\]\(|\||---", text)] == []
    heights = await portal.page.evaluate("() => window.heights")
    assert len(heights) > 8
    assert heights == sorted(heights)


async def test_14_a_reload_and_another_tab_take_up_the_running_answer(
    portal: Portal, ollama: OllamaStandIn
) -> None:
    ollama.script(slow(30, tokens_per_second=60, held_from=60))
    await portal.ask(QUESTION)
    await expect(portal.answer_text).to_contain_text("Paragraph 2")
    second = Portal(await portal.page.context.new_page(), portal.url, portal.witness)
    await second.open("documents/")
    spinner = second.conversation(QUESTION).get_by_text("answering")
    await expect(spinner).to_be_visible()
    await portal.page.reload()
    await expect(portal.stop).to_be_visible()
    await second.conversation(QUESTION).click()
    for tab in (portal, second):
        await expect(tab.answer_text).to_contain_text("Paragraph 5")
        await expect(tab.answer_text).not_to_contain_text(LAST)
    ollama.go_on()
    for tab in (portal, second):
        await tab.answered()
        await expect(tab.answer_text).to_contain_text(LAST)
        await expect(tab.answer_text.get_by_text("Paragraph 0 says")).to_have_count(1)
        await expect(tab.chips).to_have_text(["1"])


async def test_14_another_page_is_told_when_an_answer_begins_and_ends(
    portal: Portal, ollama: OllamaStandIn
) -> None:
    ollama.script(Reply(text=FIRST), slow(20, tokens_per_second=60, held_from=20))
    await portal.ask(QUESTION)
    await portal.answered()
    second = Portal(await portal.page.context.new_page(), portal.url, portal.witness)
    await second.open("documents/")
    spinner = second.conversation(QUESTION).get_by_text("answering")
    await expect(spinner).to_be_hidden()
    await portal.ask(QUESTION)
    await expect(spinner).to_be_visible()
    ollama.go_on()
    await portal.answered()
    await expect(spinner).to_be_hidden()


async def test_15_a_lost_line_is_told_after_five_seconds_and_what_was_missed_is_filled_in(
    open_portal: OpenPortal, reader: Person, line: Line, ollama: OllamaStandIn
) -> None:
    ollama.script(slow(20, tokens_per_second=40, held_from=40))
    portal = await open_portal(reader, at=line.url)
    portal.witness.expect(*LOST)
    await portal.open()
    await portal.ask(QUESTION)
    await expect(portal.answer_text).to_contain_text("Paragraph 1")
    await line.cut()
    ollama.go_on()
    await expect(portal.banner).to_be_visible()
    await expect(portal.answer_text).not_to_contain_text(LAST)
    await line.mend()
    await expect(portal.banner).to_be_hidden()
    await portal.answered()
    for number in range(20):
        await expect(portal.answer_text.get_by_text(f"Paragraph {number} says")).to_have_count(1)
    await expect(portal.answer_text).to_contain_text(LAST)


async def test_16_a_model_that_fails_is_told_with_a_way_to_try_again(
    portal: Portal, ollama: OllamaStandIn
) -> None:
    ollama.script(Reply(status=500), times=8)
    await portal.ask(QUESTION)
    failure = portal.answer.locator(".failure")
    await expect(failure).to_be_visible()
    await expect(failure).not_to_be_empty()
    await expect(portal.answer_text).to_be_empty()
    assert "scripted failure" not in await failure.inner_text()
    ollama.reset()
    await portal.answer.get_by_role("button", name="Ask again").click()
    await portal.answered()
    await expect(portal.chips).to_have_text(["1"])
    await expect(portal.page.get_by_role("article", name="You asked")).to_have_text([QUESTION])
    versions = portal.answer.get_by_role("group", name="Versions of this answer")
    await expect(versions.get_by_role("img", name="Version 2 of 2")).to_be_visible()
    await versions.get_by_role("button", name="Previous version").click()
    await expect(failure).not_to_be_empty()
    await expect(portal.answer.get_by_role("button", name="Regenerate")).to_be_hidden()


async def test_16_a_model_that_hangs_half_way_keeps_its_words_and_is_called_failed(
    portal: Portal, ollama: OllamaStandIn
) -> None:
    ollama.script(Reply(text=f"{FIRST} And so on and so forth.", fault="hang", fault_after=10))
    await portal.ask(QUESTION)
    await expect(portal.answer.locator(".failure")).to_be_visible()
    await expect(portal.answer_text).to_contain_text("Twenty-eight days of paid holiday")
    await expect(portal.answer.get_by_role("button", name="Ask again")).to_be_visible()
    await portal.page.reload()
    await expect(portal.answer.locator(".failure")).not_to_be_empty()
    await expect(portal.answer_text).to_contain_text("Twenty-eight days of paid holiday")


async def test_16_an_answer_cut_at_its_limit_says_so(portal: Portal, ollama: OllamaStandIn) -> None:
    ollama.script(Reply(text=FIRST, done_reason="length"))
    await portal.ask(QUESTION)
    note = portal.answer.get_by_text("Cut at the length limit.")
    await expect(note).to_be_visible()
    await portal.page.reload()
    await expect(note).to_be_visible()
