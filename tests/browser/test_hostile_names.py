"""Row O1: whatever people name and write is shown as words, on every page that a browser opens.

That nothing else is asked, and that no policy is violated, the fixture `open_portal` checks for every test.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.async_api import expect
from pytest_django import DjangoDbBlocker

from tenants.models import Tenant
from tests.browser.conftest import OpenPortal
from tests.browser.test_safety import dialogs_of
from tests.factories import processed, uploaded
from tests.isolation.matrix import portal_actions, portal_routes
from tests.people import Person
from tests.processes import Running

# No slash: of a file's name browsers keep what follows it.
PLANT = "\"'><img src=x data-planted onerror=alert(1)>{{7*7}}"
ATTACK = f"{PLANT} The harbour master keeps the key of the crane. </script><script>alert(2)</script>"
_DOM = """() => {
    const isElsewhere = (url) => typeof url === "string" && url && new URL(url, location).origin !== origin;
    return [...document.querySelectorAll("*")].flatMap((one) => [
        ...one.getAttributeNames().filter((name) => name.startsWith("on") || name === "data-planted"),
        ...["src", "href", "action"].map((name) => one[name]).filter(isElsewhere),
    ]);
}"""


@pytest.fixture
def hostile(founder: Person, worker: Running, django_db_blocker: DjangoDbBlocker) -> tuple[Person, list[str]]:
    """Who founded an organisation in which everything has a hostile name, and its pages."""
    with django_db_blocker.unblock():
        Tenant.objects.filter(slug=founder.slug).update(name=PLANT, sample_questions=[PLANT])
        founder.user.name = PLANT
        founder.user.save()
        return founder, _pages(founder, _named(founder))


def _named(founder: Person) -> dict[str, str]:
    """Ids by kind."""
    make: Callable[..., str] = lambda path, **fields: _made(founder, path, fields)  # noqa: E731
    document = uploaded(founder, f"{PLANT}.txt", ATTACK.encode())["id"]
    assert processed(founder, document)["status"] == "ready"
    conversation = make("conversations/")
    message = make(f"conversations/{conversation}/messages/", content=f"Who keeps the key of the crane? {PLANT}")
    founder.api.patch(f"/api/v1/conversations/{conversation}/", {"title": PLANT})
    make(f"messages/{message}/feedback/", rating="down", comment=PLANT)
    return {
        "document": document,
        "conversation": conversation,
        "message": message,
        "share": make("shares/", conversation=conversation, link=True),
        "collection": make("collections/", name=PLANT),
        "group": make("groups/", name=PLANT),
        "persona": make("personas/", name=PLANT, description=PLANT),
        "prompt": make("prompts/", title=PLANT, text=PLANT.replace("{{7*7}}", "")),
        "question_set": make("evaluations/sets/", name=PLANT, questions=[{"question": PLANT}]),
        "token": make("tokens/", name=PLANT),
    }


def _made(founder: Person, path: str, fields: dict[str, Any]) -> str:
    answer = founder.full_api.post(f"/api/v1/{path}", fields)
    assert answer.status_code in {200, 201}, (path, answer.content)
    return str(answer.json().get("id", ""))


def _pages(founder: Person, ids: dict[str, str]) -> list[str]:
    """All that the organisation's URL configuration has of HTML, below the organisation's own address."""
    found = []
    for route in portal_routes():
        if "GET" not in portal_actions(route) or not set(route.kinds) <= ids.keys():
            continue
        path = route.path(ids)
        answer = founder.client.get(f"/o/{founder.slug}{path}")
        is_page = answer.headers.get("Content-Type", "").startswith("text/html")
        if answer.status_code == 200 and is_page and b"<html" in answer.getvalue()[:400]:
            found.append(path.removeprefix("/"))
    return found


async def test_O1_every_page_shows_names_as_words(
    open_portal: OpenPortal, hostile: tuple[Person, list[str]]
) -> None:
    founder, paths = hostile
    assert len(paths) > 25
    portal = await open_portal(founder)
    heard = dialogs_of(portal.page)
    for path in paths:
        await portal.open(path)
        # The organisation's name stands on each.
        await expect(portal.page.locator(".organisation-name")).to_contain_text(PLANT)
        assert await portal.page.evaluate(_DOM) == [], path
    await portal.open("documents/")
    await expect(portal.document(f"{PLANT}.txt")).to_be_visible()
    assert heard == []
