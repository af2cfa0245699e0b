"""Settings: a question set is uploaded, asked, looked into, and held against an earlier run."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.async_api import FilePayload, expect

from tests.browser.conftest import OpenPortal
from tests.browser.portal import Portal
from tests.browser.test_accessibility import violations
from tests.people import Person
from tests.retrieval.questions import QUESTIONS

WRONG: list[dict[str, Any]] = [
    {"id": "wrong", "question": "Are night trains refunded to everyone?", "document": "handbook.pdf", "pages": [1]}
]


def file_of(questions: list[dict[str, Any]]) -> FilePayload:
    content = "\n".join(map(json.dumps, questions)).encode()
    return {"name": "exam.jsonl", "mimeType": "application/jsonl", "buffer": content}


async def uploaded_and_asked(portal: Portal) -> None:
    """A set with its first run, which is over."""
    page = portal.page
    await portal.open("settings/evaluations/")
    await page.get_by_label("File of questions").set_input_files(file_of([*QUESTIONS, *WRONG]))
    await page.get_by_role("button", name="Add the set").click()
    await expect(page.get_by_role("heading", name="exam")).to_be_visible()
    await ask(portal, runs=1)


async def ask(portal: Portal, *, runs: int) -> None:
    await portal.page.get_by_role("button", name="Ask the questions").click()
    figures = portal.page.get_by_role("listitem").filter(has_text="Right page among the first 10")
    # Without a click: the page renews itself while the questions are asked.
    await expect(portal.page.locator("[data-live=runs] .run-figures")).to_have_count(runs)
    await expect(figures.first).to_be_visible()


async def test_a_set_is_uploaded_asked_and_looked_into(open_portal: OpenPortal, archivist: Person) -> None:
    portal = await open_portal(archivist)
    page = portal.page
    await uploaded_and_asked(portal)
    assert await violations(page) == []
    await page.locator("[data-live=runs]").get_by_role("link").first.click()
    await expect(page.get_by_role("row", name="The documents answer it")).to_contain_text("4")
    await expect(page.get_by_role("row", name="Right page among the first 10")).to_be_visible()
    await page.get_by_role("link", name="Gone wrong").click()
    questions = page.get_by_role("region", name="Questions").get_by_role("listitem")
    await expect(page.get_by_text("How many days of paid holiday")).to_have_count(0)
    assert await violations(page) == []
    await page.get_by_role("link", name="All", exact=True).click()
    first = questions.filter(has_text="How many days of paid holiday")
    await expect(first).to_contain_text("Right page at place 1")
    await first.get_by_text("What was found").click()
    assert await violations(page) == []
    await first.get_by_role("link", name="handbook.pdf").first.click()
    await expect(page.get_by_text("Page 1 of 3")).to_be_visible()


async def test_two_runs_are_compared_and_a_gate_is_set(open_portal: OpenPortal, archivist: Person) -> None:
    portal = await open_portal(archivist)
    page = portal.page
    await uploaded_and_asked(portal)
    await ask(portal, runs=2)
    await expect(page.get_by_role("img", name="Figures of the finished runs")).to_be_visible()
    assert await violations(page) == []
    address = page.url
    await page.locator("[data-live=runs]").get_by_role("link").first.click()
    await page.get_by_role("button", name="Compare").click()
    await expect(page.get_by_text("over 5 questions that both were asked")).to_be_visible()
    await expect(page.get_by_role("heading", name="Got worse (0)")).to_be_visible()
    await expect(page.get_by_role("row", name="Right page among the first 10")).to_contain_text("Same")
    assert await violations(page) == []
    await page.goto(address)
    await page.get_by_label("A new embedding model must pass this set").check()
    await page.get_by_role("button", name="Save the gate").click()
    await expect(page.get_by_text("Name a minimum, or accept a run")).to_be_visible()
    await page.goto(address)
    await page.get_by_role("button", name="Accept").first.click()
    await page.get_by_label("A new embedding model must pass this set").check()
    await page.get_by_role("button", name="Save the gate").click()
    await expect(page.get_by_label("A new embedding model must pass this set")).to_be_checked()
    await page.get_by_role("button", name="Delete", exact=True).first.click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(page.get_by_text("There are no question sets yet.")).to_be_visible()


@pytest.mark.parametrize("key", ["Enter", " "])
async def test_38_all_of_it_by_keyboard(open_portal: OpenPortal, archivist: Person, key: str) -> None:
    portal = await open_portal(archivist)
    page = portal.page
    await uploaded_and_asked(portal)
    await page.locator("[data-live=runs]").get_by_role("link").first.focus()
    await page.keyboard.press("Enter")
    summary = page.locator("details.result > summary").first
    await summary.focus()
    await page.keyboard.press(key)
    await expect(page.get_by_text("Right: handbook.pdf").first).to_be_visible()
