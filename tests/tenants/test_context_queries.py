"""The first lock: without a tenant no query is built, whichever way it is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from threading import Thread
from typing import Any
from uuid import UUID, uuid4

import pytest

from documents.models import Collection, Document
from tenants.context import (
    NoActiveTenant,
    TenantConflict,
    current_tenant_id,
    find_tenant_id,
    tenant_context,
)
from tenants.db import run_in_tenant, run_unit, tenant_atomic
from tenants.models import Canary, Membership
from tests.people import Person

pytestmark = pytest.mark.django_db(transaction=True)


def _collection() -> Collection:
    return Collection(name="Maps", slug=f"maps-{uuid4()}")


QUERIES: dict[str, Callable[[Collection], Any]] = {
    "all": lambda _: list(Collection.objects.all()),
    "filter": lambda one: list(Collection.objects.filter(id=one.id)),
    "exclude": lambda one: list(Collection.objects.exclude(id=one.id)),
    "get": lambda one: Collection.objects.get(id=one.id),
    "first": lambda _: Collection.objects.first(),
    "earliest": lambda _: Collection.objects.earliest("created_at"),
    "exists": lambda _: Collection.objects.exists(),
    "count": lambda _: Collection.objects.count(),
    "aggregate": lambda _: Collection.objects.aggregate(),
    "values_list": lambda _: list(Collection.objects.values_list("id")),
    "iterator": lambda _: list(Collection.objects.iterator()),
    "in_bulk": lambda one: Collection.objects.in_bulk([one.id]),
    "raw": lambda _: list(Collection.objects.raw("SELECT * FROM documents_collection")),
    "create": lambda _: Collection.objects.create(name="Maps", slug=f"maps-{uuid4()}"),
    "bulk_create": lambda _: Collection.objects.bulk_create([_collection()]),
    "bulk_update": lambda one: Collection.objects.bulk_update([one], ["name"]),
    "get_or_create": lambda one: Collection.objects.get_or_create(slug=one.slug),
    "update_or_create": lambda one: Collection.objects.update_or_create(slug=one.slug),
    "update": lambda _: Collection.objects.update(name="Maps"),
    "delete": lambda _: Document.objects.all().delete(),
    "the base manager": lambda _: list(Collection._base_manager.all()),
    "the default manager": lambda _: list(Collection._default_manager.all()),
    "saving a new object": lambda _: _collection().save(),
    "saving an object": lambda one: one.save(),
    "refresh_from_db": lambda one: one.refresh_from_db(),
    "a reverse relation": lambda one: list(one.documents.all()),
    "creating by a reverse relation": lambda one: one.documents.exists(),
    "a forward relation": lambda one: Document(collection_id=one.id).collection,
}

ASYNCHRONOUS: dict[str, Callable[[Collection], Awaitable[Any]]] = {
    "aget": lambda one: Collection.objects.aget(id=one.id),
    "acount": lambda _: Collection.objects.acount(),
    "aexists": lambda _: Collection.objects.aexists(),
    "afirst": lambda _: Collection.objects.afirst(),
    "acreate": lambda _: Collection.objects.acreate(name="Maps", slug="maps"),
    "abulk_create": lambda _: Collection.objects.abulk_create([_collection()]),
    "aupdate": lambda _: Collection.objects.aupdate(name="Maps"),
    "adelete": lambda _: Document.objects.all().adelete(),
    "asave": lambda one: one.asave(),
    "async for": lambda _: _read_asynchronously(),
}


async def _read_asynchronously() -> list[Collection]:
    return [one async for one in Collection.objects.all()]


@pytest.fixture
def acme(alice: Person) -> UUID:
    return alice.access.tenant_id


@pytest.fixture
def collection(acme: UUID) -> Collection:
    with tenant_atomic(acme):
        found: Collection = Collection.objects.get()
    return found


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES.keys())
def test_I6_no_query_without_a_tenant(
    acme: UUID, collection: Collection, query: Callable[[Collection], Any]
) -> None:
    with pytest.raises(NoActiveTenant):
        query(collection)
    with tenant_atomic(acme):
        query(collection)


@pytest.mark.parametrize("query", ASYNCHRONOUS.values(), ids=ASYNCHRONOUS.keys())
async def test_I6_no_asynchronous_query_without_a_tenant(
    acme: UUID, collection: Collection, query: Callable[[Collection], Awaitable[Any]]
) -> None:
    with pytest.raises(NoActiveTenant):
        await query(collection)
    # The way that asynchronous code goes instead.
    assert await run_in_tenant(acme, Collection.objects.count) == 1


def test_I6_what_passes_the_first_lock_meets_the_second(acme: UUID, collection: Collection) -> None:
    with tenant_context(acme):
        built = Collection.objects.all()
    assert list(built) == [], "built in the context, read outside every unit"
    with tenant_atomic(acme):
        assert list(built.all()) == [collection]
        identity = Canary.objects.get().id
    # Django deletes a lone object that nothing points to by its key, past the managers.
    assert Canary(id=identity).delete() == (0, {"tenants.Canary": 0})
    with tenant_atomic(acme):
        assert Canary(id=identity).delete() == (1, {"tenants.Canary": 1})


def test_I1_a_query_of_one_tenant_finds_nothing_in_anothers_unit(
    acme: UUID, collection: Collection, charlie: Person
) -> None:
    with tenant_context(acme):
        built = Collection.objects.all()
    with tenant_atomic(charlie.access.tenant_id):
        assert list(built) == []
        assert not Collection.objects.filter(id=collection.id).exists()
        assert Collection.objects.count() == 1
        with pytest.raises(Collection.DoesNotExist):
            collection.refresh_from_db()


def test_memberships_need_a_person_or_a_tenant(alice: Person) -> None:
    with pytest.raises(NoActiveTenant):
        Membership.of_person()
    with tenant_atomic(alice.access.tenant_id):
        assert Membership.objects.count() == 1


def test_nesting_the_same_tenant_is_fine_and_another_a_conflict() -> None:
    first, second = uuid4(), uuid4()
    assert find_tenant_id() is None
    with tenant_context(first):
        with tenant_context(first):
            assert current_tenant_id() == first
        with pytest.raises(TenantConflict), tenant_context(second):
            raise AssertionError
        assert current_tenant_id() == first
    assert find_tenant_id() is None


def test_a_context_ends_with_its_error() -> None:
    with pytest.raises(ZeroDivisionError), tenant_context(uuid4()):
        _ = 1 // 0
    with pytest.raises(NoActiveTenant):
        current_tenant_id()


async def test_a_context_follows_tasks_and_units_but_no_strange_thread() -> None:
    tenant = uuid4()
    seen: list[UUID | None] = []
    with tenant_context(tenant):
        task = asyncio.create_task(asyncio.sleep(0, find_tenant_id()))
        assert await task == tenant
        assert await run_unit(find_tenant_id) == tenant
        thread = Thread(target=lambda: seen.append(find_tenant_id()))
        thread.start()
        thread.join()
    assert seen == [None]
    assert await run_unit(find_tenant_id) is None
