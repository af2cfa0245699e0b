"""Archived conversations: a file instead of rows, read on by their author, and back as they were."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.storage import default_storage
from django.db import connection
from django.test.utils import CaptureQueriesContext
from jsonschema import Draft202012Validator
from pytest_django import Settings

from conversations.models import (
    ArchivedName,
    ArchiveRecord,
    Message,
    MessageChunk,
    MessageEmbedding,
    Share,
    Thoughts,
)
from conversations.records import SCHEMA, load, require_valid
from conversations.records.parts import NOT_KEPT, parts
from conversations.searching.embedding import EMBED_CONVERSATION
from conversations.services.archives import BLANK_ARCHIVE
from conversations.tasks import archive_ended, sweep_archives
from documents.services.sweeping import STRAY_AFTER
from tenants.db import tenant_atomic
from tenants.errors import NotFound
from tenants.isolation.catalog import tenant_models
from tenants.jobs.models import Job
from tenants.models import AuditEvent, TenantKey
from tests.conversations.life import PATH, begun, delete_for_good, files_of, make_old, rows_of, turns
from tests.factories import ready, work_off
from tests.faults.test_storage import make_old as make_file_old
from tests.people import Person
from tests.processes import Running
from tests.refusals import pointers, refusal
from tests.shelving import shelved

pytestmark = pytest.mark.django_db(transaction=True)

ARCHIVES = f"{PATH}archives/"


def post(person: Person, conversation: str, what: str) -> Any:
    response = person.api.post(f"{PATH}{conversation}/{what}/")
    assert response.status_code == 200, response.content
    return response.json()


def archive_of(person: Person, conversation: str) -> dict[str, Any]:
    """The archive as it is listed."""
    [found] = [one for one in person.api.get(ARCHIVES).json()["results"] if one["conversation"] == conversation]
    return dict(found)


def downloaded(person: Person, conversation: str) -> dict[str, Any]:
    response = person.api.get(f"{ARCHIVES}{archive_of(person, conversation)['id']}/")
    assert response.status_code == 200, response.content
    return dict(response.json())


def messages_of(person: Person, conversation: str) -> Any:
    return person.api.get(f"{PATH}{conversation}/messages/").json()["results"]


def stored(person: Person, conversation: str) -> tuple[Path, str]:
    """The file and what stands in it."""
    with tenant_atomic(person.access.tenant_id):
        row = ArchiveRecord.objects.get(conversation=conversation)
    path = Path(default_storage.path(row.storage_key))
    return path, path.read_text(encoding="utf-8")


def test_a_restored_conversation_is_field_by_field_what_was_archived(alice: Person, worker: Running) -> None:
    document = shelved(alice)["id"]
    made = {"persona": "precise-quoter", "memory": "summary", "memory_turns": 3}
    conversation = begun(alice, title="Leave", documents=[document], metadata={"ticket": 7}, **made)
    turns(alice, conversation, 3, document=document)
    work_off(alice)
    before, shown = rows_of(alice, conversation), messages_of(alice, conversation)
    about = alice.api.get(f"{PATH}{conversation}/").json()
    assert {table: len(rows) for table, rows in before.items()} == {
        table: {"conversations_message": 6}.get(table, 3) for table in before
    }
    with tenant_atomic(alice.access.tenant_id):
        assert MessageChunk.objects.exists()
    archived = post(alice, conversation, "archive")
    assert (archived["status"], archived["ended_at"] is None) == ("archived", False)
    assert archived | {"status": "active", "ended_at": None, "archived_at": None} == about, "nothing else changed"
    assert post(alice, conversation, "archive") == archived, "twice is once"
    assert rows_of(alice, conversation) == {table: [] for table in before}
    with tenant_atomic(alice.access.tenant_id):
        left = [model.objects.count() for model in (Message, MessageChunk, MessageEmbedding)]
    assert left == [0, 0, 0]
    assert not Job.objects.filter(kind=EMBED_CONVERSATION, target_id=conversation).exists()
    assert messages_of(alice, conversation) == shown, "it is read on"
    assert len(files_of(alice)) == 1
    reopened = post(alice, conversation, "reopen")
    assert reopened | {"updated_at": about["updated_at"]} == about
    assert rows_of(alice, conversation) == before
    assert messages_of(alice, conversation) == shown
    assert files_of(alice) == []
    assert alice.api.get(ARCHIVES).json()["results"] == []
    work_off(alice)
    with tenant_atomic(alice.access.tenant_id):
        assert MessageEmbedding.objects.count() == MessageChunk.objects.count() == 6
    assert post(alice, conversation, "reopen") == reopened, "twice is once"


def test_every_row_that_hangs_on_a_message_is_archived_or_made_again() -> None:
    """A table of tomorrow is taken along by itself; one that would lose its message without going is seen here."""
    hanging = {
        (model, field.name)
        for model in tenant_models().values()
        for field in model._meta.local_fields
        if isinstance(field, TenantKey) and field.related_model is Message
    }
    taken = {(model, key) for model, key in parts().values()} | {(Message, "parent")}
    assert {model for model, _ in hanging} - {model for model, _ in taken} == NOT_KEPT
    assert hanging - taken == {(MessageChunk, "message"), (Share, "leaf"), (Thoughts, "message")}
    below = {
        model
        for model in tenant_models().values()
        for field in model._meta.local_fields
        if isinstance(field, TenantKey) and field.related_model in {model for model, _ in parts().values()}
    }
    assert below == set(), "what hangs on what hangs on a message is not taken along"


def test_the_record_is_as_its_schema_says(alice: Person, worker: Running) -> None:
    document = shelved(alice)["id"]
    conversation = begun(alice, title="Leave")
    turns(alice, conversation, 2, document=document)
    post(alice, conversation, "archive")
    path, text = stored(alice, conversation)
    listed = archive_of(alice, conversation)
    assert listed == {
        "id": listed["id"],
        "conversation": conversation,
        "title": "Leave",
        "messages": 4,
        "bytes": path.stat().st_size,
        "sha256": listed["sha256"],
        "schema": SCHEMA,
        "created_at": listed["created_at"],
    }
    assert f"t/{alice.access.tenant_id}/archives/" in str(path)
    record = json.loads(text)
    require_valid(record)
    schema = json.loads(Path("conversations/records/conversation-1.json").read_text())
    Draft202012Validator.check_schema(schema)
    assert set(record) <= set(schema["properties"])
    known = set(schema["$defs"]["message"]["properties"]) | {"request_id"} | set(parts())
    assert set().union(*record["messages"]) <= known
    assert str(alice.user.pk) not in text, "no person's id"
    given = record["messages"][1]["sources"][0]
    assert "text" not in given
    assert "Every full-time employee" not in text, "words of documents stand there only as quotes"
    assert record["messages"][1]["citations"][0]["quote"] == "Staff handbook"
    download = downloaded(alice, conversation)
    require_valid(download)
    assert "traces" not in download["messages"][1]


def test_archives_are_their_authors_alone(alice: Person, bob: Person, charlie: Person) -> None:
    conversations = {}
    for person in (alice, bob, charlie):
        conversations[person] = begun(person, title="Leave")
        turns(person, conversations[person], 1)
        post(person, conversations[person], "archive")
    for person, conversation in conversations.items():
        [only] = person.api.get(ARCHIVES).json()["results"]
        assert only["conversation"] == conversation
        for other in set(conversations) - {person}:
            for path in (f"{ARCHIVES}{only['id']}/", f"{PATH}{conversation}/messages/"):
                missing = path.replace(only["id"], str(uuid4())).replace(conversation, str(uuid4()))
                assert refusal(other.api.get(path)) == refusal(other.api.get(missing))
            for what in ("archive", "reopen"):
                assert refusal(other.api.post(f"{PATH}{conversation}/{what}/"))[0] == 404
    first = alice.api.get(f"{ARCHIVES}?limit=1").json()
    assert (len(first["results"]), first["next"]) == (1, None)


def test_what_was_deleted_meanwhile_is_blank_in_the_file_and_afterwards(
    alice: Person, worker: Running, settings: Settings
) -> None:
    document, other = (
        shelved(alice)["id"],
        ready(alice, "other.txt", b"Leave is granted by the head. It is long.")["id"],
    )
    conversation = begun(alice, documents=[document])
    turns(alice, conversation, 1, document=document)
    settings.DOCENT_JOBS_IN_FLIGHT = {}  # from now on jobs are run by this test
    turns_of_other, at_once = begun(alice), begun(alice)
    turns(alice, turns_of_other, 1, document=other)
    turns(alice, at_once, 1, document=document)
    for one in (conversation, turns_of_other, at_once):
        post(alice, one, "archive")
    untouched = stored(alice, turns_of_other)
    assert "Staff handbook" in stored(alice, conversation)[1]
    assert alice.api.delete(f"/api/v1/documents/{document}/").status_code == 204
    passage = downloaded(alice, conversation)["messages"][1]["citations"][0]
    assert (passage["document"], passage["quote"], passage["page"]) == (None, "", 1), "before any job has run"
    post(alice, at_once, "reopen")
    assert messages_of(alice, at_once)[1]["citations"][0]["quote"] == ""
    work_off(alice)
    path, text = stored(alice, conversation)
    assert "Staff handbook" not in text
    assert document not in json.dumps(json.loads(text)["messages"])
    assert (len(files_of(alice)), stored(alice, turns_of_other)) == (2, untouched)
    assert archive_of(alice, conversation)["bytes"] == path.stat().st_size
    with tenant_atomic(alice.access.tenant_id):
        assert {str(one.subject_id) for one in ArchivedName.objects.all()} == {other}
        assert Job.objects.filter(kind=BLANK_ARCHIVE).count() == 0
    post(alice, conversation, "reopen")
    [answer] = messages_of(alice, conversation)[1:]
    assert [(one["document"], one["quote"], one["url"]) for one in answer["citations"]] == [(None, "", None)]
    assert [(one["document"], one["text"], one["page"]) for one in answer["sources"]] == [(None, "", 1)]
    post(alice, turns_of_other, "reopen")
    assert messages_of(alice, turns_of_other)[1]["citations"][0]["document"] == other


def test_a_file_written_anew_while_it_is_read_is_read_anew(
    alice: Person, worker: Running, settings: Settings
) -> None:
    document = shelved(alice)["id"]
    settings.DOCENT_JOBS_IN_FLIGHT = {}  # from now on jobs are run by this test
    conversation = begun(alice)
    turns(alice, conversation, 1, document=document)
    post(alice, conversation, "archive")
    with tenant_atomic(alice.access.tenant_id):
        found_before, found_before_the_end = ArchiveRecord.objects.get(), ArchiveRecord.objects.get()
    assert alice.api.delete(f"/api/v1/documents/{document}/").status_code == 204
    work_off(alice)
    with tenant_atomic(alice.access.tenant_id):
        assert "Staff handbook" not in json.dumps(load(found_before))
    post(alice, conversation, "reopen")
    with tenant_atomic(alice.access.tenant_id), pytest.raises(NotFound):
        load(found_before_the_end)


def test_who_loses_sight_of_a_document_reads_no_words_of_it_in_their_archive(
    alice: Person, bob: Person, worker: Running
) -> None:
    [collection] = [one["id"] for one in alice.api.get("/api/v1/collections/").json()["results"]]
    document = shelved(alice)["id"]
    conversation = begun(bob)
    turns(bob, conversation, 1, document=document)
    post(bob, conversation, "archive")
    assert downloaded(bob, conversation)["messages"][1]["citations"][0]["quote"] == "Staff handbook"
    hidden = {"access": {"everyone": False}}
    changed = alice.full_api.patch(f"/api/v1/collections/{collection}/", hidden)
    assert changed.status_code == 200, changed.content
    answer = downloaded(bob, conversation)["messages"][1]
    assert [(one["document"], one["quote"]) for one in answer["citations"]] == [(None, "")]
    assert [(one["document"], one["text_sha256"]) for one in answer["sources"]] == [(None, "")]
    assert messages_of(bob, conversation)[1]["citations"][0]["quote"] == ""
    assert messages_of(bob, conversation)[1]["sources"][0]["text"] == ""


def test_ended_ones_are_archived_when_their_time_comes(alice: Person, charlie: Person) -> None:
    old, young, open_one, foreign = begun(alice), begun(alice), begun(alice), begun(charlie)
    for person, one in ((alice, old), (alice, young), (charlie, foreign)):
        turns(person, one, 1)
        post(person, one, "end")
    make_old(alice, old, column="ended_at", days=31)
    make_old(charlie, foreign, column="ended_at", days=29)
    make_old(alice, open_one, days=500)
    assert archive_ended() == 1

    def listed(person: Person, status: str) -> set[str]:
        return {one["id"] for one in person.api.get(f"{PATH}?status={status}").json()["results"]}

    assert [listed(alice, one) for one in ("active", "ended", "archived")] == [{open_one}, {young}, {old}]
    assert charlie.full_api.patch("/api/v1/retention/", {"archive_after_days": 7}).status_code == 200
    assert alice.full_api.patch("/api/v1/retention/", {"archive_after_days": None}).status_code == 200
    make_old(alice, young, column="ended_at", days=5000)
    assert archive_ended() == 1
    assert (listed(charlie, "archived"), listed(alice, "ended")) == ({foreign}, {young})
    with tenant_atomic(alice.access.tenant_id):
        [told] = AuditEvent.objects.filter(action="conversations.archived")
        assert told.data == {"conversations": 1}


def test_while_an_answer_is_written_it_is_not_archived(alice: Person) -> None:
    conversation = begun(alice)
    turns(alice, conversation, 1)
    with tenant_atomic(alice.access.tenant_id):
        Message.objects.filter(role="assistant").update(status="streaming")
    assert refusal(alice.api.post(f"{PATH}{conversation}/archive/"))[1]["code"] == "reply_running"
    post(alice, conversation, "end")
    make_old(alice, conversation, column="ended_at", days=500)
    assert archive_ended() == 0
    assert files_of(alice) == []


def test_deleting_an_archived_one_deletes_its_file(alice: Person) -> None:
    conversation = begun(alice)
    turns(alice, conversation, 1)
    post(alice, conversation, "archive")
    delete_for_good(alice, conversation)
    assert (files_of(alice), alice.api.get(ARCHIVES).json()["results"]) == ([], [])
    assert refusal(alice.api.get(f"{PATH}{conversation}/messages/"))[0] == 404


def test_renaming_holds_for_the_archive_too_and_searching_it_says_what_to_do(alice: Person) -> None:
    conversation = begun(alice, title="Leave")
    turns(alice, conversation, 1)
    post(alice, conversation, "archive")
    assert alice.api.patch(f"{PATH}{conversation}/", {"title": "Days off"}).status_code == 200
    assert downloaded(alice, conversation)["conversation"]["title"] == "Days off"
    assert archive_of(alice, conversation)["title"] == "Days off"
    refused = alice.api.get(f"{PATH}{conversation}/messages/?search=leave")
    assert (refused.status_code, refused.json()["code"]) == (409, "conversation_archived")
    assert post(alice, conversation, "reopen")["title"] == "Days off"


def test_the_portal_shows_an_archived_one(alice: Person, charlie: Person) -> None:
    conversation = begun(alice, title="Leave")
    turns(alice, conversation, 1)
    post(alice, conversation, "archive")
    page = alice.client.get(f"/o/acme/c/{conversation}/").content.decode()
    assert "how much leave is there" in page
    assert "This conversation is archived." in page
    reopen = f"c/{conversation}/reopen/"
    assert f'action="/o/acme/{reopen}"' in page
    assert charlie.client.post(f"/o/globex/{reopen}").status_code == 404
    assert alice.client.post(f"/o/acme/{reopen}").headers["Location"] == f"/o/acme/c/{conversation}/"
    page = alice.client.get(f"/o/acme/c/{conversation}/").content.decode()
    assert ("how much leave is there" in page, "This conversation is archived." in page) == (True, False)
    assert charlie.client.get(f"/o/globex/c/{conversation}/").status_code == 404


def test_stray_files_are_swept_once_they_are_old(alice: Person) -> None:
    conversation = begun(alice)
    turns(alice, conversation, 1)
    post(alice, conversation, "archive")
    path, text = stored(alice, conversation)
    stray = path.with_name(f"{uuid4()}.json")
    stray.write_text(text)
    assert sweep_archives() == 0, "it may belong to an archive that is being made"
    for one in (path, stray):
        make_file_old(one, 2 * STRAY_AFTER)
    assert sweep_archives() == 1
    assert (path.exists(), stray.exists()) == (True, False)


def test_statistics_are_right_and_take_as_many_queries_for_any_number(
    alice: Person, bob: Person, charlie: Person
) -> None:
    path = f"{PATH}stats/"
    nothing = {"active": 0, "ended": 0, "archived": 0, "messages": 0, "mean_messages": 0.0, "bytes": 0}
    assert alice.api.get(path).json() == nothing
    with CaptureQueriesContext(connection) as few:
        alice.api.get(path)
    for number in range(6):
        conversation = begun(alice)
        turns(alice, conversation, number)
        if number >= 3:
            post(alice, conversation, "archive" if number == 5 else "end")
    turns(bob, begun(bob), 1)
    stats = alice.api.get(path).json()
    assert stats | {"bytes": 0} == {
        "active": 3,
        "ended": 2,
        "archived": 1,
        "messages": 30,
        "mean_messages": 6.0,
        "bytes": 0,
    }
    with tenant_atomic(alice.access.tenant_id):
        here = Message.objects.filter(conversation__author_id=alice.user.pk)
        size = sum(len(one.encode()) for one in here.values_list("content", flat=True))
        size += ArchiveRecord.objects.get().bytes
    assert stats["bytes"] == size
    with CaptureQueriesContext(connection) as many:
        alice.api.get(path)
    assert len(many) == len(few)
    assert bob.api.get(path).json()["messages"] == 2
    assert alice.full_api.get(f"{path}?scope=tenant").json()["messages"] == 32
    assert charlie.api.get(path).json() == nothing
    assert charlie.full_api.get(f"{path}?scope=tenant").json() == nothing
    assert refusal(bob.full_api.get(f"{path}?scope=tenant"))[0] == 403
    assert pointers(alice.api.get(f"{path}?scope=all")) == [("/scope", "invalid_choice")]
