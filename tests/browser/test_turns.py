"""Other answers, other questions, and cut answers that go on (behaviours 16 and 25)."""

from __future__ import annotations

import pytest
from playwright.async_api import expect
from pytest_django import DjangoDbBlocker

from conversations.models import Message
from tenants.db import tenant_atomic
from tests.browser.conftest import OpenPortal
from tests.browser.portal import Portal
from tests.conversations.talks import Talk, talk_of
from tests.people import Person
from tests.standins.ollama import OllamaStandIn, Reply

QUESTION = "How many days of paid holiday do employees have?"
OTHER = "Are night trains refunded?"


@pytest.fixture
def cut_talk(reader: Person, django_db_blocker: DjangoDbBlocker) -> Talk:
    """A conversation whose answer was stopped, written by a model that is connected no more."""
    with django_db_blocker.unblock():
        talk = talk_of(reader)
        reply = talk.say(QUESTION, "Twenty-eight days", status="stopped")
        with tenant_atomic(reader.access.tenant_id):
            Message.objects.filter(id=reply).update(model="llama3.2", finish_reason="stopped")
    return talk


async def test_25_another_answer_stands_beside_the_first(portal: Portal, ollama: OllamaStandIn) -> None:
    ollama.script(Reply(text="The first answer."), Reply(text="The second answer.", first_token_after=0.3))
    await portal.ask(QUESTION)
    await portal.answered()
    await portal.answer.get_by_role("button", name="Regenerate").click()
    await expect(portal.stop).to_be_visible()
    await expect(portal.answer_text).to_have_text("The second answer.")
    await portal.answered()
    await expect(portal.page.get_by_role("article", name="You asked")).to_have_count(1)
    versions = portal.answer.get_by_role("group", name="Versions of this answer")
    await expect(versions.get_by_role("img", name="Version 2 of 2")).to_be_visible()
    await expect(versions.get_by_role("button", name="Next version")).to_be_disabled()
    await versions.get_by_role("button", name="Previous version").press("Enter")
    await expect(portal.answer_text).to_have_text("The first answer.")
    await expect(versions.get_by_role("button", name="Next version")).to_be_focused()
    await portal.page.reload()
    await expect(portal.answer_text).to_have_text("The first answer.")
    await portal.page.keyboard.press("Tab")
    await versions.get_by_role("button", name="Next version").press("Enter")
    await expect(portal.answer_text).to_have_text("The second answer.")


async def test_25_a_question_put_otherwise_keeps_the_branch_of_the_old_one(
    portal: Portal, ollama: OllamaStandIn
) -> None:
    ollama.script(Reply(text="Of holidays."), Reply(text="Of trains."), Reply(text="Of refunds."))
    await portal.ask(QUESTION)
    await portal.answered()
    await portal.ask("Are they paid for?")
    await portal.answered()
    questions = portal.page.get_by_role("article", name="You asked")
    await questions.first.get_by_role("button", name="Edit the question").click()
    field = portal.page.get_by_label("The question, to put it otherwise")
    await expect(field).to_have_value(QUESTION)
    await field.press("Escape")
    await expect(questions.first.get_by_role("button", name="Edit the question")).to_be_focused()
    await questions.first.get_by_role("button", name="Edit the question").click()
    await field.fill(OTHER)
    await field.press("Enter")
    await expect(portal.answer_text).to_have_text("Of refunds.")
    await portal.answered()
    await expect(questions).to_have_count(1)
    versions = questions.first.get_by_role("group", name="Versions of this question")
    await expect(versions.get_by_role("img", name="Version 2 of 2")).to_be_visible()
    await versions.get_by_role("button", name="Previous version").click()
    await expect(questions).to_have_count(2)
    await expect(questions.first).to_contain_text(QUESTION)
    await expect(portal.answer_text).to_have_text("Of trains.")


async def test_16_a_cut_answer_goes_on_where_it_stopped(portal: Portal, ollama: OllamaStandIn) -> None:
    ollama.script(
        Reply(text="Twenty-eight days ", done_reason="length"), Reply(text="of paid holiday a year [1].")
    )
    await portal.ask(QUESTION)
    await expect(portal.answer.get_by_text("Cut at the length limit.")).to_be_visible()
    await portal.answer.get_by_role("button", name="Continue").click()
    await expect(portal.answer_text).to_have_text("Twenty-eight days of paid holiday a year 1.")
    await portal.answered()
    await expect(portal.answer.get_by_text("Cut at the length limit.")).to_be_hidden()
    await expect(portal.answer.get_by_role("button", name="Continue")).to_be_hidden()
    await portal.page.reload()
    await expect(portal.answer_text).to_have_text("Twenty-eight days of paid holiday a year 1.")
    await expect(portal.page.get_by_role("article", name="Answer")).to_have_count(1)


async def test_16_asking_a_stopped_answer_again_puts_another_beside_it(
    portal: Portal, ollama: OllamaStandIn
) -> None:
    ollama.script(Reply(text="Twenty-eight days. " * 40, held_from=10), Reply(text="All of twenty-eight."))
    await portal.ask(QUESTION)
    await expect(portal.answer_text).to_contain_text("Twenty-eight days.")
    await portal.stop.click()
    await portal.answered()
    await expect(portal.answer.get_by_role("button", name="Regenerate")).to_be_hidden()
    await portal.answer.get_by_role("button", name="Ask again").click()
    await expect(portal.answer_text).to_have_text("All of twenty-eight.")
    await portal.answered()
    await expect(portal.page.get_by_role("article", name="You asked")).to_have_text([QUESTION])
    await expect(portal.page.get_by_role("article", name="Answer")).to_have_count(1)
    await expect(portal.answer.get_by_role("img", name="Version 2 of 2")).to_be_visible()
    await expect(portal.answer.get_by_role("button", name="Regenerate")).to_be_visible()
    await expect(portal.answer.get_by_role("button", name="Ask again")).to_be_hidden()
    await portal.page.reload()
    await expect(portal.answer_text).to_have_text("All of twenty-eight.")


async def test_16_what_cannot_go_on_without_a_model_says_so_and_stays(
    open_portal: OpenPortal, reader: Person, cut_talk: Talk
) -> None:
    portal = await open_portal(reader)
    await portal.open(f"c/{cut_talk.id}/")
    await portal.answer.get_by_role("button", name="Continue").click()
    refusal = portal.answer.get_by_role("alert")
    await expect(refusal).to_contain_text("No language model is connected that could go on with this answer.")
    await expect(portal.answer_text).to_have_text("Twenty-eight days")
    await expect(portal.answer.get_by_text("Stopped. What had been written is kept.")).to_be_visible()
    await portal.answer.get_by_role("button", name="Ask again").click()
    await expect(portal.answer_text).to_contain_text("twenty-eight days of paid holiday a year")
    await portal.answered()
    await expect(portal.answer.get_by_role("img", name="Version 2 of 2")).to_be_visible()
