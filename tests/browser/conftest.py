"""One Chromium for all tests, and an organisation whose documents they read.

Every test is a person of its own, so that conversations never meet; a test that changes documents has an
organisation of its own. That saves emptying the database and reading the documents again for each test.
The tests are coroutines of one event loop, the browser's, and leave the database to fixtures and servers.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, async_playwright, expect
from pytest_django import DjangoDbBlocker

from tenants.models import Tenant, User
from tenants.permissions import Role
from tenants.services.members import add_member
from tenants.services.organisations import create_tenant
from tests.browser.chromium import chromium_options
from tests.browser.line import Line
from tests.browser.portal import Portal
from tests.browser.witness import Witness
from tests.factories import processed, uploaded
from tests.fixtures import HURRIED
from tests.people import Person, person_of
from tests.processes import LiveServer, Running
from tests.shelving import shelved

_PATIENCE_MS = 15_000
PASSWORD = "a-long-password"
SAMPLES = ["How many days of holiday are there?", "Are night trains refunded?"]
OPENING_HOURS = "Visiting.\n\nThe reading room opens at nine in the morning and closes at seven in the evening.\n"

_numbers = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker("browser")
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


class OpenPortal(Protocol):
    """Opens a tab for somebody, or for a stranger; options are those of a Playwright context."""

    async def __call__(self, person: Person | None, *, at: str | None = None, **options: Any) -> Portal: ...


@dataclass(frozen=True, slots=True)
class Organisation:
    """An organisation whose documents are ready to be asked."""

    owner: Person
    handbook: dict[str, Any]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """The Chromium on PATH, else the one that Playwright brought."""
    expect.set_options(timeout=_PATIENCE_MS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(**chromium_options())
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
def organisation(django_db_setup: None, django_db_blocker: DjangoDbBlocker, worker: Running) -> Organisation:
    """Harbour Library: a handbook of three pages, and in a second collection its opening hours."""
    with django_db_blocker.unblock():
        owner = new_founder("Harbour Library")
        tenant = Tenant.objects.get(slug=owner.slug)
        tenant.sample_questions = SAMPLES
        tenant.save(update_fields=["sample_questions"])
        visits = owner.api.post("/api/v1/collections/", {"name": "Visits"}).json()
        read = shelved(owner)
        hours = uploaded(owner, "opening-hours.txt", OPENING_HOURS.encode(), collection=visits["id"])
        assert processed(owner, hours["id"])["status"] == "ready"
        return Organisation(owner, read)


@pytest.fixture
def join(organisation: Organisation, django_db_blocker: DjangoDbBlocker) -> Callable[[Role], Person]:
    """Makes a new person of the organisation."""

    def joined(role: Role) -> Person:
        with django_db_blocker.unblock():
            user = _user()
            add_member(access=organisation.owner.access, user=user, role=role)
            return person_of(user, organisation.owner.slug)

    return joined


@pytest.fixture
def reader(join: Callable[[Role], Person]) -> Person:
    """Somebody who may ask and upload, with no conversation yet."""
    return join(Role.MEMBER)


@pytest.fixture
def viewer(join: Callable[[Role], Person]) -> Person:
    """Somebody who may only ask."""
    return join(Role.VIEWER)


@pytest.fixture
def manager(join: Callable[[Role], Person]) -> Person:
    """Somebody who manages members and documents."""
    return join(Role.ADMIN)


@pytest.fixture
def founder(django_db_setup: None, django_db_blocker: DjangoDbBlocker, worker: Running) -> Person:
    """Owner of a new organisation that has no documents."""
    with django_db_blocker.unblock():
        return new_founder(f"Archive {next(_numbers)}")


@pytest.fixture
def archivist(founder: Person, django_db_blocker: DjangoDbBlocker) -> Person:
    """Owner of an organisation of one document, the handbook."""
    with django_db_blocker.unblock():
        shelved(founder)
    return founder


@pytest_asyncio.fixture(loop_scope="session")
async def open_portal(chromium: Browser, live_server: LiveServer) -> AsyncIterator[OpenPortal]:
    """Opens tabs, each in a browser of its own; afterwards nothing may have gone wrong in any."""
    witnesses: list[Witness] = []
    async with AsyncExitStack() as stack:

        async def open_one(person: Person | None, *, at: str | None = None, **options: Any) -> Portal:
            origin = at or live_server.url
            context = await chromium.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
            stack.push_async_callback(context.close)
            context.set_default_timeout(_PATIENCE_MS)
            witnesses.append(Witness(context, origin))
            if person is not None:
                await log_in(context, person, origin)
            place = f"o/{person.slug}/" if person is not None else ""
            return Portal(await context.new_page(), f"{origin}/{place}", witnesses[-1])

        yield open_one
    assert [fault for witness in witnesses for fault in witness.faults] == []


@pytest_asyncio.fixture(loop_scope="session")
async def stranger(open_portal: OpenPortal) -> Portal:
    """A tab of somebody who is not logged in, whose `url` is the start page's."""
    return await open_portal(None)


@pytest_asyncio.fixture(loop_scope="session")
async def portal(open_portal: OpenPortal, reader: Person) -> Portal:
    """A reader's tab at a new chat."""
    tab = await open_portal(reader)
    await tab.open()
    return tab


@pytest_asyncio.fixture(loop_scope="session")
async def line(live_server: LiveServer) -> AsyncIterator[Line]:
    """A wire to the server that can be cut."""
    async with Line(live_server.url) as wire:
        yield wire


async def log_in(context: BrowserContext, person: Person, origin: str) -> None:
    """Give a browser the person's session."""
    cookie = person.client.cookies["sessionid"]
    await context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": origin}])


def _user() -> User:
    return User.objects.create_user(email=f"reader{next(_numbers)}@example.org", password=PASSWORD, name="Reader")


def new_founder(name: str) -> Person:
    """Owner of a new organisation of that name."""
    user = _user()
    tenant = create_tenant(name=name, owner=user, rate_limit=HURRIED)
    return person_of(user, tenant.slug)
