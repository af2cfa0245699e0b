"""What conversations remember, and who speaks in them, where others read them or go on with them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from conversations.chat_models import chooser
from conversations.models import MemoryKind, Message, Mode, Summary
from tenants.db import tenant_atomic
from tests.conversations.doors import Api
from tests.conversations.talks import Talk, talk_of
from tests.conversations.test_sharing import SHARES, read, shared
from tests.conversations.test_sight import Shelf, shelf
from tests.people import Person
from tests.processes import LiveServer
from tests.standins.ollama import OllamaStandIn, Reply

__all__ = ["shelf"]

pytestmark = pytest.mark.django_db(transaction=True)

SECRET, RETOLD = "Secret salaries are high.", "As I said, sky-high."


@pytest.fixture
def talk(bob: Person, shelf: Shelf, live_server: LiveServer, ollama: OllamaStandIn) -> Talk:
    """Bob's; its last answer says again what a summary told of the first, which is from the restricted shelf."""
    chooser.cache_clear()
    one = talk_of(bob, title="Pay", mode=Mode.OPEN, memory=MemoryKind.SUMMARY, memory_turns=1)
    one.say("How much is it?", SECRET, document=shelf.document)
    one.go_on(2)
    one.summarise()
    ollama.script(Reply(text=RETOLD))
    body = {"content": "And now?"}
    message = Api(live_server, bob).post(f"/conversations/{one.id}/messages/", json=body).json()
    assert message["content"] == RETOLD
    one.answers.append(UUID(message["id"]))
    with tenant_atomic(bob.access.tenant_id):
        summary = Summary.objects.get(conversation=one.id)
        assert SECRET in summary.text
        told = Message.objects.get(id=message["id"]).based_on
    assert str(summary.id) in told
    assert str(one.answers[0]) not in told
    return one


def withheld(messages: list[dict[str, Any]]) -> list[UUID]:
    return [UUID(one["id"]) for one in messages if one["is_withheld"]]


def test_I9_an_answer_told_from_a_summary_of_hidden_answers_is_hidden_too(
    bob: Person, dana: Person, shelf: Shelf, talk: Talk
) -> None:
    share = shared(bob, str(talk.id), people=[str(dana.user.pk)])
    shown = read(dana, share)
    assert withheld(shown) == [talk.answers[0], talk.answers[-1]]
    assert SECRET not in str(shown)
    assert RETOLD not in str(shown)
    page = dana.client.get(f"/o/acme/s/{share['id']}/").content.decode()
    assert RETOLD not in page
    copy = dana.api.post(f"{SHARES}{share['id']}/copy/").json()
    assert (copy["left_out"], copy["memory"], copy["memory_turns"]) == (2, "summary", 1)
    copied = dana.api.get(f"/api/v1/conversations/{copy['id']}/messages/").json()["results"]
    assert [one["content"] for one in copied[1::2]] == ["Answer 2.", "Answer 3."]

    # Words that a person put in the summary's place change nothing of what was told by it.
    assert bob.api.put(f"{talk.path}summary/", {"text": "Mine."}, "application/json").status_code == 200
    assert withheld(read(dana, share)) == [talk.answers[0], talk.answers[-1]]
    assert bob.api.delete(f"{talk.path}summary/").status_code == 204
    assert withheld(read(dana, share)) == [talk.answers[0], talk.answers[-1]]


def test_L6_a_copy_knows_what_it_was_told_from(bob: Person, dana: Person, shelf: Shelf, talk: Talk) -> None:
    share = shared(bob, str(talk.id), people=[str(dana.user.pk)])
    shelf.open_to(bob, dana)
    copy = dana.api.post(f"{SHARES}{share['id']}/copy/").json()
    assert copy["left_out"] == 0
    path = f"/api/v1/conversations/{copy['id']}/messages/"
    assert len(dana.api.get(path).json()["results"]) == 8

    def found() -> list[str]:
        return [one["content"] for one in dana.api.get(path, {"search": "sky-high"}).json()["results"]]

    assert found() == [RETOLD]
    shelf.open_to(bob)
    assert found() == []


def test_a_copy_speaks_and_remembers_as_the_original(alice: Person, bob: Person) -> None:
    persona = alice.api.post("/api/v1/personas/", {"name": "Adviser", "mode": "open"}).json()
    one = talk_of(bob, turns=1, title="Advice", persona=persona["slug"], memory=MemoryKind.BUFFER)
    share = shared(bob, str(one.id), people=[str(alice.user.pk)])
    copy = alice.api.post(f"{SHARES}{share['id']}/copy/").json()
    assert (copy["persona"]["slug"], copy["mode"], copy["memory"]) == ("adviser", "open", "buffer")
    assert alice.api.delete(f"/api/v1/personas/{persona['id']}/").status_code == 204
    again = alice.api.post(f"{SHARES}{share['id']}/copy/").json()
    assert (again["persona"], again["mode"], again["left_out"]) == (None, "open", 0)


def test_a_share_stands_at_the_branch_that_it_was_made_of(
    alice: Person, bob: Person, live_server: LiveServer
) -> None:
    api, one = Api(live_server, bob), talk_of(bob, turns=1, title="Branches", mode=Mode.OPEN)
    still = shared(bob, str(one.id), people=[str(alice.user.pk)])
    living = shared(bob, str(one.id), people=[str(alice.user.pk)], follows=True)
    before = read(alice, still)
    other = api.post(f"/messages/{one.answers[0]}/regenerate/").json()
    assert read(alice, still) == before
    assert [row["id"] for row in read(alice, living)] == [before[0]["id"], other["id"]]
    assert bob.api.patch(one.path, {"leaf": str(one.answers[0])}).status_code == 200
    assert read(alice, living) == before
    exported = bob.api.get(f"{one.path}export/", {"format": "json"}).json()
    assert {row["id"] for row in exported["messages"]} == {row["id"] for row in before} | {other["id"]}
    assert exported["leaf"] == str(one.answers[0])
    page = bob.api.get(f"{one.path}export/", {"format": "markdown", "leaf": other["id"]}).content.decode()
    assert other["content"] in page
    assert "Answer 1." not in page
