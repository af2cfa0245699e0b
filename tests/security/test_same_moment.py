"""Two requests at one moment leave what one after the other would: no failure, nothing twice, nothing half."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from allauth.account.models import EmailAddress

from tenants.access import memberships_of
from tenants.db import tenant_atomic
from tenants.models import ApiToken, Group, GroupMember, Membership, SignInProvider, Tenant, User
from tenants.permissions import Role
from tenants.services.groups import add_to_group, create_group, delete_group, rename_group
from tenants.services.members import add_member, remove_member
from tenants.services.organisations import create_tenant
from tenants.services.tokens import create_token
from tests.moments import at_once
from tests.people import Browser, Person
from tests.standins.oidc import OidcStandIn
from tests.tenants.accounts import reauthenticate, sign_up
from tests.tenants.signin import go, set_provider

pytestmark = pytest.mark.django_db(transaction=True)

_ROUNDS = 4


def _statuses(send: Callable[[Browser], Any], browsers: list[Browser]) -> list[int]:
    answers: list[int] = []
    outcomes = at_once(*(lambda one=one: answers.append(send(one).status_code) for one in browsers))
    assert outcomes == ["done"] * len(browsers)
    return sorted(answers)


def test_organisations_of_one_name_get_a_slug_each(alice: Person) -> None:
    outcomes = at_once(*[partial(create_tenant, name="Initech", owner=alice.user)] * 6)
    assert outcomes == ["done"] * 6
    slugs = set(Tenant.objects.values_list("slug", flat=True))
    assert slugs == {"acme", "initech", *(f"initech-{number}" for number in range(2, 7))}
    outcomes = at_once(*[partial(create_tenant, name="Hooli", slug="hooli", owner=alice.user)] * 3)
    assert outcomes == ["done", "taken", "taken"]


def test_an_address_signs_up_once() -> None:
    for number in range(_ROUNDS):
        email = f"keeper-{number}@example.org"
        assert _statuses(partial(sign_up, email=email), [Browser() for _ in range(3)]) == [302] * 3
        assert len(memberships_of(User.objects.get(email=email))) == 1
    assert Tenant.objects.count() == _ROUNDS


def test_an_address_is_changed_to_once(alice: Person) -> None:
    reauthenticate(alice.client)
    twins = [Browser(), Browser(), Browser()]
    for one in twins:
        one.cookies = alice.client.cookies
    form = {"action_add": "", "email": "new@example.org"}
    statuses = _statuses(lambda browser: browser.post("/accounts/email/", form), twins)
    # One that comes after another has ended sees the form again, with the address in the list.
    assert 302 in statuses
    assert set(statuses) <= {200, 302}
    assert EmailAddress.objects.filter(user=alice.user, email="new@example.org").count() == 1


def test_a_group_that_is_deleted_stays_deleted(alice: Person, bob: Person) -> None:
    access = alice.access
    for _ in range(_ROUNDS):
        group = create_group(access=access, name="Legal")
        outcomes = at_once(
            lambda: delete_group(access=access, group=Group(id=group.id)),  # noqa: B023
            lambda: rename_group(access=access, group=Group(id=group.id), name="Lawyers"),  # noqa: B023
            lambda: add_to_group(access=access, group=Group(id=group.id), user_id=bob.user.pk),  # noqa: B023
        )
        assert set(outcomes) <= {"done", "not_found"}
        with tenant_atomic(access.tenant_id):
            assert not Group.objects.exists()
            assert not GroupMember.objects.exists()


def test_whoever_is_removed_comes_into_no_group_and_leaves_no_token(alice: Person, bob: Person) -> None:
    access = alice.access
    group = create_group(access=access, name="Legal")
    for _ in range(_ROUNDS):
        of_bob = bob.access
        outcomes = at_once(
            lambda: remove_member(access=access, user_id=bob.user.pk),
            lambda: add_to_group(access=access, group=group, user_id=bob.user.pk),
            lambda: create_token(access=of_bob, name="late"),  # noqa: B023
        )
        assert set(outcomes) <= {"done", "unknown_id", "permission_denied"}
        with tenant_atomic(access.tenant_id):
            assert not Membership.objects.filter(user=bob.user).exists()
            assert not GroupMember.objects.exists()
            assert not ApiToken.objects.filter(user=bob.user, revoked_at=None).exists()
        add_member(access=access, user=bob.user, role=Role.MEMBER)


def test_an_organisation_has_one_sign_in_provider(alice: Person) -> None:
    with OidcStandIn() as provider:
        outcomes = at_once(*[partial(set_provider, alice, provider, issuer="https://id.example")] * 4)
    assert outcomes == ["done"] * 4
    with tenant_atomic(alice.access.tenant_id):
        assert SignInProvider.objects.count() == 1


def test_a_new_person_who_comes_in_twice_is_one_person(oidc: OidcStandIn) -> None:
    statuses = _statuses(lambda browser: go(browser, oidc), [Browser() for _ in range(3)])
    assert set(statuses) <= {302, 403, 409}
    assert 302 in statuses
    assert User.objects.filter(email="erin@acme.example").count() == 1
    assert go(Browser(), oidc)["Location"] == "/o/acme/"
