"""Questions in passing: counted, in no list, and gone after a day."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
from django.core.management import call_command
from django.db.models import F

from conversations.models import Conversation, Message, MessageChunk
from tenants.db import tenant_atomic
from tests.conversations.openai_clients import CHAT, body
from tests.factories import work_off
from tests.people import Person

pytestmark = pytest.mark.django_db(transaction=True)

ASKED = "Where is the zeppelin moored?"


def passed(person: Person) -> str:
    """Ask; the message's id."""
    answer = person.api.post(CHAT, body(ASKED))
    assert answer.status_code == 200, answer.content
    return str(answer.json()["id"].removeprefix("chatcmpl-"))


def listed(person: Person, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = person.api.get(f"/api/v1/{path}").json()["results"]
    return found


def age(person: Person, **by: int) -> None:
    """Let time pass for all that was asked in passing."""
    with tenant_atomic(person.access.tenant_id):
        past = Conversation.objects.exclude(unlisted_until=None)
        past.update(unlisted_until=F("unlisted_until") - timedelta(**by))


def purged(*options: str) -> str:
    told = StringIO()
    call_command("purge_expired", *options, stdout=told)
    return told.getvalue()


def test_it_is_counted_and_in_no_list(alice: Person) -> None:
    begun = alice.api.post("/api/v1/conversations/", {"title": "Zeppelins"}).json()["id"]
    message = passed(alice)
    # Whatever makes everybody's messages be looked at anew.
    assert alice.client.post(f"/o/{alice.slug}/settings/masking/change/", {"emails": "on"}).status_code == 302
    work_off(alice)
    view = alice.api.get(f"/api/v1/messages/{message}/").json()
    assert view["status"] == "refused"
    assert [one["id"] for one in listed(alice, "conversations/")] == [begun]
    assert [one["id"] for one in listed(alice, "conversations/?search=zeppelin")] == [begun]
    stats = alice.api.get("/api/v1/conversations/stats/").json()
    assert (stats["active"], stats["messages"]) == (1, 0)
    page = alice.client.get(f"/o/{alice.slug}/").content.decode()
    assert "Zeppelins" in page
    assert view["conversation"] not in page
    admin = alice.client.get(f"/o/{alice.slug}/admin/conversations/conversation/").content.decode()
    assert begun in admin
    assert view["conversation"] not in admin
    with tenant_atomic(alice.access.tenant_id):
        assert not MessageChunk.objects.exists()
    assert alice.api.get("/api/v1/me/").json()["used"]["questions_day"] == 1
    # Whoever asked finds question and answer by their ids, and no more.
    assert alice.api.get(f"/api/v1/conversations/{view['conversation']}/").status_code == 404
    question = alice.api.get(f"/api/v1/messages/{view['parent']}/").json()
    assert question["content"] == ASKED
    for one, turn in ((message, "regenerate"), (view["parent"], "edit")):
        sent = alice.api.post(f"/api/v1/messages/{one}/{turn}/", {"content": ASKED} if turn == "edit" else {})
        assert sent.status_code == 404, sent.content
    assert purged("--dry-run").count("0 questions in passing") == 1


def test_others_see_nothing_of_it(alice: Person, bob: Person, charlie: Person) -> None:
    message = passed(alice)
    for person in (bob, charlie):
        assert person.api.get(f"/api/v1/messages/{message}/").status_code == 404
        assert listed(person, "conversations/") == []


def test_it_is_not_ended_by_the_organisations_rules_and_goes_after_a_day(alice: Person, charlie: Person) -> None:
    kept = alice.api.post("/api/v1/conversations/", {"title": "Kept"}).json()["id"]
    messages = [passed(person) for person in (alice, alice, charlie)]
    age(alice, hours=23)
    assert "0 questions in passing" in purged()
    age(alice, hours=2)
    assert "2 questions in passing" in purged("--dry-run")
    assert alice.api.get(f"/api/v1/messages/{messages[0]}/").status_code == 200
    assert "2 questions in passing" in purged()
    assert [alice.api.get(f"/api/v1/messages/{one}/").status_code for one in messages[:2]] == [404, 404]
    assert charlie.api.get(f"/api/v1/messages/{messages[2]}/").status_code == 200
    with tenant_atomic(alice.access.tenant_id):
        assert list(Conversation.objects.values_list("id", flat=True)) == [UUID(kept)]
        assert not Message.objects.exists()
    # What was used stays counted.
    assert alice.api.get("/api/v1/me/").json()["used"]["questions_day"] == 2
