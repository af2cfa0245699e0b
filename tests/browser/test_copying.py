"""Taking answers along: as Markdown and rich text at once, code, tables, and on paper (behaviour 23)."""

from __future__ import annotations

import asyncio
import csv
import io
from pathlib import Path
from typing import Any

import pytest_asyncio
from playwright.async_api import Locator, expect

from tests.browser.conftest import OpenPortal
from tests.browser.portal import Portal
from tests.people import Person
from tests.standins.ollama import OllamaStandIn, Reply

QUESTION = "How many months of parental leave may parents take, and how much paid holiday is there?"
LEAVE = "Parents may take fourteen months of leave, shared between them as they wish."
HOLIDAY = "Every full-time employee has twenty-eight days of paid holiday a year."
CODE = "def days(year: int) -> int:\n    return 28 if year < 2021 else 29  # too long for a telephone's screen\n"
TEXT = f"""## Leave

{LEAVE} [1] It is **shared**, see *below* and `5 * 3`:

- first [a page](https://evil.example/)
- {HOLIDAY} [2]
  1. nested

| Year | Days |
| --- | --: |
| =1+1 | 28 [2] |
| "a", b | -5 |

```python
{CODE}```

> As it stands."""
WORDS = f"""## Leave

{LEAVE} [1] It is **shared**, see *below* and `5 * 3`:

- first a page (https://evil.example/)
- {HOLIDAY} [2]
  1. nested

| Year | Days |
| --- | --: |
| =1+1 | 28 [2] |
| "a", b | -5 |

```python
{CODE}```

> As it stands.

**Sources**

"""
_CLIPBOARD = """async () => {
    const [item] = await navigator.clipboard.read();
    const read = async (type) => [type, await (await item.getType(type)).text()];
    return Object.fromEntries(await Promise.all(item.types.map(read)));
}"""


async def clipboard(portal: Portal) -> dict[str, str]:
    """What was copied, by media type."""
    held: Any = await portal.page.evaluate(_CLIPBOARD)
    return dict(held)


async def heard(portal: Portal, words: str) -> None:
    """A screen reader was told so."""
    await expect(portal.page.locator("[data-announcer]")).to_have_text(words)


async def answered(portal: Portal, ollama: OllamaStandIn) -> None:
    ollama.script(Reply(text=TEXT))
    await portal.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await portal.ask(QUESTION)
    await portal.answered()
    await expect(portal.chips).to_have_text(["1", "2", "2"])


@pytest_asyncio.fixture(loop_scope="session")
async def page(portal: Portal, ollama: OllamaStandIn) -> Portal:
    """An answer with a list, a table, code and two citations."""
    await answered(portal, ollama)
    return portal


async def link_of(portal: Portal, marker: str) -> str:
    """The address of what a chip cites."""
    chip = portal.chips.filter(has_text=marker).first
    return str(await chip.evaluate("(chip) => new URL(chip.href).pathname + new URL(chip.href).search"))


async def test_23_an_answer_is_copied_as_markdown_with_numbered_sources(page: Portal) -> None:
    button = page.answer.get_by_role("button", name="Copy the answer with its sources")
    await button.press("Enter")
    await heard(page, "Copied")
    text = (await clipboard(page))["text/plain"]
    assert text.startswith(WORDS), text
    sources = text.removeprefix(WORDS).splitlines()
    assert [line.partition("](<")[0] for line in sources] == [
        "- [1] [handbook.pdf, p. 2",
        "- [2] [handbook.pdf, p. 1",
    ]
    for marker, line in zip("12", sources, strict=True):
        address = line.partition("](<")[2].removesuffix(">)")
        assert address.startswith("http")
        assert address.endswith(await link_of(page, marker))


async def test_23_and_as_rich_text_for_programs_that_take_it(page: Portal) -> None:
    await page.answer.get_by_role("button", name="Copy the answer with its sources").click()
    await heard(page, "Copied")
    html = (await clipboard(page))["text/html"]
    paper = await page.page.context.new_page()
    await paper.set_content(html)
    await expect(paper.get_by_role("heading", name="Leave")).to_be_visible()
    await expect(paper.get_by_role("cell")).to_have_text(["=1+1", "28 [2]", '"a", b', "-5"])
    await expect(paper.locator("strong").first).to_have_text("shared")
    await expect(paper.locator("pre")).to_have_text(CODE)
    await expect(paper.locator("sup")).to_have_text(["[1]", "[2]", "[2]"])
    links = await paper.get_by_role("link").evaluate_all("(links) => links.map((one) => one.href)")
    assert len(links) == 5
    assert {link.rpartition("/o/")[2] for link in links} == {
        (await link_of(page, marker)).rpartition("/o/")[2] for marker in "12"
    }
    await expect(paper.locator("button, [class], [style], [data-marker]")).to_have_count(0)
    await paper.close()


async def test_23_code_is_copied_wrapped_and_downloaded(page: Portal) -> None:
    copy = page.answer.get_by_role("button", name="Copy the code")
    await copy.press("Enter")
    await heard(page, "Copied")
    assert (await clipboard(page))["text/plain"] == CODE

    code = page.answer.get_by_role("group", name="Code, python")
    await page.page.set_viewport_size({"width": 390, "height": 800})
    wrap = page.answer.get_by_role("button", name="Wrap long lines")
    assert await is_cut(code)
    await wrap.press("Enter")
    await expect(wrap).to_have_attribute("aria-pressed", "true")
    await heard(page, "Long lines are wrapped")
    assert not await is_cut(code)
    await wrap.press("Enter")
    assert await is_cut(code)

    async with page.page.expect_download() as started:
        await page.answer.get_by_role("button", name="Download the code").press("Enter")
    download = await started.value
    assert download.suggested_filename == "code.py"
    assert await asyncio.to_thread(Path(await download.path()).read_text, encoding="utf-8") == CODE
    await heard(page, "code.py was downloaded")


async def is_cut(code: Locator) -> bool:
    return bool(await code.evaluate("(code) => code.scrollWidth > code.clientWidth"))


async def test_23_a_table_is_copied_as_csv_that_runs_nothing(page: Portal) -> None:
    await page.answer.get_by_role("button", name="Copy the table as CSV").press("Enter")
    await heard(page, "Copied")
    text = (await clipboard(page))["text/plain"]
    assert list(csv.reader(io.StringIO(text))) == [["Year", "Days"], ["'=1+1", "28"], ['"a", b', "'-5"]]
    assert text.split("\r\n")[2] == '"""a"", b",\'-5'


async def test_23_all_of_it_is_there_again_after_a_reload_and_by_touch(
    open_portal: OpenPortal, reader: Person, ollama: OllamaStandIn
) -> None:
    portal = await open_portal(reader, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    await portal.open()
    ollama.script(Reply(text=TEXT))
    await portal.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await portal.field.fill(QUESTION)
    await portal.send.tap()
    await portal.answered()
    await portal.page.reload()
    for name in ("Copy the code", "Copy the table as CSV", "Copy the answer with its sources"):
        button = portal.answer.get_by_role("button", name=name)
        box = await button.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 44, name
        await button.tap()
        await expect(button.locator(".is-done")).to_be_visible()
    assert (await clipboard(portal))["text/plain"].startswith(WORDS)
    assert not await portal.page.evaluate("() => document.documentElement.scrollWidth > innerWidth")


async def test_23_a_browser_that_refuses_is_not_said_to_have_copied(page: Portal) -> None:
    await page.page.context.clear_permissions()
    blank = await page.page.context.new_page()
    await blank.bring_to_front()
    await page.answer.get_by_role("button", name="Copy the code").evaluate("(button) => button.click()")
    await heard(page, "Nothing was copied: the browser refused.")
    await blank.close()
