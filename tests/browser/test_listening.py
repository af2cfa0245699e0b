"""What screen readers hear and what moves (behaviours 37 and 38)."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect
from pytest_django import DjangoDbBlocker

from tenants.models import User
from tests.browser.conftest import OpenPortal
from tests.browser.portal import Portal
from tests.people import Person
from tests.standins.ollama import OllamaStandIn, Reply

QUESTION = "How many days of paid holiday do employees have?"
FIRST = "Twenty-eight days of paid holiday a year [1]."
SENTENCES = ["They carry over. ", "Ask by March. ", "Nobody loses any."]
# Each thing that comes to be said, in order, and which of it while the answer was still being written.
_HEAR = """() => {
    window.heard = [];
    window.early = [];
    const region = document.querySelector("[data-announcer]");
    new MutationObserver((changes) => {
        for (const { addedNodes } of changes) {
            for (const node of addedNodes) {
                window.heard.push(node.textContent.trim());
                if (document.querySelector("[aria-busy=true]")) window.early.push(node.textContent.trim());
            }
        }
    }).observe(region, { childList: true });
}"""
# What stands in the answer, each time that something is drawn in the log.
_BLOCKS = """(log) => {
    window.shown = [];
    const note = () => window.shown.push(log.querySelector(".answer-body")?.innerText.trim() ?? "");
    new MutationObserver(note).observe(log, {subtree: true, childList: true});
}"""

# Without the addresses of its links, which hold ids.
_ADDRESS = re.compile(r"\n *- /url: .*")
QUESTION_AND_ANSWER = """\
- log "Conversation":
  - article "You asked":
    - paragraph: How many days of paid holiday do employees have?
    - button "Edit the question"
    - button "Copy a link to this question"
  - article "Answer":
    - paragraph:
      - text: Twenty-eight days of paid holiday a year
      - 'link "Source 1: handbook.pdf, page 1"':
        - text: "1"
      - text: .
    - paragraph: They carry over.
    - heading "Sources" [level=2]
    - list:
      - listitem:
        - 'link "Source 1: handbook.pdf, page 1"':
          - text: "1"
        - link "handbook.pdf":
        - text: p. 1 Best match
    - group: Also read, not cited (3)
    - button "Regenerate"
    - button "Copy the answer with its sources"
    - button "Copy a link to this answer"
    - group "Feedback":
      - button "Helpful answer"
      - button "Answer not helpful"
    - group
"""


@pytest.fixture
def listener(reader: Person, django_db_blocker: DjangoDbBlocker) -> Person:
    """Somebody to whom answers are read by sentences."""
    with django_db_blocker.unblock():
        User.objects.filter(pk=reader.user.pk).update(announcing="sentences")
    return reader


@pytest.fixture
def calm(reader: Person, django_db_blocker: DjangoDbBlocker) -> Person:
    """Somebody who wants less to move."""
    with django_db_blocker.unblock():
        User.objects.filter(pk=reader.user.pk).update(reduces_streaming=True)
    return reader


async def test_37_an_answer_is_read_sentence_by_sentence_to_whom_wants_that(
    open_portal: OpenPortal, listener: Person, ollama: OllamaStandIn
) -> None:
    # Held once the second sentence has been followed by a word of the third.
    text = f"{FIRST} {''.join(SENTENCES)}\n\nThat was all."
    ollama.script(Reply(text=text, held_from=len(f"{FIRST} {SENTENCES[0]}".split()) + 2))
    portal = await open_portal(listener)
    await portal.open()
    await portal.page.evaluate(_HEAR)
    await portal.ask(QUESTION)
    await expect(portal.page.locator("[data-announcer]")).to_contain_text("They carry over.")
    await expect(portal.answer_text).to_have_attribute("aria-busy", "true")
    ollama.go_on()
    await portal.answered()
    heard = await portal.page.evaluate("() => window.heard")
    started, first, *rest = heard
    assert started == "Answer started"
    assert first.startswith("Twenty-eight days of paid holiday a year")
    assert rest == [*(one.strip() for one in SENTENCES), "That was all.", "Answer ready."]


async def test_37_the_end_of_an_answer_that_was_stopped_is_said_after_what_was_read(
    open_portal: OpenPortal, listener: Person, ollama: OllamaStandIn
) -> None:
    ollama.script(Reply(text=f"{FIRST} " + "So it is. " * 800, tokens_per_second=40))
    portal = await open_portal(listener)
    said = portal.page.locator("[data-announcer]")
    await portal.open()
    await portal.ask(QUESTION)
    await expect(said).to_contain_text("So it is.")
    await portal.stop.click()
    await expect(said).to_contain_text("So it is. Answer stopped.")


async def test_37_the_answer_itself_is_never_live(portal: Portal, ollama: OllamaStandIn) -> None:
    ollama.script(Reply(text="So it is. " * 40, tokens_per_second=60))
    await portal.ask(QUESTION)
    await expect(portal.answer_text).to_contain_text("So it is.")
    live = await portal.answer_text.evaluate(
        "(body) => body.closest('[aria-live], [role=log]').getAttribute('aria-live')"
    )
    assert live == "off"
    await expect(portal.page.locator("[aria-live=polite][data-announcer]")).to_have_count(1)
    await portal.answered()


async def test_37_with_streaming_reduced_paragraphs_appear_whole(
    open_portal: OpenPortal, calm: Person, ollama: OllamaStandIn
) -> None:
    paragraphs = [FIRST, "They carry over into the next year.", "Nobody loses any of them."]
    ollama.script(Reply(text="\n\n".join(paragraphs), tokens_per_second=30))
    portal = await open_portal(calm)
    await portal.open()
    await portal.page.get_by_role("log").evaluate(_BLOCKS)
    await portal.ask(QUESTION)
    await portal.answered()
    shown = await portal.page.evaluate("() => [...new Set(window.shown)].filter(Boolean)")
    whole = {"Twenty-eight days of paid holiday a year 1.", *paragraphs[1:]}
    for text in shown:
        assert {" ".join(line.split()) for line in text.split("\n\n")} <= whole, text
    assert shown
    await expect(portal.answer_text).to_contain_text("Nobody loses any of them.")


async def test_37_reduced_streaming_keeps_what_was_written_of_a_stopped_answer(
    open_portal: OpenPortal, calm: Person, ollama: OllamaStandIn
) -> None:
    ollama.script(Reply(text=f"{FIRST}\n\n" + "So it is. " * 800, tokens_per_second=40))
    portal = await open_portal(calm)
    await portal.open()
    await portal.ask(QUESTION)
    await expect(portal.answer_text).to_contain_text("Twenty-eight days")
    await expect(portal.answer_text).not_to_contain_text("So it is.")
    await portal.stop.click()
    await expect(portal.answer.get_by_text("Stopped. What had been written is kept.")).to_be_visible()
    await portal.answered()
    shown = await portal.answer_text.inner_text()
    await portal.page.reload()
    await expect(portal.answer_text).to_have_text(shown, use_inner_text=True)


async def test_37_one_question_and_its_answer_read_well(portal: Portal, ollama: OllamaStandIn) -> None:
    ollama.script(Reply(text=f"{FIRST}\n\nThey carry over."))
    await portal.ask(QUESTION)
    await portal.answered()
    read = _ADDRESS.sub("", await portal.page.get_by_role("log").aria_snapshot())
    assert f"{read}\n" == QUESTION_AND_ANSWER
