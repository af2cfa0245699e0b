"""Webhooks: who is told what. Each sees what one person sees, and limits are told when they are near."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest
from django.utils import timezone

from conversations.models import Conversation
from conversations.services.attachments import attach_files
from conversations.services.conversations import create_conversation
from conversations.services.ending import end_idle
from documents.services.files import IncomingFile
from tenants.db import tenant_atomic
from tenants.limits.quotas import require_quotas
from tenants.limits.usage import Spender, count_question, count_reply
from tenants.models import Membership, QuotaFor, QuotaKind, Tenant, UsageDay
from tenants.permissions import Role
from tenants.services.limits import NewQuota, set_quota
from tenants.services.members import change_role, remove_member
from tests.factories import uploaded, work_off
from tests.people import Person
from tests.standins.receiver import ReceiverStandIn
from tests.tenants.hooks import (
    PATH,
    actions,
    deliveries,
    ended,
    hook,
    send_now,
    shown,
    told,
)

pytestmark = pytest.mark.django_db(transaction=True)

NOTE = ("note.txt", b"Boats are kept under the bridge.")


def test_I9_a_conversation_is_told_to_its_author_alone(
    alice: Person, adam: Person, bob: Person, receiver: ReceiverStandIn
) -> None:
    webhook = hook(alice, receiver, "conversation.ended")
    mine, bobs = ended(alice), ended(bob)
    send_now(alice)
    assert [told(one)["data"] for one in receiver.heard] == [
        {"conversation": mine, "status": "ended", "reason": "asked"}
    ]
    assert [one["about"]["conversation"] for one in deliveries(alice, webhook)] == [mine]
    # Another admin sees that something was told, not what it was about.
    assert [one["about"] for one in deliveries(adam, webhook)] == [None]
    Tenant.objects.filter(slug="acme").update(admins_read_conversations=True)
    later = ended(bob)
    send_now(alice)
    assert [told(one)["data"]["conversation"] for one in receiver.heard] == [mine, later]
    assert bobs != later
    assert b"Secret title" not in b"".join(one.body for one in receiver.heard)


def test_I9_whoever_says_where_it_goes_lends_it_their_own_sight(
    alice: Person, adam: Person, receiver: ReceiverStandIn
) -> None:
    webhook = hook(alice, receiver, "conversation.ended")
    ended(alice)
    elsewhere = adam.full_api.patch(f"{PATH}{webhook['id']}/", {"url": f"http://{receiver.host}/adams"})
    assert elsewhere.json()["acts_for"] == str(adam.user.pk)
    ended(alice)
    own = ended(adam)
    send_now(alice)
    assert [(one.path, told(one)["data"]["conversation"]) for one in receiver.heard] == [("/adams", own)]


def test_I9_the_files_of_a_conversation_are_told_to_nobody(alice: Person, receiver: ReceiverStandIn) -> None:
    webhook = hook(alice, receiver)
    with tenant_atomic(alice.access.tenant_id):
        conversation = create_conversation(access=alice.access)
        attach_files(
            access=alice.access, conversation=conversation, files=[IncomingFile(NOTE[0], 32, BytesIO(NOTE[1]))]
        )
    work_off(alice)
    assert (receiver.heard, deliveries(alice, webhook)) == ([], [])


@pytest.mark.parametrize("how", ["role", "removed", "account", "unnoticed"])
def test_I9_whose_person_left_or_lost_the_role_is_disabled(
    alice: Person, adam: Person, receiver: ReceiverStandIn, how: str
) -> None:
    webhook = hook(adam, receiver, "document.ready")
    uploaded(alice, *NOTE)
    if how == "role":
        change_role(access=alice.access, user_id=adam.user.pk, role=Role.MEMBER)
    elif how == "removed":
        remove_member(access=alice.access, user_id=adam.user.pk)
    elif how == "unnoticed":
        with tenant_atomic(alice.access.tenant_id):
            Membership.objects.filter(user=adam.user.pk).update(role=Role.MEMBER)
    else:
        adam.user.is_active = False
        adam.user.save()
    assert shown(alice, webhook)["is_active"] is (how in {"account", "unnoticed"}), "at once where it can be known"
    work_off(alice)
    send_now(alice)
    found = shown(alice, webhook)
    assert (found["is_active"], found["disabled_reason"]) == (False, "person_left")
    assert receiver.heard == []
    assert "webhook.disabled" in actions(alice)
    enabled = alice.full_api.patch(f"{PATH}{webhook['id']}/", {"is_active": True}).json()
    assert (enabled["is_active"], enabled["acts_for"]) == (True, str(alice.user.pk))


def test_quotas_are_told_at_80_and_100_percent(alice: Person, receiver: ReceiverStandIn) -> None:
    webhook = hook(alice, receiver, "quota.near")
    with tenant_atomic(alice.access.tenant_id):
        set_quota(access=alice.access, quota=NewQuota(QuotaKind.DOCUMENTS, QuotaFor.TENANT, 3))
        set_quota(access=alice.access, quota=NewQuota(QuotaKind.DOCUMENTS, QuotaFor.EACH, 1000))
    for number in range(4):
        alice.api.upload((f"note{number}.txt", f"Note {number} is kept.".encode()))
    told_of = [one["about"] for one in deliveries(alice, webhook)]
    assert sorted((one["kind"], one["percent"], one["used"]) for one in told_of) == [
        ("documents", 80, 3),
        ("documents", 100, 3),
    ]


def test_what_midnight_resets_is_told_once_a_day(alice: Person, receiver: ReceiverStandIn) -> None:
    webhook = hook(alice, receiver, "quota.near")
    access = alice.access
    day = datetime.now(UTC).date()
    with tenant_atomic(access.tenant_id):
        set_quota(access=access, quota=NewQuota(QuotaKind.QUESTIONS_DAY, QuotaFor.TENANT, 10))
        set_quota(access=access, quota=NewQuota(QuotaKind.TOKENS_DAY, QuotaFor.TENANT, 1000))
    for _ in range(10):
        with tenant_atomic(access.tenant_id):
            require_quotas(access, {QuotaKind.QUESTIONS_DAY: 1, QuotaKind.TOKENS_DAY: 1})
            count_question(Spender(access.user_id), asked_on=day)
            count_reply(Spender(access.user_id), asked_on=day, model="m", prompt_tokens=80, completion_tokens=10)
    told_of = [one["about"] for one in deliveries(alice, webhook)]
    assert sorted((one["kind"], one["percent"], one["used"]) for one in told_of) == [
        ("questions_day", 80, 8),
        ("questions_day", 100, 10),
        ("tokens_day", 80, 810),
    ]
    assert all(one["resets_at"] for one in told_of)
    with tenant_atomic(access.tenant_id):
        assert UsageDay.objects.exists()


def test_idle_conversations_are_told_too(alice: Person, receiver: ReceiverStandIn) -> None:
    hook(alice, receiver, "conversation.ended")
    with tenant_atomic(alice.access.tenant_id):
        conversation = create_conversation(access=alice.access)
        old = timezone.now() - timedelta(days=1)
        Conversation.objects.filter(id=conversation.id).update(updated_at=old, origin="query")
    assert end_idle() == {"acme": 1}
    send_now(alice)
    assert [told(one)["data"]["reason"] for one in receiver.heard] == ["idle"]
