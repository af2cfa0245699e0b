"""Webhooks: what is told, signed, and again after failures. By whose sight: `test_webhooks_sight`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.core import mail
from django.db import connections, transaction
from django.utils import timezone

from conversations.services.conversations import create_conversation, end_conversation
from documents.models import Document
from tenants.db import tenant_atomic
from tenants.models import Job, Webhook, WebhookDelivery
from tenants.permissions import Role, Scope
from tenants.services.members import add_member, remove_member
from tenants.services.tokens import create_token
from tenants.webhooks.purging import purge_deliveries, wake_webhooks
from tests.config.polling import wait_for
from tests.factories import uploaded, work_off
from tests.people import ApiClient, Person
from tests.refusals import pointers, refusal
from tests.standins.receiver import ReceiverStandIn, Said
from tests.tenants.hooks import (
    ALL,
    PATH,
    actions,
    deliveries,
    ended,
    hook,
    hurry,
    is_signed,
    ping,
    send_now,
    shown,
    told,
)

pytestmark = pytest.mark.django_db(transaction=True)

WAITING = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
NOTE = ("note.txt", b"Boats are kept under the bridge.")


def refused(answer: Any) -> tuple[int, str]:
    status, problem = refusal(answer)
    return status, problem["code"]


def test_a_document_that_is_ready_is_told_signed_and_listed(alice: Person, receiver: ReceiverStandIn) -> None:
    webhook = hook(alice, receiver, "document.ready", description=" The  intranet ")
    assert webhook["secret"].startswith("whsec_")
    assert webhook | {"secret": 0, "id": 0, "created_at": 0} == {
        "id": 0,
        "url": receiver.url,
        "description": "The intranet",
        "events": ["document.ready"],
        "is_active": True,
        "disabled_reason": "",
        "acts_for": str(alice.user.pk),
        "failing_since": None,
        "former_secret_until": None,
        "created_at": 0,
        "secret": 0,
    }
    document = uploaded(alice, *NOTE)
    work_off(alice)
    [heard] = receiver.heard
    assert is_signed(heard, webhook["secret"])
    assert not is_signed(heard, "whsec_" + "A" * 44)
    assert abs(int(heard.headers["webhook-timestamp"]) - time.time()) < 60
    assert heard.headers["content-type"] == "application/json"
    with tenant_atomic(alice.access.tenant_id):
        collection = str(Document.objects.get(id=document["id"]).collection_id)
    data = {
        "document": document["id"],
        "name": "note.txt",
        "collection": collection,
        "version": 1,
        "status": "ready",
    }
    said = told(heard)
    assert datetime.fromisoformat(said.pop("timestamp")).tzinfo is not None
    assert said == {
        "id": heard.event,
        "type": "document.ready",
        "organisation": str(alice.access.tenant_id),
        "data": data,
    }
    [delivery] = deliveries(alice, webhook)
    assert delivery | dict.fromkeys(("id", "tried_at", "created_at", "duration_ms"), 0) == {
        "id": 0,
        "event": heard.event,
        "type": "document.ready",
        "about": data,
        "status": "delivered",
        "attempts": 1,
        "next_at": None,
        "tried_at": 0,
        "error": "",
        "response_status": 204,
        "duration_ms": 0,
        "answer": "",
        "created_at": 0,
    }
    assert not Job.objects.filter(kind="tenants.webhook").exists()


def test_a_document_that_fails_is_told_with_its_code(alice: Person, receiver: ReceiverStandIn) -> None:
    hook(alice, receiver, "document.failed")
    document = uploaded(alice, "broken.pdf", b"%PDF-1.7 and nothing else")
    work_off(alice)
    [heard] = receiver.heard
    data = told(heard)["data"]
    assert (data["document"], data["status"], set(data["error"])) == (document["id"], "failed", {"code"})


def test_only_what_was_asked_for_and_only_ones_own_organisations(
    alice: Person, charlie: Person, receiver: ReceiverStandIn
) -> None:
    hook(alice, receiver, "quota.near")
    hook(charlie, receiver, "conversation.ended")
    ended(alice)
    work_off(alice)
    send_now(charlie)
    assert receiver.heard == []


def test_what_is_rolled_back_was_never_told(alice: Person, receiver: ReceiverStandIn) -> None:
    webhook = hook(alice, receiver)
    with tenant_atomic(alice.access.tenant_id):
        conversation = create_conversation(access=alice.access)
        end_conversation(access=alice.access, conversation=conversation)
        transaction.set_rollback(True)
    assert deliveries(alice, webhook) == []
    assert not Job.objects.filter(kind="tenants.webhook").exists()


def test_a_failure_is_tried_again_later_with_the_same_id(alice: Person, receiver: ReceiverStandIn) -> None:
    webhook = hook(alice, receiver)
    receiver.script(
        Said(500, b"<b>Oh</b>\x00\x1b[31m no \xff" + b"y" * 9000), Said(302, headers={"Location": "/x"})
    )
    ping(alice, webhook)
    send_now(alice)
    [first] = deliveries(alice, webhook, "?status=pending")
    assert (first["attempts"], first["error"], first["response_status"]) == (1, "refused", 500)
    assert first["answer"].startswith("<b>Oh</b> [31m no \N{REPLACEMENT CHARACTER}yyy")
    assert len(first["answer"]) == 500
    wait = datetime.fromisoformat(first["next_at"]) - datetime.now(UTC)
    assert timedelta(seconds=5) < wait < timedelta(seconds=13)
    assert shown(alice, webhook)["failing_since"] is not None
    send_now(alice)
    assert len(receiver.heard) == 1, "its time has not come"
    hurry(alice)
    send_now(alice)
    assert deliveries(alice, webhook)[0]["error"] == "redirected"
    hurry(alice)
    send_now(alice)
    assert [one.path for one in receiver.heard] == ["/told"] * 3, "no redirect was followed"
    assert {one.event for one in receiver.heard} == {first["event"]}
    assert len({one.body for one in receiver.heard}) == 1
    assert deliveries(alice, webhook)[0]["status"] == "delivered"
    assert shown(alice, webhook)["failing_since"] is None


def test_after_eight_attempts_it_has_failed_and_can_be_sent_again(
    alice: Person, receiver: ReceiverStandIn
) -> None:
    webhook = hook(alice, receiver)
    receiver.script(Said(503), times=8)
    delivery = ping(alice, webhook)
    for _ in range(12):
        send_now(alice)
        hurry(alice)
    assert len(receiver.heard) == 8
    [failed] = deliveries(alice, webhook)
    assert (failed["status"], failed["attempts"], failed["next_at"]) == ("failed", 8, None)
    again = alice.full_api.post(f"{PATH}{webhook['id']}/deliveries/{delivery['id']}/redeliver/")
    assert (again.status_code, again.json()["status"]) == (202, "pending")
    send_now(alice)
    assert {one.event for one in receiver.wait_heard(9)} == {failed["event"]}
    assert deliveries(alice, webhook)[0]["status"] == "delivered"
    assert actions(alice) == ["webhook.created", "webhook.tested", "webhook.redelivered"]


def test_what_waits_for_hours_holds_nothing_up(alice: Person, receiver: ReceiverStandIn) -> None:
    webhook = hook(alice, receiver)
    receiver.script(Said(429, headers={"Retry-After": "7200"}))
    ping(alice, webhook)
    send_now(alice)
    [waiting] = deliveries(alice, webhook)
    wait = datetime.fromisoformat(waiting["next_at"]) - datetime.now(UTC)
    assert timedelta(hours=1.9) < wait < timedelta(hours=2.1)
    second = ping(alice, webhook)
    assert Job.objects.get(kind="tenants.webhook").run_at <= timezone.now()
    send_now(alice)
    assert [one.event for one in receiver.heard] == [waiting["event"], second["event"]]


def test_410_disables_and_says_so(alice: Person, receiver: ReceiverStandIn) -> None:
    webhook = hook(alice, receiver)
    receiver.script(Said(410))
    ping(alice, webhook)
    send_now(alice)
    found = shown(alice, webhook)
    assert (found["is_active"], found["disabled_reason"]) == (False, "gone")
    [message] = mail.outbox
    assert message.to == ["alice@example.org"]
    assert receiver.url in message.body
    assert "410" in message.body
    assert refused(alice.full_api.post(f"{PATH}{webhook['id']}/test/")) == (409, "webhook_disabled")
    ended(alice)
    assert len(deliveries(alice, webhook)) == 1, "nothing is written for it while it is disabled"


def test_days_of_failures_disable(alice: Person, receiver: ReceiverStandIn) -> None:
    webhook = hook(alice, receiver)
    with tenant_atomic(alice.access.tenant_id):
        Webhook.objects.update(failing_since=timezone.now() - timedelta(days=5, minutes=1))
    receiver.script(Said(500))
    ping(alice, webhook)
    send_now(alice)
    assert shown(alice, webhook)["disabled_reason"] == "failing"
    [delivery] = deliveries(alice, webhook)
    assert (delivery["status"], delivery["error"]) == ("failed", "disabled")
    assert len(mail.outbox) == 1
    enabled = alice.full_api.patch(f"{PATH}{webhook['id']}/", {"is_active": True}).json()
    assert (enabled["failing_since"], enabled["disabled_reason"]) == (None, "")


def test_T7_a_new_secret_signs_beside_the_former_one_for_a_day(alice: Person, receiver: ReceiverStandIn) -> None:
    webhook = hook(alice, receiver)
    rotated = alice.full_api.post(f"{PATH}{webhook['id']}/rotate-secret/").json()
    assert rotated["secret"] != webhook["secret"]
    left = datetime.fromisoformat(rotated["former_secret_until"]) - datetime.now(UTC)
    assert timedelta(hours=23.9) < left <= timedelta(hours=24)
    ping(alice, webhook)
    send_now(alice)
    assert [is_signed(receiver.heard[0], one["secret"]) for one in (webhook, rotated)] == [True, True]
    with tenant_atomic(alice.access.tenant_id):
        Webhook.objects.update(former_until=timezone.now() - timedelta(seconds=1))
    ping(alice, webhook)
    send_now(alice)
    assert [is_signed(receiver.heard[1], one["secret"]) for one in (webhook, rotated)] == [False, True]
    purge_deliveries()
    with tenant_atomic(alice.access.tenant_id):
        kept = Webhook.objects.get()
        assert (kept.sealed_former_secret, kept.former_until) == (None, None)
        assert rotated["secret"].encode() not in bytes(kept.sealed_secret)
    for path in (PATH, f"{PATH}{webhook['id']}/", f"{PATH}{webhook['id']}/deliveries/"):
        assert b"whsec_" not in alice.full_api.get(path).content


def test_at_most_twenty_and_only_for_admins(
    alice: Person, adam: Person, bob: Person, charlie: Person, receiver: ReceiverStandIn
) -> None:
    body = {"url": receiver.url, "events": ALL}
    webhook = hook(adam, receiver)
    for _ in range(19):
        hook(alice, receiver)
    assert refused(alice.full_api.post(PATH, body)) == (409, "too_many")
    assert len(alice.full_api.get(PATH).json()["results"]) == 20
    assert refused(bob.full_api.post(PATH, body)) == (403, "permission_denied")
    assert refused(alice.api.get(PATH)) == (403, "permission_denied"), "a token without the scope admin"
    for path in (f"{PATH}{webhook['id']}/", f"{PATH}{uuid4()}/"):
        assert refused(charlie.full_api.get(path)) == (404, "not_found")
        assert refused(charlie.full_api.delete(path)) == (404, "not_found")
    assert charlie.full_api.get(PATH).json()["results"] == []
    assert alice.full_api.delete(f"{PATH}{webhook['id']}/").status_code == 204
    assert len(alice.full_api.get(PATH).json()["results"]) == 19


def test_a_token_of_some_collections_has_no_webhooks(alice: Person) -> None:
    [default] = alice.api.get("/api/v1/collections/").json()["results"]
    scopes = frozenset({Scope.ADMIN, Scope.DOCUMENTS_READ})
    token = create_token(access=alice.access, name="some", scopes=scopes, collections=[UUID(default["id"])])
    assert refused(ApiClient(token.value).get(PATH)) == (403, "permission_denied")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"events": ALL}, "/url"),
        ({"url": "https://example.org/", "events": []}, "/events"),
        ({"url": "https://example.org/", "events": ["ping"]}, "/events/0"),
        ({"url": "https://example.org/", "events": ALL, "secret": "whsec_mine"}, "/secret"),
        ({"url": "https://example.org/", "events": ALL, "description": "x" * 201}, "/description"),
    ],
)
def test_what_is_wrong_is_pointed_at(alice: Person, body: dict[str, Any], pointer: str) -> None:
    answer = alice.full_api.post(PATH, body)
    assert [place for place, _ in pointers(answer)] == [pointer]


def test_old_deliveries_are_forgotten_and_forgotten_ones_woken(alice: Person, receiver: ReceiverStandIn) -> None:
    webhook = hook(alice, receiver)
    old, due = ping(alice, webhook), ping(alice, webhook)
    with tenant_atomic(alice.access.tenant_id):
        WebhookDelivery.objects.filter(id=old["id"]).update(created_at=timezone.now() - timedelta(days=31))
    assert purge_deliveries(dry_run=True) == 1
    assert purge_deliveries() == 1
    Job.objects.filter(kind="tenants.webhook").delete()
    assert wake_webhooks() == 1
    send_now(alice)
    assert [one.event for one in receiver.heard] == [due["event"]]


def test_a_document_that_is_deleted_is_not_remembered(alice: Person, receiver: ReceiverStandIn) -> None:
    webhook = hook(alice, receiver)
    document = uploaded(alice, *NOTE)
    work_off(alice)
    assert len(deliveries(alice, webhook)) == 1
    assert alice.api.delete(f"/api/v1/documents/{document['id']}/").status_code == 204
    assert deliveries(alice, webhook) == []


def test_members_come_and_go_without_webhooks(alice: Person, bob: Person, receiver: ReceiverStandIn) -> None:
    hook(alice, receiver)
    remove_member(access=alice.access, user_id=bob.user.pk)
    add_member(access=alice.access, user=bob.user, role=Role.VIEWER)
    assert actions(alice) == ["webhook.created"]


def test_what_is_announced_while_the_job_ends_is_told(
    alice: Person, receiver: ReceiverStandIn, admin_connection: psycopg.Connection[Any]
) -> None:
    """The job looks for more while the announcement is written and not yet committed."""
    hook(alice, receiver, "conversation.ended")
    ended(alice)
    receiver.script(Said(holds=True))
    sending = threading.Thread(target=_in_thread, args=[lambda: send_now(alice)])
    sending.start()
    receiver.wait_heard(1)
    with tenant_atomic(alice.access.tenant_id):
        conversation = create_conversation(access=alice.access)
        end_conversation(access=alice.access, conversation=conversation)
        receiver.let_go.set()
        waiting = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        wait_for(
            "the sender waits for its job's row", lambda: admin_connection.execute(waiting).fetchone() is not None
        )
    sending.join()
    assert len(receiver.heard) == 2
    assert not Job.objects.filter(kind="tenants.webhook").exists()


def test_one_that_is_deleted_while_something_is_announced_leaves_nothing(
    alice: Person, receiver: ReceiverStandIn, admin_connection: psycopg.Connection[Any]
) -> None:
    webhook = hook(alice, receiver, "conversation.ended")
    answers: list[int] = []

    def delete() -> None:
        answers.append(alice.full_api.delete(f"{PATH}{webhook['id']}/").status_code)

    deleting = threading.Thread(target=_in_thread, args=[delete])
    with tenant_atomic(alice.access.tenant_id):
        conversation = create_conversation(access=alice.access)
        end_conversation(access=alice.access, conversation=conversation)
        deleting.start()
        wait_for("the deletion waits", lambda: admin_connection.execute(WAITING).fetchall())
    deleting.join()
    assert answers == [204]
    assert not Job.objects.filter(kind="tenants.webhook").exists()


def _in_thread(work: Callable[[], None]) -> None:
    try:
        work()
    finally:
        connections.close_all()
