"""The second lock at run time: a tenant's transaction, on connections that many tenants share."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from threading import current_thread
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from documents.models import Collection
from tenants.context import NoActiveTenant, TenantConflict, find_person_id, find_tenant_id
from tenants.db import person_atomic, run_in_tenant, run_unit, tenant_atomic
from tenants.models import Membership, Tenant, User
from tenants.permissions import Role
from tenants.services.members import add_member
from tests.people import Person

pytestmark = pytest.mark.django_db(transaction=True)


def _scalar(statement: str) -> object:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        row = cursor.fetchone()
    assert row is not None
    return row[0]


def _setting(name: str = "app.tenant_id") -> object:
    return _scalar(f"SELECT current_setting('{name}', true)")


def _process() -> object:
    return _scalar("SELECT pg_backend_pid()")


def _slugs() -> list[object]:
    """Read past the managers: what the database itself shows."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT slug, tenant_id FROM documents_collection ORDER BY slug")
        return list(cursor.fetchall())


def _fail_in_unit(tenant: UUID) -> None:
    with tenant_atomic(tenant):
        Collection.objects.create(name="Maps", slug="maps")
        _ = 1 // 0


@pytest.fixture
def tenants(alice: Person, charlie: Person) -> tuple[UUID, UUID]:
    return alice.access.tenant_id, charlie.access.tenant_id


def test_I7_the_setting_ends_with_the_transaction(tenants: tuple[UUID, UUID]) -> None:
    acme, _ = tenants
    with tenant_atomic(acme):
        process = _process()
        assert _setting() == str(acme)
        assert _slugs() == [("documents", acme)]
    assert _process() == process, "the same connection goes on"
    assert _setting() == "", "empty, not NULL: why the policies say NULLIF"
    assert _slugs() == []


def test_I7_the_setting_ends_with_a_failed_transaction(tenants: tuple[UUID, UUID]) -> None:
    acme, _ = tenants
    with pytest.raises(ZeroDivisionError):
        _fail_in_unit(acme)
    assert _setting() in {"", None}
    assert _slugs() == []
    with tenant_atomic(acme):
        assert _slugs() == [("documents", acme)], "rolled back"


def test_I7_a_hundred_reads_over_reused_connections(tenants: tuple[UUID, UUID]) -> None:
    processes = set()
    for tenant in itertools.islice(itertools.cycle(tenants), 100):
        with tenant_atomic(tenant):
            assert _slugs() == [("documents", tenant)]
            processes.add(_process())
        assert _slugs() == []
        connection.close()  # back to the pool, as at the end of a request
    assert len(processes) < 10, "the pool must have handed out the same ones again"


async def test_I7_units_of_two_tenants_at_once(tenants: tuple[UUID, UUID]) -> None:
    def read() -> tuple[list[object], UUID | None, str]:
        _scalar("SELECT pg_sleep(0.005)")
        return _slugs(), find_tenant_id(), current_thread().name

    order = list(itertools.islice(itertools.cycle(tenants), 200))
    seen = await asyncio.gather(*(run_in_tenant(tenant, read) for tenant in order))
    assert [(rows, active) for rows, active, _ in seen] == [([("documents", tenant)], tenant) for tenant in order]
    assert len({thread for *_, thread in seen}) > 1, "they ran at once"
    assert find_tenant_id() is None


async def test_a_unit_that_fails_changes_nothing_and_harms_no_later_one(tenants: tuple[UUID, UUID]) -> None:
    def fail() -> None:
        Collection.objects.create(name="Maps", slug="maps")
        Collection.objects.create(name="Maps", slug="maps")

    for tenant in tenants * 10:
        with pytest.raises(IntegrityError):
            await run_in_tenant(tenant, fail)
        assert await run_in_tenant(tenant, _slugs) == [("documents", tenant)]


async def test_a_unit_gives_its_connection_back() -> None:
    def holds() -> bool:
        _scalar("SELECT 1")
        return connection.connection is not None

    def has_one_already() -> bool:
        return connection.connection is not None

    for _ in range(20):
        assert await run_unit(holds)
        assert not await run_unit(has_one_already)


async def test_a_unit_in_another_tenants_context_is_refused(tenants: tuple[UUID, UUID]) -> None:
    acme, globex = tenants

    def nested() -> None:
        with tenant_atomic(globex):
            raise AssertionError

    with pytest.raises(TenantConflict):
        await run_in_tenant(acme, nested)


def test_nested_units_are_savepoints_of_one_transaction(tenants: tuple[UUID, UUID]) -> None:
    acme, globex = tenants
    with tenant_atomic(acme):
        with pytest.raises(ZeroDivisionError):
            _fail_in_unit(acme)
        assert _setting() == str(acme)
        Collection.objects.create(name="Minutes", slug="minutes")
        with pytest.raises(TenantConflict), tenant_atomic(globex):
            raise AssertionError
        assert _setting() == str(acme)
    with tenant_atomic(acme):
        assert _slugs() == [("documents", acme), ("minutes", acme)]
    with tenant_atomic(globex):
        assert _slugs() == [("documents", globex)]


@pytest.fixture
def in_both(alice: Person, charlie: Person) -> User:
    """Erin belongs to both organisations."""
    user = User.objects.create_user(email="erin@example.org", password="a-long-password")
    add_member(access=alice.access, user=user, role=Role.ADMIN)
    add_member(access=charlie.access, user=user, role=Role.VIEWER)
    return user


def _memberships() -> set[tuple[UUID, UUID]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tenant_id, user_id FROM tenants_membership")
        return set(cursor.fetchall())


def test_I16_a_person_sees_their_own_memberships_and_no_others(in_both: User, tenants: tuple[UUID, UUID]) -> None:
    own = {(tenant, in_both.pk) for tenant in tenants}
    with person_atomic(in_both.pk):
        assert _memberships() == own
        assert {(row.tenant_id, row.user_id) for row in Membership.of_person()} == own
        assert _slugs() == [], "of the organisations themselves, nothing"
        with pytest.raises(NoActiveTenant):
            Membership.objects.count()
    assert _setting("app.user_id") == ""
    assert find_person_id() is None
    assert _memberships() == set()


@pytest.mark.parametrize(
    "write",
    [
        lambda: Membership.of_person().update(role=Role.OWNER),
        lambda: Membership.of_person()._raw_delete("default"),
    ],
    ids=["promoting oneself", "leaving"],
)
def test_I16_a_persons_sight_is_no_right_to_write(
    in_both: User, tenants: tuple[UUID, UUID], write: Callable[[], int]
) -> None:
    with person_atomic(in_both.pk):
        assert write() == 0
    with person_atomic(in_both.pk):
        roles = set(Membership.of_person().values_list("role", flat=True))
    assert roles == {Role.ADMIN, Role.VIEWER}


def test_a_persons_sight_ends_within_a_longer_transaction(in_both: User, tenants: tuple[UUID, UUID]) -> None:
    acme, _ = tenants
    with transaction.atomic():
        with person_atomic(in_both.pk):
            assert len(_memberships()) == 2
        assert _memberships() == set()
        with pytest.raises(ZeroDivisionError), person_atomic(in_both.pk):
            _ = 1 // 0
        assert _memberships() == set()
        with tenant_atomic(acme):
            owner = set(Membership.objects.values_list("tenant_id", "user_id"))
            with person_atomic(in_both.pk):
                assert {tenant for tenant, _ in Membership.of_person().values_list("tenant_id", "id")} == set(
                    tenants
                )
                assert set(Membership.objects.values_list("tenant_id", "user_id")) == owner
            assert _memberships() == owner


def test_I5_a_tenant_that_does_not_exist_owns_nothing(tenants: tuple[UUID, UUID]) -> None:
    nobody = uuid4()
    with tenant_atomic(nobody):
        assert _slugs() == []
    with pytest.raises(IntegrityError), tenant_atomic(nobody):
        Collection.objects.create(name="Maps", slug="maps")
    assert Tenant.objects.count() == 2
