"""Which doors a revocation shuts, doors that open while it is heard, and what a process hears of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from tenants.access import Access, Carrier
from tenants.db import tenant_atomic
from tenants.errors import NotAuthenticated, PermissionRefused
from tenants.models import AuditEvent, Revocation, Tenant
from tenants.permissions import Role
from tenants.revocable_work import (
    Door,
    Login,
    Reason,
    each_while_allowed,
    session_digest,
    shut_doors,
    while_allowed,
)
from tenants.revocations import Watch, announce_revocation
from tenants.services.accounts import deactivate_user, reactivate_user
from tenants.services.organisations import disable_tenant, enable_tenant
from tests.people import Person

LOGIN = Login(session_sha256=session_digest("key"), expires_at=timezone.now() + timedelta(days=1))


@pytest.fixture
def access() -> Access:
    """Somebody of whom nothing was revoked in any other test."""
    return Access(
        tenant_id=uuid4(),
        tenant_slug="acme",
        tenant_name="Acme",
        user_id=uuid4(),
        email="alice@example.org",
        role=Role.OWNER,
        carrier=Carrier.TOKEN,
        scopes=frozenset(),
        token_id=uuid4(),
        rate_limit=5,
    )


def _revocation(reason: Reason = Reason.ENDED, **named: Any) -> Revocation:
    return Revocation(reason=reason, **named)


@pytest.mark.parametrize(
    ("own", "others", "is_meant"),
    [
        ({"token_id"}, set(), True),
        (set(), {"token_id"}, False),
        ({"user_id"}, set(), True),
        (set(), {"user_id"}, False),
        ({"tenant_id"}, set(), True),
        (set(), {"tenant_id"}, False),
        ({"tenant_id", "user_id"}, set(), True),
        ({"tenant_id"}, {"user_id"}, False),
        ({"user_id"}, {"tenant_id"}, False),
        (set(), set(), False),
    ],
)
def test_a_revocation_means_whom_it_names_and_naming_nobody_it_means_nobody(
    access: Access, own: set[str], others: set[str], *, is_meant: bool
) -> None:
    named = {name: getattr(access, name) for name in own} | {name: uuid4() for name in others}
    shut: list[Reason] = []
    with Door(access, shut.append, login=LOGIN):
        shut_doors(_revocation(**named))
        shut_doors(_revocation(**named))
    assert shut == ([Reason.ENDED] if is_meant else [])


def test_a_session_takes_its_own_doors_along(access: Access) -> None:
    key = uuid4().hex
    shut: dict[str, list[Reason]] = {"own": [], "another": [], "none": []}
    logins = {"own": replace(LOGIN, session_sha256=session_digest(key)), "another": LOGIN, "none": None}
    doors = [Door(access, shut[name].append, login=login) for name, login in logins.items()]
    for door in doors:
        door.open()
    shut_doors(_revocation(session_sha256=session_digest(key)))
    for door in doors:
        door.leave()
    assert shut == {"own": [Reason.ENDED], "another": [], "none": []}


def test_a_change_spares_what_survives_it_and_the_end_comes_all_the_same(access: Access) -> None:
    shut: list[Reason] = []
    with Door(access, shut.append, survives_change=True):
        shut_doors(_revocation(Reason.CHANGED, user_id=access.user_id))
        assert shut == []
        shut_doors(_revocation(Reason.ENDED, user_id=access.user_id))
    assert shut == [Reason.ENDED]


def test_a_door_that_was_left_is_not_shut(access: Access) -> None:
    shut: list[Reason] = []
    with Door(access, shut.append):
        pass
    shut_doors(_revocation(user_id=access.user_id))
    assert shut == []


def test_W5_what_was_revoked_between_looking_and_opening_does_not_open(access: Access) -> None:
    shut: list[Reason] = []
    shut_doors(_revocation(token_id=access.token_id))
    with Door(access, shut.append):
        assert shut == [Reason.ENDED]
    looked_at_later = replace(access, resolved_at=access.resolved_at + 60)
    with Door(looked_at_later, shut.append):
        assert shut == [Reason.ENDED], "looked at after the revocation had been heard, and found good"


def test_a_door_is_expired_when_its_token_or_its_login_is(access: Access) -> None:
    now = timezone.now()
    soon, past = now + timedelta(seconds=1), now - timedelta(seconds=1)

    def is_expired(token: Any, login: Any) -> bool:
        own = replace(LOGIN, expires_at=login) if login else None
        return Door(replace(access, expires_at=token), list[Reason]().append, login=own).is_expired(now)

    assert [is_expired(None, None), is_expired(soon, None), is_expired(None, soon)] == [False] * 3
    assert [is_expired(past, None), is_expired(None, past), is_expired(now, soon)] == [True] * 3


@pytest.mark.parametrize(
    ("reason", "refusal"), [(Reason.ENDED, NotAuthenticated), (Reason.CHANGED, PermissionRefused)]
)
def test_a_wait_ends_with_the_authority_and_is_given_up_with_its_request(
    access: Access, reason: Reason, refusal: type[Exception]
) -> None:
    async def wait() -> None:
        assert await while_allowed(access, asyncio.sleep(0, "done")) == "done"
        begun = asyncio.Event()

        async def work() -> None:
            begun.set()
            await asyncio.Event().wait()

        waiting = asyncio.create_task(while_allowed(access, work()))
        await begun.wait()
        shut_doors(_revocation(reason, user_id=access.user_id))
        with pytest.raises(refusal):
            await waiting
        given_up = asyncio.create_task(while_allowed(replace(access, user_id=uuid4()), work()))
        begun.clear()
        await begun.wait()
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up

    asyncio.run(wait())


def test_a_stream_ends_with_the_authority_and_else_with_its_parts(access: Access) -> None:
    async def numbers(*, stay: bool) -> AsyncIterator[int]:
        yield 1
        yield 2
        if stay:
            await asyncio.Event().wait()

    async def read() -> None:
        whole = each_while_allowed(access, numbers(stay=False))
        assert [number async for number in whole] == [1, 2]
        cut = each_while_allowed(access, numbers(stay=True))
        assert [await anext(cut), await anext(cut)] == [1, 2]
        rest = asyncio.ensure_future(anext(cut, None))
        shut_doors(_revocation(user_id=access.user_id))
        assert await rest is None

    asyncio.run(read())


@pytest.mark.django_db(transaction=True)
def test_a_process_hears_of_each_row_once_and_of_rows_that_were_committed_late() -> None:
    def announced(seconds_ago: float) -> UUID:
        at = timezone.now() - timedelta(seconds=seconds_ago)
        return Revocation.objects.create(user_id=uuid4(), reason=Reason.ENDED, at=at).id

    def heard() -> set[UUID]:
        return {row.id for row in watch.look()}

    announce_revocation(user_id=uuid4())
    watch = Watch()
    assert len(heard()) == 1
    assert heard() == set()
    now, late, _too_late = announced(0), announced(50), announced(120)
    assert heard() == {now, late}
    assert heard() == set()


def _actions(tenant_id: UUID) -> list[tuple[str, UUID | None, str]]:
    with tenant_atomic(tenant_id):
        rows = AuditEvent.objects.order_by("at").values_list("action", "actor_id", "carrier")
        return [row for row in rows if row[0].endswith(("abled", "activated"))]


@pytest.mark.django_db(transaction=True)
def test_disabling_an_organisation_is_recorded_announced_and_undone(alice: Person, charlie: Person) -> None:
    tenant = Tenant.objects.get(slug=alice.slug)
    assert alice.api.get("/api/v1/me/").status_code == 200
    assert disable_tenant(tenant=tenant)
    assert not disable_tenant(tenant=tenant), "it is already"
    assert (alice.api.get("/api/v1/me/").status_code, alice.client.get("/o/acme/").status_code) == (401, 404)
    assert charlie.api.get("/api/v1/me/").status_code == 200
    assert list(Revocation.objects.values_list("tenant_id", "user_id", "reason")) == [(tenant.id, None, "ended")]
    assert enable_tenant(tenant=tenant, actor=charlie.user)
    assert not enable_tenant(tenant=tenant)
    assert (alice.api.get("/api/v1/me/").status_code, alice.client.get("/o/acme/").status_code) == (200, 200)
    assert _actions(tenant.id) == [
        ("tenant.disabled", None, "cli"),
        ("tenant.enabled", charlie.user.pk, "session"),
    ]


@pytest.mark.django_db(transaction=True)
def test_A9_a_deactivated_person_is_let_in_nowhere(alice: Person, bob: Person) -> None:
    assert bob.client.get("/o/acme/").status_code == 200
    assert deactivate_user(user=bob.user)
    assert not deactivate_user(user=bob.user)
    assert (bob.api.get("/api/v1/me/").status_code, bob.client.get("/o/acme/").status_code) == (401, 302)
    assert alice.api.get("/api/v1/me/").status_code == 200
    assert list(Revocation.objects.values_list("tenant_id", "user_id", "reason")) == [(None, bob.user.pk, "ended")]
    assert reactivate_user(user=bob.user)
    assert not reactivate_user(user=bob.user)
    assert (bob.api.get("/api/v1/me/").status_code, bob.client.get("/o/acme/").status_code) == (200, 200)
    assert _actions(alice.access.tenant_id) == [
        ("member.deactivated", None, "cli"),
        ("member.reactivated", None, "cli"),
    ]
