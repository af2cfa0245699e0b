"""Archiving and deleting beside what others may read and what is pinned."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connections
from django.utils import timezone

from conversations.models import Conversation, Feedback, Message, Rating, Role, Share, ShareReader
from conversations.services.archives import archive_conversation
from conversations.tasks import archive_ended, purge
from tenants.db import tenant_atomic
from tenants.models import AuditEvent
from tenants.services.erasure import erase_person
from tests.config.polling import wait_for
from tests.conversations.life import PATH, begun, delete_for_good, files_of, is_waited_for, make_old, turns
from tests.people import Person
from tests.refusals import refusal

pytestmark = pytest.mark.django_db(transaction=True)

SHARES = "/api/v1/shares/"
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def talk(person: Person, title: str) -> str:
    conversation = begun(person, title=title)
    turns(person, conversation, 1)
    return conversation


def shared(person: Person, conversation: str, **fields: Any) -> str:
    response = person.api.post(SHARES, {"conversation": conversation, "link": True, **fields})
    assert response.status_code == 201, response.content
    return str(response.json()["id"])


def pin(person: Person, conversation: str) -> None:
    assert person.api.patch(f"{PATH}{conversation}/", {"pinned": True}).status_code == 200


def end(person: Person, conversation: str, *, days: float) -> None:
    assert person.api.post(f"{PATH}{conversation}/end/").status_code == 200
    make_old(person, conversation, column="ended_at", days=days)


def expire(person: Person, share: str) -> None:
    with tenant_atomic(person.access.tenant_id):
        Share.objects.filter(id=share).update(expires_at=timezone.now() - timedelta(seconds=1))


def titles(person: Person, **query: str) -> set[str]:
    return {one["title"] for one in person.api.get(PATH, query).json()["results"]}


@pytest.fixture
def kinds(alice: Person) -> dict[str, str]:
    """Alice's conversations of every kind, by their titles."""
    made = {one: talk(alice, one) for one in ("plain", "pinned", "shared", "revoked", "expired")}
    pin(alice, made["pinned"])
    shares = {one: shared(alice, made[one]) for one in ("shared", "revoked", "expired")}
    assert alice.api.delete(f"{SHARES}{shares['revoked']}/").status_code == 204
    expire(alice, shares["expired"])
    return made


def test_pinned_and_shared_ones_are_not_archived_by_themselves(
    alice: Person, bob: Person, kinds: dict[str, str]
) -> None:
    for conversation in kinds.values():
        end(alice, conversation, days=31)
    assert archive_ended() == 3
    assert titles(alice, status="archived") == {"plain", "revoked", "expired"}
    with tenant_atomic(alice.access.tenant_id):
        left = Share.objects.get()
        assert str(left.conversation_id) == kinds["shared"]
    assert len(bob.api.get(f"{SHARES}{left.id}/messages/").json()["results"]) == 2
    assert alice.api.delete(f"{SHARES}{left.id}/").status_code == 204
    assert archive_ended() == 1
    assert titles(alice, status="ended") == {"pinned"}


def test_a_shared_one_is_archived_once_its_shares_have_ended(alice: Person, bob: Person, charlie: Person) -> None:
    conversation = talk(alice, "Leave")
    share = shared(alice, conversation)
    status, body = refusal(alice.api.post(f"{PATH}{conversation}/archive/"))
    assert (status, body["code"]) == (409, "conversation_shared")
    assert "End its shares first" in body["detail"]
    for other in (bob, charlie):
        assert refusal(other.api.post(f"{PATH}{conversation}/archive/"))[0] == 404
    assert (titles(alice, status="active"), files_of(alice)) == ({"Leave"}, [])
    assert bob.api.get(f"{SHARES}{share}/").status_code == 200
    assert alice.api.delete(f"{SHARES}{share}/").status_code == 204
    assert alice.api.post(f"{PATH}{conversation}/archive/").status_code == 200
    # It can be pinned where it is.
    pin(alice, conversation)
    assert titles(alice, status="archived", pinned="true") == {"Leave"}


def test_an_archived_one_is_reopened_before_it_is_shared(alice: Person) -> None:
    conversation = talk(alice, "Leave")
    assert alice.api.post(f"{PATH}{conversation}/archive/").status_code == 200
    status, body = refusal(alice.api.post(SHARES, {"conversation": conversation, "link": True}))
    assert (status, body["code"]) == (409, "conversation_archived")
    assert "Reopen it" in body["detail"]
    path = f"/o/acme/c/{conversation}/share/"
    page = alice.client.get(path, headers=BROWSER).content.decode()
    assert "This conversation is archived. Reopen it to share it." in page
    assert f"/o/acme/c/{conversation}/reopen/" in page
    assert 'name="link"' not in page
    assert alice.client.post(path, {"link": "on"}, headers=BROWSER).status_code == 409
    with tenant_atomic(alice.access.tenant_id):
        assert not Share.objects.exists()
    assert alice.client.post(f"/o/acme/c/{conversation}/reopen/").status_code == 302
    assert 'name="link"' in alice.client.get(path, headers=BROWSER).content.decode()
    shared(alice, conversation)


def test_whoever_shares_it_while_it_is_archived_is_told_so(alice: Person) -> None:
    conversation = talk(alice, "Leave")

    def share() -> Any:
        try:
            return refusal(alice.api.post(SHARES, {"conversation": conversation, "link": True}))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as threads:
        with tenant_atomic(alice.access.tenant_id):
            archive_conversation(access=alice.access, conversation=Conversation.objects.get(id=conversation))
            answer = threads.submit(share)
            wait_for("the share waits for the archive", is_waited_for, within=30)
        status, body = answer.result(timeout=60)
    assert (status, body["code"]) == (409, "conversation_archived")
    assert titles(alice, status="archived") == {"Leave"}


@pytest.mark.parametrize(
    ("rules", "left"),
    [
        ({}, {"pinned", "shared"}),
        ({"spares_pinned": False}, {"shared"}),
        ({"spares_shared": False}, {"pinned"}),
        ({"spares_pinned": False, "spares_shared": False}, set()),
    ],
)
def test_retention_spares_what_is_pinned_or_shared_if_the_organisation_says_so(
    alice: Person, bob: Person, kinds: dict[str, str], rules: dict[str, bool], left: set[str]
) -> None:
    for conversation in kinds.values():
        make_old(alice, conversation, days=91)
    changed = alice.full_api.patch("/api/v1/retention/", {"delete_idle_days": 90, **rules}).json()
    assert changed["deletes"]["now"] == len(kinds) - len(left)
    assert purge() == len(kinds) - len(left)
    assert titles(alice) == left
    with tenant_atomic(alice.access.tenant_id):
        assert Share.objects.count() == ("shared" in left)
        assert set(map(str, Message.objects.values_list("conversation", flat=True))) == {
            kinds[one] for one in left
        }


def test_shares_go_with_their_conversation(alice: Person, bob: Person) -> None:
    conversation, other = talk(alice, "Leave"), talk(alice, "Other")
    for one in (conversation, other):
        shared(alice, one, people=[str(bob.user.pk)])
    delete_for_good(alice, conversation)
    with tenant_atomic(alice.access.tenant_id):
        assert [str(one) for one in Share.objects.values_list("conversation", flat=True)] == [other]
        assert ShareReader.objects.count() == 1
        [told] = AuditEvent.objects.filter(action="conversation.deleted")
        assert told.data == {"files": 0}


def test_P2_a_person_who_is_erased_leaves_others_archives_too(alice: Person, bob: Person) -> None:
    """Rows of others in one's conversation come of no page today; what a later one makes is erased as well."""
    conversation = talk(alice, "Leave")
    with tenant_atomic(alice.access.tenant_id):
        answer = Message.objects.get(conversation=conversation, role=Role.ASSISTANT)
        Feedback.objects.create(message=answer, author_id=bob.user.pk, rating=Rating.UP, comment="Of bob.")
    assert alice.api.post(f"{PATH}{conversation}/archive/").status_code == 200
    own = alice.api.get(f"{PATH}{conversation}/messages/").json()["results"][1]["feedback"]
    assert (own["rating"], own["comment"]) == ("down", "Too short, 0.")
    [before] = files_of(alice)
    tombstone = erase_person(access=alice.access, user_id=bob.user.pk)
    assert tombstone.removed["files.rewritten"] == 1
    [after] = files_of(alice)
    assert after != before, "what was written anew is another file"
    assert alice.api.post(f"{PATH}{conversation}/reopen/").status_code == 200
    with tenant_atomic(alice.access.tenant_id):
        assert Conversation.objects.count() == 1
        assert set(Feedback.objects.values_list("message", "author_id")) == {(answer.id, UUID(str(alice.user.pk)))}
