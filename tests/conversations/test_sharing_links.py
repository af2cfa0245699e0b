"""Links to conversations: listed for whoever has opened them, as long as they open."""

from __future__ import annotations

from typing import Any

import pytest

from conversations.models import Share
from tenants.db import tenant_atomic
from tenants.models import AuditEvent
from tenants.services.members import remove_member
from tests.conversations.test_sharing import SHARES, opens, shared, talk
from tests.conversations.test_sight import shelf
from tests.people import Person

__all__ = ["shelf", "talk"]

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_link_that_was_opened_is_listed_for_whoever_opened_it(
    alice: Person, bob: Person, dana: Person, charlie: Person, talk: dict[str, Any]
) -> None:
    share = shared(bob, talk["conversation"], link=True)
    page = "/o/acme/shared/"

    def with_it() -> set[str]:
        """Who has it in their list, in the portal as over REST."""
        people = (alice, bob, dana, charlie)
        by_rest = {
            one.user.name
            for one in people
            if share["id"] in {row["id"] for row in one.api.get(f"{SHARES}?of=others").json()["results"]}
        }
        own = f"/s/{share['id']}/"
        shown = {one.user.name for one in people if own in one.client.get(page).content.decode()}
        assert by_rest == shown
        return by_rest

    assert with_it() == set()
    assert charlie.api.get(f"{SHARES}{share['id']}/").status_code == 404
    for _ in range(2):
        assert dana.client.get(f"/o/acme/s/{share['id']}/").status_code == 200
    assert with_it() == {"Dana"}
    [row] = dana.api.get(f"{SHARES}?of=others").json()["results"]
    assert (row["link"], row["author"]["name"], row["people"]) == (True, "Bob", [])
    assert "by link" in dana.client.get(page).content.decode()
    assert alice.api.get(f"{SHARES}{share['id']}/messages/").status_code == 200
    assert with_it() == {"Alice", "Dana"}
    # Who has opened it is not its author's to know, and opens nothing by itself.
    assert bob.api.get(f"{SHARES}{share['id']}/").json()["people"] == []
    with tenant_atomic(bob.access.tenant_id):
        Share.objects.filter(id=share["id"]).update(is_by_link=False)
    assert with_it() == set()
    assert not opens(dana, share)
    with tenant_atomic(bob.access.tenant_id):
        Share.objects.filter(id=share["id"]).update(is_by_link=True)
    remove_member(access=alice.access, user_id=dana.user.pk)
    assert bob.api.delete(f"{SHARES}{share['id']}/").status_code == 204
    assert not opens(alice, share)
    assert alice.api.get(f"{SHARES}?of=others").json()["results"] == []


def test_who_is_named_and_opens_it_is_named_still(bob: Person, dana: Person, talk: dict[str, Any]) -> None:
    talk["shelf"].open_to(bob, dana)
    share = shared(bob, talk["conversation"], people=[str(dana.user.pk)], link=True)
    assert opens(dana, share)
    assert bob.api.get(f"{SHARES}{share['id']}/").json()["people"] == [str(dana.user.pk)]
    assert [one["id"] for one in dana.api.get(f"{SHARES}?of=others").json()["results"]] == [share["id"]]


def test_who_has_opened_a_link_takes_it_off_the_list_and_nobody_elses(
    alice: Person, bob: Person, dana: Person, charlie: Person, talk: dict[str, Any]
) -> None:
    share = shared(bob, talk["conversation"], link=True)
    path, page, revoke = f"{SHARES}{share['id']}/", "/o/acme/shared/", f"/o/acme/s/{share['id']}/revoke/"

    def listed(person: Person) -> bool:
        return bool(person.api.get(f"{SHARES}?of=others").json()["results"])

    assert alice.api.delete(path).status_code == 403, "who has not opened it has nothing to take off"
    assert charlie.api.delete(path).status_code == 404
    for person in (alice, dana):
        assert person.api.get(path).status_code == 200
    assert dana.api.delete(path).status_code == 204
    assert (listed(dana), listed(alice)) == (False, True)
    assert revoke in alice.client.get(page).content.decode()
    assert alice.client.post(revoke).headers["Location"] == page
    assert (listed(alice), alice.api.delete(path).status_code) == (False, 403)
    assert dana.api.get(path).status_code == 200, "it is still shared"
    assert listed(dana)
    with tenant_atomic(bob.access.tenant_id):
        events = AuditEvent.objects.filter(action="share.put_away").order_by("at")
        assert list(events.values_list("actor_id", flat=True)) == [dana.user.pk, alice.user.pk]
