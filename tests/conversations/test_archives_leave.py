"""Archives in exports and erasures: they go where the rest of a conversation goes."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections
from pytest_django import Settings

from conversations.models import ArchiveRecord, Conversation, ConversationWords, Message, MessageChunk
from conversations.services.conversations import remove_conversations
from conversations.services.holding import hold
from tenants.db import tenant_atomic
from tenants.erasure.tombstones import list_tombstones
from tenants.services.erasure import erase_person
from tenants.services.exports import run_export
from tests.config.polling import wait_for
from tests.conversations.life import PATH, begun, files_of, is_waited_for, turns
from tests.environment import Environment
from tests.factories import work_off
from tests.people import Person
from tests.tenants.test_exports import body_of, claimed, entries, waiting_export

pytestmark = pytest.mark.django_db(transaction=True)


def put_away(person: Person, count: int = 2) -> str:
    conversation = begun(person, title=f"Leave of {person.user.name}")
    turns(person, conversation, count)
    assert person.api.post(f"{PATH}{conversation}/archive/").status_code == 200
    return conversation


def test_P1_a_persons_export_has_what_they_archived(alice: Person, adam: Person) -> None:
    own, other = put_away(adam), put_away(alice)
    messages = adam.api.get(f"{PATH}{own}/messages/").json()["results"]
    export = waiting_export(adam, subject=adam.user.pk)
    run_export(export.id, claimed(export))
    held = entries(body_of(adam.full_api.get(f"/api/v1/exports/{export.id}/file/")))
    whole = json.loads(held[f"conversations/{own}.json"])
    assert (whole["messages"], whole["archived_at"] is None) == (messages, False)
    assert f"conversations/{other}.json" not in held


def test_P1_an_organisations_export_has_its_archives_files(
    alice: Person, bob: Person, charlie: Person, tmp_path: Path
) -> None:
    archived = {put_away(alice), put_away(bob)}
    put_away(charlie)
    target = tmp_path / "acme.zip"
    call_command("export_tenant", "acme", output=str(target))
    held = entries(target.read_bytes())
    files = {name for name in held if name.startswith("archives/")}
    assert files == {f"archives/{one}.json" for one in archived}
    for one in archived:
        assert json.loads(held[f"archives/{one}.json"])["conversation"]["id"] == one
    [row] = [json.loads(line) for line in held["rows/conversations_archiverecord.jsonl"].splitlines()][:1]
    assert row["conversation_id"] in archived


def test_P2_whoever_is_erased_leaves_no_archive(alice: Person, bob: Person) -> None:
    kept = put_away(alice)
    put_away(bob)
    put_away(bob)
    tombstone = erase_person(access=alice.access, user_id=bob.user.pk)
    assert tombstone.removed["conversations_archiverecord"] == 2
    with tenant_atomic(alice.access.tenant_id):
        assert [str(one) for one in Conversation.objects.values_list("id", flat=True)] == [kept]
        assert len(files_of(alice)) == ArchiveRecord.objects.count() == 1


def test_whoever_deletes_and_whoever_embeds_hold_things_in_one_order(alice: Person) -> None:
    """Otherwise each waits for the other, and one of them fails."""
    conversation = begun(alice)
    turns(alice, conversation, 2)

    def embed() -> None:
        try:
            work_off(alice)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as threads:
        with tenant_atomic(alice.access.tenant_id):
            held = hold(Conversation.objects.get(id=conversation))
            job = threads.submit(embed)
            wait_for("the job waits for the conversation", is_waited_for, within=30)
            free = Message.objects.filter(conversation=held).select_for_update(nowait=True)
            assert free.count() == len(list(free)) == 4
            remove_conversations([held.id])
        job.result(timeout=60)
    with tenant_atomic(alice.access.tenant_id):
        assert (MessageChunk.objects.count(), ConversationWords.objects.count()) == (0, 0)


def test_P3_an_organisation_that_is_erased_leaves_no_archive(
    alice: Person, charlie: Person, run_environment: Environment, settings: Settings, capsys: Any
) -> None:
    settings.DOCENT_OWNER_URL = run_environment.owner_url
    put_away(alice)
    kept = put_away(charlie)
    tenant = alice.access
    call_command("erase_tenant", "acme", yes_erase="acme")
    assert f"Nothing is left of Acme ({tenant.tenant_id})." in capsys.readouterr().out
    assert len(files_of(charlie)) == 1
    assert len(charlie.api.get(f"{PATH}{kept}/messages/").json()["results"]) == 4
    [order] = [one for one in list_tombstones() if one.subject == tenant.tenant_id]
    assert order.is_finished
