"""`/invitations/` over HTTP."""

from __future__ import annotations

import re
import socket
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core import mail
from django.utils import timezone
from pytest_django import Settings

from tenants.db import tenant_atomic
from tenants.errors import InvalidInput
from tenants.models import AuditEvent, Invitation
from tenants.permissions import Role
from tenants.services.invitations import create_invitation, find_invitation
from tests.people import ApiClient, Person
from tests.refusals import pointers, refusal

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/api/v1/invitations/"
ERIN = "erin@example.org"


def invited(person: Person, email: str = ERIN, role: str = "member", **body: Any) -> dict[str, Any]:
    answer = person.full_api.post(PATH, {"email": email, "role": role, **body})
    assert answer.status_code == 201, answer.content
    return dict(answer.json())


def link_text(invitation: dict[str, Any]) -> str:
    """The part of the link that names the invitation and holds its secret."""
    match = re.fullmatch(r"http://127\.0\.0\.1:\d+/invitations/(\w{43}_[\w-]{43})/", invitation["url"])
    assert match
    return match[1]


def lifetime(invitation: dict[str, Any]) -> timedelta:
    return datetime.fromisoformat(invitation["expires_at"]) - timezone.now()


def test_an_invitation_is_mailed_and_its_link_shown_once(alice: Person) -> None:
    made = invited(alice, "  Erin@Example.org ")
    url = made.pop("url")
    assert made == {
        "id": made["id"],
        "email": ERIN,
        "role": "member",
        "invited_by": str(alice.user.pk),
        "created_at": made["created_at"],
        "expires_at": made["expires_at"],
    }
    assert timedelta(days=6.99) < lifetime(made) < timedelta(days=7)
    [message] = mail.outbox
    assert (message.to, message.subject) == ([ERIN], "You are invited to Acme on Docent")
    assert url in message.body.splitlines()
    assert "alice@example.org invites you to join Acme as member." in message.body
    assert alice.full_api.get(PATH).json()["results"] == [made]
    assert alice.full_api.get(f"{PATH}{made['id']}/").json() == made
    with tenant_atomic(alice.access.tenant_id):
        [event] = AuditEvent.objects.filter(action="invitation.created")
        assert (str(event.target_id), event.data) == (made["id"], {"role": "member"})
        assert url[-44:-1].encode() not in bytes(Invitation.objects.get().secret_sha256)


def test_T1_a_mail_server_that_is_away_costs_the_mail_alone_and_the_link_is_in_no_log(
    alice: Person, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        settings.EMAIL_PORT = closed.getsockname()[1]
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST = "127.0.0.1"
    made = invited(alice)
    assert find_invitation(link_text(made)) is not None
    assert "ConnectionRefusedError" in caplog.text
    assert link_text(made) not in caplog.text
    assert ERIN not in caplog.text


def test_sending_again_kills_the_link_before(alice: Person) -> None:
    made = invited(alice, expires_in_days=1)
    assert lifetime(made) < timedelta(days=1)
    again = alice.full_api.post(f"{PATH}{made['id']}/resend/").json()
    assert again["id"] == made["id"]
    assert lifetime(again) > timedelta(days=6.99)
    assert find_invitation(link_text(made)) is None
    assert find_invitation(link_text(again)) is not None
    assert [again["url"] in one.body for one in mail.outbox] == [False, True]


def test_a_withdrawn_invitation_is_gone_and_makes_room(alice: Person) -> None:
    made = invited(alice)
    assert alice.full_api.delete(f"{PATH}{made['id']}/").status_code == 204
    assert find_invitation(link_text(made)) is None
    for method, rest in [("get", ""), ("delete", ""), ("post", "resend/")]:
        assert getattr(alice.full_api, method)(f"{PATH}{made['id']}/{rest}").status_code == 404
    assert alice.full_api.get(PATH).json()["results"] == []
    assert invited(alice)["id"] != made["id"]


def test_one_open_invitation_for_an_address_and_none_for_a_member(alice: Person, bob: Person) -> None:
    made = invited(alice)
    for email, code in [
        (ERIN, "already_invited"),
        ("ERIN@example.org", "already_invited"),
        ("bob@example.org", "taken"),
    ]:
        assert pointers(alice.full_api.post(PATH, {"email": email, "role": "viewer"})) == [("/email", code)]
    assert [one["id"] for one in alice.full_api.get(PATH).json()["results"]] == [made["id"]]
    assert len(mail.outbox) == 1
    with tenant_atomic(alice.access.tenant_id):
        Invitation.objects.update(expires_at=timezone.now())
    assert invited(alice)["id"] != made["id"], "an expired one does not stand in the way"


def test_I10_an_address_with_an_account_elsewhere_is_invited_like_any_other(
    alice: Person, charlie: Person
) -> None:
    known, unknown = invited(alice, charlie.user.email), invited(alice, "nobody@example.org")
    assert known.keys() == unknown.keys()
    bodies = [one.body.replace(made["url"], "") for one, made in zip(mail.outbox, (known, unknown), strict=True)]
    assert bodies[0] == bodies[1]


def test_A10_admins_invite_up_to_their_own_role_and_others_nobody(
    alice: Person, adam: Person, bob: Person, dana: Person
) -> None:
    invite = {"email": ERIN, "role": "owner"}
    for person in (adam, bob, dana):
        assert person.full_api.post(PATH, invite).status_code == 403
    assert bob.full_api.post(PATH, {"email": ERIN, "role": "viewer"}).status_code == 403
    assert bob.full_api.get(PATH).status_code == 403
    assert alice.api.get(PATH).status_code == 403, "without the scope"
    assert ApiClient("none").get(PATH).status_code == 401
    assert mail.outbox == []
    invited(adam, "frank@example.org", "admin")
    of_owner = f"{PATH}{invited(alice, role='owner')['id']}/"
    assert adam.full_api.post(f"{of_owner}resend/").status_code == 403
    assert adam.full_api.delete(of_owner).status_code == 403
    assert adam.full_api.get(of_owner).status_code == 200


WRONG: list[tuple[Any, list[tuple[str, str]]]] = [
    ({}, [("/email", "required"), ("/role", "required")]),
    ({"email": "erin", "role": "member"}, [("/email", "invalid")]),
    ({"email": f"e@{'x' * 61}.{'y.' * 95}org", "role": "member"}, [("/email", "max_length")]),
    ({"email": "e@x.org\nBcc: all@x.org", "role": "member"}, [("/email", "invalid")]),
    ({"email": ERIN, "role": "king"}, [("/role", "invalid_choice")]),
    ({"email": ERIN, "role": "member", "expires_in_days": 0}, [("/expires_in_days", "min_value")]),
    ({"email": ERIN, "role": "member", "expires_in_days": 31}, [("/expires_in_days", "max_value")]),
    ({"email": ERIN, "role": "member", "accepted_at": "now"}, [("/accepted_at", "unknown_field")]),
]


def test_a_wrong_body_invites_nobody(alice: Person) -> None:
    for body, expected in WRONG:
        assert sorted(pointers(alice.full_api.post(PATH, body))) == expected, body
    assert (alice.full_api.get(PATH).json()["results"], mail.outbox) == ([], [])


def test_the_bounds_of_an_expiry(alice: Person) -> None:
    for hours in (0.99, 24 * 30 + 0.01):
        with pytest.raises(InvalidInput) as refused:
            create_invitation(access=alice.access, email=ERIN, role=Role.VIEWER, expires_in=timedelta(hours=hours))
        assert [one.pointer for one in refused.value.errors] == ["/expires_in_days"]
    made = create_invitation(access=alice.access, email=ERIN, role=Role.VIEWER, expires_in=timedelta(hours=1))
    assert made.invitation.expires_at <= timezone.now() + timedelta(hours=1)


def test_a_foreign_invitation_answers_as_a_missing_one(alice: Person, charlie: Person) -> None:
    made = invited(alice)
    for method, rest in [("get", ""), ("post", "resend/"), ("delete", "")]:
        ask = getattr(charlie.full_api, method)
        answers = [refusal(ask(f"{PATH}{one}/{rest}")) for one in (made["id"], uuid4())]
        assert answers[0] == answers[1], (method, rest)
        assert answers[0][0] == 404
    assert charlie.full_api.get(PATH).json()["results"] == []
    assert find_invitation(link_text(made)) is not None
    assert len(mail.outbox) == 1
