"""What is left of the limits on asking, and what is said when nothing is (behaviour 42)."""

from __future__ import annotations

import pytest
from playwright.async_api import Locator, expect
from pytest_django import DjangoDbBlocker

from tenants.models import QuotaFor, QuotaKind
from tenants.services.limits import NewQuota, set_quota
from tests.browser.conftest import OpenPortal, Organisation
from tests.browser.portal import Portal
from tests.browser.test_accessibility import violations
from tests.people import Person

QUESTION = "How many days of paid holiday do employees have?"


@pytest.fixture
def limited(
    request: pytest.FixtureRequest,
    organisation: Organisation,
    reader: Person,
    django_db_blocker: DjangoDbBlocker,
) -> Person:
    """The reader, who may ask that many questions a day."""
    quota = NewQuota(QuotaKind.QUESTIONS_DAY, QuotaFor.PERSON, request.param, reader.user.pk)
    with django_db_blocker.unblock():
        set_quota(access=organisation.owner.access, quota=quota)
    return reader


def questions_a_day(amount: int) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("limited", [amount], indirect=True)


def left(portal: Portal) -> Locator:
    return portal.page.locator("[data-tight-limits]")


@questions_a_day(5)
async def test_42_what_is_left_is_shown_before_it_runs_out_and_counts_on(
    open_portal: OpenPortal, limited: Person
) -> None:
    portal = await open_portal(limited)
    await portal.open()
    for _ in range(3):
        await portal.ask(QUESTION)
        await portal.answered()
    await expect(left(portal)).to_have_text("")
    await portal.ask(QUESTION)
    await expect(left(portal)).to_have_text("4 of 5 questions today")
    await portal.answered()
    assert await violations(portal.page) == []
    await portal.page.reload()
    await expect(left(portal)).to_have_text("4 of 5 questions today")


@questions_a_day(1)
async def test_42_when_nothing_is_left_writing_goes_on_and_sending_waits(
    open_portal: OpenPortal, limited: Person
) -> None:
    portal = await open_portal(limited)
    await portal.open()
    await portal.ask(QUESTION)
    await portal.answered()
    spent = left(portal).get_by_text("No questions are left today: 1 of 1 are used. You can ask again from")
    await expect(spent).to_be_visible()
    assert await violations(portal.page) == []
    await portal.field.press_sequentially("and for")
    await portal.field.press("Enter")
    await expect(portal.send).to_be_disabled()
    await expect(portal.field).to_have_value("and for")
    await expect(portal.page.get_by_role("article", name="You asked")).to_have_count(1)
    await portal.page.reload()
    await expect(spent).to_be_visible()
    await expect(portal.field).to_have_value("and for")
    await expect(portal.send).to_be_disabled()


@questions_a_day(0)
async def test_42_a_sample_question_waits_in_the_field(open_portal: OpenPortal, limited: Person) -> None:
    portal = await open_portal(limited)
    await portal.open()
    sample = portal.page.get_by_role("button", name="Are night trains refunded?")
    await sample.click()
    await expect(portal.field).to_have_value("Are night trains refunded?")
    await expect(portal.page.get_by_role("article")).to_have_count(0)


@questions_a_day(1)
async def test_42_a_limit_that_another_tab_has_used_up_loses_no_question(
    open_portal: OpenPortal, limited: Person
) -> None:
    portal, other = await open_portal(limited), await open_portal(limited)
    await portal.open()
    await other.open()
    await other.ask(QUESTION)
    await other.answered()
    await portal.ask("Are night trains refunded?")
    await expect(portal.answer).to_contain_text("Your limit is 1 questions a day")
    await expect(left(portal)).to_contain_text("No questions are left today: 1 of 1 are used.")
    await portal.answer.get_by_role("button", name="Ask again").click()
    await expect(portal.field).to_have_value("Are night trains refunded?")
