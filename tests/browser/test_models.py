"""Settings, models: tried, fetched while one looks on, and deleted once confirmed."""

from __future__ import annotations

from playwright.async_api import expect

from tests.browser.conftest import OpenPortal
from tests.people import Person
from tests.standins.ollama import MODEL, OllamaStandIn, PullReply, Reply

SLOW = PullReply(files=(4_000_000_000,), steps=12, reply=Reply(tokens_per_second=4))


async def test_a_model_is_tried_fetched_and_deleted(
    open_portal: OpenPortal, founder: Person, ollama: OllamaStandIn
) -> None:
    portal = await open_portal(founder)
    page = portal.page
    await portal.open("settings/models/")
    await expect(page.get_by_text(f"What answers now: {MODEL} on Ollama: loaded, 8k context")).to_be_visible()
    await page.get_by_role("button", name=f"Test {MODEL}").click()
    await expect(page.get_by_text(f"{MODEL} answers: first token after")).to_be_visible()

    ollama.script_pulls(SLOW)
    await page.get_by_label("Name").fill("small:1b")
    await page.get_by_role("button", name="Fetch").click()
    row = page.get_by_role("main").get_by_role("listitem").filter(has_text="small:1b")
    await expect(row.get_by_role("progressbar")).to_be_visible()
    await expect(row).to_contain_text("of 4.0 GB")
    # The page renews itself: the model is there to be used without anybody asking.
    await expect(row.get_by_text("Fetched")).to_be_visible()
    await expect(page.get_by_role("button", name="Test small:1b")).to_be_visible()

    dialog = page.get_by_role("dialog", name="Delete small:1b?")
    for answer, left in [("Cancel", 1), ("Delete", 0)]:
        await page.get_by_role("button", name="Delete small:1b").click()
        await dialog.get_by_role("button", name=answer).click()
        await expect(dialog).to_be_hidden()
        await expect(page.get_by_role("button", name="Test small:1b")).to_have_count(left)
    assert ollama.deleted == ["small:1b"]
