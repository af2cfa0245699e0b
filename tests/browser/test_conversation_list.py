"""The list of conversations: piece by piece, renamed in place, deleted with a way back (behaviours 28 to 30)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import pytest
from django.db import connections
from playwright.async_api import Locator, expect
from pytest_django import DjangoDbBlocker

from conversations.services.conversations import create_conversation
from tests.browser.conftest import OpenPortal
from tests.browser.portal import Portal
from tests.browser.test_accessibility import violations
from tests.people import Person
from tests.standins.ollama import OllamaStandIn, Reply

QUESTION = "How many days of paid holiday do employees have?"
PHONE: Any = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
Begin = Callable[..., Awaitable[None]]


@pytest.fixture
def begin(reader: Person, django_db_blocker: DjangoDbBlocker, admin_connection: psycopg.Connection) -> Begin:
    """Begins conversations with these titles, the first one the oldest, each a minute younger."""

    def begun(titles: tuple[str, ...], days: int) -> None:
        with django_db_blocker.unblock():
            for age, title in enumerate(reversed(titles)):
                made = create_conversation(access=reader.access, title=title)
                admin_connection.execute(
                    "UPDATE conversations_conversation"
                    " SET updated_at = updated_at - make_interval(days => %s, mins => %s) WHERE id = %s",
                    [days, age, made.id],
                )
            connections.close_all()

    async def begin_aside(*titles: str, days: int = 0) -> None:
        await asyncio.to_thread(begun, titles, days)

    return begin_aside


def rows(portal: Portal) -> Locator:
    return portal.page.get_by_role("navigation").locator(".conversation-title")


async def menu(portal: Portal, title: str, choice: str) -> None:
    await portal.page.get_by_role("button", name=f"More about {title}").click()
    await portal.page.get_by_role("group", name=f"More about {title}").get_by_role("button", name=choice).click()


async def test_29_older_conversations_come_as_one_scrolls_and_none_twice(
    open_portal: OpenPortal, reader: Person, begin: Begin
) -> None:
    old = [f"Old {number:03}" for number in range(120)]
    await begin(*old, days=30)
    portal = await open_portal(reader)
    await portal.open()
    await expect(rows(portal).first).to_have_text("Old 119")
    assert await rows(portal).count() < len(old)
    # Something new comes while only the beginning is there.
    await begin("Begun elsewhere")
    second = Portal(await portal.page.context.new_page(), portal.url, portal.witness)
    await second.open()
    await second.ask(QUESTION)
    await second.answered()
    await expect(portal.conversation(QUESTION)).to_have_count(1)
    for number in (70, 20, 0):
        await rows(portal).last.scroll_into_view_if_needed()
        await expect(portal.conversation(f"Old {number:03}")).to_have_count(1)
    titles = await rows(portal).all_inner_texts()
    assert [one for one in titles if one.startswith("Old")] == old[::-1]
    assert len(titles) == len(set(titles))
    # Of each group there is one.
    headings = await portal.page.get_by_role("navigation").get_by_role("heading").all_inner_texts()
    assert headings == ["Today", "Older"]
    await expect(portal.page.get_by_role("link", name="Older conversations")).to_have_count(0)


async def test_29_a_piece_that_does_not_come_can_be_asked_for_again(
    open_portal: OpenPortal, reader: Person, begin: Begin
) -> None:
    await begin(*[f"Old {number:03}" for number in range(60)], days=30)
    portal = await open_portal(reader)
    portal.witness.expect("Failed to load resource", "request failed")
    await portal.page.route("**/conversations/more/*", lambda route: route.abort("internetdisconnected"))
    await portal.open()
    await rows(portal).last.scroll_into_view_if_needed()
    again = portal.page.get_by_role("link", name="Older conversations could not be loaded. Try again.")
    await expect(again).to_be_visible()
    await portal.page.unroute("**/conversations/more/*")
    await again.press("Enter")
    await expect(rows(portal)).to_have_count(60)
    # The keyboard goes on where the piece begins.
    await expect(portal.conversation("Old 009")).to_be_focused()


async def test_29_without_scripts_a_link_leads_to_the_older_ones(
    open_portal: OpenPortal, reader: Person, begin: Begin
) -> None:
    await begin(*[f"Old {number:03}" for number in range(60)], days=30)
    portal = await open_portal(reader, java_script_enabled=False)
    await portal.open()
    await portal.page.get_by_role("link", name="Older conversations").click()
    main = portal.page.get_by_role("main")
    await expect(main.get_by_role("link", name="Old")).to_have_count(10)
    await main.get_by_label("Choose “Old 003”").check()
    await main.get_by_role("button", name="Delete").click()
    await expect(main.get_by_role("link", name="Old 003")).to_have_count(0)
    await main.get_by_role("button", name="Undo").click()
    await portal.open("conversations/?q=003")
    await expect(main.get_by_role("link", name="Old 003")).to_have_count(1)


async def test_30_a_conversation_is_renamed_where_it_stands(
    open_portal: OpenPortal, reader: Person, begin: Begin
) -> None:
    await begin("Plans", "Minutes")
    portal = await open_portal(reader)
    page = portal.page
    await portal.open()
    field = page.get_by_role("textbox", name="New title")
    # Escape leaves the name, and the focus where it was.
    await portal.conversation("Plans").focus()
    await page.keyboard.press("F2")
    await expect(field).to_have_value("Plans")
    await field.fill("Never mind")
    await page.keyboard.press("Escape")
    await expect(portal.conversation("Plans")).to_be_focused()
    await page.keyboard.press("F2")
    await field.fill("Plans of May")
    await page.keyboard.press("Enter")
    await expect(portal.conversation("Plans of May")).to_be_focused()
    # The first click of two leads to the conversation, where the second one's wish is carried out.
    await portal.conversation("Minutes").dblclick()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Minutes")
    await expect(field).to_have_value("Minutes")
    await expect(field).to_be_focused()
    await page.keyboard.press("Escape")
    await portal.conversation("Minutes").dblclick()
    await expect(field).to_have_value("Minutes")
    await field.fill("Minutes of May")
    await field.blur()
    await expect(portal.conversation("Minutes of May")).to_be_visible()
    await page.reload()
    await expect(rows(portal)).to_have_text(["Minutes of May", "Plans of May"])


async def test_30_the_name_above_the_page_is_renamed_too_and_no_model_names_it(
    portal: Portal, ollama: OllamaStandIn
) -> None:
    ollama.script(Reply(text="Twenty-eight days [1]. " + "So it is. " * 60, tokens_per_second=60))
    await portal.ask(QUESTION)
    await expect(portal.answer_text).to_contain_text("So it is.")
    heading = portal.page.get_by_role("heading", level=1)
    # While the first answer is written, after which a model would name it.
    await portal.page.keyboard.press("F2")
    field = portal.page.get_by_role("textbox", name="New title")
    await field.fill("Holidays")
    await field.press("Enter")
    await expect(heading).to_have_text("Holidays")
    await expect(portal.page).to_have_title("Holidays · Harbour Library")
    await portal.answered()
    await portal.ask("Are night trains refunded?")
    await portal.answered()
    await portal.page.reload()
    await expect(heading).to_have_text("Holidays")
    await expect(portal.conversation("Holidays")).to_be_visible()


async def test_30_what_is_deleted_can_be_undone_for_a_while(portal: Portal) -> None:
    page = portal.page
    await portal.ask(QUESTION)
    await portal.answered()
    address = page.url
    await page.get_by_label("Conversation menu").click()
    await page.get_by_role("button", name="Delete").click()
    # One is led elsewhere, and the way back comes along.
    await expect(page).to_have_url(portal.url)
    await expect(page.get_by_text("Conversation deleted.")).to_be_visible()
    await expect(portal.conversation(QUESTION)).to_have_count(0)
    portal.witness.expect("status 404", "status of 404")
    assert (await page.request.get(address)).status == 404
    await page.get_by_role("button", name="Undo").click()
    await expect(page).to_have_url(address)
    await expect(portal.conversation(QUESTION)).to_be_visible()
    await expect(page.get_by_role("article", name="You asked")).to_have_text(QUESTION)
    await expect(page.get_by_role("button", name="Undo")).to_be_hidden()


async def test_30_leaving_the_page_keeps_it_deleted(open_portal: OpenPortal, reader: Person, begin: Begin) -> None:
    await begin("Plans", "Minutes")
    portal = await open_portal(reader)
    await portal.open()
    await menu(portal, "Plans", "Delete")
    undo = portal.page.get_by_role("button", name="Undo")
    await expect(undo).to_be_visible()
    await expect(rows(portal)).to_have_text(["Minutes"])
    assert await violations(portal.page) == []
    await portal.page.get_by_role("button", name="Dismiss").click()
    await expect(undo).to_be_hidden()
    await portal.open()
    await expect(rows(portal)).to_have_text(["Minutes"])
    await expect(undo).to_be_hidden()


async def test_30_other_pages_learn_that_it_is_deleted_and_back(portal: Portal) -> None:
    await portal.ask(QUESTION)
    await portal.answered()
    second = Portal(await portal.page.context.new_page(), portal.url, portal.witness)
    await second.page.goto(portal.page.url)
    await expect(second.field).to_be_visible()
    await menu(portal, QUESTION, "Delete")
    await expect(second.page.get_by_text("This conversation was deleted.")).to_be_visible()
    await expect(second.field).to_be_hidden()
    await expect(second.conversation(QUESTION)).to_have_count(0)
    await portal.page.get_by_role("button", name="Undo").click()
    await expect(second.field).to_be_visible()
    await expect(second.conversation(QUESTION)).to_have_count(1)


async def test_30_a_row_has_a_menu_by_touch_and_by_keyboard(
    open_portal: OpenPortal, reader: Person, begin: Begin
) -> None:
    await begin("Plans", "Minutes")
    phone = await open_portal(reader, **PHONE)
    await phone.open()
    await phone.page.get_by_label("Open the menu").tap()
    button = phone.page.get_by_role("button", name="More about Plans")
    box = await button.bounding_box()
    assert box is not None
    assert min(box["width"], box["height"]) >= 44
    await button.tap()
    assert await violations(phone.page) == []
    await phone.page.get_by_role("button", name="Pin", exact=True).tap()
    await expect(phone.page.locator('[data-group="Pinned"] .conversation-title')).to_have_text("Plans")
    # By keyboard: open, go down, leave.
    await button.press("Enter")
    await expect(phone.page.get_by_role("button", name="Rename").last).to_be_focused()
    await phone.page.keyboard.press("ArrowDown")
    await expect(phone.page.get_by_role("button", name="Unpin")).to_be_focused()
    await phone.page.keyboard.press("Escape")
    await expect(button).to_be_focused()
    await expect(phone.page.get_by_role("button", name="Unpin")).to_have_count(0)


async def test_30_many_are_chosen_and_archived_exported_and_deleted(
    open_portal: OpenPortal, reader: Person, begin: Begin
) -> None:
    await begin(*(f"Talk {number}" for number in range(1, 7)))
    portal = await open_portal(reader)
    page, main = portal.page, portal.page.get_by_role("main")
    await portal.open()
    await page.get_by_role("link", name="All conversations").click()
    boxes = main.get_by_label("Choose “Talk")
    assert await violations(page) == []
    # A range by Shift, one by arrow key, all by one box.
    await main.get_by_label("Choose “Talk 6”").click()
    await main.get_by_label("Choose “Talk 4”").click(modifiers=["Shift"])
    await expect(main.get_by_text("3 chosen")).to_be_visible()
    await page.keyboard.press("Shift+ArrowDown")
    await expect(main.get_by_text("4 chosen")).to_be_visible()
    await page.keyboard.press("Control+a")
    await expect(main.get_by_text("6 chosen")).to_be_visible()
    await main.get_by_label("Choose all").uncheck()
    await expect(main.get_by_role("button", name="Delete")).to_be_disabled()
    await main.get_by_label("Choose “Talk 6”").check()
    await main.get_by_label("Choose “Talk 5”").check()
    async with page.expect_download() as download:
        await main.get_by_role("button", name="Export").click()
    assert (await download.value).suggested_filename == "conversations.zip"
    await main.get_by_role("button", name="Archive").click()
    await expect(boxes).to_have_count(4)
    await main.get_by_label("Choose all").check()
    await main.get_by_role("button", name="Delete").click()
    await expect(main.get_by_text("You have no conversations yet.")).to_be_visible()
    await page.get_by_role("button", name="Undo").click()
    await expect(boxes).to_have_count(4)
    await main.get_by_role("link", name="Archived").click()
    await expect(main.get_by_role("list").get_by_role("link")).to_have_text(["Talk 6", "Talk 5"])
    assert await violations(page) == []
