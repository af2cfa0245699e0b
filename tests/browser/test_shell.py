"""Conversations, addresses, small screens, keyboard and theme (behaviours 28 to 39)."""

from __future__ import annotations

import re
from collections.abc import Callable

import psycopg
import pytest
from playwright.async_api import Page, expect
from pytest_django import DjangoDbBlocker

from conversations.services.conversations import create_conversation
from tests.browser.conftest import SAMPLES, OpenPortal
from tests.browser.portal import Portal
from tests.people import Person
from tests.standins.ollama import OllamaStandIn, Reply

QUESTION = "How many days of paid holiday do employees have?"
AGES = {"Old plans": 40, "Last week’s plans": 4, "Yesterday’s plans": 1, "Today’s plans": 0}


@pytest.fixture
def aged(reader: Person, django_db_blocker: DjangoDbBlocker, admin_connection: psycopg.Connection) -> Person:
    """A reader with a conversation of each age."""
    with django_db_blocker.unblock():
        for title, days in AGES.items():
            begun = create_conversation(access=reader.access, title=title)
            admin_connection.execute(
                "UPDATE conversations_conversation SET updated_at = updated_at - make_interval(days => %s)"
                " WHERE id = %s",
                [days, begun.id],
            )
    return reader


async def overflow(page: Page) -> float:
    """By how many pixels the page is wider than its window."""
    return float(await page.evaluate("() => document.documentElement.scrollWidth - innerWidth"))


async def test_28_a_conversation_is_named_by_its_question_until_somebody_names_it(portal: Portal) -> None:
    await portal.ask(QUESTION)
    await expect(portal.conversation(QUESTION)).to_be_visible()
    await expect(portal.page.get_by_role("heading", level=1)).to_have_text(QUESTION)
    await portal.answered()
    await portal.page.get_by_label("Conversation menu").click()
    await portal.page.get_by_role("button", name="Rename").click()
    await portal.page.get_by_role("textbox", name="Rename conversation").fill("Holidays")
    await portal.page.get_by_role("dialog").get_by_role("button", name="Rename").click()
    await expect(portal.conversation("Holidays")).to_be_visible()
    await expect(portal.page.get_by_role("heading", level=1)).to_have_text("Holidays")

    await portal.ask("Are night trains refunded?")
    await portal.answered()
    await expect(portal.conversation("Holidays")).to_be_visible()
    await portal.page.reload()
    await expect(portal.page.get_by_role("heading", level=1)).to_have_text("Holidays")


async def test_28_another_page_learns_the_name(portal: Portal) -> None:
    await portal.ask(QUESTION)
    await portal.answered()
    second = Portal(await portal.page.context.new_page(), portal.url, portal.witness)
    await second.page.goto(portal.page.url)
    await expect(second.page.get_by_role("heading", level=1)).to_have_text(QUESTION)
    await expect(second.conversation(QUESTION)).to_have_attribute("aria-current", "page")


async def test_29_conversations_are_grouped_by_age(open_portal: OpenPortal, aged: Person) -> None:
    portal = await open_portal(aged)
    await portal.open()
    navigation = portal.page.get_by_role("navigation")
    await expect(navigation.get_by_role("heading")).to_have_text(["Today", "Yesterday", "7 days", "Older"])
    titles = navigation.locator(".conversation-title")
    await expect(titles).to_have_text(list(reversed(AGES)))


async def test_33_each_conversation_has_its_address_and_back_works(portal: Portal) -> None:
    await portal.ask(QUESTION)
    await portal.answered()
    first = portal.page.url
    assert first.startswith(f"{portal.url}c/")
    await portal.page.get_by_role("link", name="New chat").click()
    await portal.ask("Are night trains refunded?")
    await portal.answered()
    second = portal.page.url
    assert second not in {first, portal.url}
    await portal.conversation(QUESTION).click()
    await expect(portal.page).to_have_url(first)
    await portal.page.go_back()
    await expect(portal.page).to_have_url(second)
    await expect(portal.page.get_by_role("article", name="You asked")).to_have_text("Are night trains refunded?")
    await portal.page.go_forward()
    await expect(portal.page.get_by_role("article", name="You asked")).to_have_text(QUESTION)
    async with portal.page.context.expect_page() as opened:
        await portal.conversation("Are night trains refunded?").click(button="middle")
    await expect(await opened.value).to_have_url(second)


async def test_34_an_empty_chat_says_what_can_be_asked(portal: Portal) -> None:
    page = portal.page
    await expect(page.get_by_role("heading", level=2).last).to_contain_text("Harbour Library’s documents?")
    known = page.locator(".knows-list").get_by_role("listitem")
    await expect(known).to_have_text(["Documents 1 document", "Visits 1 document"])
    await expect(page.get_by_text("Drop PDF or text files anywhere")).to_be_visible()
    for sample in SAMPLES:
        await expect(page.get_by_role("button", name=sample)).to_be_visible()
    await page.get_by_role("button", name=SAMPLES[1]).click()
    await expect(page.get_by_role("article", name="You asked")).to_have_text(SAMPLES[1])
    await portal.answered()
    await expect(portal.answer_text).to_contain_text("Night trains are refunded")


async def test_34_who_may_not_upload_gets_no_hint_to(open_portal: OpenPortal, viewer: Person) -> None:
    portal = await open_portal(viewer)
    await portal.open()
    await expect(portal.page.get_by_role("button", name=SAMPLES[0])).to_be_visible()
    await expect(portal.page.get_by_text("Drop PDF or text files")).to_have_count(0)
    await expect(portal.page.get_by_label("Add files")).to_have_count(0)


async def test_35_escape_closes_before_it_stops(portal: Portal, ollama: OllamaStandIn) -> None:
    # The chip stands in a paragraph that is complete: one that still grows is drawn anew under the key.
    text = "Twenty-eight days of paid holiday a year [1].\n\n" + "So it is. " * 60
    ollama.script(Reply(text=text, held_from=20))
    await portal.ask(QUESTION)
    await expect(portal.answer_text).to_contain_text("So it is.")
    await portal.chips.first.press("Enter")
    await expect(portal.panel).to_be_visible()
    await portal.page.keyboard.press("Escape")
    await expect(portal.panel).to_be_hidden()
    await expect(portal.stop).to_be_visible()
    await portal.page.keyboard.press("Escape")
    await expect(portal.answer.get_by_text("Stopped. What had been written is kept.")).to_be_visible()


async def test_36_on_a_phone_the_conversations_are_in_a_drawer(open_portal: OpenPortal, aged: Person) -> None:
    portal = await open_portal(aged, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    await portal.open()
    entry = portal.conversation("Yesterday’s plans")
    await expect(entry).not_to_be_in_viewport()
    opener = portal.page.get_by_label("Open the menu")
    await opener.tap()
    await expect(entry).to_be_in_viewport()
    await expect(portal.page.get_by_label("Close the menu")).to_be_focused()
    await portal.page.keyboard.press("Escape")
    await expect(entry).not_to_be_in_viewport()
    await expect(opener).to_be_focused()
    await opener.tap()
    await entry.tap()
    await expect(portal.page.get_by_role("heading", level=1)).to_have_text("Yesterday’s plans")


async def test_36_nothing_is_wider_than_a_screen_of_320_pixels(open_portal: OpenPortal, reader: Person) -> None:
    portal = await open_portal(reader, viewport={"width": 320, "height": 640}, has_touch=True, is_mobile=True)
    await portal.open()
    assert await overflow(portal.page) == 0
    await portal.field.fill("How-many-days-" * 12 + " " + QUESTION)
    await portal.send.tap()
    await portal.answered()
    assert await overflow(portal.page) == 0
    for target in (
        portal.page.get_by_label("Open the menu"),
        portal.send,
        portal.page.get_by_label("Conversation menu"),
    ):
        box = await target.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 44
    await portal.open("documents/")
    assert await overflow(portal.page) == 0
    await portal.page.get_by_role("link", name="handbook.pdf").tap()
    await expect(portal.page.get_by_role("heading", name="Versions")).to_be_visible()
    assert await overflow(portal.page) == 0
    await portal.page.get_by_role("link", name="Read").tap()
    await expect(portal.page.get_by_role("img", name="Page 1 of handbook.pdf")).to_be_visible()
    assert await overflow(portal.page) == 0


async def test_37_screen_readers_hear_the_beginning_and_the_whole_answer(
    portal: Portal, ollama: OllamaStandIn
) -> None:
    ollama.script(Reply(text="Twenty-eight days of paid holiday a year [1]. " + "So it is. " * 20, held_from=20))
    await expect(portal.page.get_by_role("log")).to_have_attribute("aria-live", "off")
    announcer = portal.page.locator("[aria-live=polite][data-announcer]")
    await portal.record(announcer)
    await portal.ask(QUESTION)
    await expect(portal.answer_text).to_contain_text("So it is.")
    await expect(portal.answer_text).to_have_attribute("aria-busy", "true")
    ollama.go_on()
    await portal.answered()
    await expect(portal.answer_text).not_to_have_attribute("aria-busy", "true")
    started, ready = await portal.recorded()
    assert started == "Answer started"
    assert ready.startswith("Answer ready. Twenty-eight days of paid holiday a year")
    assert ready.count("So it is.") == 20
    await expect(portal.chips.first).to_have_accessible_name("Source 1: handbook.pdf, page 1")


async def test_38_everything_from_log_in_to_the_source_is_done_with_keys(stranger: Portal, reader: Person) -> None:
    page = stranger.page
    keys = page.keyboard

    async def reach(focused: Callable[[], str]) -> None:
        for _ in range(60):
            if await page.evaluate("(wanted) => document.activeElement.matches(wanted)", focused()):
                return
            await keys.press("Tab")
        pytest.fail(f"no way to {focused()} by Tab")

    await stranger.open("accounts/login/")
    await keys.press("Tab")
    await expect(page.get_by_role("link", name="Skip to content")).to_be_in_viewport()
    await reach(lambda: "[name=login]")
    await keys.type(reader.user.email)
    await reach(lambda: "[name=password]")
    await keys.type("a-long-password")
    await keys.press("Enter")
    portal = Portal(page, f"{stranger.url}o/{reader.slug}/", stranger.witness)
    await expect(portal.field).to_be_focused()
    await keys.type(QUESTION)
    await keys.press("Enter")
    await portal.answered()
    await page.evaluate("() => document.querySelector('.answer').focus()")
    await keys.press("Shift+Tab")
    for _ in range(20):
        if await page.evaluate("() => document.activeElement.matches('.answer-body .chip')"):
            break
        await keys.press("Shift+Tab")
    await expect(portal.chips.last).to_be_focused()
    outline = await portal.chips.last.evaluate("(chip) => getComputedStyle(chip).outlineStyle")
    assert outline != "none"
    await keys.press("Enter")
    await expect(portal.panel.get_by_role("heading", name="handbook.pdf")).to_be_focused()
    await expect(portal.panel.get_by_role("img")).to_be_visible()
    await keys.press("Escape")
    await expect(portal.chips.last).to_be_focused()


async def test_39_the_theme_is_chosen_and_kept(open_portal: OpenPortal, reader: Person) -> None:
    portal = await open_portal(reader, color_scheme="light")
    page = portal.page

    async def lightness() -> int:
        colour = await page.evaluate("() => getComputedStyle(document.documentElement).backgroundColor")
        return int(re.findall(r"\d+", colour)[0])

    async def choose(theme: str) -> None:
        await page.get_by_role("navigation").get_by_text(reader.user.email).click()
        await page.get_by_text(theme, exact=True).click()
        await page.keyboard.press("Escape")

    await portal.open()
    assert await lightness() > 200
    await choose("Dark")
    assert await lightness() < 60
    await page.reload()
    assert await lightness() < 60
    await portal.open("documents/")
    assert await lightness() < 60
    await choose("System")
    assert await lightness() > 200
    await page.emulate_media(color_scheme="dark")
    assert await lightness() < 60
    await choose("Light")
    await page.reload()
    assert await lightness() > 200
