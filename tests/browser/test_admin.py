"""An organisation's administration in a browser, under the portal's own content security policy.

That no policy is violated and nothing fails, the fixture `open_portal` checks for every test.
"""

from __future__ import annotations

from typing import Any

from playwright.async_api import expect

from tenants.admin_sites.tenant_site import tenant_admin
from tests.browser.conftest import OpenPortal, Organisation
from tests.people import Person


async def test_every_list_and_every_form_opens(open_portal: OpenPortal, organisation: Organisation) -> None:
    portal = await open_portal(organisation.owner)
    await portal.open("settings/members/")
    await portal.page.get_by_role("link", name="Administration").click()
    await expect(portal.page.get_by_role("link", name="Harbour Library")).to_be_visible()
    registered: dict[Any, Any] = dict(tenant_admin._registry)
    for model, page in registered.items():
        path = f"admin/{model._meta.app_label}/{model._meta.model_name}/"
        await portal.open(path)
        await expect(portal.page.locator("#changelist")).to_be_visible()
        row = portal.page.locator("#result_list tbody th a").first
        if await row.count():
            await row.click()
            await expect(portal.page.locator("form fieldset").first).to_be_visible()
        if page.add_action:
            await portal.open(f"{path}add/")
            await expect(portal.page.get_by_role("button", name="Save", exact=True)).to_be_visible()


async def test_a_group_is_made_with_completion_and_deleted(
    open_portal: OpenPortal, organisation: Organisation, viewer: Person
) -> None:
    colleague = viewer.user.email
    portal = await open_portal(organisation.owner)
    page = portal.page
    await portal.open("admin/tenants/group/add/")
    await page.get_by_label("Name").fill("Binders")
    await page.get_by_role("button", name="Add another Member").click()
    await page.locator(".select2-selection").first.click()
    await page.locator(".select2-search__field").fill(colleague)
    await page.get_by_role("option", name=colleague).click()
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.locator(".messagelist")).to_contain_text("Binders")
    await page.get_by_role("link", name="Binders").last.click()
    await expect(page.locator("#members-group")).to_contain_text(colleague)
    await page.get_by_role("link", name="History").click()
    await expect(page.locator("#change-history")).to_contain_text("group.member_added")
    await page.go_back()
    await page.get_by_role("link", name="Delete").click()
    await page.get_by_role("button", name="Yes, I’m sure").click()
    await expect(page.locator(".messagelist")).to_contain_text("deleted successfully")


async def test_the_way_back_and_out(open_portal: OpenPortal, organisation: Organisation) -> None:
    portal = await open_portal(organisation.owner)
    await portal.open("admin/")
    await portal.page.get_by_role("link", name="Back to Docent").click()
    await expect(portal.field).to_be_visible()
