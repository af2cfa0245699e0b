"""Archives that somebody brings: validated, made their own, and believed in nothing."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from conversations.models import Citation, Conversation, Message, Source
from conversations.records import SCHEMA
from tenants.db import tenant_atomic
from tests.conversations.doors import Api
from tests.conversations.life import PATH, begun, turns
from tests.people import Person
from tests.processes import LiveServer, Running
from tests.refusals import pointers, refusal
from tests.shelving import shelved

pytestmark = pytest.mark.django_db(transaction=True)

ARCHIVES = f"{PATH}archives/"


def archived(person: Person, *, document: str | None = None) -> dict[str, Any]:
    """A record as it is downloaded, of a conversation of two turns."""
    conversation = begun(person, title="Leave", metadata={"ticket": 7})
    turns(person, conversation, 2, document=document)
    assert person.api.post(f"{PATH}{conversation}/archive/").status_code == 200
    [archive] = person.api.get(ARCHIVES).json()["results"]
    return dict(person.api.get(f"{ARCHIVES}{archive['id']}/").json())


def message(**fields: Any) -> dict[str, Any]:
    plain = {
        "id": str(uuid4()),
        "role": "user",
        "parent": None,
        "content": "Hello",
        "status": "finished",
        "created_at": "2026-01-02T03:04:05Z",
    }
    return plain | fields


def record(*messages: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "conversation": {"title": "Leave", "mode": "grounded"},
        "messages": list(messages),
    } | fields


def brought(person: Person, content: dict[str, Any]) -> dict[str, Any]:
    response = person.api.post(ARCHIVES, content)
    assert response.status_code == 201, response.content
    return dict(response.json())


def messages_of(person: Person, conversation: str) -> list[dict[str, Any]]:
    return list(person.api.get(f"{PATH}{conversation}/messages/").json()["results"])


def test_a_copy_is_the_same_but_for_its_ids(alice: Person, worker: Running) -> None:
    document = shelved(alice)["id"]
    content = archived(alice, document=document)
    copy = brought(alice, content)
    assert (copy["title"], copy["status"], copy["metadata"]) == ("Leave", "active", {"ticket": 7})
    assert copy["id"] != content["conversation"]["id"]
    before, after = messages_of(alice, content["conversation"]["id"]), messages_of(alice, copy["id"])
    ids = {old["id"]: new["id"] for old, new in zip(before, after, strict=True)}
    assert set(ids) & set(ids.values()) == set()
    told = [
        one
        | {"id": ids[one["id"]], "parent": ids.get(one["parent"]), "conversation": copy["id"], "feedback": None}
        for one in before
    ]
    assert after == told, "content, times, citations and sources with their words; no feedback on them"
    with tenant_atomic(alice.access.tenant_id):
        last = Message.objects.get(id=after[-1]["id"])
        assert last.based_on == [after[1]["id"]]
        assert set(Message.objects.filter(conversation=copy["id"]).values_list("request_id", flat=True)) == {None}


def test_another_organisation_gets_the_words_that_were_said_and_none_of_documents(
    alice: Person, bob: Person, charlie: Person, worker: Running
) -> None:
    document = shelved(alice)["id"]
    [collection] = [one["id"] for one in alice.api.get("/api/v1/collections/").json()["results"]]
    content = archived(alice, document=document) | {"documents": [document], "collections": [collection]}
    copy = brought(charlie, content)
    assert (copy["documents"], copy["collections"]) == ([], [])
    answer = messages_of(charlie, copy["id"])[1]
    assert answer["content"] == "Answer 0 [1]"
    assert [(one["document"], one["quote"], one["url"]) for one in answer["citations"]] == [(None, "", None)]
    assert [(one["document"], one["text"]) for one in answer["sources"]] == [(None, "")]
    assert refusal(alice.api.get(f"{PATH}{copy['id']}/"))[0] == 404
    with tenant_atomic(charlie.access.tenant_id):
        assert Conversation.objects.get().author_id == charlie.user.pk
    colleague = brought(bob, content)
    assert (colleague["documents"], colleague["collections"]) == ([document], [collection])
    assert messages_of(bob, colleague["id"])[1]["citations"][0]["quote"] == "Staff handbook"
    hidden = alice.full_api.patch(f"/api/v1/collections/{collection}/", {"access": {"everyone": False}})
    assert hidden.status_code == 200, hidden.content
    blind = brought(bob, content)
    assert (blind["documents"], blind["collections"]) == ([], [])
    with tenant_atomic(bob.access.tenant_id):
        kept = Citation.objects.filter(message__conversation=blind["id"]).values_list("document", "quote")
        assert set(kept) == {(None, "")}, "not even in the row"
        given = Source.objects.filter(message__conversation=blind["id"]).values_list("document", "text")
        assert set(given) == {(None, "")}


def test_a_forged_quote_is_none(alice: Person, worker: Running) -> None:
    document = shelved(alice)["id"]
    content = archived(alice, document=document)
    for changes in ({"quote": "Staff handbags"}, {"start": 3, "end": 17}, {"version": 2}, {"page": 2}):
        forged = deepcopy(content)
        forged["messages"][1]["citations"][0] |= changes
        [citation] = messages_of(alice, brought(alice, forged)["id"])[1]["citations"]
        assert (citation["document"], citation["quote"], citation["url"]) == (None, "", None)
    forged = deepcopy(content)
    forged["messages"][1]["sources"][0] |= {"text_sha256": "0" * 64, "text": "Leave is endless."}
    [source] = messages_of(alice, brought(alice, forged)["id"])[1]["sources"]
    assert (source["document"], source["text"]) == (None, "")


def test_what_is_wrong_with_a_file_is_said(alice: Person) -> None:
    one = message()
    other = message(parent=one["id"])
    cited = {
        "marker": 1,
        "document": None,
        "version": 1,
        "title": "t",
        "page": 1,
        "start": 0,
        "end": 1,
        "quote": "",
    }
    wrong: list[tuple[Any, set[tuple[str, str]]]] = [
        ({"hello": 1}, {("/schema", "not_an_archive")}),
        (record(schema="docent.conversation/2"), {("/schema", "unknown_version")}),
        (record(message(role="system")), {("/messages/0/role", "invalid")}),
        (record(message(content="a\0b")), {("/messages/0/content", "invalid")}),
        (record(message(status="streaming")), {("/messages/0/status", "invalid")}),
        (record(message(id="1")), {("/messages/0/id", "invalid")}),
        (record(message(created_at="yesterday")), {("/messages/0/created_at", "invalid")}),
        (record(message(created_at="2099-01-01T00:00:00Z")), {("/messages/0/created_at", "invalid_archive")}),
        (record(message(created_at="2026-02-31T00:00:00Z")), set()),
        (record(message(parent=str(uuid4()))), {("/messages/0/parent", "unknown_id")}),
        (record(one, one), {("/messages", "invalid_archive")}),
        (record(one | {"parent": one["id"]}), {("/messages/0/parent", "unknown_id")}),
        (record(one | {"parent": other["id"]}, other), {("/messages", "invalid_archive")}),
        (record(message(citations=[cited, cited])), {("/messages/0/citations", "invalid_archive")}),
        (record(message(usage={"tokens": {"deep": 1}})), {("/messages/0/usage/tokens", "invalid")}),
        (
            record(conversation={"title": "t" * 201, "mode": "wild"}),
            {("/conversation/title", "invalid"), ("/conversation/mode", "invalid")},
        ),
        (
            record(conversation={"title": "", "mode": "open", "metadata": {"a": "\0"}}),
            {("/conversation/metadata", "invalid")},
        ),
    ]
    for content, expected in wrong:
        assert set(pointers(alice.api.post(ARCHIVES, content))) == expected, content
    assert refusal(alice.api.post(ARCHIVES, [1]))[0] == 400
    with tenant_atomic(alice.access.tenant_id):
        assert not Conversation.objects.exists()
    assert len(messages_of(alice, brought(alice, record(other, one))["id"])) == 2


def test_a_file_may_be_larger_than_other_requests_but_not_of_any_size(
    alice: Person, extractive_server: LiveServer, settings: Settings
) -> None:
    api = Api(extractive_server, alice)
    large = record(*(message(content="x" * 30_000) for _ in range(70)))
    answered = api.post("/conversations/archives/", json=large)
    assert answered.status_code == 201, answered.text
    assert len(messages_of(alice, answered.json()["id"])) == 50, "a page"
    settings.DOCENT_MAX_ARCHIVE_BYTES = 10
    assert refusal(alice.api.post(ARCHIVES, record()))[0] == 413


def test_it_is_done_once_for_a_repeated_request(alice: Person) -> None:
    key = {"Idempotency-Key": "bring-1"}
    content = record(message())
    answers = [alice.api.post(ARCHIVES, content, headers=key).json() for _ in range(2)]
    assert answers[0] == answers[1]
    with tenant_atomic(alice.access.tenant_id):
        assert Conversation.objects.count() == 1


def test_the_command_does_the_same(alice: Person, bob: Person, tmp_path: Path, capsys: Any) -> None:
    file = tmp_path / "archive.json"
    file.write_text(json.dumps(record(message())))
    call_command("restore_archive", str(file), tenant="acme", user="bob@example.org")
    with tenant_atomic(alice.access.tenant_id):
        conversation = Conversation.objects.get()
    assert (conversation.author_id, conversation.title) == (bob.user.pk, "Leave")
    assert capsys.readouterr().out == f"1 messages are in conversation {conversation.id} of bob@example.org.\n"
    file.write_text("{")
    with pytest.raises(CommandError, match="cannot be read as JSON"):
        call_command("restore_archive", str(file), tenant="acme")
    file.write_text(json.dumps(record(message(role="system"))))
    with pytest.raises(CommandError, match="/messages/0/role"):
        call_command("restore_archive", str(file), tenant="acme")
    with pytest.raises(CommandError, match="tenant"):
        call_command("restore_archive", str(file), tenant="nowhere")
