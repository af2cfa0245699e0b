"""What could be asked next (behaviour 27)."""

from __future__ import annotations

import pytest
from playwright.async_api import Locator, expect
from pytest_django import DjangoDbBlocker

from tests.browser.conftest import OpenPortal
from tests.browser.portal import Portal
from tests.browser.test_accessibility import violations
from tests.factories import ready
from tests.people import Person
from tests.standins.ollama import OllamaStandIn, Reply

GUIDE = b"""# Garden guide

## When to water

Roses are watered early in the morning, before the sun is on them.

## How to prune

Roses are pruned in March above an outward bud.

## What to feed

Roses are fed with compost in April and again in June.

## Where to plant

Roses are planted where the sun is on them for half of the day.

## Whom to ask

The gardener of the park answers questions on Fridays.
"""
QUESTION = "How are roses pruned?"

# A person scrolls up in the very moment in which they are drawn: no event has told the page of it yet.
_LEAVE_AS_THEY_COME = """(list) => {
    list.replaceChildren = (...items) => {
        if (items.length) scrollTo({ top: 0, behavior: "instant" });
        Element.prototype.replaceChildren.apply(list, items);
    };
}"""


@pytest.fixture
def gardener(founder: Person, django_db_blocker: DjangoDbBlocker) -> Person:
    """Owner of an organisation with a guide of five sections."""
    with django_db_blocker.unblock():
        ready(founder, "guide.md", GUIDE)
    return founder


def suggested(portal: Portal) -> Locator:
    return portal.page.get_by_role("region", name="You could ask next").get_by_role("button")


async def test_27_follow_ups_fill_the_field_and_never_send(
    open_portal: OpenPortal, gardener: Person, ollama: OllamaStandIn
) -> None:
    ollama.script(Reply(text="They are pruned in March [1]."), Reply(text="Early in the morning [1]."))
    portal = await open_portal(gardener)
    await portal.open()
    await expect(suggested(portal)).to_have_count(0)
    await portal.ask(QUESTION)
    await portal.answered()
    await expect(suggested(portal)).to_have_count(3)
    await expect(suggested(portal).last).to_be_in_viewport()
    questions = await suggested(portal).all_inner_texts()
    assert all(one.startswith("What does guide.md say about “") for one in questions)
    assert "What does guide.md say about “How to prune”?" not in questions
    assert await violations(portal.page) == []
    await portal.page.reload()
    await expect(suggested(portal)).to_have_text(questions)
    await suggested(portal).first.focus()
    await portal.page.keyboard.press("Enter")
    await expect(portal.field).to_have_value(questions[0])
    await expect(portal.field).to_be_focused()
    await expect(portal.page.get_by_role("article", name="You asked")).to_have_count(1)


async def test_27_they_bring_nobody_back_to_the_end(
    open_portal: OpenPortal, gardener: Person, ollama: OllamaStandIn
) -> None:
    ollama.script(Reply(text="They are pruned in March [1].\n\n" + "So it is.\n\n" * 60))
    portal = await open_portal(gardener)
    await portal.open()
    await portal.page.locator("[data-follow-ups] ul").evaluate(_LEAVE_AS_THEY_COME)
    await portal.ask(QUESTION)
    await expect(suggested(portal)).to_have_count(3)
    await expect(portal.page.get_by_role("button", name="Jump to latest")).to_be_visible()
    assert await portal.page.evaluate("() => scrollY") == 0


async def test_27_they_go_when_something_else_is_asked(
    open_portal: OpenPortal, gardener: Person, ollama: OllamaStandIn
) -> None:
    slow = Reply(text="Early in the morning [1]. " + "So it is. " * 30, tokens_per_second=30)
    ollama.script(Reply(text="They are pruned in March [1]."), slow, Reply(text="Whoever asks."))
    portal = await open_portal(gardener)
    await portal.open()
    await portal.ask(QUESTION)
    await portal.answered()
    first = await suggested(portal).first.inner_text()
    await suggested(portal).first.click()
    await portal.field.press("Enter")
    await expect(portal.answer_text).to_contain_text("So it is.")
    await expect(suggested(portal)).to_have_count(0)
    await portal.answered()
    await expect(suggested(portal).first).to_be_visible()
    assert first not in await suggested(portal).all_inner_texts()
    # An answer that cites nothing leads nowhere.
    await portal.ask("Who prunes the roses?")
    await portal.answered()
    await expect(suggested(portal)).to_have_count(0)


async def test_27_what_stood_in_the_field_can_be_had_back(
    open_portal: OpenPortal, gardener: Person, ollama: OllamaStandIn
) -> None:
    ollama.script(Reply(text="They are pruned in March [1]."))
    portal = await open_portal(gardener)
    await portal.open()
    await portal.ask(QUESTION)
    await portal.answered()
    await portal.field.press_sequentially("A draft")
    await suggested(portal).first.click()
    await expect(portal.field).not_to_have_value("A draft")
    await portal.field.press("Control+Z")
    await expect(portal.field).to_have_value("A draft")
