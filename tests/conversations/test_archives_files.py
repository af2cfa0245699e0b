"""Archived conversations beside the files attached to them, exports of one and the search over all."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
from django.core.files.storage import default_storage
from django.core.management import call_command

from conversations.models import ConversationWords
from conversations.tasks import purge
from documents.models import Collection, Document, DocumentVersion
from tenants.db import tenant_atomic
from tenants.models import AuditEvent
from tenants.services.erasure import erase_person
from tests.conversations.life import PATH, begun, delete_for_good, make_old, turns
from tests.conversations.test_archives import archive_of, downloaded, messages_of, post, stored
from tests.conversations.test_attachments import attach, attached, names, path_of
from tests.factories import processed, work_off
from tests.people import Person
from tests.processes import Running
from tests.refusals import pointers, refusal
from tests.shelving import shelved

pytestmark = pytest.mark.django_db(transaction=True)

RETENTION = "/api/v1/retention/"


def talk_about_a_file(person: Person) -> tuple[str, str]:
    """A conversation with one answer that cites a file attached to it; the conversation and the file."""
    conversation = begun(person, title="Bicycles")
    document = attached(person, conversation)
    assert processed(person, document)["status"] == "ready"
    turns(person, conversation, 1, document=document)
    return conversation, document


def files_left(person: Person) -> set[str]:
    with tenant_atomic(person.access.tenant_id):
        return {str(one) for one in Document.objects.values_list("id", flat=True)}


def test_attached_files_stay_while_it_is_archived_and_are_asked_again(
    alice: Person, bob: Person, worker: Running
) -> None:
    conversation, document = talk_about_a_file(alice)
    before = messages_of(alice, conversation)
    assert before[1]["citations"][0]["document"] == document
    post(alice, conversation, "archive")
    assert json.loads(stored(alice, conversation)[1])["attachments"] == ["note.txt"]
    assert downloaded(alice, conversation)["attachments"] == ["note.txt"]
    assert messages_of(alice, conversation) == before, "its author still reads what it cites"
    assert names(alice.api, path_of(conversation)) == {"note.txt"}
    assert alice.api.get(f"/api/v1/documents/{document}/").status_code == 200
    assert refusal(bob.api.get(path_of(conversation)))[0] == 404
    status, body = refusal(attach(alice.api, conversation, ("b.txt", b"b")))
    assert (status, body["code"]) == (409, "conversation_ended")
    assert "archived" in body["detail"]
    post(alice, conversation, "reopen")
    assert messages_of(alice, conversation) == before
    assert attach(alice.api, conversation, ("b.txt", b"b")).status_code == 202


def test_a_file_that_is_taken_away_leaves_the_archive(alice: Person, worker: Running) -> None:
    conversation, document = talk_about_a_file(alice)
    post(alice, conversation, "archive")
    quote = messages_of(alice, conversation)[1]["citations"][0]["quote"]
    assert quote in stored(alice, conversation)[1]
    assert alice.api.delete(path_of(conversation, document)).status_code == 204
    assert messages_of(alice, conversation)[1]["citations"][0]["quote"] == ""
    work_off(alice)
    assert quote not in stored(alice, conversation)[1]


def test_attached_files_go_with_an_archived_conversation(alice: Person, bob: Person, worker: Running) -> None:
    conversation, document = talk_about_a_file(alice)
    other, kept = talk_about_a_file(bob)
    for person, one in ((alice, conversation), (bob, other)):
        post(person, one, "archive")
    with tenant_atomic(alice.access.tenant_id):
        keys = dict(DocumentVersion.objects.values_list("document_id", "storage_key"))
    delete_for_good(alice, conversation)
    assert files_left(alice) == {kept}
    work_off(alice)
    exist = {str(one): default_storage.exists(key) for one, key in keys.items()}
    assert exist == {document: False, kept: True}
    with tenant_atomic(alice.access.tenant_id):
        [told] = AuditEvent.objects.filter(action="conversation.deleted")
        assert told.data == {"files": 1}
        assert Collection.objects.filter(attached_to=conversation).count() == 0
    removed = erase_person(access=alice.access, user_id=bob.user.pk).removed
    assert (removed["conversations_archiverecord"], removed["documents_document"]) == (1, 1)
    assert files_left(alice) == set()


def test_retention_counts_the_files_that_go_along(alice: Person, charlie: Person, worker: Running) -> None:
    made = [talk_about_a_file(alice) for _ in range(2)]
    (going, document), (staying, kept) = made
    foreign, _ = talk_about_a_file(charlie)
    post(alice, going, "archive")
    for person, one in ((alice, going), (charlie, foreign)):
        make_old(person, one, days=91)
    preview = alice.full_api.get(f"{RETENTION}?delete_idle_days=90").json()["deletes"]
    assert (preview["now"], preview["files"]) == (1, 1)
    form = {"delete_idle_days": "90", "spares_pinned": "on", "spares_shared": "on"}
    headers = {"Accept": "text/html,application/xhtml+xml"}
    asked = alice.client.post("/o/acme/settings/conversations/change/", form, headers=headers).content.decode()
    assert "1 attached file goes with them." in asked
    assert alice.full_api.patch(RETENTION, {"delete_idle_days": 90}).status_code == 200
    for _ in range(2):
        told = StringIO()
        call_command("purge_expired", "--dry-run", stdout=told)
        lines = [" ".join(line.split()) for line in told.getvalue().splitlines()]
        assert lines[-2:] == ["1 conversations", "1 attached files"]
    assert files_left(alice) == {document, kept}
    assert purge() == 1
    assert files_left(alice) == {kept}
    with tenant_atomic(alice.access.tenant_id):
        [event] = AuditEvent.objects.filter(action="conversations.purged")
        assert event.data == {"conversations": 1, "files": 1}
    assert {one["id"] for one in alice.api.get(PATH).json()["results"]} == {staying}


def exported(person: Person, conversation: str, wanted: str, **query: str) -> Any:
    response = person.api.get(f"{PATH}{conversation}/export/", {"format": wanted, **query})
    assert response.status_code == 200, response.content
    return response


def without_times(text: str) -> list[str]:
    return [line for line in text.splitlines() if "exported 2" not in line]


def test_an_archived_one_is_exported_as_whole_as_before(
    alice: Person, bob: Person, charlie: Person, worker: Running
) -> None:
    document = shelved(alice)["id"]
    conversation = begun(alice, title="Leave")
    ids = turns(alice, conversation, 3, document=document)
    kinds = ("markdown", "html")
    before = {one: without_times(exported(alice, conversation, one).content.decode()) for one in kinds}
    branch = {
        one: without_times(exported(alice, conversation, one, leaf=str(ids[1])).content.decode()) for one in kinds
    }
    record = exported(alice, conversation, "json").json()
    assert len(record["messages"]) == 6
    post(alice, conversation, "archive")
    for one in kinds:
        assert without_times(exported(alice, conversation, one).content.decode()) == before[one]
        part = exported(alice, conversation, one, leaf=str(ids[1])).content.decode()
        assert without_times(part) == branch[one] != before[one]
    after = exported(alice, conversation, "json").json()
    assert after["messages"] == record["messages"]
    assert (after["leaf"], after["leaf"]) == (record["leaf"], str(ids[-1]))
    assert (record["conversation"]["archived_at"], after["conversation"]["archived_at"] is None) == (None, False)
    query = {"format": "markdown", "leaf": str(UUID(int=1))}
    assert pointers(alice.api.get(f"{PATH}{conversation}/export/", query)) == [("/leaf", "unknown_id")]
    for other in (bob, charlie):
        assert refusal(other.api.get(f"{PATH}{conversation}/export/"))[0] == 404
    assert alice.api.delete(f"/api/v1/documents/{document}/").status_code == 204
    assert "Staff handbook" not in exported(alice, conversation, "markdown").content.decode()


def found(person: Person, search: str) -> list[str]:
    response = person.api.get(PATH, {"search": search})
    assert response.status_code == 200, response.content
    return [one["title"] for one in response.json()["results"]]


def test_the_search_over_all_finds_archived_ones_by_their_titles(
    alice: Person, bob: Person, charlie: Person, worker: Running
) -> None:
    conversation = begun(alice, title="Bicycles of the mill")
    turns(alice, conversation, 1)
    work_off(alice)
    assert found(alice, "leave") == found(alice, "bicycles") == ["Bicycles of the mill"]
    post(alice, conversation, "archive")
    assert (found(alice, "bicycles"), found(alice, "leave")) == (["Bicycles of the mill"], [])
    for other in (bob, charlie):
        assert found(other, "bicycles") == []
    with tenant_atomic(alice.access.tenant_id):
        assert not ConversationWords.objects.exists()
    inside = alice.api.get(f"{PATH}{conversation}/messages/", {"search": "leave"})
    assert (inside.status_code, inside.json()["code"]) == (409, "conversation_archived")
    post(alice, conversation, "reopen")
    work_off(alice)
    assert found(alice, "leave") == ["Bicycles of the mill"]
    with tenant_atomic(alice.access.tenant_id):
        assert ConversationWords.objects.count() == 1


def test_feedback_on_an_archived_answer_is_read_and_waits(alice: Person, bob: Person) -> None:
    conversation = begun(alice, title="Leave")
    _, answer = turns(alice, conversation, 1)
    before = messages_of(alice, conversation)
    assert before[1]["feedback"]["comment"] == "Too short, 0."
    post(alice, conversation, "archive")
    assert messages_of(alice, conversation) == before
    assert archive_of(alice, conversation)["messages"] == 2
    assert "feedbacks" not in downloaded(alice, conversation)["messages"][1]
    path = f"/api/v1/messages/{answer}/feedback/"
    for person in (alice, bob):
        assert refusal(person.api.post(path, {"rating": "up"}))[0] == 404
    post(alice, conversation, "reopen")
    assert messages_of(alice, conversation) == before
    assert alice.api.post(path, {"rating": "up"}).status_code == 200
