"""What a newcomer does, from signing up to a colleague's first question, in whatever language the pages are.

So nothing is looked for by its words: fields by their names, links by where they lead.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from playwright.async_api import Page, expect

PASSWORD = "lamps-and-lenses"  # noqa: S105
# Reading a file takes a while on a machine that does much else.
_READ_WITHIN_MS = 120_000


@dataclass(frozen=True, slots=True)
class Newcomers:
    """Two people, each with a browser of their own, the organisation that one founds, and what they ask."""

    newcomer: Page
    colleague: Page
    organisation: str
    emails: tuple[str, str]
    document: Path
    questions: tuple[str, str]


@dataclass(slots=True)
class Walk:
    """`note` is told of each step when its page is to be looked at; `confirmation` finds the link in a letter."""

    url: str
    people: Newcomers
    note: Callable[[str, Page], Awaitable[None]]
    confirmation: Callable[[str], Awaitable[str]]
    invitation: str = field(default="", init=False)

    async def go(self) -> None:
        for step in (
            self.sign_up,
            self.upload,
            self.ask,
            self.open_citation,
            self.invite,
            self.join,
            self.ask_too,
        ):
            await step()

    async def sign_up(self) -> None:
        page, (email, _) = self.people.newcomer, self.people.emails
        await page.goto(self.url)
        await self.note("landing", page)
        await page.locator("a[href*='/accounts/signup/']").click()
        await page.locator("input[name=organisation]").fill(self.people.organisation)
        await page.locator("input[name=email]").fill(email)
        await page.locator("input[name=password1]").fill(PASSWORD)
        await self.note("sign-up", page)
        await page.locator("main form button.primary").click()
        await expect(page.locator("[data-greeting]")).to_be_visible()
        await self.note("first-page", page)

    async def upload(self) -> None:
        page = self.people.newcomer
        await _from_sidebar(page, "a[href$='/documents/']")
        await self.note("no-documents", page)
        await page.locator("[data-file-input]").set_input_files(self.people.document)
        ready = page.locator("[data-document][data-status=ready]")
        await expect(ready).to_be_visible(timeout=_READ_WITHIN_MS)
        await self.note("document-ready", page)
        await ready.locator("a[data-title]").click()
        await expect(page.locator(".page-list")).to_be_visible()
        await self.note("document", page)

    async def ask(self) -> None:
        page = self.people.newcomer
        await page.locator("a[href*='?document=']").click()
        await self.note("about-one-document", page)
        await _ask(page, self.people.questions[0])
        await expect(page.locator("[data-follow-up]").last).to_be_visible()
        await self.note("answer", page)

    async def open_citation(self) -> None:
        page = self.people.newcomer
        chip, preview = page.locator(".answer-body .chip").first, page.get_by_role("tooltip")
        if await page.evaluate("() => matchMedia('(hover: hover)').matches"):
            await chip.hover()
            await expect(preview).to_be_visible()
            await self.note("citation", page)
        await chip.click()
        picture = page.locator("#source-panel").get_by_role("img")
        await expect(picture).to_be_visible()
        await picture.evaluate("(image) => image.decode()")
        await self.note("source", page)

    async def invite(self) -> None:
        page, (_, email) = self.people.newcomer, self.people.emails
        await page.goto(page.url.partition("/c/")[0] + "/settings/members/")
        await page.locator("input[name=email]").fill(email)
        await page.locator("form[action$='/invitations/'] button.primary").click()
        link = page.locator("#invitation-link")
        await expect(link).to_be_visible()
        await self.note("invited", page)
        self.invitation = await link.input_value()

    async def join(self) -> None:
        page, (_, email) = self.people.colleague, self.people.emails
        await page.goto(self.invitation)
        await self.note("invitation", page)
        await page.locator("main a[href*='/accounts/signup/']").click()
        # Their address is the invited one.
        await page.locator("input[name=password1]").fill(PASSWORD)
        await self.note("account", page)
        await page.locator("main form button.primary").click()
        await expect(page).to_have_url(self.invitation)
        await page.locator("main form[action$='/verify/'] button").click()
        await expect(page.locator("main [role=status]")).to_be_visible()
        await self.note("message-sent", page)
        await page.goto(await self.confirmation(email))
        await self.note("confirm-address", page)
        await page.locator("main form button.primary").click()
        await page.wait_for_url(lambda address: "/confirm-email/" not in address)
        await page.goto(self.invitation)
        await self.note("accept", page)
        await page.locator("main form button.primary").click()
        await expect(page.locator("[data-greeting]")).to_be_visible()
        await self.note("welcome", page)

    async def ask_too(self) -> None:
        page = self.people.colleague
        await _ask(page, self.people.questions[1])
        await self.note("colleagues-answer", page)


async def _from_sidebar(page: Page, selector: str) -> None:
    """Follow a link of the sidebar, which is a drawer where there is little room."""
    opener = page.locator("[data-open-sidebar]")
    if await opener.is_visible():
        await opener.click()
    await page.locator(f"#sidebar .sidebar-links {selector}").click()


async def _ask(page: Page, question: str) -> None:
    await page.locator("[data-field]").fill(question)
    await page.locator("[data-send]").click()
    await expect(page.locator(".answer").last.locator("[data-actions]")).to_be_visible(timeout=_READ_WITHIN_MS)
    await expect(page.locator("[data-stop]")).to_be_hidden()
