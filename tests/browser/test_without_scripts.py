"""Scripts that do not run: one reads, signs up, logs in, uploads and asks all the same."""

from __future__ import annotations

from playwright.async_api import FilePayload, Page, expect

from tests.browser.conftest import OPENING_HOURS, PASSWORD, SAMPLES, OpenPortal, Organisation
from tests.people import Person
from tests.standins.ollama import OllamaStandIn, Reply

QUESTION = "How many days of paid holiday do employees have?"
# Pages that look again by themselves do so every few seconds.
SOON_MS = 60_000


async def ask(page: Page, question: str) -> None:
    """By the plain form: the other one is there too until the page's styles have come."""
    form = page.locator("noscript")
    await form.get_by_role("textbox", name="Your question").fill(question)
    await form.get_by_role("button", name="Ask", exact=True).click()


async def test_from_signing_up_to_an_answer_with_its_page(
    open_portal: OpenPortal, organisation: Organisation
) -> None:
    tab = await open_portal(None, java_script_enabled=False)
    page = tab.page
    await tab.open()
    await page.get_by_role("link", name="Create an organisation").click()
    await page.get_by_label("Organisation").fill("Quiet Harbour")
    await page.get_by_label("Email").fill("quiet@example.org")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Create and log in").click()
    await expect(page.get_by_role("heading", name="What would you like to know")).to_be_visible()

    await page.get_by_role("link", name="Documents", exact=True).first.click()
    hours = FilePayload(name="opening-hours.txt", mimeType="text/plain", buffer=OPENING_HOURS.encode())
    await page.get_by_label("choose files").set_input_files([hours])
    await page.get_by_role("button", name="Upload", exact=True).click()
    row = page.get_by_role("listitem").filter(has=page.get_by_text("opening-hours.txt", exact=True))
    await expect(row.get_by_text("Ready")).to_be_visible(timeout=SOON_MS)

    await row.get_by_role("link", name="Ask about this document").click()
    await expect(page.get_by_role("heading", name="from “opening-hours.txt”?")).to_be_visible()
    await ask(page, "When does the reading room open?")
    answer = page.get_by_role("article", name="Answer")
    await expect(answer).to_contain_text("nine in the morning", timeout=SOON_MS)
    await answer.get_by_role("link", name="opening-hours.txt").first.click()
    await expect(page.locator("mark").first).to_contain_text("nine in the morning")


async def test_logging_in_reading_and_going_on_with_a_conversation(
    open_portal: OpenPortal, reader: Person, ollama: OllamaStandIn
) -> None:
    ollama.script(Reply(text="They have twenty-eight days [1]."), Reply(text="Twenty-five hours [1]."))
    tab = await open_portal(None, java_script_enabled=False)
    page = tab.page
    await tab.open(f"o/{reader.slug}/")
    await page.get_by_label("Email").fill(reader.user.email)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in", exact=True).click()

    await page.locator("noscript").get_by_role("button", name=SAMPLES[0]).click()
    answers = page.get_by_role("article", name="Answer")
    await expect(answers).to_contain_text("twenty-eight days", timeout=SOON_MS)
    await ask(page, QUESTION)
    await expect(answers).to_have_count(2)
    await expect(answers.last).to_contain_text("Twenty-five hours", timeout=SOON_MS)
    await page.get_by_role("navigation").get_by_role("link", name=SAMPLES[0]).click()
    await expect(page.get_by_role("article", name="You asked")).to_have_text([SAMPLES[0], QUESTION])


async def test_an_empty_question_is_refused_in_words(open_portal: OpenPortal, reader: Person) -> None:
    tab = await open_portal(reader, java_script_enabled=False)
    tab.witness.expect(r"status 400: .*/c/ask/", "400")
    await tab.open()
    await tab.page.locator("noscript").get_by_role("button", name="Ask", exact=True).click()
    await expect(tab.page.get_by_role("alert")).to_have_text("Ask a question: it is empty.")
