"""Pages in use by axe: no violation, light and dark (behaviours 37 to 39). See `test_every_page` too."""

from __future__ import annotations

from typing import Any, Literal

from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import Page, expect

from tests.browser.conftest import OpenPortal
from tests.people import Person

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
QUESTION = "How many days of paid holiday do employees have?"
# Whatever moves arrives at once, but for what never does.
_STILL = """() => {
    const ends = (one) => one.effect.getComputedTiming().endTime !== Infinity;
    document.getAnimations().filter(ends).forEach((one) => one.finish());
}"""


async def violations(page: Page, **options: Any) -> list[str]:
    """Scheme, rule and place of whatever axe objects to when nothing moves any more, light and dark."""
    if not await page.evaluate("() => 'axe' in window"):
        await page.evaluate(AXE_SCRIPT)
    # Of a page that has been looked at once, only its colours are others in the other scheme.
    only = (options, {**options, "runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}})
    return [
        f"{scheme}: {one}"
        for scheme, given in zip(SCHEMES, only, strict=True)
        for one in await _violations(page, scheme, given)
    ]


async def _violations(page: Page, scheme: Literal["light", "dark"], options: dict[str, Any]) -> list[str]:
    await page.emulate_media(color_scheme=scheme)
    await page.evaluate(_STILL)
    given = {"resultTypes": ["violations"], **options}
    found: Any = await page.evaluate("(options) => axe.run(options)", given)
    nodes = [(rule["id"], node) for rule in found["violations"] for node in rule["nodes"]]
    return [f"{rule}: {node['target']} {node['failureSummary']}" for rule, node in nodes]


async def test_an_empty_chat_and_an_answered_one_with_its_source(open_portal: OpenPortal, reader: Person) -> None:
    portal = await open_portal(reader)
    await portal.open()
    assert await violations(portal.page) == []
    await portal.ask(QUESTION)
    await portal.answered()
    assert await violations(portal.page) == []
    await portal.chips.first.hover()
    await expect(portal.preview).to_be_visible()
    assert await violations(portal.page) == []
    await portal.chips.first.click()
    await expect(portal.panel.get_by_role("img")).to_be_visible()
    assert await violations(portal.page) == []


async def test_documents_and_a_page_of_one(open_portal: OpenPortal, reader: Person) -> None:
    portal = await open_portal(reader)
    await portal.open("documents/")
    assert await violations(portal.page) == []
    for name in ("handbook.pdf", "opening-hours.txt"):
        await portal.open("documents/")
        await portal.page.get_by_role("link", name=name).click()
        await portal.page.get_by_role("link", name="Read").click()
        await expect(portal.page.get_by_text("Page 1 of")).to_be_visible()
        assert await violations(portal.page) == []


async def test_40_chosen_documents_and_one_of_ones_own(open_portal: OpenPortal, archivist: Person) -> None:
    portal = await open_portal(archivist)
    await portal.open("documents/")
    await portal.page.get_by_label("Choose handbook.pdf").check()
    await expect(portal.page.get_by_text("1 chosen")).to_be_visible()
    assert await violations(portal.page) == []
    await portal.page.get_by_role("link", name="handbook.pdf").click()
    await portal.page.get_by_text("Change title, tags or collection").click()
    assert await violations(portal.page) == []


async def test_40_who_can_see_a_collection(open_portal: OpenPortal, founder: Person) -> None:
    portal = await open_portal(founder)
    await portal.open("documents/")
    await portal.page.get_by_text("Who can see what").click()
    assert await violations(portal.page) == []
    await portal.page.get_by_role("link", name="Change who can see Documents").click()
    everyone = portal.page.get_by_label("Everyone at")
    await expect(everyone).to_be_checked()
    assert await violations(portal.page) == []
    people = portal.page.get_by_role("group", name="People")
    await expect(people).to_be_hidden()
    await portal.page.get_by_label("Only those chosen here").check()
    await expect(people).to_be_visible()
    await portal.page.get_by_label("Members and above").check()
    assert await violations(portal.page) == []
    await portal.page.get_by_role("button", name="Save").click()
    await portal.page.get_by_text("Who can see what").click()
    await expect(portal.page.get_by_text("Only some people")).to_be_visible()
    await portal.page.get_by_role("link", name="Change who can see Documents").click()
    await expect(portal.page.get_by_label("Members and above")).to_be_checked()


async def test_every_settings_page(open_portal: OpenPortal, founder: Person) -> None:
    portal = await open_portal(founder)
    await portal.open("settings/")
    links = portal.page.get_by_role("navigation", name="Settings").get_by_role("link")
    names = await links.all_inner_texts()
    assert {"Organisation", "People", "Groups", "API tokens"} <= set(names)
    for name in names:
        await links.get_by_text(name, exact=True).click()
        await expect(portal.page.get_by_role("heading", level=1)).to_have_text(name)
        assert await violations(portal.page) == [], name


async def test_a_phone_with_its_drawer_open_and_a_source_over_the_answer(
    open_portal: OpenPortal, reader: Person
) -> None:
    screen: Any = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    portal = await open_portal(reader, **screen)
    await portal.open()
    await portal.page.get_by_label("Open the menu").tap()
    assert await violations(portal.page) == []
    await portal.page.get_by_label("Close the menu").tap()
    await portal.field.fill(QUESTION)
    await portal.send.tap()
    await portal.answered()
    await portal.chips.first.tap()
    await expect(portal.panel.get_by_role("img")).to_be_visible()
    assert await violations(portal.page) == []


async def test_a_page_that_does_not_exist(open_portal: OpenPortal, reader: Person) -> None:
    portal = await open_portal(reader)
    portal.witness.expect(r"status 404: .*/nothing/", r"Failed to load resource: .*404")
    for path in (portal.url, portal.url.partition("/o/")[0] + "/"):
        await portal.page.goto(f"{path}nothing/")
        await expect(portal.page.get_by_role("heading", name="There is nothing here")).to_be_visible()
        assert await violations(portal.page) == []
