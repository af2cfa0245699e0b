"""The widget on other people's pages, in a real browser: theirs on one port, ours on another (O4)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import httpx
import jwt
import pytest
import pytest_asyncio
from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import Browser, BrowserContext, FrameLocator, Locator, Route, expect
from playwright.async_api import Page as Tab
from pytest_django import DjangoDbBlocker

from tests.browser.conftest import Organisation
from tests.browser.test_accessibility import SCHEMES
from tests.browser.witness import Witness
from tests.factories import processed, uploaded
from tests.people import Person
from tests.processes import LiveServer
from tests.standins.web import Page, WebStandIn

QUESTION = "How many days of paid holiday do employees have?"
HOSTILE = "<img src=x onerror=alert(1)> & <script>alert(2)</script>"
MakeSite = Callable[..., dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Host:
    """A page of somebody else's that shows the widget."""

    tab: Tab
    witness: Witness

    @property
    def button(self) -> Locator:
        return self.tab.get_by_role("button", name="Ask a question")

    @property
    def frame(self) -> FrameLocator:
        return self.tab.frame_locator("docent-widget iframe")

    @property
    def field(self) -> Locator:
        return self.frame.get_by_label("Your question")

    @property
    def answer(self) -> Locator:
        return self.frame.get_by_role("article", name="Answer").last

    async def violations(self) -> list[str]:
        """What axe objects to in the frame, light and dark."""
        [frame] = [one for one in self.tab.frames if "/widget/" in one.url]
        await frame.evaluate(AXE_SCRIPT)
        told = []
        for scheme in SCHEMES:
            await self.tab.emulate_media(color_scheme=scheme)
            found: Any = await frame.evaluate("() => axe.run({resultTypes: ['violations']})")
            told += [
                f"{scheme} {rule['id']}: {node['failureSummary']}"
                for rule in found["violations"]
                for node in rule["nodes"]
            ]
        return told

    async def hold(self, addresses: str) -> tuple[asyncio.Event, asyncio.Event]:
        """From now on requests for these wait: whether one does, and that they may go on."""
        is_held, may_go = asyncio.Event(), asyncio.Event()

        async def wait(route: Route) -> None:
            is_held.set()
            await may_go.wait()
            await route.continue_()

        await self.tab.route(addresses, wait)
        return is_held, may_go

    async def ask(self, question: str) -> None:
        await self.field.fill(question)
        await self.field.press("Enter")
        await expect(self.answer.get_by_role("heading", name="Sources")).to_be_visible()


@pytest.fixture
def make_site(
    organisation: Organisation, web: WebStandIn, live_server: LiveServer, django_db_blocker: DjangoDbBlocker
) -> MakeSite:
    """Makes a site whose pages the stand-in serves."""
    with django_db_blocker.unblock():
        own = organisation.owner.full_token

    def make(token: str = own, collection: str = "", **fields: Any) -> dict[str, Any]:
        chosen = collection or organisation.handbook["collection"]
        body = {"name": "Harbour help", "origins": [web.url], "collections": [chosen], **fields}
        headers = {"Authorization": f"Bearer {token}"}
        response = httpx.post(f"{live_server.url}/api/v1/sites/", json=body, headers=headers, trust_env=False)
        assert response.status_code == 201, response.text
        return dict(response.json())

    return make


@pytest_asyncio.fixture(loop_scope="session")
async def visit(chromium: Browser, live_server: LiveServer, web: WebStandIn) -> AsyncIterator[Callable[..., Any]]:
    """Opens a page of the stand-in's with the widget on it; nothing may go wrong there."""
    contexts: list[BrowserContext] = []
    witnesses: list[Witness] = []

    async def open_one(
        site: dict[str, Any], *, at: str = "", html: str = "", more: str = "", **options: Any
    ) -> Host:
        tag = f'<script src="{live_server.url}/widget/v1.js" data-site="{site["key"]}" {more} async></script>'
        web.pages["/"] = Page(
            f"<!doctype html><html lang=en><title>Shop</title><main><h1>Shop</h1>{html}</main>{tag}"
        )
        web.pages["/favicon.ico"] = Page("", type="image/x-icon")
        context = await chromium.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        contexts.append(context)
        origin = at or web.url
        witness = Witness(context, origin)
        witness.expect(rf"stranger asked: {live_server.url}/(widget|static)/")
        witnesses.append(witness)
        tab = await context.new_page()
        await tab.goto(f"{origin}/")
        return Host(tab, witness)

    yield open_one
    for context in contexts:
        assert await context.cookies() == []
        await context.close()
    assert [fault for witness in witnesses for fault in witness.faults] == []


async def test_a_question_by_keyboard_and_back(make_site: MakeSite, visit: Callable[..., Any]) -> None:
    host: Host = await visit(make_site(greeting="Good day.", sample_questions=[QUESTION]))
    await host.button.focus()
    await host.tab.keyboard.press("Enter")
    await expect(host.field).to_be_focused()
    await expect(host.frame.get_by_text("Good day.")).to_be_visible()
    await host.ask(QUESTION)
    chip = host.answer.get_by_role("button", name="Source 1: handbook.pdf, page 1")
    await chip.press("Enter")
    await expect(host.answer.locator("summary").first).to_be_focused()
    quote = host.answer.locator("blockquote").first
    await expect(quote).to_have_text("Every full-time employee has twenty-eight days of paid holiday a year.")
    assert await host.violations() == []
    await host.tab.keyboard.press("Escape")
    await expect(host.button).to_be_focused()
    await expect(host.tab.locator("docent-widget iframe")).to_be_hidden()
    await host.tab.keyboard.press("Enter")
    await expect(host.field).to_be_focused()
    await expect(host.answer).to_be_visible()


async def test_a_conversation_is_there_again_after_a_reload(
    make_site: MakeSite, visit: Callable[..., Any]
) -> None:
    host: Host = await visit(make_site())
    await host.button.click()
    await host.ask(QUESTION)
    said = await host.answer.inner_text()
    await host.tab.reload()
    await host.button.click()
    await expect(host.answer).to_have_text(said, use_inner_text=True)
    await host.frame.get_by_role("button", name="New conversation").click()
    await expect(host.answer).to_have_count(0)
    await expect(host.field).to_be_focused()


async def test_nobody_can_ask_before_the_frame_listens(make_site: MakeSite, visit: Callable[..., Any]) -> None:
    host: Host = await visit(make_site(sample_questions=[QUESTION]))
    is_held, may_go = await host.hold("**/js/widget.*js")
    await host.button.click()
    await is_held.wait()
    sample = host.frame.get_by_role("button", name=QUESTION)
    for control in (host.field, host.frame.get_by_role("button", name="Send"), sample):
        await expect(control).to_be_disabled()
    may_go.set()
    await expect(host.field).to_be_focused()
    await expect(sample).to_be_enabled()
    await host.ask(QUESTION)


async def test_who_asks_before_the_frame_is_ready_stays_one_visitor(
    make_site: MakeSite, visit: Callable[..., Any]
) -> None:
    host: Host = await visit(make_site())
    is_held, may_go = await host.hold("**/session/")
    await host.button.click()
    await is_held.wait()
    await host.field.fill(QUESTION)
    await host.field.press("Enter")
    await expect(host.field).to_have_value("")
    may_go.set()
    await expect(host.answer.get_by_role("heading", name="Sources")).to_be_visible()
    assert host.witness.posts_to("/session/") == 1
    await host.tab.reload()
    await host.button.click()
    await expect(host.answer.get_by_role("heading", name="Sources")).to_be_visible()


async def test_on_a_telephone_it_takes_all_of_the_screen(make_site: MakeSite, visit: Callable[..., Any]) -> None:
    host: Host = await visit(make_site(), viewport={"width": 390, "height": 844})
    await host.button.click()
    await expect(host.field).to_be_focused()
    box = await host.tab.locator("docent-widget iframe").bounding_box()
    assert box == {"x": 0, "y": 0, "width": 390, "height": 844}
    await expect(host.tab.get_by_role("button", name="Ask a question")).to_be_hidden()
    await host.frame.get_by_role("button", name="Close").click()
    await expect(host.button).to_be_focused()


async def test_O4_a_page_of_another_origin_shows_nothing(
    make_site: MakeSite, visit: Callable[..., Any], web: WebStandIn
) -> None:
    elsewhere = web.url.replace("127.0.0.1", "localhost")
    host: Host = await visit(make_site(), at=elsewhere)
    host.witness.expect("frame-ancestors", "chrome-error", "ERR_BLOCKED_BY_RESPONSE", "postMessage")
    async with host.tab.expect_console_message(lambda one: "frame-ancestors" in one.text):
        await host.button.click()
    await expect(host.field).to_have_count(0)


async def test_O4_the_portal_is_framed_by_nobody(
    make_site: MakeSite, visit: Callable[..., Any], live_server: LiveServer
) -> None:
    login = f'<iframe src="{live_server.url}/accounts/login/"></iframe>'
    host: Host = await visit(make_site(), html=login)
    host.witness.expect(
        "stranger asked", "frame-ancestors", "X-Frame-Options", "chrome-error", "ERR_BLOCKED_BY_RESPONSE"
    )
    await expect(host.tab.frame_locator("main iframe").get_by_role("textbox")).to_have_count(0)
    # The form's own: of the log-in page, not of the widget.
    await host.tab.context.clear_cookies()


def _word(site: dict[str, Any], name: str) -> str:
    claims = {"sub": name, "name": name, "aud": site["key"], "exp": int(time.time()) + 600}
    return jwt.encode(claims, site["secret"], algorithm="HS256")


async def test_the_page_says_who_the_visitor_is(make_site: MakeSite, visit: Callable[..., Any]) -> None:
    site = make_site(visitors="signed")
    host: Host = await visit(site, more=f'data-visitor="{_word(site, "Ann")}"')
    await host.button.click()
    await expect(host.frame.get_by_text("Hello Ann.")).to_be_visible()
    await host.ask(QUESTION)


async def test_other_frames_of_a_page_are_not_listened_to(
    make_site: MakeSite, visit: Callable[..., Any], web: WebStandIn
) -> None:
    site = make_site(visitors="signed")
    elsewhere = web.url.replace("127.0.0.1", "localhost")
    # All day long it says that the chat be closed.
    web.pages["/hostile"] = Page(
        "<script>setInterval(() => parent.postMessage({docent: 'close'}, '*'), 20)</script>"
    )
    html = f'<iframe src="{elsewhere}/hostile"></iframe><script>const said = new Promise((tell) => '
    html += (
        f'{{ window.sayIt = () => tell("{_word(site, "Ann")}"); }}); window.docentVisitor = () => said;</script>'
    )
    host: Host = await visit(site, html=html)
    host.witness.expect("stranger asked: http://localhost")
    await host.button.click()
    await expect(host.field).to_be_focused()
    [frame] = [one for one in host.tab.frames if "/widget/" in one.url]
    # Of frames in a shadow tree other frames get no hold: a message that is not the page's comes from itself here.
    lie = f"{{docent: 'visitor', token: '{_word(site, 'Eve')}'}}"
    await frame.evaluate(f"() => {{ for (let n = 0; n < 5; n++) postMessage({lie}, '*'); }}")
    await host.tab.evaluate("() => window.sayIt()")
    await expect(host.frame.get_by_text("Hello Ann.")).to_be_visible()
    await expect(host.frame.get_by_text("Eve")).to_have_count(0)
    await expect(host.field).to_be_visible()


@pytest.fixture
def hostile_collection(founder: Person, django_db_blocker: DjangoDbBlocker) -> tuple[str, str]:
    """Of a document whose title and words are markup; and whose it is."""
    with django_db_blocker.unblock():
        words = f"Opening hours.\n\nThe reading room opens at nine {HOSTILE} in the morning.\n"
        made = uploaded(founder, "hours.txt", words.encode())
        document = processed(founder, made["id"])
        changed = founder.api.patch(f"/api/v1/documents/{made['id']}/", {"title": f"Hours {HOSTILE}"})
        assert changed.status_code == 200, changed.content
        return founder.full_token, str(document["collection"])


async def test_what_documents_say_is_text(
    make_site: MakeSite, visit: Callable[..., Any], hostile_collection: tuple[str, str]
) -> None:
    host: Host = await visit(make_site(*hostile_collection, greeting=HOSTILE, name=HOSTILE[:60]))
    await host.button.click()
    await expect(host.frame.get_by_role("main").get_by_text(HOSTILE, exact=True)).to_be_visible()
    await host.field.fill("When does the reading room open?")
    await host.field.press("Enter")
    await expect(host.answer.locator(".answer-body")).to_contain_text("opens at nine <img src=x onerror=alert(1)>")
    await expect(host.answer.locator("summary").first).to_contain_text(f"Hours {HOSTILE}")
    await expect(host.answer.locator("blockquote").first).to_contain_text("<img src=x onerror=alert(1)>")
    assert await host.frame.locator("img, main script").count() == 0
