"""Temporary conversations: in no list, for as long as somebody is at them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db.models import F
from django.utils import timezone

from conversations.models import Conversation, Message, MessageChunk
from conversations.services.deleting import TEMPORARY, purge_past
from conversations.services.temporary import keep_a_moment
from tenants.db import tenant_atomic
from tenants.models import AuditEvent
from tests.config.polling import wait_for
from tests.conversations.doors import Api
from tests.conversations.life import PATH, begun, turns
from tests.factories import work_off
from tests.people import Person
from tests.refusals import refusal

pytestmark = pytest.mark.django_db(transaction=True)

RETENTION = "/api/v1/retention/"


def left(person: Person, conversation: str) -> timedelta:
    """How long it still has."""
    with tenant_atomic(person.access.tenant_id):
        until: datetime | None = Conversation.objects.get(id=conversation).unlisted_until
    assert until is not None
    return until - timezone.now()


def pass_time(person: Person, **by: int) -> None:
    with tenant_atomic(person.access.tenant_id):
        rows = Conversation.objects.exclude(unlisted_until=None)
        rows.update(unlisted_until=F("unlisted_until") - timedelta(**by))


def asked(person: Person, conversation: str) -> Any:
    response = person.api.post(f"{PATH}{conversation}/messages/", {"content": "Where is the zeppelin?"})
    assert response.status_code == 201, response.content
    return response.json()


def test_it_is_opened_and_asked_and_in_no_list(alice: Person, bob: Person, charlie: Person) -> None:
    talk, kept = begun(alice, temporary=True), begun(alice, title="Zeppelins")
    assert alice.api.get(f"{PATH}{talk}/").json()["temporary"] is True
    assert alice.api.get(f"{PATH}{kept}/").json()["temporary"] is False
    answer = asked(alice, talk)
    work_off(alice)
    assert len(alice.api.get(f"{PATH}{talk}/messages/").json()["results"]) == 2
    for path in (PATH, f"{PATH}?search=zeppelin"):
        assert [one["id"] for one in alice.api.get(path).json()["results"]] == [kept]
    assert alice.api.get(f"{PATH}stats/").json()["messages"] == 0
    page = alice.client.get("/o/acme/c/" + talk + "/").content.decode()
    assert "Temporary chat." in page
    for path in ("", "conversations/", "conversations/?q=zeppelin", "conversations/found/?q=zeppelin"):
        shown = alice.client.get(f"/o/acme/{path}").content.decode()
        assert (talk in shown, kept in shown) == (False, True), path
    assert talk not in alice.client.get("/o/acme/admin/conversations/conversation/").content.decode()
    with tenant_atomic(alice.access.tenant_id):
        assert not MessageChunk.objects.exists()
    # Others see as little of it as of what is not there.
    missing = refusal(bob.api.get(f"{PATH}{uuid4()}/"))
    for person in (bob, charlie):
        assert refusal(person.api.get(f"{PATH}{talk}/")) == missing
        assert person.api.get(f"/api/v1/messages/{answer['id']}/").status_code == 404


def test_what_would_outlive_it_is_refused(alice: Person) -> None:
    talk = begun(alice, temporary=True)
    ids = turns(alice, talk, 1)
    refused = [
        alice.api.post(f"{PATH}{talk}/archive/"),
        alice.api.patch(f"{PATH}{talk}/", {"pinned": True}),
        alice.api.post(f"/api/v1/messages/{ids[1]}/feedback/", {"rating": "up"}),
    ]
    assert [refusal(one)[1]["code"] for one in refused] == ["conversation_temporary"] * 3
    assert alice.api.post("/api/v1/shares/", {"conversation": talk, "link": True}).status_code == 400
    shared = alice.client.post(f"/o/acme/c/{talk}/share/", {"link": "on"}, headers={"Accept": "application/json"})
    assert shared.json()["code"] == "conversation_temporary"


def test_it_goes_when_nobody_keeps_it(alice: Person, charlie: Person) -> None:
    talk, others = begun(alice, temporary=True), begun(charlie, temporary=True)
    asked(alice, talk)
    assert timedelta(minutes=59) < left(alice, talk) <= timedelta(hours=1)
    pass_time(alice, minutes=50)
    assert purge_past()[TEMPORARY] == 0
    # Whoever asks goes on with it.
    asked(alice, talk)
    assert left(alice, talk) > timedelta(minutes=59)
    # Its page says that it is open: then it has a moment more, whatever it had.
    assert keep_a_moment(access=alice.access, conversation_id=UUID(talk)) is True
    assert left(alice, talk) < timedelta(minutes=2)
    assert keep_a_moment(access=alice.access, conversation_id=UUID(others)) is False
    pass_time(alice, minutes=2)
    assert purge_past()[TEMPORARY] == 1
    assert keep_a_moment(access=alice.access, conversation_id=UUID(talk)) is False
    assert alice.api.get(f"{PATH}{talk}/").status_code == 404
    assert alice.client.get(f"/o/acme/c/{talk}/").status_code == 404
    with tenant_atomic(alice.access.tenant_id):
        assert not Message.objects.exists()
    assert charlie.api.get(f"{PATH}{others}/").status_code == 200


def test_its_open_page_keeps_it_and_one_that_is_closed_does_not(api: Api, alice: Person) -> None:
    talk = begun(alice, temporary=True)
    with api.socket(talk, cookie=True):
        wait_for("its page says that it is open", lambda: left(alice, talk) < timedelta(minutes=1))
        pass_time(alice, minutes=1)
        # Over the time that it would stay, and not gone.
        wait_for("it is kept again", lambda: left(alice, talk) > timedelta(0))
        assert purge_past()[TEMPORARY] == 0
    wait_for("nobody keeps it any more", lambda: left(alice, talk) < timedelta(0))
    assert purge_past()[TEMPORARY] == 1


def test_deleted_it_is_gone_at_once(alice: Person) -> None:
    talk = begun(alice, temporary=True)
    turns(alice, talk, 1)
    assert alice.api.delete(f"{PATH}{talk}/").status_code == 204
    assert alice.api.post(f"{PATH}{talk}/restore/").status_code == 404
    with tenant_atomic(alice.access.tenant_id):
        assert not Conversation.objects.exists()
        assert not Message.objects.exists()


def test_the_organisation_says_whether_there_are_any(alice: Person, bob: Person, charlie: Person) -> None:
    assert alice.full_api.get(RETENTION).json()["rules"]["allows_temporary"] is True
    assert bob.full_api.patch(RETENTION, {"allows_temporary": False}).status_code == 403
    assert alice.full_api.patch(RETENTION, {"allows_temporary": False}).status_code == 200
    with tenant_atomic(alice.access.tenant_id):
        told = AuditEvent.objects.get(action="life.changed")
        assert told.data == {"allows_temporary": False}
    refused = [
        alice.api.post(PATH, {"temporary": True}),
        bob.api.post(PATH, {"temporary": True}),
    ]
    assert [refusal(one)[0] for one in refused] == [403, 403]
    assert refusal(refused[0])[1]["code"] == "temporary_is_off"
    assert bob.client.get("/o/acme/?temporary").status_code == 403
    assert charlie.api.post(PATH, {"temporary": True}).status_code == 201
    assert bob.api.post(PATH, {}).status_code == 201
