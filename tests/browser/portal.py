"""The portal as a person sees it: fields, buttons and answers by the names that they bear."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from playwright.async_api import Locator, Page, expect

from tests.browser.witness import Witness

_FEW_LINES = 100
# How far the end is below what is seen, once what has come is drawn.
_REST = """() => new Promise((tell) => requestAnimationFrame(() => requestAnimationFrame(() =>
    tell(document.documentElement.scrollHeight - innerHeight - scrollY)
)))"""
# Each change of the element's text, from now on, in `window.changes`.
_RECORD = """(element) => {
    window.changes = [];
    const note = () => {
        const text = element.innerText.trim();
        if (text && text !== window.changes.at(-1)) window.changes.push(text);
    };
    new MutationObserver(note).observe(element, {subtree: true, childList: true, characterData: true});
}"""


@dataclass
class Portal:
    """One tab in one organisation, of which `url` is the address."""

    page: Page
    url: str
    witness: Witness

    async def open(self, path: str = "") -> None:
        """Go to a path inside the organisation; the empty one is a new chat."""
        await self.page.goto(f"{self.url}{path}")

    @property
    def field(self) -> Locator:
        return self.page.get_by_label("Your question")

    @property
    def send(self) -> Locator:
        return self.page.get_by_role("button", name="Send")

    @property
    def stop(self) -> Locator:
        return self.page.get_by_role("button", name="Stop")

    @property
    def answer(self) -> Locator:
        """The last answer on the page."""
        return self.page.get_by_role("article", name="Answer").last

    @property
    def answer_text(self) -> Locator:
        return self.answer.locator(".answer-body")

    @property
    def chips(self) -> Locator:
        """Citation chips in the last answer's text."""
        return self.answer_text.locator(".chip")

    @property
    def panel(self) -> Locator:
        """The source beside the answer."""
        return self.page.locator("#source-panel")

    @property
    def preview(self) -> Locator:
        return self.page.get_by_role("tooltip")

    @property
    def banner(self) -> Locator:
        return self.page.get_by_text("Connection lost. Trying to reconnect…")

    def conversation(self, title: str) -> Locator:
        """A conversation in the sidebar."""
        return self.page.get_by_role("navigation").get_by_role("link", name=title)

    def document(self, name: str) -> Locator:
        """A document's row."""
        return self.page.get_by_role("listitem").filter(has=self.page.get_by_text(name, exact=True))

    async def ask(self, question: str) -> None:
        await self.field.fill(question)
        await self.field.press("Enter")

    async def answered(self) -> None:
        """Wait until the last answer is over, well or not."""
        await expect(self.answer.locator(".answer-actions")).to_be_visible()
        await expect(self.stop).to_be_hidden()

    async def record(self, element: Locator) -> None:
        """Begin to note how the text of an element changes."""
        await element.evaluate(_RECORD)

    async def recorded(self) -> list[str]:
        """The texts that the recorded element has had, in order."""
        changes: Any = await self.page.evaluate("() => window.changes")
        return list(changes)

    async def recorded_until(self, last: str) -> list[str]:
        """The same, once the recorded element has come to that text: what it had before is no sign that it has."""
        await self.page.wait_for_function("(last) => window.changes.at(-1) === last", arg=last)
        return await self.recorded()

    async def is_following(self) -> bool:
        """Whether the end of the page is in view, but for the lines that have come since it was drawn."""
        return bool(await self.page.evaluate(_REST) < _FEW_LINES)
