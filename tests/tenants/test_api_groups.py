"""`/groups/` over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from tenants.db import tenant_atomic
from tenants.models import AuditEvent, Group, Revocation
from tests.people import ApiClient, Person
from tests.refusals import pointers, refusal

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/api/v1/groups/"


def created(person: Person, name: str, *members: Person) -> str:
    answer = person.full_api.post(PATH, {"name": name})
    assert answer.status_code == 201, answer.content
    group = str(answer.json()["id"])
    for member in members:
        assert person.full_api.post(f"{PATH}{group}/members/", {"user": member.user.pk}).status_code == 201
    return group


def names(person: Person) -> dict[str, int]:
    return {one["name"]: one["members"] for one in person.api.get(PATH).json()["results"]}


def emails(person: Person, group: str) -> list[str]:
    members = person.full_api.get(f"{PATH}{group}/members/").json()["results"]
    return [one["email"].partition("@")[0] for one in members]


def told(person: Person) -> list[UUID]:
    """Whose sockets are to be looked at anew; forgotten with that."""
    found = list(Revocation.objects.order_by("at").values_list("user_id", flat=True))
    assert set(Revocation.objects.values_list("tenant_id", "reason")) <= {(person.access.tenant_id, "changed")}
    Revocation.objects.all().delete()
    return [one for one in found if one is not None]


def test_a_group_from_its_making_to_its_end(alice: Person, bob: Person, dana: Person) -> None:
    group = created(alice, "  Legal   affairs ")
    shown = alice.api.get(f"{PATH}{group}/").json()
    assert shown == {"id": group, "name": "Legal affairs", "members": 0, "created_at": shown["created_at"]}
    assert told(alice) == []
    for person in (bob, dana, bob):  # the third time changes nothing
        answer = alice.full_api.post(f"{PATH}{group}/members/", {"user": person.user.pk})
        assert answer.status_code == 201
    assert answer.json()["members"] == 2
    assert emails(alice, group) == ["bob", "dana"]
    assert told(alice) == [bob.user.pk, dana.user.pk]
    assert alice.full_api.delete(f"{PATH}{group}/members/{bob.user.pk}/").status_code == 204
    assert (emails(alice, group), told(alice)) == (["dana"], [bob.user.pk])
    assert alice.full_api.patch(f"{PATH}{group}/", {"name": "Lawyers"}).json()["name"] == "Lawyers"
    assert alice.full_api.delete(f"{PATH}{group}/").status_code == 204
    assert (names(alice), told(alice)) == ({}, [dana.user.pk])
    with tenant_atomic(alice.access.tenant_id):
        events = AuditEvent.objects.filter(target_id=group).order_by("at")
        assert [(one.action, one.data) for one in events] == [
            ("group.created", {}),
            ("group.member_added", {"user": str(bob.user.pk)}),
            ("group.member_added", {"user": str(dana.user.pk)}),
            ("group.member_removed", {"user": str(bob.user.pk)}),
            ("group.renamed", {}),
            ("group.deleted", {"members": 1}),
        ]


def test_everybody_sees_the_groups_and_admins_alone_who_is_in_them(
    alice: Person, adam: Person, bob: Person, dana: Person, charlie: Person
) -> None:
    group = created(adam, "Legal", bob, dana)
    created(charlie, "Legal", charlie)
    for person in (alice, adam, bob, dana):
        assert names(person) == {"Legal": 2}
    assert names(charlie) == {"Legal": 1}
    members = f"{PATH}{group}/members/"
    assert [one.full_api.get(members).status_code for one in (alice, adam, bob, dana)] == [200, 200, 403, 403]
    assert alice.api.get(members).status_code == 403, "without the scope"
    assert ApiClient("none").get(PATH).status_code == 401


def test_members_and_viewers_change_no_group(alice: Person, bob: Person, dana: Person) -> None:
    group = created(alice, "Legal", bob)
    for person in (bob, dana):
        api = person.full_api
        answers = [
            api.post(PATH, {"name": "Mine"}),
            api.patch(f"{PATH}{group}/", {"name": "Mine"}),
            api.delete(f"{PATH}{group}/"),
            api.post(f"{PATH}{group}/members/", {"user": dana.user.pk}),
            api.delete(f"{PATH}{group}/members/{bob.user.pk}/"),
        ]
        assert [answer.status_code for answer in answers] == [403] * 5
    assert (names(alice), emails(alice, group)) == ({"Legal": 1}, ["bob"])


WRONG_NAMES: list[tuple[Any, list[tuple[str, str]]]] = [
    ({}, [("/name", "required")]),
    ({"name": "  "}, [("/name", "blank")]),
    ({"name": "n" * 81}, [("/name", "max_length")]),
    ({"name": "Legal"}, [("/name", "taken")]),
    ({"name": "New", "members": []}, [("/members", "unknown_field")]),
]


def test_a_wrong_name_is_refused_with_a_pointer(alice: Person) -> None:
    created(alice, "Legal")
    other = created(alice, "Board")
    for body, expected in WRONG_NAMES:
        assert pointers(alice.full_api.post(PATH, body)) == expected
        assert pointers(alice.full_api.patch(f"{PATH}{other}/", body)) == expected
    assert set(names(alice)) == {"Legal", "Board"}


def test_I3_only_members_of_the_organisation_come_into_a_group(
    alice: Person, bob: Person, charlie: Person
) -> None:
    group = created(alice, "Legal", bob)
    members = f"{PATH}{group}/members/"
    foreign = alice.full_api.post(members, {"user": charlie.user.pk})
    missing = alice.full_api.post(members, {"user": uuid4()})
    assert refusal(foreign) == refusal(missing)
    assert pointers(foreign) == [("/user", "unknown_id")]
    assert pointers(alice.full_api.post(members, {"user": "bob"})) == [("/user", "invalid")]
    assert emails(alice, group) == ["bob"]


def test_a_foreign_group_answers_as_a_missing_one(alice: Person, bob: Person, charlie: Person) -> None:
    group = created(alice, "Legal", bob)
    doors: list[tuple[str, str, Any]] = [
        ("get", "", None),
        ("patch", "", {"name": "Mine"}),
        ("get", "members/", None),
        ("post", "members/", {"user": charlie.user.pk}),
        ("delete", f"members/{bob.user.pk}/", None),
        ("delete", "", None),
    ]
    for method, rest, body in doors:
        ask = getattr(charlie.full_api, method)
        sent = {"data": body} if body else {}
        answers = [refusal(ask(f"{PATH}{one}/{rest}", **sent)) for one in (group, uuid4())]
        assert answers[0] == answers[1], (method, rest)
        assert answers[0][0] == 404
    assert (names(alice), emails(alice, group)) == ({"Legal": 1}, ["bob"])
    out = [alice.full_api.delete(f"{PATH}{group}/members/{who}/") for who in (charlie.user.pk, uuid4())]
    assert refusal(out[0]) == refusal(out[1])
    with tenant_atomic(alice.access.tenant_id):
        assert Group.objects.count() == 1
