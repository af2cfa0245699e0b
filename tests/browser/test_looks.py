"""One's own settings, and the organisation's logo and colour (behaviour 39)."""

from __future__ import annotations

import io
import re

from PIL import Image
from playwright.async_api import Page, expect

from tests.browser.conftest import PASSWORD, OpenPortal
from tests.browser.portal import Portal
from tests.browser.test_accessibility import violations
from tests.people import Person

# The colours of the page before anything of it is drawn: what a flash would be.
_FIRST_COLOURS = """() => {
    window.colours = [];
    const note = () => {
        if (document.body) window.colours.push(getComputedStyle(document.documentElement).backgroundColor);
        requestAnimationFrame(note);
    };
    requestAnimationFrame(note);
}"""
DARK, LIGHT = "rgb(26, 25, 23)", "rgb(250, 249, 246)"


async def saved(page: Page) -> None:
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_text("Saved.")).to_be_visible()


async def test_39_ones_settings_are_saved_and_follow_to_another_browser(
    open_portal: OpenPortal, reader: Person
) -> None:
    portal = await open_portal(reader, color_scheme="light")
    page = portal.page
    await portal.open("settings/")
    await expect(page.get_by_role("heading", level=1)).to_have_text("You")
    await page.get_by_label("Name", exact=True).fill("Reader of the Harbour")
    await page.get_by_role("group", name="Theme").get_by_text("Dark").click()
    await expect(page.locator("html")).to_have_css("background-color", DARK)
    await page.get_by_label("Language").select_option("English")
    await page.get_by_label("Find a time zone").fill("sao pau")
    await expect(page.get_by_label("Time zone", exact=True)).to_have_value("America/Sao_Paulo")
    await page.get_by_label("sentence by sentence").check()
    await page.get_by_label("Reduce streaming").check()
    assert await violations(page) == []
    await saved(page)

    other = await open_portal(reader, color_scheme="light")
    await other.open("settings/you/")
    page = other.page
    await expect(page.locator("html")).to_have_css("background-color", DARK)
    await expect(page.get_by_label("Name", exact=True)).to_have_value("Reader of the Harbour")
    await expect(page.get_by_label("Language")).to_have_value("en")
    await expect(page.get_by_label("Time zone", exact=True)).to_have_value("America/Sao_Paulo")
    await expect(page.get_by_label("sentence by sentence")).to_be_checked()
    await expect(page.get_by_label("Reduce streaming")).to_be_checked()
    await expect(page.get_by_role("checkbox", name="Keyboard shortcuts")).to_be_checked()


async def test_39_the_theme_is_there_with_the_first_paint(open_portal: OpenPortal, reader: Person) -> None:
    portal = await open_portal(reader, color_scheme="light")
    page = portal.page
    await portal.open("settings/you/")
    await page.get_by_role("group", name="Theme").get_by_text("Dark").click()
    await saved(page)
    await page.add_init_script(f"({_FIRST_COLOURS})()")
    for path in ("", "documents/"):
        await portal.open(path)
        await page.wait_for_function("() => window.colours.length > 2")
        assert set(await page.evaluate("() => window.colours")) == {DARK}
    await page.goto(f"{portal.url.partition('/o/')[0]}/accounts/email/")
    await page.wait_for_function("() => window.colours.length > 2")
    assert set(await page.evaluate("() => window.colours")) == {DARK}


async def test_39_settings_are_made_without_scripts_too(open_portal: OpenPortal, reader: Person) -> None:
    portal = await open_portal(reader, java_script_enabled=False, color_scheme="light")
    page = portal.page
    await portal.open("settings/you/")
    await expect(page.get_by_label("Find a time zone")).to_be_hidden()
    await page.get_by_label("Time zone", exact=True).select_option("Asia/Kolkata")
    await page.get_by_role("group", name="Theme").get_by_text("Dark").click()
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_text("Saved.")).to_be_visible()
    await expect(page.get_by_label("Time zone", exact=True)).to_have_value("Asia/Kolkata")
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")


async def test_39_an_organisation_has_its_logo_and_colour(
    open_portal: OpenPortal, founder: Person, stranger: Portal
) -> None:
    portal = await open_portal(founder, color_scheme="light")
    page = portal.page
    drawn = io.BytesIO()
    Image.new("RGBA", (300, 100), (200, 60, 20)).save(drawn, "PNG")
    await portal.open("settings/organisation/")
    chosen = page.get_by_label("Logo", exact=True)
    await chosen.set_input_files({"name": "logo.svg", "mimeType": "image/svg+xml", "buffer": b"<svg/>"})
    await page.get_by_role("button", name="Save the logo").click()
    await expect(page.get_by_text("This is no PNG, JPEG or WebP picture that can be read.")).to_be_visible()
    await chosen.set_input_files({"name": "logo.png", "mimeType": "image/png", "buffer": drawn.getvalue()})
    await page.get_by_role("button", name="Save the logo").click()
    await expect(page.get_by_role("img", name="The present logo")).to_be_visible()
    shown = page.locator(".organisation-name img")
    assert await shown.evaluate("(logo) => logo.decode().then(() => logo.naturalWidth)") == 300

    contrasts = page.get_by_role("group", name="How the colour reads")
    await page.get_by_label("Colour", exact=True).fill("#ffd400")
    await expect(contrasts).to_contain_text("#ffd400 itself has 1.")
    await expect(page.get_by_label("A colour of our own")).to_be_checked()
    await page.get_by_label("Show name, logo and colour").check()
    await page.get_by_role("button", name="Save the colour").click()
    await expect(page.get_by_text("The colour is shown as far as it can be read")).to_be_visible()
    for scheme in ("light", "dark"):
        ratio = await contrasts.locator(".contrast", has_text=scheme.title()).inner_text()
        assert float(re.findall(r"contrast ([\d.]+) : 1", ratio)[0]) >= 4.5
    assert await violations(page) == []
    await portal.open()
    assert await violations(page) == []
    await portal.open("documents/")
    assert await violations(page) == []

    await stranger.open(f"accounts/login/?next=/o/{founder.slug}/")
    await expect(stranger.page.get_by_text(f"Archive {founder.slug.rpartition('-')[2]}")).to_be_visible()
    assert await violations(stranger.page) == []
    await stranger.page.get_by_label("Email").fill(founder.user.email)
    await stranger.page.get_by_label("Password").fill(PASSWORD)
    await stranger.page.get_by_role("button", name="Log in", exact=True).click()
    await expect(stranger.page.locator(".organisation-name img")).to_be_visible()
