"""Settings: a question before what cannot be undone, and a secret that is copied."""

from __future__ import annotations

from playwright.async_api import expect

from tests.browser.conftest import PASSWORD, OpenPortal
from tests.people import Person


async def test_a_token_is_made_copied_and_revoked_once_confirmed(open_portal: OpenPortal, founder: Person) -> None:
    portal = await open_portal(founder, permissions=["clipboard-read", "clipboard-write"])
    page = portal.page
    await portal.open("settings/")
    await page.get_by_role("link", name="API tokens").click()
    await page.get_by_label("What it is for").fill("Crawler")
    collection = page.get_by_role("checkbox", name="Documents", exact=True)
    await expect(collection).to_be_hidden()
    await page.get_by_label("Only those chosen here").check()
    await collection.check()
    await page.get_by_role("button", name="Create the token").click()
    value = await page.get_by_label("Crawler", exact=True).input_value()
    await page.get_by_role("button", name="Copy").click()
    assert value.startswith("dct_")
    assert await page.evaluate("navigator.clipboard.readText()") == value

    row = page.get_by_role("main").get_by_role("listitem").filter(has_text="Crawler")
    await expect(row).to_contain_text("1 collection only")
    dialog = page.get_by_role("dialog", name="Revoke Crawler?")
    for answer, left in [("Cancel", 1), ("Revoke", 0)]:
        await row.get_by_role("button", name="Revoke").click()
        await dialog.get_by_role("button", name=answer).click()
        await expect(dialog).to_be_hidden()
        await expect(row).to_have_count(left)
    await expect(page.get_by_text("The token Crawler is revoked.")).to_be_visible()


async def test_data_is_taken_along_and_the_organisation_deleted(open_portal: OpenPortal, founder: Person) -> None:
    portal = await open_portal(founder)
    page = portal.page
    await portal.open("settings/data/")
    await page.get_by_role("button", name="Export my data").click()
    link = page.get_by_role("link", name="Export of")
    again = page.get_by_role("link", name="Look again")
    await expect(link.or_(again)).to_be_visible()
    while not await link.count():
        async with page.expect_navigation():
            await again.click()
    async with page.expect_download() as download:
        await link.click()
    name = (await download.value).suggested_filename
    assert (name.startswith(f"docent-{founder.slug}-"), name.endswith(".zip")) == (True, True)

    await page.get_by_role("link", name="First confirm that it is you").last.click()
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Go on").click()
    await page.get_by_label(f"Type {founder.slug} to confirm").fill(founder.slug)
    await page.get_by_role("button", name="Delete the organisation").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(page.get_by_text("is closed and is being erased")).to_be_visible()
    assert founder.slug not in page.url
