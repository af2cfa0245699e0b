"""Words of how a document gets on that come late (behaviour 40)."""

from __future__ import annotations

from uuid import uuid4

import pytest
from channels.layers import get_channel_layer
from playwright.async_api import expect
from pytest_django import DjangoDbBlocker

from documents.events import documents_group
from tests.browser.conftest import OpenPortal
from tests.people import Person


@pytest.fixture
def watchers(archivist: Person, django_db_blocker: DjangoDbBlocker) -> str:
    """The group of all who have a page of the organisation's documents open."""
    with django_db_blocker.unblock():
        return documents_group(archivist.access.tenant_id)


async def test_40_what_was_stopped_stays_so_though_a_workers_word_comes_later(
    open_portal: OpenPortal, archivist: Person, watchers: str
) -> None:
    portal = await open_portal(archivist)
    await portal.open("documents/")
    row = portal.document("handbook.pdf")
    document = await row.get_attribute("data-document")
    layer = get_channel_layer()
    assert layer is not None

    async def told(status: str, pages: int) -> None:
        event = {"type": "document", "document": document, "status": status, "progress": 0.4, "pages": pages}
        sight = {"collection": str(uuid4()), "is_restricted": False}
        whole = event | {"chunks": None, "error": None}
        await layer.group_send(watchers, {"type": "relay.document", "event": whole, **sight})

    while "41 pages" not in await row.inner_text():  # its socket may not be open yet
        await told("cancelled", 41)
    state = row.locator(".state")
    await portal.record(state)
    await told("extracting", 42)
    await told("cancelled", 43)
    await expect(row).to_contain_text("43 pages")
    assert set(await portal.recorded()) <= {"Cancelled"}
    await told("queued", 44)
    await told("extracting", 45)
    await expect(state).to_have_text("Reading the text")
