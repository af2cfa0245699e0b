"""What is waited for: exact counts and bytes, and of times only what any machine keeps to.

`python -m bench.pages` measures them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.async_api import expect
from pytest_django import DjangoDbBlocker

from bench.pages.talk import ANSWER
from bench.pages.watching import WATCH, Wire, now, streaming
from config.embedded import PROJECT
from tests.browser.conftest import OpenPortal, log_in
from tests.browser.long_talks import QUESTION, brought
from tests.browser.portal import Portal
from tests.environment import Environment
from tests.people import Person
from tests.processes import LiveServer, Running, web_server
from tests.standins.ollama import OllamaStandIn, Reply

MESSAGES, FEWER = 500, 150
FIRST_VISIT = 200_000
MOST_SHIFT = 0.02
# A task of 50 ms is what `bench.pages` allows on a machine of its own. Here others have most of it.
LONGEST_TASK_MS = 1000
_NAMED = """() => [...document.querySelectorAll("link[rel=modulepreload], script[src]")]
    .map((one) => one.href || one.src)"""
_TRANSFERRED = """() => performance.getEntriesByType("resource")
    .filter(({name}) => name.includes("/static/"))
    .map(({name, transferSize}) => [name, transferSize])"""


@pytest.fixture(scope="module")
def shipped_server(run_environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """The web server with the settings and the static files that people start."""
    folder = tmp_path_factory.mktemp("shipped")
    for name in ("secrets", "models"):
        (folder / name).symlink_to(run_environment.data / name)
    variables = {
        **run_environment.variables,
        "DJANGO_SETTINGS_MODULE": "config.settings.dev",
        "DOCENT_DATA": str(folder),
    }
    _collect(variables)
    with web_server(variables, folder / "web.log") as running:
        yield running


def _collect(variables: dict[str, str]) -> None:
    command = [sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity", "0"]
    subprocess.run(command, cwd=PROJECT, env=os.environ | variables, check=True)


@pytest.fixture
def long_talk(reader: Person, worker: Running, django_db_blocker: DjangoDbBlocker) -> str:
    """Where a conversation of `MESSAGES` messages of the reader's stands."""
    with django_db_blocker.unblock():
        return brought(reader, MESSAGES)


@pytest.fixture
def talk(reader: Person, worker: Running, django_db_blocker: DjangoDbBlocker) -> str:
    """The same of `FEWER`, which come in three parts."""
    with django_db_blocker.unblock():
        return brought(reader, FEWER)


def questions(portal: Portal) -> Any:
    return portal.page.locator(".question [data-text]")


async def is_whole(portal: Portal, messages: int = MESSAGES) -> None:
    await expect(questions(portal)).to_have_count(messages // 2, timeout=120_000)
    await expect(portal.page.locator("[data-earlier]")).to_have_count(0)


async def test_a_first_visit_is_small_and_the_next_asks_for_no_file_again(
    open_portal: OpenPortal, shipped_server: LiveServer, reader: Person
) -> None:
    portal = await open_portal(None, at=shipped_server.url)
    page = portal.page
    wire = Wire(page)
    await page.goto(f"{portal.url}accounts/login/")
    # Whoever is new here: the passwords of the tests are none with these settings.
    await log_in(page.context, reader, shipped_server.url)
    await page.goto(f"{portal.url}o/{reader.slug}/")
    await expect(portal.field).to_be_focused()
    sizes = await wire.sizes()
    assert 50_000 < sum(sizes.values()) < FIRST_VISIT, sizes
    files = [one for one in wire.responses if "/static/" in one.url]
    kept = {await one.header_value("cache-control") for one in files}
    assert kept == {"max-age=315360000, public, immutable"}
    assert {await one.header_value("content-encoding") for one in files if one.url.endswith(".css")} <= {
        "br",
        None,
    }
    await page.goto(f"{portal.url}o/{reader.slug}/documents/")
    await page.goto(f"{portal.url}o/{reader.slug}/")
    await expect(portal.field).to_be_focused()
    transferred = await page.evaluate(_TRANSFERRED)
    assert len(transferred) > 40
    assert [name for name, size in transferred if size] == []


async def test_all_that_a_page_needs_is_asked_for_at_once(portal: Portal) -> None:
    """No module waits for another one that imports it."""
    await expect(portal.field).to_be_focused()
    named = await portal.page.evaluate(_NAMED)
    modules = {one.url for one in portal.witness.requests if one.url.endswith(".js")}
    assert modules == set(named)
    assert len(named) == len(set(named)) > 30


async def test_a_long_chat_shows_its_end_and_the_rest_follows(
    open_portal: OpenPortal, reader: Person, long_talk: str
) -> None:
    portal = await open_portal(reader)
    await portal.page.add_init_script(WATCH)
    response = await portal.page.goto(f"{portal.url}{long_talk}")
    assert response is not None
    html = await response.text()
    assert html.count('<article class="question"') == 1 + 20  # and the blank that scripts fill
    assert len(html) < 600_000
    await is_whole(portal)
    assert await portal.is_following()
    await expect(portal.page.locator("[data-jump]")).to_be_hidden()
    assert (await streaming(portal.page, 0)).shift < MOST_SHIFT
    numbers = [
        int(one.removeprefix("Question ").partition(":")[0]) for one in await questions(portal).all_text_contents()
    ]
    assert numbers == list(range(1, MESSAGES // 2 + 1))
    # The browser's own search finds it: no case, forwards, round again from the beginning.
    assert await portal.page.evaluate("() => find('Question 7: how many days', false, false, true)")
    await expect(questions(portal).nth(6)).to_be_in_viewport()
    # The earliest are answers like any other.
    first = portal.page.locator(".answer").first
    await first.scroll_into_view_if_needed()
    await first.locator(".chip").first.click()
    await expect(portal.panel.get_by_role("img")).to_be_visible()


async def test_33_an_early_message_is_there_when_its_address_is_opened(
    open_portal: OpenPortal, reader: Person, talk: str
) -> None:
    portal = await open_portal(reader)
    await portal.open(talk)
    await is_whole(portal, FEWER)
    early = await portal.page.locator(".question").nth(20).get_attribute("data-message")
    response = await portal.page.goto(f"{portal.url}{talk}?message={early}")
    assert response is not None
    assert f'data-message="{early}"' in await response.text()
    await is_whole(portal, FEWER)


async def test_without_scripts_links_lead_to_the_beginning_and_back(
    open_portal: OpenPortal, reader: Person, talk: str
) -> None:
    portal = await open_portal(reader, java_script_enabled=False)
    await portal.open(talk)
    earlier = portal.page.get_by_role("link", name="Earlier messages")
    seen = 0
    while await earlier.count():
        seen += await questions(portal).count()
        await earlier.click()
        await expect(portal.page.get_by_role("link", name="Latest messages")).to_be_visible()
    assert seen + await questions(portal).count() == FEWER // 2
    await expect(questions(portal).first).to_contain_text("Question 1:")
    await portal.page.get_by_role("link", name="Latest messages").click()
    await expect(questions(portal).last).to_contain_text(f"Question {FEWER // 2}:")


async def test_13_in_a_long_chat_an_answer_streams_calmly(
    open_portal: OpenPortal, reader: Person, talk: str, ollama: OllamaStandIn
) -> None:
    portal = await open_portal(reader)
    await portal.page.add_init_script(WATCH)
    await portal.open(talk)
    await is_whole(portal, FEWER)
    ollama.script(Reply(text=f"{ANSWER}\n\n" * 3, tokens_per_second=80))
    began = await now(portal.page)
    # By their places: to look for names among so many elements takes the page's own time.
    field, answer = portal.page.locator("[data-field]"), portal.page.locator(".answer").last
    await field.fill(QUESTION)
    await field.press("Enter")
    await expect(questions(portal)).to_have_count(FEWER // 2 + 1)
    await expect(answer.locator(".answer-actions")).to_be_visible()
    await expect(answer.locator("table")).to_have_count(3)
    assert await portal.is_following()
    seen = await streaming(portal.page, began)
    assert seen.shift < MOST_SHIFT
    assert len(seen.frames) > 1
    assert max(seen.long_tasks, default=0) < LONGEST_TASK_MS
