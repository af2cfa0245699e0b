"""The portal's settings of people and groups: forms that work without scripts, each for whom it is."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from tenants.access import memberships_of
from tenants.db import tenant_atomic
from tenants.models import Group, GroupMember, Invitation, Membership
from tenants.permissions import Role
from tenants.services.groups import create_group
from tenants.services.invitations import create_invitation, find_invitation
from tests.people import Person

pytestmark = pytest.mark.django_db(transaction=True)

# What a browser says that sends a form by itself.
BROWSER = {"Accept": "text/html,application/xhtml+xml"}
PAGES = {
    "organisation": {"alice", "adam", "bob", "dana"},
    "members": {"alice", "adam", "bob", "dana"},
    "groups": {"alice", "adam"},
    "tokens": {"alice", "adam", "bob", "dana"},
}


def send(person: Person, path: str, **form: Any) -> Any:
    return person.client.post(f"/o/{person.slug}/settings/{path}", form, headers=BROWSER)


def page(person: Person, name: str) -> str:
    answer = person.client.get(f"/o/{person.slug}/settings/{name}/")
    assert answer.status_code == 200, answer.status_code
    return str(answer.content.decode())


def roles(person: Person) -> dict[str, str]:
    with tenant_atomic(person.access.tenant_id):
        return {user[0]: role for user, role in Membership.objects.values_list("user__email", "role")}


def test_each_page_for_whom_it_is(alice: Person, adam: Person, bob: Person, dana: Person, charlie: Person) -> None:
    people = {"alice": alice, "adam": adam, "bob": bob, "dana": dana}
    for name, welcome in PAGES.items():
        path = f"/o/acme/settings/{name}/"
        statuses = {who: person.client.get(path).status_code for who, person in people.items()}
        assert statuses == {who: 200 if who in welcome else 403 for who in people}, name
        assert charlie.client.get(path).status_code == 404
        assert Client().get(path).headers["Location"] == f"/accounts/login/?next={path}"
    for who, person in people.items():
        assert person.client.get("/o/acme/settings/").headers["Location"] == "/o/acme/settings/you/"
        listed = set(re.findall(r'href="/o/acme/settings/(\w+)/"', page(person, "members"))) & set(PAGES)
        assert listed == {name for name, welcome in PAGES.items() if who in welcome}


def test_the_forms_on_the_page_of_people_are_those_that_work(alice: Person, adam: Person, bob: Person) -> None:
    forms = r'action="/o/acme/settings/members/([-0-9a-f]+)/(role|remove)/"'
    ids = {"alice": str(alice.user.pk), "adam": str(adam.user.pk), "bob": str(bob.user.pk)}
    everybody = {(who, "role") for who in ids.values()}
    assert set(re.findall(forms, page(alice, "members"))) == everybody | {
        (ids["adam"], "remove"),
        (ids["bob"], "remove"),
    }
    assert set(re.findall(forms, page(adam, "members"))) == {
        (ids["adam"], "role"),
        (ids["bob"], "role"),
        (ids["bob"], "remove"),
    }
    assert re.findall(forms, page(bob, "members")) == []
    assert "<option>owner" not in page(adam, "members")
    assert "invitations/" not in page(bob, "members")


def test_a_role_is_changed_and_somebody_removed(alice: Person, bob: Person, dana: Person) -> None:
    answer = send(alice, f"members/{bob.user.pk}/role/", role="admin")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/o/acme/settings/members/")
    assert "bob@example.org is now: admin." in page(alice, "members")
    assert send(bob, f"members/{dana.user.pk}/remove/").status_code == 302
    assert "dana@example.org does not belong here any more." in page(bob, "members")
    assert roles(alice) == {"a": "owner", "b": "admin"}


def test_what_is_refused_is_said_on_the_page_and_changes_nothing(alice: Person, bob: Person) -> None:
    refused = {
        f"members/{alice.user.pk}/role/": ({"role": "viewer"}, "An organisation needs an owner"),
        f"members/{bob.user.pk}/role/": ({"role": "king"}, "is not a valid choice"),
        "invitations/": ({"email": "bob@example.org", "role": "viewer"}, "is a member already"),
        "organisation/leave/": ({}, "An organisation needs an owner"),
        "groups/create/": ({"name": " "}, "A group needs a name."),
        "organisation/change/": ({"name": ""}, "An organisation needs a name."),
    }
    for path, (form, words) in refused.items():
        answer = alice.client.post(f"/o/acme/settings/{path}", form, headers=BROWSER, follow=True)
        assert answer.status_code == 200, path
        assert words in answer.content.decode(), path
        as_script = alice.client.post(f"/o/acme/settings/{path}", form, headers={"Accept": "application/json"})
        assert as_script.headers["Content-Type"] == "application/problem+json"
        assert as_script.status_code in {400, 409}
    assert roles(alice) == {"a": "owner", "b": "member"}
    with tenant_atomic(alice.access.tenant_id):
        assert not Group.objects.exists()
        assert not Invitation.objects.exists()


def test_P9_a_character_that_no_text_has_is_refused_in_every_form(alice: Person) -> None:
    group = create_group(access=alice.access, name="Legal")
    for path, form in {
        "organisation/change/": {"name": "Acme\0"},
        "groups/create/": {"name": "Board\0"},
        f"groups/{group.id}/rename/": {"name": "Lawyers\0"},
        "sign-in/?q=\0": {"name": "Acme ID"},
    }.items():
        assert send(alice, path, **form).status_code == 400, path
    assert alice.client.post("/organisations/new/", {"name": "Beta\0"}).status_code == 400
    with tenant_atomic(alice.access.tenant_id):
        assert [one.name for one in Group.objects.all()] == ["Legal"]
    assert [(one.name, one.slug) for one in memberships_of(alice.user)] == [("Acme", "acme")]


def test_an_invitation_shows_its_link_once(alice: Person) -> None:
    answer = send(alice, "invitations/", email="erin@example.org", role="member", expires_in_days="3")
    assert answer.status_code == 200
    links = r"http://127\.0\.0\.1:\d+/invitations/(\w{43}_[\w-]{43})/"
    [raw] = re.findall(links, answer.content.decode())
    assert find_invitation(raw) is not None
    assert raw not in page(alice, "members")
    assert "erin@example.org" in page(alice, "members")
    with tenant_atomic(alice.access.tenant_id):
        invitation = Invitation.objects.get()
    [again] = re.findall(links, send(alice, f"invitations/{invitation.id}/resend/").content.decode())
    assert (find_invitation(raw), find_invitation(again) is None) == (None, False)
    assert send(alice, f"invitations/{invitation.id}/withdraw/").status_code == 302
    assert find_invitation(again) is None
    page(alice, "members")  # reads the notice
    assert "erin@example.org" not in page(alice, "members")


def test_groups_from_beginning_to_end(alice: Person, bob: Person) -> None:
    send(alice, "groups/create/", name="Legal")
    with tenant_atomic(alice.access.tenant_id):
        group = Group.objects.get()
    place = f"groups/{group.id}/"
    send(alice, f"{place}members/", user=bob.user.pk)
    send(alice, f"{place}rename/", name="Lawyers")
    shown = page(alice, "groups")
    assert "Lawyers" in shown
    assert f"{place}members/{bob.user.pk}/remove/" in shown
    send(alice, f"{place}members/{bob.user.pk}/remove/")
    with tenant_atomic(alice.access.tenant_id):
        assert not GroupMember.objects.exists()
    send(alice, f"{place}delete/")
    assert "There are no groups yet." in page(alice, "groups")


def test_whoever_leaves_is_out(alice: Person, bob: Person) -> None:
    answer = send(bob, "organisation/leave/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert bob.client.get("/o/acme/").status_code == 404
    assert roles(alice) == {"a": "owner"}


def test_forms_are_for_admins_and_what_they_name_must_be_in_sight(
    alice: Person, bob: Person, charlie: Person
) -> None:
    access = alice.access
    with tenant_atomic(access.tenant_id):
        group = create_group(access=access, name="Legal")
    invitation = create_invitation(access=access, email="erin@example.org", role=Role.VIEWER)
    things = {
        "members/{}/role/": bob.user.pk,
        "members/{}/remove/": bob.user.pk,
        "invitations/{}/resend/": invitation.invitation.id,
        "invitations/{}/withdraw/": invitation.invitation.id,
        "groups/{}/rename/": group.id,
        "groups/{}/members/": group.id,
        f"groups/{{}}/members/{bob.user.pk}/remove/": group.id,
        "groups/{}/delete/": group.id,
    }
    form = {"role": "viewer", "name": "Mine", "user": str(bob.user.pk)}
    for path, thing in things.items():
        assert send(bob, path.format(thing), **form).status_code == 403, path
        foreign, missing = (send(charlie, path.format(one), **form) for one in (thing, uuid4()))
        assert foreign.status_code == 404, path
        assert foreign.content == missing.content, path
    with tenant_atomic(access.tenant_id):
        assert Group.objects.get().name == "Legal"
        assert Invitation.objects.get().revoked_at is None
    assert roles(alice) == {"a": "owner", "b": "member"}
