"""Branches, summaries and assistants of conversations that ended, were archived and came back."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.files.storage import default_storage
from pytest_django import Settings

from conversations.models import Conversation, Message, Role, Status, Summary
from conversations.prompting.summary_jobs import SUMMARISE
from tenants.db import tenant_atomic
from tenants.jobs.models import Job
from tenants.services.exports import key_of, run_export
from tests.conversations.doors import Api, receive_until, send
from tests.conversations.life import PATH, begun, delete_for_good, rows_of, turns
from tests.conversations.test_archives import ARCHIVES, downloaded, messages_of, post
from tests.conversations.test_importing import brought
from tests.factories import work_off
from tests.people import Person
from tests.processes import Running
from tests.refusals import pointers
from tests.shelving import shelved
from tests.standins.ollama import OllamaStandIn
from tests.tenants.test_exports import claimed, entries, waiting_export

pytestmark = pytest.mark.django_db(transaction=True)


def with_branches(person: Person, conversation: str) -> tuple[list[UUID], list[UUID]]:
    """Two turns, and beside the second another question with its answer; the two branches, oldest first."""
    first = turns(person, conversation, 2)
    with tenant_atomic(person.access.tenant_id):
        said = {"conversation_id": conversation, "status": Status.FINISHED}
        question = Message.objects.create(role=Role.USER, parent_id=first[1], content="And for whom?", **said)
        answer = Message.objects.create(role=Role.ASSISTANT, parent=question, content="For all.", **said)
    return first, [*first[:2], question.id, answer.id]


def of_branch(person: Person, conversation: str, leaf: UUID) -> list[Any]:
    return list(person.api.get(f"{PATH}{conversation}/messages/?leaf={leaf}").json()["results"])


def in_page(person: Person, conversation: str) -> list[bool]:
    """Whether the page shows the second question of the first branch, and that of the other."""
    page = person.client.get(f"/o/{person.slug}/c/{conversation}/").content.decode()
    return ["Question 1: how much" in page, "And for whom?" in page]


def test_branches_are_read_and_chosen_in_the_archive_and_come_back(alice: Person, charlie: Person) -> None:
    conversation = begun(alice, title="Leave")
    one, other = with_branches(alice, conversation)
    before = messages_of(alice, conversation)
    assert [message["siblings"]["count"] for message in before] == [1, 1, 2, 1, 2, 1]
    branches = {leaf: of_branch(alice, conversation, leaf) for leaf in (one[-1], other[-1])}
    assert [[message["id"] for message in told] for told in branches.values()] == [
        [str(id_) for id_ in branch] for branch in (one, other)
    ]
    rows = rows_of(alice, conversation)
    post(alice, conversation, "archive")
    assert messages_of(alice, conversation) == before
    for leaf, told in branches.items():
        assert of_branch(alice, conversation, leaf) == told
    unknown = alice.api.get(f"{PATH}{conversation}/messages/?leaf={uuid4()}")
    assert pointers(unknown) == [("/leaf", "unknown_id")]
    assert in_page(alice, conversation) == [False, True], "nobody has chosen: the latest"
    changed = alice.api.patch(f"{PATH}{conversation}/", {"leaf": str(one[2])})
    assert (changed.status_code, changed.json()["leaf"]) == (200, str(one[-1])), changed.content
    assert in_page(alice, conversation) == [True, False]
    assert pointers(alice.api.patch(f"{PATH}{conversation}/", {"leaf": str(uuid4())})) == [("/leaf", "unknown_id")]
    record = downloaded(alice, conversation)
    copy = brought(alice, record)
    assert in_page(alice, copy["id"]) == [True, False], "a copy is at the same branch"
    foreign = brought(charlie, record)
    assert in_page(charlie, foreign["id"]) == [True, False]
    del record["conversation"]["leaf_id"]
    assert in_page(alice, brought(alice, record)["id"]) == [False, True]
    post(alice, conversation, "reopen")
    assert rows_of(alice, conversation) == rows
    assert messages_of(alice, conversation) == before
    assert in_page(alice, conversation) == [True, False]


def test_a_summary_is_away_with_its_messages_and_comes_back_with_them(alice: Person) -> None:
    conversation = begun(alice, memory="summary")
    turns(alice, conversation, 2)
    path = f"{PATH}{conversation}/summary/"
    summary = alice.api.get(path).json()
    assert summary["text"] == "My own words.\n\n1 questions of leave."
    assert alice.api.patch(f"{PATH}{conversation}/", {"memory": "summary", "memory_turns": 2}).status_code == 200
    with tenant_atomic(alice.access.tenant_id):
        assert Job.objects.filter(kind=SUMMARISE).count() == 1
    post(alice, conversation, "archive")
    with tenant_atomic(alice.access.tenant_id):
        assert (Job.objects.filter(kind=SUMMARISE).count(), Summary.objects.count()) == (0, 0)
    for refused in (
        alice.api.get(path),
        alice.api.put(path, {"text": "Others"}, "application/json"),
        alice.api.delete(path),
        alice.api.get(f"{PATH}{conversation}/context/"),
    ):
        assert (refused.status_code, refused.json()["code"]) == (409, "conversation_archived")
    assert "summaries" not in downloaded(alice, conversation)["messages"][1]
    post(alice, conversation, "reopen")
    assert alice.api.get(path).json() == summary
    with tenant_atomic(alice.access.tenant_id):
        assert Job.objects.filter(kind=SUMMARISE).count() == 1, "what is missing of it is made"


def summaries_in(person: Person, conversation: str) -> list[str]:
    export = waiting_export(person, subject=person.user.pk)
    run_export(export.id, claimed(export))
    with default_storage.open(key_of(person.access.tenant_id, export.id)) as stored:
        held = entries(stored.read())
    return [one["text"] for one in json.loads(held[f"conversations/{conversation}.json"])["summaries"]]


def test_P1_summaries_of_archives_are_exported_as_far_as_they_may_be_seen(
    alice: Person, bob: Person, worker: Running, settings: Settings
) -> None:
    [collection] = [one["id"] for one in alice.api.get("/api/v1/collections/").json()["results"]]
    document = shelved(alice)["id"]
    settings.DOCENT_JOBS_IN_FLIGHT = {}  # from now on jobs are run by this test
    conversation, plain = begun(bob, memory="summary"), begun(bob, memory="summary")
    turns(bob, conversation, 2, document=document)
    turns(bob, plain, 1)
    with tenant_atomic(bob.access.tenant_id):
        first = Message.objects.filter(conversation=conversation, role=Role.ASSISTANT).earliest("created_at")
        for row in Summary.objects.filter(conversation=conversation):
            row.based_on = [str(first.id)]
            row.save()
    before = summaries_in(bob, conversation)
    assert len(before) == 2
    for one in (conversation, plain):
        post(bob, one, "archive")
    assert summaries_in(bob, conversation) == before
    hidden = alice.full_api.patch(f"/api/v1/collections/{collection}/", {"access": {"everyone": False}})
    assert hidden.status_code == 200, hidden.content
    assert summaries_in(bob, conversation) == []
    assert summaries_in(bob, plain) == ["My own words.\n\n0 questions of leave."]


def test_an_ended_conversation_takes_no_turn_of_any_kind(api: Api, alice: Person, ollama: OllamaStandIn) -> None:
    conversation = begun(alice)
    question, answer = turns(alice, conversation, 1)
    with tenant_atomic(alice.access.tenant_id):
        Message.objects.filter(id=answer).update(status=Status.STOPPED)
    wanted: tuple[tuple[str, dict[str, Any]], ...] = (
        (f"/messages/{answer}/regenerate/", {}),
        (f"/messages/{answer}/continue/", {}),
        (f"/messages/{question}/edit/", {"content": "And now?"}),
        (f"/conversations/{conversation}/messages/", {"content": "And now?"}),
        (f"/conversations/{conversation}/messages/", {"content": "And now?", "parent": str(answer)}),
    )
    frames: tuple[dict[str, Any], ...] = (
        {"type": "ask", "content": "And now?"},
        {"type": "regenerate", "message": str(answer)},
        {"type": "continue", "message": str(answer)},
        {"type": "edit", "message": str(question), "content": "And now?"},
    )
    post(alice, conversation, "end")
    before = rows_of(alice, conversation)
    told = [api.post(path, json=body) for path, body in wanted]
    assert {(one.status_code, one.json()["code"]) for one in told} == {(409, "conversation_ended")}
    with api.socket(conversation) as socket:
        for frame in frames:
            send(socket, request_id=str(uuid4()), **frame)
            assert receive_until(socket, "failed")[-1]["code"] == "conversation_ended"
    assert rows_of(alice, conversation) == before
    post(alice, conversation, "archive")
    told = [api.post(path, json=body) for path, body in wanted]
    assert [one.status_code for one in told] == [404, 404, 404, 409, 409]
    assert {one.json()["code"] for one in told[3:]} == {"conversation_ended"}
    post(alice, conversation, "reopen")
    assert rows_of(alice, conversation) == before
    assert [api.post(path, json=body).status_code for path, body in wanted] == [201, 201, 201, 201, 201]


def test_the_record_names_the_assistant_and_a_copy_has_it(alice: Person, charlie: Person, worker: Running) -> None:
    fields = {"persona": "precise-quoter", "memory": "buffer", "memory_turns": 7}
    conversation = begun(alice, title="Leave", **fields)
    turns(alice, conversation, 1)
    post(alice, conversation, "archive")
    record = downloaded(alice, conversation)
    assert record["persona"] == "Precise quoter"
    assert record["messages"][1]["usage"]["cost"] == {"amount": 0.000015, "currency": "USD"}
    for person in (alice, charlie):
        copy = brought(person, record)
        assert (copy["persona"]["name"], copy["memory"], copy["memory_turns"]) == ("Precise quoter", "buffer", 7)
        assert messages_of(person, copy["id"])[1]["usage"] == record["messages"][1]["usage"]
    theirs = messages_of(charlie, copy["id"])
    assert charlie.api.get(f"{ARCHIVES}").json()["results"] == []
    assert len(theirs) == 2
    assert brought(alice, record | {"persona": "Nobody"})["persona"] is None
    wrong = alice.api.post(ARCHIVES, record | {"conversation": record["conversation"] | {"memory": "all"}})
    assert pointers(wrong) == [("/conversation/memory", "invalid")]
    assert alice.api.patch(f"{PATH}{conversation}/", {"memory": "window", "memory_turns": None}).status_code == 200
    assert downloaded(alice, conversation)["conversation"]["memory"] == "window"
    reopened = post(alice, conversation, "reopen")
    assert (reopened["persona"]["name"], reopened["memory"]) == ("Precise quoter", "window")


def test_deleting_leaves_nothing_of_its_summaries(alice: Person) -> None:
    for what in ("end", "archive"):
        conversation = begun(alice, memory="summary")
        turns(alice, conversation, 1)
        assert alice.api.patch(f"{PATH}{conversation}/", {"memory_turns": 2}).status_code == 200
        post(alice, conversation, what)
        delete_for_good(alice, conversation)
    with tenant_atomic(alice.access.tenant_id):
        assert (Summary.objects.count(), Job.objects.filter(kind=SUMMARISE).count()) == (0, 0)
        assert not Conversation.objects.exists()
    work_off(alice)
