"""What an organisation keeps no longer: shown before it goes, deleted with everything of it, counted."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command

from conversations.models import Conversation, Message, Origin
from conversations.tasks import purge
from tenants.db import tenant_atomic
from tenants.models import AuditEvent
from tests.conversations.life import PATH, begun, files_of, make_old, turns
from tests.people import Person

pytestmark = pytest.mark.django_db(transaction=True)

RETENTION = "/api/v1/retention/"
NOTHING = {"idle": 0, "query": 0, "archived": 0, "now": 0, "within_7_days": 0, "within_30_days": 0, "files": 0}


def aged(person: Person, *, origin: Origin = Origin.CHAT, archived: float | None = None, days: float) -> str:
    """A conversation of one turn whose last activity was so long ago; archived so many days ago if said."""
    conversation = begun(person)
    turns(person, conversation, 1)
    if archived is not None:
        assert person.api.post(f"{PATH}{conversation}/archive/").status_code == 200
        make_old(person, conversation, column="archived_at", days=archived)
    make_old(person, conversation, days=days)
    with tenant_atomic(person.access.tenant_id):
        Conversation.objects.filter(id=conversation).update(origin=origin)
    return conversation


def shown(person: Person, query: str = "") -> dict[str, Any]:
    response = person.full_api.get(f"{RETENTION}{query}")
    assert response.status_code == 200, response.content
    return dict(response.json()["deletes"])


def left(*people: Person) -> list[set[str]]:
    return [{one["id"] for one in person.api.get(PATH).json()["results"]} for person in people]


def test_nothing_is_deleted_by_default(alice: Person) -> None:
    conversation = aged(alice, days=5000, archived=4000)
    assert shown(alice) == NOTHING
    assert purge() == 0
    assert left(alice) == [{conversation}]


def test_what_would_go_is_shown_and_goes(
    alice: Person, bob: Person, charlie: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    idle, soon, later = aged(alice, days=91), aged(bob, days=86), aged(bob, days=65)
    session = aged(alice, origin=Origin.QUERY, days=8)
    put_away = aged(bob, days=40, archived=31)
    kept, foreign = aged(alice, days=2), aged(charlie, days=500)
    rules = {"delete_idle_days": 90, "delete_query_days": 7, "delete_archived_days": 30}
    preview = "?" + "&".join(f"{name}={value}" for name, value in rules.items())
    expected = {
        "idle": 1,
        "query": 1,
        "archived": 1,
        "now": 3,
        "within_7_days": 4,
        "within_30_days": 5,
        "files": 0,
    }
    assert shown(alice, preview) == expected
    looked_at = alice.full_api.get(f"{RETENTION}?delete_idle_days=90&archive_after_days=").json()["rules"]
    assert (looked_at["spares_pinned"], looked_at["archive_after_days"]) == (True, None)
    assert shown(alice) == NOTHING, "looking changes nothing"
    assert purge() == 0
    changed = alice.full_api.patch(RETENTION, rules).json()
    assert (changed["deletes"], changed["rules"]["delete_idle_days"]) == (expected, 90)
    for option in ("--dry-run", None):
        call_command("purge_expired", *filter(None, [option]))
        lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
        assert lines[-2:] == ["3 conversations", "0 attached files"]
    assert left(alice, bob, charlie) == [{kept}, {soon, later}, {foreign}]
    assert {idle, session, put_away} & set().union(*left(alice, bob)) == set()
    assert files_of(alice) == []
    with tenant_atomic(alice.access.tenant_id):
        gone = Message.objects.exclude(conversation__in=[kept, soon, later])
        assert (gone.count(), Message.objects.count()) == (0, 6)
        [told] = AuditEvent.objects.filter(action="conversations.purged")
        assert told.data == {"conversations": 3, "files": 0}
    assert purge() == 0


def test_one_in_which_an_answer_is_written_waits(alice: Person) -> None:
    conversation = aged(alice, days=91)
    with tenant_atomic(alice.access.tenant_id):
        Message.objects.filter(role="assistant").update(status="streaming")
    assert alice.full_api.patch(RETENTION, {"delete_idle_days": 90}).status_code == 200
    assert purge() == 0
    assert left(alice) == [{conversation}]


def sent(person: Person, **form: str) -> Any:
    plain = {"query_idle_minutes": "30", "archive_after_days": "30", "spares_pinned": "on", "spares_shared": "on"}
    headers = {"Accept": "text/html,application/xhtml+xml"}
    path = f"/o/{person.slug}/settings/conversations/change/"
    return person.client.post(path, plain | form, headers=headers)


def rules_of(person: Person) -> Any:
    return person.full_api.get(RETENTION).json()["rules"]


def test_the_portal_asks_before_it_saves_what_deletes_at_once(alice: Person, bob: Person, charlie: Person) -> None:
    aged(alice, days=91)
    aged(bob, days=200)
    assert sent(alice, chat_idle_minutes="120").status_code == 302
    assert (rules_of(alice)["chat_idle_minutes"], rules_of(charlie)["chat_idle_minutes"]) == (120, None)
    assert sent(alice, delete_idle_days="300").status_code == 302
    asked = sent(alice, delete_idle_days="90")
    assert asked.status_code == 200
    assert "This deletes 2 conversations within the hour" in asked.content.decode()
    assert rules_of(alice)["delete_idle_days"] == 300
    aged(bob, days=200)
    again = sent(alice, delete_idle_days="90", confirmed="2")
    assert "This deletes 3 conversations within the hour" in again.content.decode(), "it was said otherwise"
    assert rules_of(alice)["delete_idle_days"] == 300
    assert sent(alice, delete_idle_days="90", confirmed="3").status_code == 302
    assert rules_of(alice)["delete_idle_days"] == 90
    assert sent(alice, delete_idle_days="90", chat_idle_minutes="60").status_code == 302, "asked once"
    page = alice.client.get("/o/acme/settings/conversations/").content.decode()
    assert "By these rules 3 go within the hour" in page
    for wrong, words in (("4", "This can be 5 to 525600 minutes, or empty."), ("ten", "“ten” is no number.")):
        refused = sent(alice, chat_idle_minutes=wrong)
        assert (refused.status_code, words in refused.content.decode()) == (400, True)
        assert f'value="{wrong}"' in refused.content.decode()
    assert rules_of(alice)["chat_idle_minutes"] == 60
    assert bob.client.get("/o/acme/settings/conversations/").status_code == 403
    assert sent(bob, delete_idle_days="1").status_code == 403
    assert charlie.client.get("/o/acme/settings/conversations/").status_code == 404
