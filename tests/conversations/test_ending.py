"""Conversations in which nothing happens any more end: by the organisation's rules, on schedule and by hand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from conversations.models import Conversation, Message, Origin, Role, Status
from conversations.services.holding import require_open
from conversations.tasks import archive_ended, end_idle, purge
from tenants.db import tenant_atomic
from tenants.errors import Conflict
from tenants.models import AuditEvent, Tenant
from tenants.services.organisations import disable_tenant, enable_tenant
from tests.conversations.doors import Api
from tests.conversations.life import PATH, begun, make_old, turns
from tests.people import Person
from tests.refusals import pointers, refusal

pytestmark = pytest.mark.django_db(transaction=True)


def of_query(person: Person) -> str:
    conversation = begun(person)
    with tenant_atomic(person.access.tenant_id):
        Conversation.objects.filter(id=conversation).update(origin=Origin.QUERY)
    return conversation


def status_of(person: Person, conversation: str) -> str:
    return str(person.api.get(f"{PATH}{conversation}/").json()["status"])


def printed(capsys: pytest.CaptureFixture[str], *options: str) -> list[str]:
    call_command("end_idle_conversations", *options)
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_sessions_end_after_half_an_hour_and_chats_when_the_organisation_says_so(
    alice: Person, bob: Person, charlie: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    sessions = {person: of_query(person) for person in (alice, bob, charlie)}
    chats = {person: begun(person) for person in (alice, bob, charlie)}
    lively = of_query(alice)
    for conversations in (sessions, chats):
        for person, one in conversations.items():
            make_old(person, one, minutes=31)
    make_old(alice, lively, minutes=29)
    assert printed(capsys, "--dry-run") == ["2 acme", "1 globex", "3 conversations would be ended"]
    assert {status_of(*one) for one in sessions.items()} == {"active"}
    assert printed(capsys) == ["2 acme", "1 globex", "3 conversations ended"]
    assert {status_of(*one) for one in sessions.items()} == {"ended"}
    assert {status_of(*one) for one in chats.items()} == {"active"}
    assert status_of(alice, lively) == "active"
    assert alice.full_api.patch("/api/v1/retention/", {"chat_idle_minutes": 30}).status_code == 200
    assert end_idle() == 2
    assert [status_of(*one) for one in chats.items()] == ["ended", "ended", "active"]
    assert end_idle() == 0
    with tenant_atomic(alice.access.tenant_id):
        told = AuditEvent.objects.filter(action="conversations.ended").order_by("at")
        assert [one.data for one in told] == [{"conversations": 2}, {"conversations": 2}]


def test_idle_ending_can_be_switched_off_and_does_not_count_as_activity(alice: Person) -> None:
    session = of_query(alice)
    make_old(alice, session, minutes=500)
    before = alice.api.get(f"{PATH}{session}/").json()["updated_at"]
    assert alice.full_api.patch("/api/v1/retention/", {"query_idle_minutes": None}).status_code == 200
    assert end_idle() == 0
    assert alice.full_api.patch("/api/v1/retention/", {"query_idle_minutes": 30}).status_code == 200
    assert end_idle() == 1
    assert alice.api.get(f"{PATH}{session}/").json()["updated_at"] == before


def test_in_a_disabled_organisation_everything_stays_as_it_is(alice: Person) -> None:
    session, ended = of_query(alice), begun(alice)
    turns(alice, ended, 1)
    assert alice.api.post(f"{PATH}{ended}/end/").status_code == 200
    assert alice.full_api.patch("/api/v1/retention/", {"delete_idle_days": 1}).status_code == 200
    for one, column in ((session, "updated_at"), (ended, "updated_at"), (ended, "ended_at")):
        make_old(alice, one, column=column, days=500)
    assert disable_tenant(tenant=Tenant.objects.get(slug="acme"))
    assert (end_idle(), archive_ended(), purge()) == (0, 0, 0)
    assert enable_tenant(tenant=Tenant.objects.get(slug="acme"))
    assert (end_idle(), archive_ended(), purge()) == (1, 1, 2)


@pytest.mark.parametrize("status", [Status.PENDING, Status.STREAMING])
def test_a_conversation_with_an_answer_under_way_is_not_idle(alice: Person, status: Status) -> None:
    session = of_query(alice)
    turns(alice, session, 1)
    with tenant_atomic(alice.access.tenant_id):
        Message.objects.filter(role=Role.ASSISTANT).update(status=status)
    make_old(alice, session, hours=5)
    assert end_idle() == 0
    with tenant_atomic(alice.access.tenant_id):
        Message.objects.filter(role=Role.ASSISTANT).update(status=Status.INTERRUPTED)
    assert end_idle() == 1


def test_whoever_asks_holds_the_conversation_open(alice: Person) -> None:
    session = of_query(alice)
    make_old(alice, session, hours=5)
    with tenant_atomic(alice.access.tenant_id):
        conversation = Conversation.objects.get(id=session)
        require_open(conversation)
        Conversation.objects.filter(id=session).update(ended_at=timezone.now() - timedelta(hours=1))
        with pytest.raises(Conflict) as refused:
            require_open(conversation)
    assert refused.value.code == "conversation_ended"


def test_an_ended_session_says_what_to_do(api: Api, alice: Person) -> None:
    first = api.post("/query/", json={"query": "How many days of paid holiday are there?"}).json()
    session = first["session_id"]
    assert alice.api.get(f"{PATH}{session}/").json()["origin"] == "query"
    make_old(alice, session, minutes=31)
    assert end_idle() == 1
    again: dict[str, Any] = {"query": "And for part-time employees?", "session_id": session}
    refused = api.post("/query/", json=again)
    assert (refused.status_code, refused.json()["code"]) == (409, "conversation_ended")
    assert f"POST /api/v1/conversations/{session}/reopen/ opens it again" in refused.json()["detail"]
    asked = api.post(f"/conversations/{session}/messages/", json={"content": "And now?"})
    assert (asked.status_code, asked.json()["code"]) == (409, "conversation_ended")
    assert len(alice.api.get(f"{PATH}{session}/messages/").json()["results"]) == 2
    assert api.post(f"/conversations/{session}/archive/").json()["status"] == "archived"
    assert api.post("/query/", json=again).json()["code"] == "conversation_ended"
    assert api.post(f"/conversations/{session}/reopen/").json()["status"] == "active"
    assert api.post("/query/", json=again).status_code == 200
    assert len(alice.api.get(f"{PATH}{session}/messages/").json()["results"]) == 4
    chat = api.conversation()
    assert alice.api.get(f"{PATH}{chat}/").json()["origin"] == "chat"


def test_metadata_has_a_limit(api: Api, alice: Person) -> None:
    large = {"note": "x" * 20_000}
    assert pointers(alice.api.post(PATH, {"metadata": large})) == [("/metadata", "too_large")]
    conversation = begun(alice, metadata={"ticket": 7})
    path = f"{PATH}{conversation}/"
    assert pointers(alice.api.patch(path, {"metadata": large})) == [("/metadata", "too_large")]
    huge = api.post("/conversations/", json={"metadata": {"note": "x" * 1024 * 1024}})
    assert (huge.status_code, huge.json()["code"]) == (413, "too_large")
    assert alice.api.get(path).json()["metadata"] == {"ticket": 7}


def test_rules_are_the_admins_and_in_range(alice: Person, bob: Person, charlie: Person) -> None:
    path = "/api/v1/retention/"
    for wrong in ({"chat_idle_minutes": 4}, {"query_idle_minutes": 525_601}, {"delete_idle_days": 0}):
        [(name, _)] = wrong.items()
        assert pointers(alice.full_api.patch(path, wrong)) == [(f"/{name}", "out_of_range")]
    assert pointers(alice.full_api.patch(path, {"delete_all": 1})) == [("/delete_all", "unknown_field")]
    for method in ("get", "patch"):
        assert refusal(getattr(bob.full_api, method)(path))[0] == 403
    assert alice.full_api.patch(path, {"chat_idle_minutes": 60}).json()["rules"]["chat_idle_minutes"] == 60
    assert charlie.full_api.get(path).json()["rules"]["chat_idle_minutes"] is None
    with tenant_atomic(alice.access.tenant_id):
        assert [one.data for one in AuditEvent.objects.filter(action="life.changed")] == [
            {"chat_idle_minutes": 60}
        ]
