"""Conversations that are deleted: nowhere at once, back for a minute, gone for good then."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connections
from django.db.models import F

from conversations.models import Conversation, Message
from conversations.services.deleting import DELETED, PAST, TEMPORARY, purge_past
from tenants.db import tenant_atomic
from tenants.models import AuditEvent
from tests.conversations.life import PATH, begun, rows_of, turns
from tests.people import Browser, Person
from tests.processes import Running
from tests.refusals import refusal
from tests.shelving import shelved

pytestmark = pytest.mark.django_db(transaction=True)

PORTAL_ACTIONS = ("archive", "delete", "restore", "export")


def deleted(person: Person, conversation: str) -> None:
    assert person.api.delete(f"{PATH}{conversation}/").status_code == 204


def restored(person: Person, conversation: str) -> Any:
    return person.api.post(f"{PATH}{conversation}/restore/")


def let_a_minute_pass(person: Person) -> None:
    with tenant_atomic(person.access.tenant_id):
        gone = Conversation.objects.exclude(unlisted_until=None)
        gone.update(unlisted_until=F("unlisted_until") - timedelta(minutes=2))


def listed(person: Person, path: str) -> list[str]:
    response = person.api.get(f"/api/v1/{path}")
    assert response.status_code == 200, response.content
    return [str(one["id"]) for one in response.json()["results"]]


def test_it_is_nowhere_and_then_as_it_was(alice: Person, bob: Person, worker: Running) -> None:
    document = shelved(alice)["id"]
    talk, other = begun(alice, title="Zeppelins"), begun(alice, title="Bicycles")
    ids = turns(alice, talk, 2, document=document)
    shared = alice.api.post("/api/v1/shares/", {"conversation": talk, "link": True}).json()["id"]
    before, rows = alice.api.get(f"{PATH}{talk}/").json(), rows_of(alice, talk)
    # What is to be found nowhere, found first.
    doors = [
        f"{PATH}{talk}/",
        f"{PATH}{talk}/messages/",
        f"{PATH}{talk}/export/?format=json",
        f"{PATH}{talk}/attachments/",
        f"/api/v1/messages/{ids[1]}/",
        f"/api/v1/messages/{ids[1]}/why/",
        f"/api/v1/shares/{shared}/",
        f"/api/v1/shares/{shared}/messages/",
    ]
    pages = [f"c/{talk}/", f"c/{talk}/export/", f"c/{talk}/share/", f"s/{shared}/"]
    lists = [
        "conversations/",
        "conversations/?search=zeppelins",
        f"shares/?conversation={other}",
        "feedback/",
    ]

    def seen() -> tuple[list[int], list[int], list[int], bool]:
        return (
            [alice.api.get(door).status_code for door in doors],
            [alice.client.get(f"/o/acme/{page}").status_code for page in pages],
            [bob.api.get(doors[-1]).status_code, bob.client.get(f"/o/acme/s/{shared}/").status_code],
            any(talk in listed(alice, one) for one in lists[:2]) or bool(listed(alice, "feedback/")),
        )

    assert seen() == ([200] * 8, [200] * 4, [200] * 2, True)
    deleted(alice, talk)
    assert seen() == ([404] * 8, [404] * 4, [404] * 2, False)
    assert alice.api.get(f"{PATH}stats/").json()["messages"] == 0
    assert refusal(alice.api.post(f"{PATH}{talk}/messages/", {"content": "Still there?"}))[0] == 404
    assert alice.api.post("/api/v1/query/", {"query": "Still there?", "session_id": talk}).status_code == 400
    assert alice.api.delete(f"{PATH}{talk}/").status_code == 404
    assert talk not in alice.client.get("/o/acme/").content.decode()
    # The page of all of them offers to bring it back, and says no more of it.
    page = alice.client.get("/o/acme/conversations/").content.decode()
    assert ("Zeppelins" in page, "was deleted a moment ago" in page) == (False, True)

    response = restored(alice, talk)
    assert (response.status_code, response.json()) == (200, before)
    assert seen() == ([200] * 8, [200] * 4, [200] * 2, True)
    assert rows_of(alice, talk) == rows
    with tenant_atomic(alice.access.tenant_id):
        told = AuditEvent.objects.filter(target_id=talk).values_list("action", flat=True)
        assert {"conversation.deleted", "conversation.restored"} <= set(told)


def test_it_goes_for_good_after_a_minute(alice: Person, charlie: Person) -> None:
    talk, kept = begun(alice, title="Zeppelins"), begun(alice, title="Bicycles")
    turns(alice, talk, 2)
    others = begun(charlie, title="Zeppelins")
    deleted(alice, talk)
    deleted(charlie, others)
    nothing = Counter({PAST: 0, DELETED: 0, TEMPORARY: 0})
    assert purge_past() == nothing
    let_a_minute_pass(alice)
    assert purge_past(dry_run=True)[DELETED] == 1
    assert purge_past()[DELETED] == 1
    assert restored(alice, talk).status_code == 404
    with tenant_atomic(alice.access.tenant_id):
        assert [str(one) for one in Conversation.objects.values_list("id", flat=True)] == [kept]
        assert not Message.objects.exists()
    assert restored(charlie, others).status_code == 200


def test_nobody_else_brings_it_back(alice: Person, bob: Person, charlie: Person) -> None:
    talk, alive = begun(alice, title="Zeppelins"), begun(alice, title="Bicycles")
    deleted(alice, talk)
    missing = refusal(restored(alice, str(uuid4())))
    assert missing[0] == 404
    for person, one in ((bob, talk), (charlie, talk), (bob, alive)):
        assert refusal(restored(person, one)) == missing
    for one in (talk, talk, alive):
        assert restored(alice, one).status_code == 200


@pytest.mark.parametrize("action", PORTAL_ACTIONS)
def test_many_are_each_ones_own(alice: Person, bob: Person, charlie: Person, action: str) -> None:
    mine = begun(alice, title="Mine")
    turns(alice, mine, 1)
    theirs = {person.user.email: begun(person, title="Theirs") for person in (bob, charlie)}
    for person, one in ((alice, mine), (bob, theirs[bob.user.email]), (charlie, theirs[charlie.user.email])):
        if action == "restore":
            deleted(person, one)
    path = "/o/acme/conversations/chosen/"
    headers = {"Accept": "application/json"}
    answers = [
        alice.client.post(path, {"action": action, "conversations": one}, headers=headers)
        for one in (*theirs.values(), str(uuid4()))
    ]
    if action == "export":
        assert [one.status_code for one in answers] == [404] * 3
        done = alice.client.post(path, {"action": action, "conversations": mine}, headers=headers)
        assert done.headers["Content-Type"] == "application/zip"
        return
    told = [(one.json()["done"], one.json()["refused"][0]["code"]) for one in answers]
    assert told == [([], "not_found")] * 3
    done = alice.client.post(path, {"action": action, "conversations": [mine, str(uuid4())]}, headers=headers)
    assert (done.json()["done"], len(done.json()["refused"])) == ([mine], 1)


@pytest.mark.parametrize(
    "sent",
    [
        {"action": "delete"},
        {"action": "delete", "conversations": "none"},
        {"action": "destroy", "conversations": str(uuid4())},
        {"action": "delete", "conversations": [str(uuid4()) for _ in range(101)]},
    ],
)
def test_what_makes_no_sense_is_refused(alice: Person, sent: dict[str, Any]) -> None:
    response = alice.client.post("/o/acme/conversations/chosen/", sent, headers={"Accept": "application/json"})
    assert response.status_code == 400, response.content


def test_whoever_looks_while_it_goes_sees_it_or_nothing(alice: Person) -> None:
    """Rows vanish between the statements of one page, over a connection of their own."""
    talks = [begun(alice, title=f"Talk {number}", temporary=True) for number in range(12)]
    for talk in talks:
        turns(alice, talk, 6)
    paths = [f"/o/acme/c/{{}}/{one}" for one in ("", "export/?format=json")]
    seen: set[int] = set()
    is_over = threading.Event()

    def look() -> None:
        try:
            looking, place = Browser(raise_request_exception=False), 0
            looking.cookies = alice.client.cookies
            while not is_over.is_set():
                talk = talks[place % len(talks)]
                seen.update(looking.get(path.format(talk)).status_code for path in paths)
                place += 1
        finally:
            connections.close_all()

    lookers = [threading.Thread(target=look) for _ in range(3)]
    for one in lookers:
        one.start()
    for talk in talks:
        deleted(alice, talk)
    is_over.set()
    for one in lookers:
        one.join()
    assert seen <= {200, 404}
