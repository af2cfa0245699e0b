"""A conversation on paper: what was asked, what was answered and where it stands, and nothing to click."""

from __future__ import annotations

import io

import pypdfium2
from playwright.async_api import expect

from tests.browser.conftest import OpenPortal
from tests.browser.portal import Portal
from tests.people import Person
from tests.standins.ollama import OllamaStandIn, Reply

QUESTION = "How many months of parental leave may parents take?"
LEAVE = "Parents may take fourteen months of leave, shared between them as they wish."
TEXT = f"{LEAVE} [1]\n\n```python\nprint({'0123456789' * 15!r})\n```"
_COLOURS = """(element) => {
    const rgb = (text) => text.match(/[\\d.]+/g).map(Number).slice(0, 3);
    return [rgb(getComputedStyle(element).color), rgb(getComputedStyle(document.body).backgroundColor)];
}"""


async def answered(portal: Portal, ollama: OllamaStandIn) -> None:
    ollama.script(Reply(text=TEXT, thinking="Passage one says it."))
    await portal.ask(QUESTION)
    await portal.answered()


async def test_what_is_clicked_is_not_printed_and_what_was_said_is(portal: Portal, ollama: OllamaStandIn) -> None:
    await answered(portal, ollama)
    await portal.chips.first.click()
    await expect(portal.panel).to_be_visible()
    await portal.page.emulate_media(media="print")
    await expect(portal.page.get_by_role("heading", level=1)).to_be_visible()
    await expect(portal.page.get_by_role("article", name="You asked")).to_be_visible()
    await expect(portal.answer_text.get_by_text(LEAVE)).to_be_visible()
    sources = portal.answer.get_by_role("listitem").filter(has_text="handbook.pdf").first
    await expect(sources).to_be_visible()
    await expect(sources).to_contain_text("p. 2")
    for gone in (
        portal.page.get_by_role("navigation").first,
        portal.field,
        portal.panel,
        portal.answer.locator(".answer-actions"),
        portal.answer.get_by_text("Thought for"),
        portal.answer.get_by_text("Also read, not cited"),
        portal.answer.locator(".frame-bar").first,
        portal.page.get_by_text("can be wrong"),
    ):
        await expect(gone).to_be_hidden()
    await expect(portal.page.locator("button:visible, textarea:visible, summary:visible")).to_have_count(0)


async def test_paper_is_white_in_the_dark_theme_too(
    open_portal: OpenPortal, reader: Person, ollama: OllamaStandIn
) -> None:
    portal = await open_portal(reader, color_scheme="dark")
    await portal.open()
    await answered(portal, ollama)
    await portal.page.emulate_media(media="print", color_scheme="dark")
    parts = (portal.answer_text.locator("p"), portal.answer.locator(".source-pages").first, portal.chips.first)
    for part in parts:
        ink, paper = await part.evaluate(_COLOURS)
        assert paper == [255, 255, 255]
        assert max(ink) < 100, await part.inner_text()


async def test_long_lines_of_code_are_whole_on_the_page(portal: Portal, ollama: OllamaStandIn) -> None:
    await answered(portal, ollama)
    file = pypdfium2.PdfDocument(io.BytesIO(await portal.page.pdf()))
    words = "".join("".join(page.get_textpage().get_text_range().split()) for page in file)
    for part in (QUESTION, LEAVE, "0123456789" * 15, "[1]", "handbook.pdf", "p. 2"):
        assert "".join(part.split()) in words, part
    assert "Answerscanbewrong" not in words
