"""Webhooks in tests: making one, sending what is due here and now, and checking signatures anew."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

from conversations.services.conversations import create_conversation, end_conversation
from tenants.db import tenant_atomic
from tenants.jobs.models import Job
from tenants.jobs.runner import run_job
from tenants.models import AuditEvent, WebhookDelivery
from tenants.webhooks.announcing import SEND
from tests.people import Person
from tests.standins.receiver import Heard, ReceiverStandIn

PATH = "/api/v1/webhooks/"
ALL = ["document.ready", "document.failed", "conversation.ended", "quota.near"]


def hook(person: Person, receiver: ReceiverStandIn, *events: str, **more: Any) -> dict[str, Any]:
    """Made through the API, with its secret."""
    made = person.full_api.post(PATH, {"url": receiver.url, "events": list(events) or ALL, **more})
    assert made.status_code == 201, made.content
    return dict(made.json())


def send_now(person: Person) -> None:
    """Run the organisation's webhook jobs in this process, once each, whatever they are waiting for."""
    with tenant_atomic(person.access.tenant_id):
        jobs = list(Job.objects.filter(tenant_id=person.access.tenant_id, kind=SEND, dead_at=None))
    for job in jobs:
        Job.objects.filter(id=job.id).update(run_at=job.created_at)
        run_job(job.id)


def hurry(person: Person) -> None:
    """Let what waits for its next attempt be due, without the rest after a failure."""
    with tenant_atomic(person.access.tenant_id):
        for delivery in WebhookDelivery.objects.filter(status="pending").select_related("webhook"):
            delivery.next_at = delivery.created_at
            delivery.save()
            delivery.webhook.rests_until = None
            delivery.webhook.save()


def deliveries(person: Person, webhook: dict[str, Any], query: str = "") -> list[dict[str, Any]]:
    answer = person.full_api.get(f"{PATH}{webhook['id']}/deliveries/{query}")
    assert answer.status_code == 200, answer.content
    return list(answer.json()["results"])


def shown(person: Person, webhook: dict[str, Any]) -> dict[str, Any]:
    return dict(person.full_api.get(f"{PATH}{webhook['id']}/").json())


def is_signed(heard: Heard, secret: str) -> bool:
    """By the standard's own words, sharing no code with what signs."""
    key = base64.b64decode(secret.split("_", 1)[1])
    signed = f"{heard.headers['webhook-id']}.{heard.headers['webhook-timestamp']}.".encode() + heard.body
    right = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return f"v1,{right}" in heard.headers["webhook-signature"].split(" ")


def told(heard: Heard) -> dict[str, Any]:
    return dict(json.loads(heard.body))


def ended(person: Person) -> str:
    """A conversation of theirs that has ended."""
    with tenant_atomic(person.access.tenant_id):
        conversation = create_conversation(access=person.access, title="Secret title")
        end_conversation(access=person.access, conversation=conversation)
    return str(conversation.id)


def actions(person: Person) -> list[str]:
    """What was recorded of webhooks."""
    with tenant_atomic(person.access.tenant_id):
        rows = AuditEvent.objects.filter(action__startswith="webhook.").order_by("at", "id")
        return [event.action for event in rows]


def ping(person: Person, webhook: dict[str, Any]) -> dict[str, Any]:
    answer = person.full_api.post(f"{PATH}{webhook['id']}/test/")
    assert answer.status_code == 202, answer.content
    return dict(answer.json())
