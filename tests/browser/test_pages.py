"""Pages beside the chat: other organisations, charts, what is refused, and what happens without a network."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from playwright.async_api import expect
from pytest_django import DjangoDbBlocker

from tenants.permissions import Role
from tenants.services.members import add_member
from tests.browser.conftest import OpenPortal
from tests.browser.line import LOST, Line
from tests.browser.portal import Portal
from tests.people import Person
from tests.standins.ollama import OllamaStandIn, Reply

QUESTION = "How many days of paid holiday do employees have?"
# Of whatever an element is filled with, as it is drawn.
_FILL = "(element) => getComputedStyle(element).fill"


@dataclass(frozen=True)
class Elsewhere:
    name: str
    slug: str


@pytest.fixture
def elsewhere(founder: Person, manager: Person, django_db_blocker: DjangoDbBlocker) -> Elsewhere:
    """Another organisation, of which the manager of the first is only a viewer."""
    with django_db_blocker.unblock():
        add_member(access=founder.access, user=manager.user, role=Role.VIEWER)
        return Elsewhere(founder.access.tenant_name, founder.slug)


async def _switch(portal: Portal, name: str) -> None:
    await portal.page.locator(".organisation > summary").click()
    await portal.page.get_by_role("link", name=name, exact=True).click()


async def test_two_clicks_lead_to_the_same_page_of_another_organisation(
    open_portal: OpenPortal, manager: Person, elsewhere: Elsewhere
) -> None:
    portal = await open_portal(manager)
    other = portal.url.replace(f"/o/{manager.slug}/", f"/o/{elsewhere.slug}/")
    for here, there in {
        "documents/": "documents/",
        "documents/search/": "documents/search/",
        "settings/usage/": "settings/usage/",
        "": "",
    }.items():
        await portal.open(here)
        await _switch(portal, elsewhere.name)
        await expect(portal.page).to_have_url(other + there)


async def test_what_one_may_not_open_there_or_what_is_not_there_leads_near_it(
    open_portal: OpenPortal, manager: Person, elsewhere: Elsewhere
) -> None:
    portal = await open_portal(manager)
    other = portal.url.replace(f"/o/{manager.slug}/", f"/o/{elsewhere.slug}/")
    await portal.open("settings/audit/")
    await _switch(portal, elsewhere.name)
    await expect(portal.page).to_have_url(other)
    await portal.open("documents/")
    await portal.page.get_by_role("link", name="handbook.pdf").click()
    await expect(portal.page.get_by_role("heading", name="Pages")).to_be_visible()
    await _switch(portal, elsewhere.name)
    await expect(portal.page).to_have_url(f"{other}documents/")


async def test_usage_is_drawn_above_its_table_and_coloured_by_the_theme(
    open_portal: OpenPortal, reader: Person, ollama: OllamaStandIn
) -> None:
    ollama.script(Reply(text="They have twenty-eight days [1]."))
    portal = await open_portal(reader)
    await portal.open("settings/usage/")
    await expect(portal.page.get_by_text("Nothing was used in these days.")).to_be_visible()
    await portal.open()
    await portal.ask(QUESTION)
    await portal.answered()
    await portal.open("settings/usage/")
    chart = portal.page.get_by_role("img", name="Chart: Questions, 1 together.")
    await expect(chart).to_be_visible()
    await expect(portal.page.get_by_role("img", name=re.compile("Chart: Tokens, [1-9]"))).to_be_visible()
    await expect(portal.page.get_by_role("table")).to_be_visible()
    assert await chart.locator("[style], style, script").count() == 0
    bar = chart.locator(".bar .rect").last
    await expect(chart.locator(".bar title").last).to_contain_text(": 1 (Questions)")
    await portal.page.emulate_media(color_scheme="light")
    light = await bar.evaluate(_FILL)
    await portal.page.emulate_media(color_scheme="dark")
    assert len({light, await bar.evaluate(_FILL), "rgb(0, 0, 0)"}) == 3
    await portal.page.get_by_label("By").select_option("model")
    await portal.page.get_by_role("button", name="Show").click()
    await expect(chart).to_be_visible()


async def test_a_refusal_is_a_page_with_a_way_back(open_portal: OpenPortal, reader: Person) -> None:
    portal = await open_portal(reader)
    portal.witness.expect(r"status 400: ", "400")
    await portal.page.goto(f"{portal.url}shared/?q=%00")
    await expect(portal.page.get_by_role("heading", name="That did not work")).to_be_visible()
    await expect(portal.page.get_by_text("Null characters are not allowed.")).to_be_visible()
    await portal.page.get_by_role("link", name="Back to Harbour Library").click()
    await expect(portal.field).to_be_visible()


async def test_a_page_that_is_not_there_leads_back_into_the_organisation(
    open_portal: OpenPortal, reader: Person
) -> None:
    portal = await open_portal(reader)
    portal.witness.expect(r"status 404: .*/nothing/", "404")
    await portal.open("nothing/")
    await portal.page.get_by_role("link", name="Back to Harbour Library").click()
    await expect(portal.field).to_be_visible()


async def test_offline_is_said_at_once_on_every_page_and_a_form_keeps_what_was_written(
    open_portal: OpenPortal, reader: Person, line: Line
) -> None:
    portal = await open_portal(reader, at=line.url)
    portal.witness.expect(*LOST, "ERR_INTERNET_DISCONNECTED", "request failed")
    page = portal.page
    for path in ("shared/", "documents/", "settings/prompts/"):
        await portal.open(path)
        await page.context.set_offline(True)
        await expect(page.get_by_text("You are offline.")).to_be_visible()
        await page.context.set_offline(False)
        await expect(page.get_by_text("You are offline.")).to_be_hidden()
    await page.get_by_label("Title").fill("Leave")
    await page.get_by_label("Text").fill("How much leave is there?")
    await page.context.set_offline(True)
    await page.get_by_role("button", name="Save the prompt").click()
    await expect(page.get_by_role("status").filter(has_text="Not sent")).to_be_visible()
    await expect(page.get_by_label("Title")).to_have_value("Leave")
    await page.context.set_offline(False)
    await page.get_by_role("button", name="Save the prompt").click()
    await expect(page.get_by_role("listitem").filter(has_text="How much leave is there?")).to_be_visible()


async def test_a_part_that_could_not_be_fetched_says_so_and_tries_again(
    open_portal: OpenPortal, manager: Person, ollama: OllamaStandIn, line: Line
) -> None:
    ollama.script(Reply(text="They have twenty-eight days [1]."))
    portal = await open_portal(manager, at=line.url)
    portal.witness.expect(*LOST, "request failed")
    await portal.open()
    await portal.ask(QUESTION)
    await portal.answered()
    await line.cut()
    await portal.answer.get_by_text("Why this answer").click()
    failure = portal.answer.get_by_role("alert").filter(has_text="Something went wrong.")
    await expect(failure).to_be_visible()
    await line.mend()
    await failure.get_by_role("button", name="Try again").click()
    await expect(portal.answer.locator("[data-why-body]")).to_contain_text("Searched for")


async def test_40_a_document_leads_to_a_chat_about_it_alone(
    open_portal: OpenPortal, reader: Person, ollama: OllamaStandIn
) -> None:
    ollama.script(Reply(text="It opens at nine [1]."))
    portal = await open_portal(reader)
    await portal.open("documents/")
    await portal.document("opening-hours.txt").get_by_role("link", name="Ask about this document").click()
    await expect(portal.page.get_by_role("heading", name="from “opening-hours.txt”?")).to_be_visible()
    searched = portal.page.get_by_role("list", name="What will be searched").locator("[data-name]")
    await expect(searched).to_have_text(["opening-hours.txt"])
    await portal.field.fill("When does the reading room open, and how much holiday is there?")
    await portal.send.click()
    await portal.answered()
    titles = portal.answer.locator(".source-title, [data-title]")
    assert set(await titles.all_inner_texts()) == {"opening-hours.txt"}
    await portal.page.reload()
    await expect(searched).to_have_text(["opening-hours.txt"])


async def test_40_all_documents_are_asked_again_with_one_click(open_portal: OpenPortal, reader: Person) -> None:
    portal = await open_portal(reader)
    await portal.open("documents/")
    await portal.page.get_by_role("link", name="opening-hours.txt").click()
    await portal.page.get_by_role("link", name="Ask about this document").click()
    await portal.page.get_by_role("link", name="Ask all documents instead").click()
    await expect(portal.page.get_by_role("heading", name="from Harbour Library’s documents?")).to_be_visible()


async def test_34_an_organisation_without_documents_says_what_comes_first(
    open_portal: OpenPortal, founder: Person
) -> None:
    portal = await open_portal(founder)
    await portal.open()
    await portal.page.get_by_role("link", name="Add documents").click()
    await expect(portal.page.get_by_text("No documents here yet.")).to_be_visible()
