"""An organisation's administration at work: what it changes goes through the services, which audit it."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import get_resolver
from django.utils import timezone

from conversations.models import Conversation, Message, Role, Status
from documents.models import Collection, CollectionGrant
from tenants.admin_sites.tenant_site import tenant_admin
from tenants.db import tenant_atomic
from tenants.models import (
    ApiToken,
    AuditEvent,
    Group,
    GroupMember,
    Invitation,
    Membership,
    Quota,
    Tenant,
    UsageDay,
    User,
)
from tenants.permissions import Role as MemberRole
from tenants.services.members import add_member, change_role
from tests.people import Person

pytestmark = pytest.mark.django_db(transaction=True)

HOME = "/o/acme/admin"


def _recorded(person: Person, since: int = 0) -> list[tuple[str, str | None]]:
    """What was audited, oldest first: action and whose id it was done to."""
    with tenant_atomic(person.access.tenant_id):
        events = AuditEvent.objects.order_by("at")[since:]
        return [(event.action, str(event.target_id)) for event in events]


def _count(person: Person) -> int:
    return len(_recorded(person))


def _membership(person: Person) -> Membership:
    with tenant_atomic(person.access.tenant_id):
        found: Membership = Membership.objects.get(user=person.user)
        return found


def _rows(prefix: str, *rows: dict[str, Any], initial: int = 0) -> dict[str, Any]:
    """The rows of a form within a form, as a browser sends them."""
    sent: dict[str, Any] = {f"{prefix}-TOTAL_FORMS": len(rows), f"{prefix}-INITIAL_FORMS": initial}
    for number, row in enumerate(rows):
        sent |= {f"{prefix}-{number}-{name}": value for name, value in row.items()}
    return sent


def test_A10_roles_are_changed_by_the_service(alice: Person, bob: Person, dana: Person) -> None:
    before = _count(alice)
    page = f"{HOME}/tenants/membership/{_membership(bob).id}/change/"
    assert alice.client.post(page, {"role": "admin"}).status_code == 302
    assert _recorded(alice, before) == [("member.role_changed", str(bob.user.pk))]
    assert bob.access.role is MemberRole.ADMIN

    # Bob, an admin now, neither makes owners nor touches one.
    own = f"{HOME}/tenants/membership/{_membership(dana).id}/change/"
    assert 'value="owner"' not in bob.client.get(own).content.decode()
    assert "Select a valid choice" in bob.client.post(own, {"role": "owner"}).content.decode()
    owner = f"{HOME}/tenants/membership/{_membership(alice).id}/"
    assert "_save" not in bob.client.get(f"{owner}change/").content.decode()
    assert bob.client.post(f"{owner}change/", {"role": "viewer"}).status_code == 403
    assert bob.client.post(f"{owner}delete/", {"post": "yes"}).status_code == 403

    # The last owner stays: the form says so, and is as it was.
    answer = alice.client.post(f"{owner}change/", {"role": "viewer"})
    assert answer.status_code == 200
    assert "An organisation needs an owner" in answer.content.decode()
    assert alice.access.role is MemberRole.OWNER
    assert len(_recorded(alice, before)) == 1


def test_members_are_removed_by_the_service(alice: Person, bob: Person, dana: Person) -> None:
    before = _count(alice)
    page = f"{HOME}/tenants/membership/{_membership(bob).id}/delete/"
    assert "Their tokens, places in groups" in alice.client.get(page).content.decode()
    assert alice.client.post(page, {"post": "yes"}).status_code == 302
    assert _recorded(alice, before) == [("member.removed", str(bob.user.pk))]
    assert bob.api.get("/api/v1/me/").status_code == 401

    # Several at once, one of whom cannot go: nobody goes.
    chosen = [str(_membership(person).id) for person in (dana, alice)]
    sent = {"action": "delete_selected", ACTION_CHECKBOX_NAME: chosen, "post": "yes"}
    answer = alice.client.post(f"{HOME}/tenants/membership/", sent, follow=True)
    assert "An organisation needs an owner" in answer.content.decode()
    assert dana.access.role is MemberRole.VIEWER
    assert len(_recorded(alice, before)) == 1


def test_groups_and_their_members(alice: Person, bob: Person, dana: Person) -> None:
    before = _count(alice)
    people = [_membership(bob), _membership(dana)]
    rows = _rows("members", *({"membership": str(one.id)} for one in people))
    assert alice.client.post(f"{HOME}/tenants/group/add/", {"name": "Board", **rows}).status_code == 302
    with tenant_atomic(alice.access.tenant_id):
        group = Group.objects.get(name="Board")
        first, second = GroupMember.objects.filter(group=group).order_by("membership__user__email")
    assert (first.membership_id, second.membership_id) == (people[0].id, people[1].id)
    url = f"{HOME}/tenants/group/{group.id}"
    rows = _rows("members", {"id": str(first.id), "group": str(group.id), "DELETE": "on"}, initial=1)
    assert alice.client.post(f"{url}/change/", {"name": "The board", **rows}).status_code == 302
    created, added, renamed, removed = (
        "group.created",
        "group.member_added",
        "group.renamed",
        "group.member_removed",
    )
    assert [action for action, _ in _recorded(alice, before)] == [created, added, added, renamed, removed]
    history = alice.client.get(f"{url}/history/").content.decode()
    assert {created, added, renamed, removed} <= set(re.findall(r"group\.\w+", history))
    assert history.count(alice.user.email) >= 5

    # A name that is taken is an error beside the field.
    answer = alice.client.post(f"{HOME}/tenants/group/add/", {"name": "The board", **_rows("members")})
    assert answer.context["adminform"].errors == {"name": ["There is a group of this name already."]}


def test_invitations_show_their_link_once(alice: Person) -> None:
    page = f"{HOME}/tenants/invitation/"
    sent = {"email": "eve@example.org", "role": "viewer", "expires_in_days": "2"}
    first = alice.client.post(f"{page}add/", sent, follow=True).content.decode()
    [link] = re.findall(r"http://\S+/invitations/\w+[\w-]*/", first)
    assert link in mail.outbox[0].body
    assert link not in alice.client.get(page).content.decode()
    with tenant_atomic(alice.access.tenant_id):
        invitation = Invitation.objects.get()
    action = {"action": "resend", ACTION_CHECKBOX_NAME: str(invitation.id)}
    again = alice.client.post(page, {**action, "index": "0"}, follow=True).content.decode()
    assert link not in again
    assert re.findall(r"http://\S+/invitations/\w+[\w-]*/", again)
    taken = alice.client.post(f"{page}add/", {**sent, "email": alice.user.email})
    assert taken.context["adminform"].errors == {"email": [f"{alice.user.email} is a member already."]}
    assert alice.client.post(f"{page}add/", {**sent, "expires_in_days": "31"}).status_code == 200
    alice.client.post(page, {**action, "action": "withdraw", "index": "0"})
    assert "withdrawn" in alice.client.get(page).content.decode()


def test_a_limit_below_what_is_used_is_refused(alice: Person, bob: Person) -> None:
    page = f"{HOME}/tenants/quota/"
    with tenant_atomic(alice.access.tenant_id):
        UsageDay.objects.create(day=timezone.now().date(), user_id=bob.user.pk, model="any", questions=7)
    before = _count(alice)
    low = {"kind": "questions_day", "applies_to": "person", "person": str(bob.user.pk), "amount": "6"}
    answer = alice.client.post(f"{page}add/", low)
    assert answer.context["adminform"].errors == {"amount": ["This person uses 7 already; the limit cannot be 6."]}
    assert alice.client.post(f"{page}add/", {**low, "amount": "8"}).status_code == 302
    with tenant_atomic(alice.access.tenant_id):
        quota = Quota.objects.get()
    assert (quota.user_id, quota.amount) == (bob.user.pk, 8)
    assert alice.client.post(f"{page}{quota.id}/change/", {"amount": "5"}).status_code == 200
    assert alice.client.post(f"{page}{quota.id}/change/", {"amount": "9"}).status_code == 302
    assert alice.client.post(f"{page}{quota.id}/delete/", {"post": "yes"}).status_code == 302
    assert [action for action, _ in _recorded(alice, before)] == ["limit.set", "limit.set", "limit.removed"]


def test_collections_and_who_sees_them(alice: Person, bob: Person) -> None:
    page = f"{HOME}/documents/collection/"
    named = _rows("grants", {"membership": str(_membership(bob).id)}, {"role": "admin"})
    made = {"name": "Minutes", "is_restricted": "on", **named}
    assert alice.client.post(f"{page}add/", made).status_code == 302
    with tenant_atomic(alice.access.tenant_id):
        collection = Collection.objects.get(name="Minutes")
        grants = list(CollectionGrant.objects.filter(collection=collection))
    assert collection.is_restricted
    assert {(one.membership_id, one.role) for one in grants} == {(_membership(bob).id, None), (None, "admin")}
    # Two in one row name nobody.
    wrong = _rows("grants", {"membership": str(_membership(bob).id), "role": "admin"})
    assert alice.client.post(f"{page}add/", {**made, **wrong, "name": "Plans"}).status_code == 200
    with tenant_atomic(alice.access.tenant_id):
        assert set(Collection.objects.values_list("name", flat=True)) == {"Documents", "Minutes"}
    # Naming people where everyone sees it is a contradiction, which the form says.
    answer = alice.client.post(f"{page}add/", {"name": "Plans", **named})
    assert "Where everyone sees it nobody is named." in answer.content.decode()
    confirm = alice.client.get(f"{page}{collection.id}/delete/").content.decode()
    assert "0 documents in it" in confirm
    assert alice.client.post(f"{page}{collection.id}/delete/", {"post": "yes"}).status_code == 302


def test_tokens_are_revoked(alice: Person, bob: Person) -> None:
    with tenant_atomic(alice.access.tenant_id):
        token = ApiToken.objects.get(user=bob.user)
    action = {"action": "revoke", ACTION_CHECKBOX_NAME: str(token.id), "index": "0"}
    assert bob.api.get("/api/v1/me/").status_code == 200
    before = _count(alice)
    assert "1 revoked." in alice.client.post(f"{HOME}/tenants/apitoken/", action, follow=True).content.decode()
    assert (
        "There is no such token"
        in alice.client.post(f"{HOME}/tenants/apitoken/", action, follow=True).content.decode()
    )
    assert bob.api.get("/api/v1/me/").status_code == 401
    assert _recorded(alice, before) == [("token.revoked", str(token.id))]


def test_the_organisation_itself(alice: Person, acme: Tenant) -> None:
    page = f"{HOME}/tenants/tenant/{acme.id}/change/"
    sent = {
        "name": "Acme Ltd",
        "sample_questions": "What is new, and when?\r\nWhy?",
        "slug": "taken-over",
        "rate_limit": "3",
    }
    assert alice.client.post(page, sent).status_code == 302
    rate = acme.rate_limit
    acme.refresh_from_db()
    assert (acme.name, acme.slug, acme.sample_questions) == (
        "Acme Ltd",
        "acme",
        ["What is new, and when?", "Why?"],
    )
    assert acme.rate_limit == rate != 3, "the operator's, not the admins'"


def _conversation_of(person: Person) -> UUID:
    with tenant_atomic(person.access.tenant_id):
        conversation = Conversation.objects.create(author_id=person.user.pk, title="My salary")
        Message.objects.create(
            conversation=conversation, role=Role.USER, content="Am I paid enough?", status=Status.FINISHED
        )
        return UUID(str(conversation.id))


def test_A8_conversations_are_told_of_and_not_read(alice: Person, bob: Person, acme: Tenant) -> None:
    conversation = _conversation_of(bob)
    page = f"{HOME}/conversations/conversation/"
    paths = [page, f"{page}{conversation}/change/", f"{page}{conversation}/history/"]
    before = _count(alice)
    for path in paths:
        text = alice.client.get(path).content.decode()
        assert bob.user.email in text or "history" in path
        assert re.findall("salary|paid enough", text) == [], path
    assert _recorded(alice, before) == []

    # Where the organisation lets its admins read, each look is recorded; the list still tells nothing.
    acme.admins_read_conversations = True
    acme.save(update_fields=["admins_read_conversations"])
    text = alice.client.get(paths[1]).content.decode()
    assert "My salary" in text
    assert "Am I paid enough?" in text
    assert _recorded(alice, before) == [("conversation.read_by_admin", str(conversation))]
    for path in (page, paths[2]):
        assert "salary" not in alice.client.get(path).content.decode()
    assert alice.client.post(paths[1], {"mode": "open"}).status_code == 403


def test_lists_ask_as_often_for_many_rows_as_for_few(alice: Person, bob: Person) -> None:
    def fill() -> None:
        with tenant_atomic(alice.access.tenant_id):
            for number in range(8):
                user = User.objects.create_user(f"{Membership.objects.count()}@example.org")
                member = add_member(access=alice.access, user=user, role=MemberRole.VIEWER)
                group = Group.objects.create(name=f"Group {user.email}")
                GroupMember.objects.create(group=group, membership=member)
                restricted = Collection.objects.create(name=user.email, slug=f"c-{user.pk}", is_restricted=True)
                CollectionGrant.objects.create(collection=restricted, group=group)
                Conversation.objects.create(author_id=user.pk)
                UsageDay.objects.create(day=timezone.now().date(), user_id=user.pk, model=f"m{number}")
                ApiToken.objects.create(user=user, name="any", secret_sha256=bytes(32), scopes=[])

    def count() -> dict[str, int]:
        found = {}
        for model in tenant_admin._registry:
            path = f"{HOME}/{model._meta.app_label}/{model._meta.model_name}/"
            with CaptureQueriesContext(connection) as queries:
                assert alice.client.get(path).status_code == 200
            found[path] = len(queries)
        return found

    fill()
    few = count()
    fill()
    assert count() == few
    assert max(few.values()) < 30, few


def test_the_portals_pages_that_are_named_exist() -> None:
    _, portal = get_resolver("config.tenant_urls").namespace_dict["portal"]
    pages: list[Any] = list(tenant_admin._registry.values())
    named = {page.portal_page for page in pages} - {""}
    assert {name for name in named if not portal.reverse_dict.getlist(name)} == set()


def test_an_admin_of_two_grades(alice: Person, bob: Person) -> None:
    """Losing the role ends it at the next request."""
    change_role(access=alice.access, user_id=bob.user.pk, role=MemberRole.ADMIN)
    assert bob.client.get(f"{HOME}/").status_code == 200
    change_role(access=alice.access, user_id=bob.user.pk, role=MemberRole.MEMBER)
    assert bob.client.get(f"{HOME}/").status_code == 403
