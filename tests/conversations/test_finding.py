"""Something looked for in all of one's own conversations: by words, by meaning, within one's sight."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from conversations.models import Conversation, ConversationWords
from tenants.db import tenant_atomic
from tests.conversations.doors import Api
from tests.conversations.life import delete_for_good
from tests.conversations.test_sight import HOLIDAY, Shelf, shelf
from tests.factories import work_off
from tests.people import Person
from tests.processes import LiveServer
from tests.refusals import refusal

__all__ = ["shelf"]

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/api/v1/conversations/"
HOLIDAY_QUESTION = "How many days of paid holiday does a full-time employee have?"
TRAIN_QUESTION = "Are night trains refunded like any other connection?"


def ask(api: Api, conversation: str, question: str) -> dict[str, Any]:
    response = api.post(f"/conversations/{conversation}/messages/", json={"content": question})
    assert response.status_code == 201, response.text
    return dict(response.json())


def page(person: Person, search: str, **query: Any) -> dict[str, Any]:
    response = person.api.get(PATH, {"search": search, **query})
    assert response.status_code == 200, response.content
    return dict(response.json())


def found(person: Person, search: str, **query: Any) -> list[str]:
    """The titles of what is found."""
    return [one["title"] for one in page(person, search, **query)["results"]]


def marked(hit: dict[str, Any]) -> list[str]:
    return [hit["snippet"][start:end] for start, end in hit["marks"]]


@pytest.fixture
def talks(api: Api) -> dict[str, str]:
    """Two conversations of alice's about the handbook, one of them ended."""
    made = {}
    for title, question in (("First talk", HOLIDAY_QUESTION), ("Second talk", TRAIN_QUESTION)):
        made[title] = api.conversation(title=title)
        assert ask(api, made[title], question)["status"] == "finished"
    api.post(f"/conversations/{made['First talk']}/end/")
    return made


def test_it_is_found_by_words_at_once_and_later(alice: Person, talks: dict[str, str]) -> None:
    for _ in range(2):
        [hit] = [one["hit"] for one in page(alice, "night trains")["results"]]
        assert {one.casefold() for one in marked(hit)} == {"night", "trains"}
        listed = alice.api.get(f"{PATH}{talks['Second talk']}/messages/").json()["results"]
        [message] = [one for one in listed if one["id"] == hit["message"]]
        assert (message["role"], hit["snippet"] in message["content"]) == (hit["role"], True)
        assert found(alice, "paid holiday") == ["First talk"]
        assert found(alice, "paid holi") == ["First talk"], "a word typed half"
        assert found(alice, "zorblatt") == []
        assert found(alice, "'); DROP TABLE x; -- & | ! :*") == []
        assert found(alice, "the") == []
        work_off(alice)


def test_it_is_found_by_meaning_once_it_is_embedded(alice: Person, talks: dict[str, str]) -> None:
    assert found(alice, "annual vacation entitlement of the staff") == []
    work_off(alice)
    assert found(alice, "annual vacation entitlement of the staff")[0] == "First talk"
    assert page(alice, "annual vacation entitlement of the staff")["results"][0]["hit"]["snippet"]


def test_titles_statuses_and_pages(alice: Person, bob: Person, charlie: Person, talks: dict[str, str]) -> None:
    assert set(found(alice, "TALK")) == {"First talk", "Second talk"}
    [hit] = [one["hit"] for one in page(alice, "second ta")["results"]]
    assert (hit["message"], hit["role"], hit["snippet"]) == (None, None, "Second talk")
    assert marked(hit) == ["Second", "talk"]
    assert found(alice, "talk", status="ended") == ["First talk"]
    assert found(alice, "talk", pinned="true") == []
    for person in (bob, charlie):
        assert found(person, "talk") == []
        assert found(person, "paid holiday") == []
    for number in range(5):
        alice.api.post(PATH, {"title": f"Talk number {number}"})
    whole = found(alice, "talk")
    assert len(whole) == 7
    titles: list[str] = []
    one = page(alice, "talk", limit=3)
    assert one["previous"] is None
    while True:
        titles += [row["title"] for row in one["results"]]
        if one["next"] is None:
            break
        before, one = one, alice.api.get(one["next"]).json()
        back = alice.api.get(one["previous"]).json()
        assert [row["title"] for row in back["results"]] == [row["title"] for row in before["results"]]
    assert titles == whole
    assert refusal(alice.api.get(PATH, {"search": "talk", "cursor": "x"}))[0] == 404
    assert alice.api.get(PATH, {"search": "talk", "limit": "0"}).status_code == 400
    assert alice.api.get(PATH, {"search": "x" * 33_000}).status_code == 413


def test_of_an_archived_one_only_the_title_is_found(alice: Person, talks: dict[str, str]) -> None:
    work_off(alice)
    with tenant_atomic(alice.access.tenant_id):
        Conversation.objects.filter(id=talks["First talk"]).update(archived_at=timezone.now())
    assert found(alice, "paid holiday") == []
    assert found(alice, "first") == ["First talk"]


def test_the_words_of_a_conversation_are_its_authors_and_go_with_it(alice: Person, talks: dict[str, str]) -> None:
    work_off(alice)
    with tenant_atomic(alice.access.tenant_id):
        kept = dict(ConversationWords.objects.values_list("conversation", "author_id"))
    assert {str(one): author for one, author in kept.items()} == dict.fromkeys(talks.values(), alice.user.pk)
    delete_for_good(alice, talks["First talk"])
    with tenant_atomic(alice.access.tenant_id):
        assert ConversationWords.objects.count() == 1


def test_L6_what_rests_on_documents_out_of_sight_is_not_found(
    bob: Person, shelf: Shelf, live_server: LiveServer
) -> None:
    api = Api(live_server, bob)
    conversation = api.conversation(title="Leave")
    assert HOLIDAY in ask(api, conversation, "How long may full-time staff be away with pay?")["content"]
    work_off(bob)
    assert found(bob, "twenty-eight days") == ["Leave"]
    shelf.open_to()
    assert found(bob, "twenty-eight") == []
    assert "twenty-eight" not in str(page(bob, "full-time staff"))
    assert found(bob, "full-time staff") == ["Leave"], "the question is one's own"
