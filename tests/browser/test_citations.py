"""From a claim to the page that it stands on (behaviours 18 to 22)."""

from __future__ import annotations

import re

from playwright.async_api import Locator, expect
from reportlab.lib.pagesizes import A4
from reportlab.pdfbase.pdfmetrics import stringWidth

from tests.browser.conftest import OPENING_HOURS, OpenPortal
from tests.browser.portal import Portal
from tests.people import Person
from tests.standins.ollama import OllamaStandIn, Reply

QUESTION = "How many days of paid holiday do full-time employees have?"
SENTENCE = "Every full-time employee has twenty-eight days of paid holiday a year."
BOTH = "How many months of parental leave may parents take, and how much paid holiday is there?"
LEAVE = "Parents may take fourteen months of leave, shared between them as they wish."
# `text_pdf` sets the second line of a page 120 points below its top, 100 from its left edge.
LEFT, BASELINE, SIZE = 100, 120, 12

# The marked box of a page, as fractions of the page's picture as it is drawn.
_MARKED = """(figure) => {
    const page = figure.querySelector("img").getBoundingClientRect();
    const mark = figure.querySelector("path").getBoundingClientRect();
    return [
        (mark.left - page.left) / page.width, (mark.top - page.top) / page.height,
        (mark.right - page.left) / page.width, (mark.bottom - page.top) / page.height,
    ];
}"""


async def marked_points(figure: Locator) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of the highlight in points from the page's top left corner."""
    image = figure.get_by_role("img")
    await expect(image).to_be_visible()
    await image.evaluate("(image) => image.decode()")
    left, top, right, bottom = await figure.evaluate(_MARKED)
    return left * A4[0], top * A4[1], right * A4[0], bottom * A4[1]


def is_about_the_sentence(box: tuple[float, float, float, float]) -> bool:
    """Whether the box covers every letter of `SENTENCE` and hardly more."""
    left, top, right, bottom = box
    end = LEFT + stringWidth(SENTENCE, "Helvetica", SIZE)
    covers = left <= LEFT + 1 and right >= end - 3 and top <= BASELINE - 8 and bottom >= BASELINE
    return covers and left >= LEFT - 4 and right <= end + 4 and top >= BASELINE - 14 and bottom <= BASELINE + 6


async def asked(portal: Portal, question: str = QUESTION) -> None:
    await portal.ask(question)
    await portal.answered()


async def test_18_a_chip_shows_its_passage_on_hover_and_on_focus(portal: Portal) -> None:
    await asked(portal)
    chip = portal.chips.first
    await chip.hover()
    await expect(portal.preview).to_contain_text("handbook.pdf")
    await expect(portal.preview).to_contain_text("p. 1")
    await expect(portal.preview).to_contain_text(SENTENCE)
    await expect(chip).to_have_accessible_description(re.compile(re.escape(SENTENCE)))
    await portal.page.mouse.move(0, 0)
    await expect(portal.preview).to_be_hidden()
    await portal.field.focus()
    while not await portal.preview.is_visible():
        await portal.page.keyboard.press("Shift+Tab")
    await expect(portal.preview).to_contain_text("handbook.pdf")
    await portal.page.keyboard.press("Escape")
    await expect(portal.preview).to_be_hidden()


async def test_18_a_tap_on_a_chip_shows_title_page_and_words(open_portal: OpenPortal, reader: Person) -> None:
    portal = await open_portal(reader, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    await portal.open()
    await portal.field.fill(QUESTION)
    await portal.send.tap()
    await portal.answered()
    chip = portal.chips.first
    await chip.tap()
    await expect(portal.panel.get_by_role("heading")).to_have_text("handbook.pdf")
    await expect(portal.panel).to_contain_text("Page 1 of 3")
    await expect(portal.panel.get_by_role("blockquote")).to_have_text(SENTENCE)
    await expect(portal.preview).to_be_hidden()
    await portal.panel.get_by_role("button", name="Close the source").tap()
    await expect(chip).to_be_focused()


async def test_19_a_click_opens_the_page_with_the_quoted_words_highlighted(portal: Portal) -> None:
    await asked(portal)
    chip = portal.chips.first
    await chip.click()
    await expect(portal.panel.get_by_role("heading")).to_have_text("handbook.pdf")
    await expect(portal.panel).to_contain_text("Page 1 of 3")
    await expect(portal.panel.get_by_role("blockquote")).to_have_text(SENTENCE)
    box = await marked_points(portal.panel.get_by_role("figure"))
    assert is_about_the_sentence(box), box
    await portal.page.keyboard.press("Escape")
    await expect(portal.panel).to_be_hidden()
    await expect(chip).to_be_focused()


async def test_19_the_clicked_chip_stays_where_it_was(open_portal: OpenPortal, reader: Person) -> None:
    portal = await open_portal(reader, viewport={"width": 1280, "height": 500})
    await portal.open()
    for number in range(3):
        await asked(portal)
        await expect(portal.page.get_by_role("article", name="Answer")).to_have_count(number + 1)
    chip = portal.page.locator(".answer-body .chip").nth(1)
    await chip.scroll_into_view_if_needed()

    async def height() -> float:
        box = await chip.bounding_box()
        assert box is not None
        return box["y"]

    before = await height()
    await chip.click()
    await marked_points(portal.panel.get_by_role("figure"))
    assert abs(await height() - before) < 2
    await portal.page.keyboard.press("Escape")
    await expect(portal.panel).to_be_hidden()
    assert abs(await height() - before) < 2


async def test_19_the_chip_is_a_link_to_the_page_itself(portal: Portal) -> None:
    await asked(portal)
    async with portal.page.context.expect_page() as opened:
        await portal.chips.first.click(modifiers=["ControlOrMeta"])
    page = await opened.value
    await expect(page.get_by_role("heading", name="handbook.pdf")).to_be_visible()
    await expect(page.get_by_role("main").get_by_role("blockquote")).to_have_text(SENTENCE)
    box = await marked_points(page.get_by_role("figure"))
    assert is_about_the_sentence(box), box
    await page.get_by_role("link", name="Next page").click()
    await expect(page.get_by_text("Page 2 of 3")).to_be_visible()
    await page.get_by_role("link", name="Previous page").click()
    await expect(page.get_by_text("Page 1 of 3")).to_be_visible()
    await expect(portal.panel).to_be_hidden()


async def test_19_a_text_file_opens_as_text_with_the_passage_marked(portal: Portal) -> None:
    await asked(portal, "When does the reading room open?")
    await portal.chips.first.click()
    sentence = OPENING_HOURS.splitlines()[2]
    await expect(portal.panel.locator("mark")).to_have_text(sentence)
    await expect(portal.panel.locator(".page-text")).to_contain_text("Visiting.")


async def test_19_previous_and_next_walk_through_the_citations(portal: Portal, ollama: OllamaStandIn) -> None:
    ollama.script(Reply(text=f"{LEAVE} [1] {SENTENCE} [2]"))
    await asked(portal, BOTH)
    await expect(portal.chips).to_have_text(["1", "2"])
    await portal.chips.first.click()
    await expect(portal.panel.get_by_text("Source 1 of 2")).to_be_visible()
    await expect(portal.panel).to_contain_text("Page 2 of 3")
    await portal.panel.get_by_role("button", name="Next source").click()
    await expect(portal.panel.get_by_text("Source 2 of 2")).to_be_visible()
    await expect(portal.panel).to_contain_text("Page 1 of 3")
    await portal.panel.get_by_role("button", name="Previous source").click()
    await expect(portal.panel).to_contain_text("Page 2 of 3")
    await portal.panel.get_by_role("button", name="Close the source").click()
    await expect(portal.panel).to_be_hidden()


async def test_19_the_passages_beside_it_are_one_step_away(portal: Portal, ollama: OllamaStandIn) -> None:
    ollama.script(Reply(text=f"{LEAVE} [1]"))
    await asked(portal, BOTH)
    await portal.chips.first.click()
    quote = portal.panel.get_by_role("blockquote")
    await expect(quote).to_have_text(LEAVE)
    await expect(portal.panel).to_contain_text("Page 2 of 3")
    before = portal.panel.get_by_role("button", name="Passage before")
    after = portal.panel.get_by_role("button", name="Passage after")
    back = portal.panel.get_by_role("button", name="Cited passage")
    await expect(back).to_be_hidden()
    await before.press("Enter")
    await expect(portal.panel).to_contain_text("Page 1 of 3")
    await expect(quote).to_be_hidden()
    await expect(before).to_have_attribute("aria-disabled", "true")
    await expect(before).to_be_focused()
    await marked_points(portal.panel.get_by_role("figure"))
    await back.press("Enter")
    await expect(quote).to_have_text(LEAVE)
    await expect(back).to_be_hidden()
    await after.press("Enter")
    await expect(portal.panel).to_contain_text("Page 3 of 3")
    await expect(after).to_have_attribute("aria-disabled", "true")


async def test_19_a_page_is_read_as_a_picture_or_as_text_and_the_file_is_there(portal: Portal) -> None:
    await asked(portal)
    await portal.chips.first.click()
    await marked_points(portal.panel.get_by_role("figure"))
    as_text = portal.panel.get_by_role("button", name="Text", exact=True)
    await as_text.press("Enter")
    await expect(as_text).to_have_attribute("aria-pressed", "true")
    await expect(portal.panel.get_by_role("figure")).to_be_hidden()
    await expect(portal.panel.locator("mark")).to_have_text(SENTENCE)
    await as_text.press("Enter")
    await marked_points(portal.panel.get_by_role("figure"))
    async with portal.page.expect_download() as started:
        await portal.panel.get_by_role("link", name="Download the original file").click()
    assert (await started.value).suggested_filename == "handbook.pdf"


async def test_19_on_a_narrow_screen_the_source_is_a_sheet_over_the_answer(
    open_portal: OpenPortal, reader: Person
) -> None:
    portal = await open_portal(reader, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    await portal.open()
    await portal.field.fill(QUESTION)
    await portal.send.tap()
    await portal.answered()
    await portal.chips.first.tap()
    box = await marked_points(portal.panel.get_by_role("figure"))
    assert is_about_the_sentence(box), box
    assert await portal.panel.evaluate("(panel) => panel.matches(':modal')")
    await portal.panel.get_by_role("button", name="Close the source").tap()
    await expect(portal.panel).to_be_hidden()


async def test_20_a_document_is_listed_once_with_its_pages(portal: Portal, ollama: OllamaStandIn) -> None:
    ollama.script(Reply(text=f"{LEAVE} [1] {SENTENCE} [2]"))
    await asked(portal, BOTH)
    cited = portal.answer.locator(".sources > .source-list > li")
    await expect(cited).to_have_count(1)
    await expect(cited.get_by_role("link", name="handbook.pdf", exact=True)).to_be_visible()
    await expect(cited.locator(".chip")).to_have_text(["1", "2"])
    await expect(cited).to_contain_text("p. 1–2")
    await expect(cited).to_contain_text("Best match")

    rest = portal.answer.get_by_role("group").filter(has_text="Also read, not cited")
    await expect(rest.locator(".source-list")).to_be_hidden()
    await rest.get_by_text("Also read, not cited").click()
    await expect(rest.locator(".source-list")).to_be_visible()
    await expect(rest.locator(".source-list .chip").first).not_to_have_text(re.compile("^[12]$"))
    found = await portal.answer.locator(".sources .chip").count()
    told = [await one.inner_text() for one in await portal.answer.locator(".relevance").all()]
    assert {int(one.split()[1]) for one in told[1:]} <= set(range(2, found + 1)), told
    assert all(one.endswith(f"of {found}") for one in told[1:])


async def test_20_and_the_same_without_scripts(
    open_portal: OpenPortal, reader: Person, portal: Portal, ollama: OllamaStandIn
) -> None:
    ollama.script(Reply(text=f"{LEAVE} [1] {SENTENCE} [2]"))
    await asked(portal, BOTH)
    plain = await open_portal(reader, java_script_enabled=False)
    await plain.page.goto(portal.page.url)
    cited = plain.answer.get_by_role("listitem").filter(has_text="handbook.pdf")
    await expect(cited).to_have_count(1)
    await expect(cited).to_contain_text("p. 1–2")
    await expect(cited.locator(".chip")).to_have_text(["1", "2"])
    await cited.get_by_role("link", name="handbook.pdf").click()
    await expect(plain.page.get_by_role("heading", level=1)).to_have_text("handbook.pdf")


async def test_21_no_answer_is_said_openly(portal: Portal) -> None:
    await asked(portal, "What is the boiling point of tungsten on Jupiter?")
    await expect(portal.answer_text).to_contain_text("I found no answer to this in the documents.")
    await expect(portal.answer_text).to_contain_text("Searched: Documents, Visits.")
    await expect(portal.answer_text).to_contain_text("The nearest documents were: ")
    await expect(portal.answer_text).to_contain_text(re.compile("handbook.pdf|opening-hours.txt"))
    await expect(portal.answer_text).to_contain_text("widen the search")
    await expect(portal.chips).to_have_count(0)
    await expect(portal.answer.locator(".failure")).to_be_hidden()


async def test_21_a_narrowed_search_offers_the_wider_one(portal: Portal) -> None:
    await portal.page.get_by_role("button", name="Do not search Documents").click()
    await asked(portal, QUESTION)
    await expect(portal.answer_text).to_contain_text("Searched: Visits.")
    await portal.answer.get_by_role("button", name="Search all collections").press("Enter")
    await expect(portal.page.get_by_role("article", name="Answer")).to_have_count(2)
    await portal.answered()
    await expect(portal.chips.first).to_be_visible()


async def test_22_a_deleted_source_keeps_its_chip_and_says_that_it_is_gone(
    open_portal: OpenPortal, archivist: Person
) -> None:
    portal = await open_portal(archivist)
    await portal.open()
    await asked(portal)
    portal.witness.expect(r"status 404: .*/p/1\.json", r"Failed to load resource: .*404")
    second = Portal(await portal.page.context.new_page(), portal.url, portal.witness)
    await second.open("documents/")
    await second.document("handbook.pdf").get_by_role("button", name="Delete").click()
    await second.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(second.document("handbook.pdf")).to_have_count(0)

    await portal.chips.first.click()
    await expect(portal.panel.get_by_text("No longer available to you")).to_be_visible()
    await expect(portal.panel.get_by_role("blockquote")).to_be_hidden()
    await portal.page.reload()
    await expect(portal.chips.first).to_have_text("1")
    await portal.chips.first.hover()
    await expect(portal.preview).to_contain_text("No longer available to you")
    assert SENTENCE not in await portal.preview.inner_text()
