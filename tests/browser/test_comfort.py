"""Fingers, zoom, contrast and motion (behaviours 36 and 38)."""

from __future__ import annotations

from typing import Any

from playwright.async_api import expect

from tests.browser.conftest import OpenPortal
from tests.browser.portal import Portal
from tests.browser.test_shell import overflow
from tests.people import Person
from tests.standins.ollama import OllamaStandIn, Reply

QUESTION = "How many days of paid holiday do employees have?"
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
PAGES = (
    "",
    "documents/",
    "documents/search/",
    "shared/",
    "settings/you/",
    "settings/organisation/",
    "settings/members/",
    "settings/groups/",
    "settings/assistants/",
    "settings/prompts/",
    "settings/sign-in/",
    "settings/models/",
    "settings/conversations/",
    "settings/masking/",
    "settings/evaluations/",
    "settings/usage/",
    "settings/audit/",
    "settings/tokens/",
    "settings/data/",
)
# What a finger must hit: everything that acts, with its label, but for links and chips inside a sentence.
_SMALL = """() => {
    const acting = "a[href], button, input:not([type=hidden]), select, textarea, summary, [role=button]";
    const apart = "[inert], .visually-hidden, .skip-link, .scrim, noscript";
    const isInSentence = (one) => {
        if (getComputedStyle(one).display !== "inline" && !one.matches(".chip")) return false;
        const around = one.parentElement.closest("p, li, dd, td, th, label, blockquote") ?? one.parentElement;
        return around.textContent.trim() !== one.textContent.trim();
    };
    const sizeOf = (one) => {
        const boxes = [one, ...(one.labels ?? [])].map((part) => part.getBoundingClientRect());
        const ends = (side, other) => Math.max(...boxes.map((box) => box[side])) -
            Math.min(...boxes.map((box) => box[other]));
        return [ends("right", "left"), ends("bottom", "top")].map(Math.round);
    };
    const nameOf = (one) => one.getAttribute("aria-label") || one.textContent.trim() || one.name || one.className;
    return [...document.querySelectorAll(acting)]
        .filter((one) => one.checkVisibility({ visibilityProperty: true }) && !one.closest(apart))
        .filter((one) => !isInSentence(one) && Math.min(...sizeOf(one)) < 44)
        .map((one) => `${one.localName} ${nameOf(one).slice(0, 40)}: ${sizeOf(one).join(" × ")}`);
}"""
# Whether what can only be seen while a pointer is over it could be used without one.
_HIDDEN_UNTIL_HOVERED = """() => [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules]).filter((rule) =>
    /:hover/.test(rule.selectorText ?? "") && /(display|visibility|opacity)\\s*:/.test(rule.style?.cssText ?? "")
).map((rule) => rule.selectorText)"""


async def test_36_everything_that_acts_is_large_enough_for_a_finger(
    open_portal: OpenPortal, founder: Person
) -> None:
    portal = await open_portal(founder, **PHONE)
    small = {}
    for path in PAGES:
        await portal.open(path)
        small[path] = await portal.page.evaluate(_SMALL)
    assert {path: found for path, found in small.items() if found} == {}


async def test_36_in_a_conversation_and_its_drawer_too(open_portal: OpenPortal, reader: Person) -> None:
    portal = await open_portal(reader, **PHONE)
    await portal.open()
    await portal.field.fill(QUESTION)
    await portal.send.tap()
    await portal.answered()
    assert await portal.page.evaluate(_SMALL) == []
    await portal.page.get_by_label("Conversation menu").tap()
    assert await portal.page.evaluate(_SMALL) == []
    await portal.page.keyboard.press("Escape")
    await portal.page.get_by_label("Open the menu").tap()
    await portal.page.get_by_role("navigation").get_by_text(reader.user.email).tap()
    assert await portal.page.evaluate(_SMALL) == []
    await portal.page.get_by_role("button", name="Keyboard shortcuts").tap()
    assert await portal.page.evaluate(_SMALL) == []


async def test_36_nothing_waits_for_a_pointer_to_hover(open_portal: OpenPortal, founder: Person) -> None:
    portal = await open_portal(founder)
    for path in PAGES:
        await portal.open(path)
        assert await portal.page.evaluate(_HIDDEN_UNTIL_HOVERED) == [], path


async def test_36_the_focus_stays_in_the_open_drawer(open_portal: OpenPortal, reader: Person) -> None:
    portal = await open_portal(reader, **PHONE)
    await portal.open()
    await portal.page.get_by_label("Open the menu").tap()
    for key in ("Tab", "Shift+Tab"):
        for _ in range(25):
            await portal.page.keyboard.press(key)
            place = await portal.page.evaluate(
                "() => document.activeElement === document.body || !!document.activeElement.closest('#sidebar')"
            )
            assert place
    await portal.page.keyboard.press("Escape")
    await expect(portal.page.get_by_label("Open the menu")).to_be_focused()
    await expect(portal.field).to_be_enabled()
    await portal.field.tap()
    await expect(portal.field).to_be_focused()


async def test_36_the_field_stays_above_the_keyboard(open_portal: OpenPortal, reader: Person) -> None:
    portal = await open_portal(reader, **PHONE)
    await portal.open()
    await portal.field.fill(QUESTION)
    await portal.send.tap()
    await portal.answered()
    viewport = await portal.page.locator("meta[name=viewport]").get_attribute("content")
    assert {"viewport-fit=cover", "interactive-widget=resizes-content"} <= set(str(viewport).split(", "))
    # What a keyboard leaves of the window.
    await portal.page.set_viewport_size({"width": 390, "height": 420})
    await portal.field.focus()
    await expect(portal.field).to_be_in_viewport(ratio=1)
    await expect(portal.send).to_be_in_viewport(ratio=1)


async def test_38_at_200_percent_nothing_is_lost_and_nothing_scrolls_sideways(
    open_portal: OpenPortal, founder: Person
) -> None:
    portal = await open_portal(founder, viewport={"width": 640, "height": 400}, device_scale_factor=2)
    for path in PAGES:
        await portal.open(path)
        assert await overflow(portal.page) == 0, path
        await expect(portal.page.get_by_label("Open the menu")).to_be_visible()


async def test_38_who_wants_less_motion_sees_none(
    open_portal: OpenPortal, reader: Person, ollama: OllamaStandIn
) -> None:
    ollama.script(Reply(text="So it is. " * 60, tokens_per_second=40))
    portal = await open_portal(reader, reduced_motion="reduce")
    await portal.open()
    await portal.ask(QUESTION)
    await expect(portal.answer_text).to_contain_text("So it is.")
    moving = await portal.page.evaluate(
        "() => document.getAnimations().filter((one) => one.effect.getComputedTiming().endTime > 10).length"
    )
    assert moving == 0
    await portal.answered()


async def test_38_who_wants_more_contrast_gets_it(open_portal: OpenPortal, reader: Person) -> None:
    async def lines(**options: Any) -> list[str]:
        portal = await open_portal(reader, **options)
        await portal.open()
        found: list[str] = await portal.page.evaluate(
            """() => [".composer", ".composer-note", ".sidebar-foot"].map((one) => {
                const { color, borderTopColor } = getComputedStyle(document.querySelector(one));
                return `${color} ${borderTopColor}`;
            })"""
        )
        return found

    usual, more = await lines(), await lines(contrast="more")
    assert all(one != other for one, other in zip(usual, more, strict=True))


async def test_38_in_forced_colours_what_is_chosen_and_focused_can_be_told(
    open_portal: OpenPortal, reader: Person
) -> None:
    portal = await open_portal(reader, forced_colors="active")
    page = portal.page
    await portal.open("settings/you/")
    chosen = page.locator(".segment", has=page.get_by_role("radio", name="As the system"))
    other = page.locator(".segment", has=page.get_by_role("radio", name="Dark"))
    style = "(one) => getComputedStyle(one).outlineStyle"
    assert await chosen.evaluate(style) != "none"
    assert await other.evaluate(style) == "none"
    save = page.get_by_role("button", name="Save")
    await save.focus()
    assert await save.evaluate(style) != "none"


async def test_38_the_focus_comes_back_from_every_dialog(portal: Portal) -> None:
    page = portal.page
    await portal.ask(QUESTION)
    await portal.answered()
    menu = page.get_by_label("Conversation menu")
    await menu.click()
    button = page.get_by_role("button", name="Rename", exact=True).first
    await button.click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(button).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(menu).to_be_focused()
