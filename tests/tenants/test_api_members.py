"""`/members/` over HTTP: who sees them, who changes what, and who never goes."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tenants.db import tenant_atomic
from tenants.models import ApiToken, AuditEvent, Group, GroupMember, Membership, Revocation, User
from tenants.permissions import Role
from tenants.services.members import add_member
from tests.people import ApiClient, Person
from tests.refusals import pointers, refusal

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/api/v1/members/"


def path_of(person: Person) -> str:
    return f"{PATH}{person.user.pk}/"


def roles(person: Person) -> dict[str, str]:
    """Everybody's role in the person's organisation, by the first part of the address."""
    with tenant_atomic(person.access.tenant_id):
        rows = Membership.objects.values_list("user__email", "role")
        return {email.partition("@")[0]: role for email, role in rows}


def events(person: Person) -> list[tuple[str, str, dict[str, Any]]]:
    """What was recorded about members: action, target and data, oldest first."""
    with tenant_atomic(person.access.tenant_id):
        rows = AuditEvent.objects.filter(action__startswith="member.").order_by("at")
        return [(one.action, str(one.target_id), one.data) for one in rows if one.action != "member.added"]


def test_everybody_sees_the_people_of_their_own_organisation(
    alice: Person, bob: Person, dana: Person, charlie: Person
) -> None:
    everybody = [
        {"id": str(one.user.pk), "name": name, "email": f"{name.lower()}@example.org", "role": role}
        for one, name, role in [(alice, "Alice", "owner"), (bob, "Bob", "member"), (dana, "Dana", "viewer")]
    ]
    for person in (alice, bob, dana):
        assert person.api.get(PATH).json() == {"results": everybody, "next": None, "previous": None}
    assert [one["name"] for one in charlie.api.get(PATH).json()["results"]] == ["Charlie"]


def test_admins_see_one_member_with_their_groups(alice: Person, adam: Person, bob: Person, dana: Person) -> None:
    with tenant_atomic(alice.access.tenant_id):
        membership = Membership.objects.get(user=bob.user)
        groups = [Group.objects.create(name=name) for name in ("Legal", "Board")]
        for group in groups:
            GroupMember.objects.create(group=group, membership=membership)
    shown = adam.full_api.get(path_of(bob)).json()
    assert shown == {
        "id": str(bob.user.pk),
        "name": "Bob",
        "email": "bob@example.org",
        "role": "member",
        "joined_at": shown["joined_at"],
        "groups": [{"id": str(one.id), "name": one.name} for one in (groups[1], groups[0])],
    }
    assert [person.full_api.get(path_of(bob)).status_code for person in (alice, bob, dana)] == [200, 403, 403]
    assert alice.api.get(path_of(bob)).status_code == 403, "without the scope"


# Who gives whom which role: what is answered. Owners touch everybody, admins all but owners, others nobody.
CHANGES = [
    ("alice", "bob", "owner", 200),
    ("alice", "bob", "admin", 200),
    ("alice", "adam", "viewer", 200),
    ("alice", "alice", "admin", 409),
    ("adam", "bob", "admin", 200),
    ("adam", "dana", "member", 200),
    ("adam", "bob", "owner", 403),
    ("adam", "alice", "admin", 403),
    ("adam", "alice", "owner", 403),
    ("adam", "adam", "owner", 403),
    ("adam", "adam", "member", 200),
    ("bob", "bob", "admin", 403),
    ("bob", "dana", "viewer", 403),
    ("dana", "dana", "member", 403),
]


def test_A10_nobody_gives_more_than_they_have_or_touches_whom_they_may_not(
    alice: Person, adam: Person, bob: Person, dana: Person
) -> None:
    people = {"alice": alice, "adam": adam, "bob": bob, "dana": dana}
    before = roles(alice)
    for actor, target, role, status in CHANGES:
        user = people[target].user
        answer = people[actor].full_api.patch(path_of(people[target]), {"role": role})
        assert answer.status_code == status, (actor, target, role, answer.content)
        if status == 200:
            assert answer.json()["role"] == role
            assert roles(alice) == before | {target: role}
            change = ("member.role_changed", str(user.pk), {"before": before[target], "role": role})
            assert events(alice).pop() == change
            revocation = Revocation.objects.get()
            assert (revocation.tenant_id, revocation.user_id) == (alice.access.tenant_id, user.pk)
            assert revocation.reason == Revocation.Reason.CHANGED
            revocation.delete()
            with tenant_atomic(alice.access.tenant_id):
                Membership.objects.filter(user=user).update(role=before[target])
        else:
            assert (roles(alice), Revocation.objects.count()) == (before, 0)
    assert len(events(alice)) == sum(status == 200 for *_, status in CHANGES)


def test_the_same_role_again_changes_nothing(alice: Person, bob: Person) -> None:
    assert alice.full_api.patch(path_of(bob), {"role": "member"}).status_code == 200
    assert (events(alice), Revocation.objects.count()) == ([], 0)


def test_a_changed_role_is_what_a_token_has_from_the_next_call_on(alice: Person, bob: Person) -> None:
    make = {"name": "Minutes"}
    assert bob.api.post("/api/v1/collections/", make).status_code == 201
    alice.full_api.patch(path_of(bob), {"role": "viewer"})
    assert bob.api.get("/api/v1/me/").json()["scopes"] == ["chat", "documents:read"]
    assert bob.api.post("/api/v1/collections/", make).status_code == 403


WRONG: list[tuple[Any, list[tuple[str, str]]]] = [
    ({}, [("/role", "required")]),
    ({"role": "king"}, [("/role", "invalid_choice")]),
    ({"role": None}, [("/role", "null")]),
    ({"role": "admin", "tenant": "x"}, [("/tenant", "unknown_field")]),
    (
        {"role": "admin", "user": "x", "is_staff": True},
        [("/is_staff", "unknown_field"), ("/user", "unknown_field")],
    ),
]


def test_A10_a_wrong_body_changes_nothing(alice: Person, bob: Person) -> None:
    for body, expected in WRONG:
        assert pointers(alice.full_api.patch(path_of(bob), body)) == expected
    assert roles(alice)["bob"] == "member"


def test_removing_somebody_ends_what_they_had(alice: Person, bob: Person, dana: Person) -> None:
    with tenant_atomic(alice.access.tenant_id):
        membership = Membership.objects.get(user=bob.user)
        GroupMember.objects.create(group=Group.objects.create(name="Legal"), membership=membership)
    assert alice.full_api.delete(path_of(bob)).status_code == 204
    assert roles(alice) == {"alice": "owner", "dana": "viewer"}
    with tenant_atomic(alice.access.tenant_id):
        assert not GroupMember.objects.exists()
        assert not ApiToken.objects.filter(user=bob.user, revoked_at=None).exists()
        assert ApiToken.objects.filter(user=dana.user, revoked_at=None).exists()
    assert bob.api.get("/api/v1/me/").status_code == 401
    assert bob.client.get("/o/acme/").status_code == 404
    assert dana.api.get("/api/v1/me/").status_code == 200
    assert events(alice) == [("member.removed", str(bob.user.pk), {"role": "member"})]
    [revocation] = Revocation.objects.all()
    assert (revocation.user_id, revocation.reason) == (bob.user.pk, Revocation.Reason.ENDED)


def test_whoever_comes_back_finds_no_old_token_working(alice: Person, bob: Person) -> None:
    alice.full_api.delete(path_of(bob))
    add_member(access=alice.access, user=bob.user, role=Role.MEMBER)
    assert bob.api.get("/api/v1/me/").status_code == 401


def test_admins_remove_others_but_no_owner_and_members_nobody(
    alice: Person, adam: Person, bob: Person, dana: Person
) -> None:
    assert adam.full_api.delete(path_of(alice)).status_code == 403
    assert bob.full_api.delete(path_of(dana)).status_code == 403
    assert dana.full_api.delete(path_of(bob)).status_code == 403
    assert adam.api.delete(path_of(bob)).status_code == 403, "without the scope"
    assert set(roles(alice)) == {"alice", "adam", "bob", "dana"}
    assert adam.full_api.delete(path_of(dana)).status_code == 204
    assert adam.full_api.delete(path_of(adam)).status_code == 204
    assert set(roles(alice)) == {"alice", "bob"}
    assert [action for action, _, _ in events(alice)] == ["member.removed", "member.left"]


def test_A10_the_last_owner_stays(alice: Person, adam: Person) -> None:
    for answer in (
        alice.full_api.delete(path_of(alice)),
        alice.full_api.patch(path_of(alice), {"role": "viewer"}),
    ):
        status, body = refusal(answer)
        assert (status, body["code"]) == (409, "last_owner")
    assert roles(alice)["alice"] == "owner"
    alice.full_api.patch(path_of(adam), {"role": "owner"})
    User.objects.filter(pk=adam.user.pk).update(is_active=False)
    assert alice.full_api.delete(path_of(alice)).status_code == 409, "the other one cannot log in"
    User.objects.filter(pk=adam.user.pk).update(is_active=True)
    assert alice.full_api.delete(path_of(alice)).status_code == 204
    assert roles(adam) == {"adam": "owner"}


def test_a_foreign_member_answers_as_a_missing_one(alice: Person, bob: Person, charlie: Person) -> None:
    for method, body in [("get", None), ("patch", {"role": "viewer"}), ("delete", None)]:
        answers = [
            getattr(charlie.full_api, method)(f"{PATH}{who}/", **({"data": body} if body else {}))
            for who in (bob.user.pk, uuid4())
        ]
        assert refusal(answers[0]) == refusal(answers[1])
        assert answers[0].status_code == 404
    assert roles(alice)["bob"] == "member"
    assert alice.full_api.get(path_of(bob)).status_code == 200


def test_nobody_and_cookies_are_refused(alice: Person, bob: Person) -> None:
    assert ApiClient("none").get(PATH).status_code == 401
    assert alice.client.get(PATH).status_code == 401
    assert alice.client.delete(path_of(bob)).status_code == 401
