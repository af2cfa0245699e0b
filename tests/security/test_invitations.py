"""A6: an invitation's link is good once, for one verified address, until it ends. A10: an owner stays."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client
from django.utils import timezone

from tenants.access import Access, encode_token_id, new_secret
from tenants.db import tenant_atomic
from tenants.errors import DocentError
from tenants.models import AuditEvent, Invitation, Membership, Tenant, User
from tenants.permissions import Role
from tenants.services.invitations import accept_invitation, create_invitation
from tenants.services.members import add_member, change_role, remove_member
from tests.moments import at_once
from tests.people import Person

pytestmark = pytest.mark.django_db(transaction=True)

ERIN = "erin@example.org"


@pytest.fixture
def erin() -> User:
    """Somebody with an account, a verified address and no organisation."""
    user = User.objects.create_user(ERIN, "a-long-password")
    EmailAddress.objects.create(user=user, email=ERIN, verified=True, primary=True)
    return user


@pytest.fixture
def raw(alice: Person) -> str:
    """The text of a link that invites Erin to acme as a member."""
    return invite(alice)


def invite(person: Person, role: Role = Role.MEMBER) -> str:
    made = create_invitation(access=person.access, email=ERIN, role=role)
    return made.url.rstrip("/").rpartition("/")[2]


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def place(raw: str) -> str:
    return f"/invitations/{raw}/"


def members(person: Person) -> dict[str, str]:
    with tenant_atomic(person.access.tenant_id):
        return dict(Membership.objects.values_list("user__email", "role"))


def test_A6_whom_it_is_for_joins_once(alice: Person, erin: User, raw: str) -> None:
    client = browser(erin)
    page = client.get(place(raw))
    assert page.status_code == 200
    assert page.headers["Cache-Control"].count("no-store") == 1
    for words in ("Join Acme", ERIN, "member", "Accept"):
        assert words in page.content.decode()
    joined = client.post(place(raw))
    assert (joined.status_code, joined.headers["Location"]) == (302, "/o/acme/")
    assert members(alice) == {"alice@example.org": "owner", ERIN: "member"}
    assert client.get("/o/acme/").status_code == 200
    with tenant_atomic(alice.access.tenant_id):
        [event] = AuditEvent.objects.filter(action="invitation.accepted")
        assert (event.actor_id, event.data, event.address) == (erin.pk, {"role": "member"}, "127.0.0.1")
        remove_member(access=alice.access, user_id=erin.pk)
    again = client.post(place(raw))
    assert again.status_code == 404
    assert ERIN not in members(alice)


def _expire(invitation: Invitation) -> None:
    invitation.expires_at = timezone.now() - timedelta(seconds=1)


def _withdraw(invitation: Invitation) -> None:
    invitation.revoked_at = timezone.now()


def _use(invitation: Invitation) -> None:
    invitation.accepted_at = timezone.now()


def test_A6_every_link_that_opens_nothing_looks_alike_and_changes_nothing(
    alice: Person, charlie: Person, erin: User
) -> None:
    client = browser(erin)
    good = invite(alice)
    id_part, _, secret = good.partition("_")
    with tenant_atomic(alice.access.tenant_id):
        [row] = Invitation.objects.values_list("id", flat=True)
    links = {
        "another secret": f"{id_part}_{new_secret()}",
        "no secret": id_part,
        "a missing row": f"{encode_token_id(alice.access.tenant_id, uuid4())}_{secret}",
        "a missing tenant": f"{encode_token_id(uuid4(), row)}_{secret}",
        "another tenant": f"{encode_token_id(charlie.access.tenant_id, row)}_{secret}",
        "a token": alice.token.removeprefix("dct_"),
        "too large a number": f"{'z' * 43}_{secret}",
        "words": "let-me-in",
    }
    answers = {name: client.get(place(link)) for name, link in links.items()}
    answers |= {f"POST {name}": client.post(place(link)) for name, link in links.items()}
    answers |= {f"verify {name}": client.post(f"{place(link)}verify/") for name, link in links.items()}
    for name, end in {"expired": _expire, "withdrawn": _withdraw, "used": _use}.items():
        link = good if name == "expired" else invite(alice)
        with tenant_atomic(alice.access.tenant_id):
            invitation = Invitation.objects.get(accepted_at=None, revoked_at=None)
            end(invitation)
            invitation.save()
        answers |= {name: client.get(place(link)), f"POST {name}": client.post(place(link))}
    link = invite(alice)
    Tenant.objects.filter(slug="acme").update(is_active=False)
    answers |= {"disabled": client.get(place(link)), "POST disabled": client.post(place(link))}
    Tenant.objects.filter(slug="acme").update(is_active=True)

    def seen(answer: Any) -> tuple[int, str]:
        return answer.status_code, answer.content.decode()

    assert {answer.status_code for answer in answers.values()} == {404}
    pages = {body for _, body in map(seen, answers.values())}
    assert len(pages) == 1
    assert "cannot be used" in next(iter(pages))
    assert not [word for word in ("Acme", "Globex", "acme", "globex") if word in next(iter(pages))]
    assert members(alice) == {"alice@example.org": "owner"}
    assert client.get(place(link)).status_code == 200


def test_A6_the_address_must_be_verified_and_the_invited_one(alice: Person, charlie: Person, raw: str) -> None:
    other = charlie.client.get(place(raw)).content.decode()
    assert "You are logged in as charlie@example.org" in other
    assert charlie.client.post(place(raw)).status_code == 200
    unverified = User.objects.create_user(ERIN, "a-long-password")
    client = browser(unverified)
    assert "First confirm" in client.get(place(raw)).content.decode()
    assert client.post(place(raw)).status_code == 200
    mail.outbox.clear()
    assert client.post(f"{place(raw)}verify/").headers["Location"] == place(raw)
    assert charlie.client.post(f"{place(raw)}verify/").headers["Location"] == place(raw)
    for user in (charlie.user, unverified):
        with pytest.raises(DocentError):
            accept_invitation(raw=raw, user=user)
    assert members(alice) == {"alice@example.org": "owner"}

    [message] = mail.outbox
    assert message.to == [ERIN]
    link = next(line for line in message.body.split() if "/accounts/confirm-email/" in line)
    client.post("/" + link.partition("://")[2].partition("/")[2])
    assert client.post(place(raw)).headers["Location"] == "/o/acme/"
    assert members(alice)[ERIN] == "member"


def test_A4_a_stranger_sees_whom_it_is_for_and_both_ways_in(raw: str, charlie: Person) -> None:
    """The page is the same whether the invited address has an account or not."""
    before = Client().get(place(raw)).content
    User.objects.create_user(ERIN, "a-long-password")
    client = Client()
    after = client.get(place(raw)).content
    assert before == after
    for words in (
        b"Join Acme",
        ERIN.encode(),
        f"/accounts/login/?next={place(raw)}".encode(),
        b"/accounts/signup/",
    ):
        assert words in after
    assert client.session["invitation"] == raw
    assert client.post(place(raw)).status_code == 200


def test_a_member_is_told_and_the_invitation_stays(alice: Person, erin: User, raw: str) -> None:
    add_member(access=alice.access, user=erin, role=Role.VIEWER)
    client = browser(erin)
    assert "a member of this organisation already" in client.get(place(raw)).content.decode()
    assert client.post(place(raw)).status_code == 200
    with pytest.raises(DocentError) as refused:
        accept_invitation(raw=raw, user=erin)
    assert refused.value.code == "member_already"
    assert members(alice)[ERIN] == "viewer"


def test_A2_accepting_needs_the_proof_against_forgery(erin: User, raw: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(erin)
    assert client.post(place(raw)).status_code == 403


@pytest.mark.parametrize(
    ("becomes", "left"),
    [
        (Role.OWNER, {"viewer", "admin", "owner"}),
        (Role.ADMIN, {"viewer", "admin"}),
        (Role.MEMBER, set()),
        (None, set()),
    ],
)
def test_A6_an_invitation_ends_with_the_authority_to_send_it(
    alice: Person, bob: Person, becomes: Role | None, left: set[str]
) -> None:
    change_role(access=alice.access, user_id=bob.user.pk, role=Role.OWNER)
    for sender in (alice, bob):
        for role in (Role.VIEWER, Role.ADMIN, Role.OWNER):
            create_invitation(access=sender.access, email=f"{role}@{sender.user.name}.example", role=role)
    if becomes is None:
        remove_member(access=alice.access, user_id=bob.user.pk)
    else:
        change_role(access=alice.access, user_id=bob.user.pk, role=becomes)
    with tenant_atomic(alice.access.tenant_id):
        waiting = Invitation.objects.filter(revoked_at=None)
        assert set(waiting.filter(invited_by_id=bob.user.pk).values_list("role", flat=True)) == left
        assert waiting.filter(invited_by_id=alice.user.pk).count() == 3
        assert AuditEvent.objects.filter(action="invitation.withdrawn").count() == 3 - len(left)


def test_A6_a_link_used_at_the_same_moment_is_used_once(alice: Person, erin: User, raw: str) -> None:
    outcomes = at_once(*[lambda: accept_invitation(raw=raw, user=erin)] * 6)
    assert outcomes == ["done", *["not_found"] * 5]
    assert members(alice) == {"alice@example.org": "owner", ERIN: "member"}


def demote(access: Access, other: Access) -> None:
    change_role(access=access, user_id=other.user_id, role=Role.MEMBER)


def remove(access: Access, other: Access) -> None:
    remove_member(access=access, user_id=other.user_id)


def leave(access: Access, other: Access) -> None:
    remove_member(access=access, user_id=access.user_id)


@pytest.mark.parametrize(
    ("end", "refused"),
    [(demote, "permission_denied"), (remove, "permission_denied"), (leave, "last_owner")],
)
def test_A10_of_two_owners_that_go_at_once_one_stays(
    alice: Person, bob: Person, end: Callable[[Access, Access], None], refused: str
) -> None:
    tenant_id = alice.access.tenant_id
    for _ in range(4):
        with tenant_atomic(tenant_id):
            Membership.objects.filter(user__in=[alice.user, bob.user]).delete()
            for user in (alice.user, bob.user):
                Membership.objects.create(user=user, role=Role.OWNER)
        one, two = alice.access, bob.access
        assert at_once(partial(end, one, two), partial(end, two, one)) == ["done", refused]
        with tenant_atomic(tenant_id):
            assert Membership.objects.filter(role=Role.OWNER).count() == 1
