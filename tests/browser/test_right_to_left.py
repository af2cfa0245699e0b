"""Arabic, from right to left: pages, icons, and words of both directions on one page (behaviours 38 and 39)."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect
from pytest_django import DjangoDbBlocker

from tenants.models import User
from tests.browser.conftest import OpenPortal
from tests.browser.portal import Portal
from tests.browser.test_accessibility import QUESTION, violations
from tests.factories import processed, uploaded
from tests.people import Person

ARABIC: dict[str, Any] = {"locale": "ar-EG", "timezone_id": "Africa/Cairo"}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
NAME = "قاعة القراءة 2026.txt"
LONG_NAME = "opening-hours-of-all-reading-rooms-2026.txt"
HOURS = "قاعة القراءة تفتح في الساعة التاسعة صباحًا وتغلق في السابعة مساءً، ورقم الهاتف +20 2 1234.\n"
ASKED = "متى تفتح قاعة القراءة؟"


@pytest.fixture
def librarian(founder: Person, django_db_blocker: DjangoDbBlocker) -> Person:
    """Owner of an organisation whose one document is in Arabic."""
    with django_db_blocker.unblock():
        document = uploaded(founder, NAME, HOURS.encode())
        assert processed(founder, document["id"])["status"] == "ready"
    return founder


@pytest.fixture
def arab(reader: Person, django_db_blocker: DjangoDbBlocker) -> Person:
    """Somebody who has chosen Arabic and the clock of Tokyo, whatever their browser says."""
    with django_db_blocker.unblock():
        User.objects.filter(pk=reader.user.pk).update(language="ar", time_zone="Asia/Tokyo")
    return reader


async def start(element: Locator) -> float:
    """Where the element begins, from the screen's left."""
    box = await element.bounding_box()
    assert box is not None
    return box["x"]


async def room_before(element: Locator) -> float:
    """How far its words begin from where the element begins on a page that runs from right to left."""
    found: float = await element.evaluate("""(one) => {
        const words = document.createRange();
        words.selectNodeContents(one);
        const {width, right} = one.getBoundingClientRect(), said = words.getBoundingClientRect();
        if (said.width >= width) throw new Error("the words leave no room");
        return right - said.right;
    }""")
    return found


async def direction(element: Locator) -> str:
    """Which way its own words run."""
    found: str = await element.evaluate("(one) => getComputedStyle(one).direction")
    return found


async def overflow(page: Page) -> int:
    found: int = await page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
    return found


async def ask(portal: Portal, question: str) -> None:
    """Whatever the page's language calls its field."""
    field = portal.page.locator("[data-composer] textarea")
    await field.fill(question)
    await field.press("Enter")
    await expect(portal.page.locator(".answer-actions").last).to_be_visible()


async def test_38_a_chat_in_arabic_runs_from_right_to_left(open_portal: OpenPortal, reader: Person) -> None:
    portal = await open_portal(reader, **ARABIC)
    await portal.open()
    html = portal.page.locator("html")
    await expect(html).to_have_attribute("lang", "ar")
    await expect(html).to_have_attribute("dir", "rtl")
    await expect(portal.page.get_by_label("سؤالك", exact=True)).to_be_visible()
    assert await start(portal.page.locator("#sidebar")) > await start(portal.page.locator("#main"))
    await ask(portal, QUESTION)
    await expect(portal.page.get_by_role("heading", name="المصادر").first).to_be_visible()
    await portal.page.locator(".answer-body .chip").first.click()
    await expect(portal.panel.locator("img").first).to_be_visible()
    assert await start(portal.panel) < await start(portal.page.locator("#main .log"))
    pointing = portal.panel.locator(".points").first
    assert await pointing.evaluate("(one) => getComputedStyle(one).transform") == "matrix(-1, 0, 0, 1, 0, 0)"
    assert await overflow(portal.page) == 0
    assert await violations(portal.page) == []


async def test_38_a_phone_in_arabic(open_portal: OpenPortal, reader: Person) -> None:
    portal = await open_portal(reader, **ARABIC, **PHONE)
    await portal.open()
    await portal.page.get_by_label("فتح القائمة").tap()
    drawer = portal.page.locator("#sidebar")
    await expect(drawer).to_be_in_viewport(ratio=1)
    box = await drawer.bounding_box()
    assert box is not None
    assert round(box["x"] + box["width"]) == 390
    await portal.page.get_by_label("إغلاق القائمة").tap()
    for path in ("documents/", "documents/search/", "settings/", ""):
        await portal.open(path)
        assert await overflow(portal.page) == 0, path


async def test_38_names_of_the_other_direction_begin_where_the_page_does(
    open_portal: OpenPortal, archivist: Person
) -> None:
    portal = await open_portal(archivist, **ARABIC)
    await portal.open("documents/")
    await portal.page.get_by_role("link", name="handbook.pdf").first.click()
    title = portal.page.get_by_role("heading", level=1)
    await expect(title).to_have_text("handbook.pdf")
    assert await direction(title) == "ltr"
    assert await room_before(title) < 2
    await portal.open()
    await ask(portal, QUESTION)
    assert await room_before(portal.page.locator("[data-conversation-title]")) < 2


async def test_07_what_is_searched_can_be_taken_away_on_a_phone(
    open_portal: OpenPortal, archivist: Person
) -> None:
    portal = await open_portal(archivist, **ARABIC, **PHONE)
    await portal.open("documents/")
    file: Any = {"name": LONG_NAME, "mimeType": "text/plain", "buffer": HOURS.encode()}
    await portal.page.locator("[data-file-input]").set_input_files(file)
    row = portal.document(LONG_NAME)
    await expect(row).to_have_attribute("data-status", "ready")
    await row.locator("a[data-ask]").tap()
    chip = portal.page.locator(".scope-chip")
    await expect(chip).to_contain_text(LONG_NAME)
    await expect(chip.get_by_role("button")).to_be_in_viewport(ratio=1)
    await chip.get_by_role("button").tap()
    await expect(chip.filter(has_text=LONG_NAME)).to_have_count(0)


async def test_38_settings_and_documents_in_arabic(open_portal: OpenPortal, archivist: Person) -> None:
    portal = await open_portal(archivist, **ARABIC)
    for path in ("documents/", "settings/", "settings/members/", "settings/usage/", "settings/tokens/"):
        await portal.open(path)
        await expect(portal.page.locator("html")).to_have_attribute("dir", "rtl")
        assert await overflow(portal.page) == 0, path
        assert await violations(portal.page) == [], path


async def test_39_words_run_their_own_way_on_a_page_of_the_other(
    open_portal: OpenPortal, librarian: Person
) -> None:
    portal = await open_portal(librarian)
    await portal.open("documents/")
    row = portal.page.get_by_role("link", name=NAME)
    assert await direction(row) == "rtl"
    await portal.open()
    await portal.field.fill(ASKED)
    assert await direction(portal.field) == "rtl"
    await portal.field.fill("When does it open?")
    assert await direction(portal.field) == "ltr"
    await ask(portal, ASKED)
    assert await direction(portal.page.locator(".question-text").last) == "rtl"
    assert await direction(portal.page.locator("[data-conversation-title]")) == "rtl"
    assert await direction(portal.answer) == "ltr"


async def test_39_an_answer_in_arabic_on_an_english_page(open_portal: OpenPortal, librarian: Person) -> None:
    portal = await open_portal(librarian)
    await portal.open()
    await ask(portal, ASKED)
    block = portal.page.locator(".answer-body .block").filter(has_text="التاسعة").first
    assert await direction(block) == "rtl"
    title = portal.page.locator(".source-title").first
    await expect(title).to_have_text(NAME)
    assert await direction(title) == "rtl"
    await portal.page.reload()
    assert await direction(portal.page.locator(".answer-body .block").filter(has_text="التاسعة").first) == "rtl"


async def test_39_ones_own_choice_comes_before_the_browsers(open_portal: OpenPortal, arab: Person) -> None:
    portal = await open_portal(arab, locale="de-DE", timezone_id="America/New_York")
    await portal.open()
    await expect(portal.page.locator("html")).to_have_attribute("lang", "ar")
    # What the socket and the scripts say is Arabic too.
    status = portal.page.locator("[data-announcer]")
    await portal.record(status)
    await ask(portal, QUESTION)
    assert "بدأت الإجابة" in await portal.recorded()


async def test_39_times_are_those_of_the_browsers_clock(open_portal: OpenPortal, archivist: Person) -> None:
    offsets = []
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
        portal = await open_portal(archivist, timezone_id=zone)
        await portal.open("documents/")
        cookies = await portal.page.context.cookies()
        assert next(one.get("value") for one in cookies if one.get("name") == "zone") == zone
        await portal.page.reload()
        moment = portal.page.locator("time").first
        offsets.append((await moment.get_attribute("datetime") or "")[-6:])
    assert offsets == ["+14:00", "-11:00"]
