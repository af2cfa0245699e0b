"""Conversations shared inside the organisation: read by whom they are for, never wider than the documents are."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from conversations.models import Conversation, Mode, Share
from tenants.db import tenant_atomic
from tenants.models import AuditEvent, Tenant
from tenants.services.erasure.people import erase_person
from tenants.services.groups import add_to_group, create_group, remove_from_group
from tenants.services.members import remove_member
from tenants.services.tokens import create_token
from tests.conversations.doors import Api
from tests.conversations.talks import talk_of
from tests.conversations.test_sight import HOLIDAY, QUESTION, Shelf, shelf
from tests.people import ApiClient, Person
from tests.processes import LiveServer
from tests.refusals import pointers, refusal
from tests.standins.ollama import OllamaStandIn, Reply

__all__ = ["shelf"]

pytestmark = pytest.mark.django_db(transaction=True)

SHARES = "/api/v1/shares/"
MISSING = "There is no such shared conversation, or it is not shared with you any more."


def ask(api: Api, conversation: str, content: str = QUESTION, parent: str | None = None) -> dict[str, Any]:
    body = {"content": content} if parent is None else {"content": content, "parent": parent}
    response = api.post(f"/conversations/{conversation}/messages/", json=body)
    assert response.status_code == 201, response.text
    return dict(response.json())


def shared(person: Person, conversation: str, **fields: Any) -> dict[str, Any]:
    response = person.api.post(SHARES, {"conversation": conversation, **fields})
    assert response.status_code == 201, response.content
    return dict(response.json())


def read(person: Person | ApiClient, share: dict[str, Any]) -> list[dict[str, Any]]:
    api = person if isinstance(person, ApiClient) else person.api
    response = api.get(f"{SHARES}{share['id']}/messages/")
    assert response.status_code == 200, response.content
    return list(response.json()["results"])


def opens(person: Person, share: dict[str, Any]) -> bool:
    """Whether it does, at every door alike."""
    path = f"{SHARES}{share['id']}/"
    answers = [
        person.api.get(path),
        person.api.get(f"{path}messages/"),
        person.client.get(f"/o/{person.slug}/s/{share['id']}/"),
        person.api.post(f"{path}copy/"),
    ]
    codes = {answer.status_code < 300 for answer in answers}
    assert len(codes) == 1, [answer.status_code for answer in answers]
    if codes == {False}:
        assert {answer.status_code for answer in answers} == {404}
        missing = refusal(person.api.get(f"{SHARES}{uuid4()}/"))
        assert refusal(answers[0]) == missing
    return codes == {True}


@pytest.fixture
def talk(bob: Person, shelf: Shelf, live_server: LiveServer) -> dict[str, Any]:
    """Bob's conversation with one answer from alice's restricted shelf, which he sees."""
    api = Api(live_server, bob)
    conversation = api.conversation(title="Leave")
    answer = ask(api, conversation)
    assert {one["document"] for one in answer["sources"]} == {shelf.document}
    return {"conversation": conversation, "answer": answer, "api": api, "shelf": shelf}


def test_I9_a_share_opens_no_document(
    alice: Person, bob: Person, dana: Person, charlie: Person, talk: dict[str, Any]
) -> None:
    share = shared(bob, talk["conversation"], people=[str(dana.user.pk), str(alice.user.pk)])
    assert not opens(charlie, share)
    # Alice is an owner, who sees the shelf; dana does not.
    question, answer = read(alice, share)
    assert (question["content"], question["is_withheld"]) == (QUESTION, False)
    assert (answer["content"], answer["is_withheld"]) == (talk["answer"]["content"], False)
    assert answer["citations"] == [
        {**one, "url": one["url"].replace(talk["api"].server.url, answer["citations"][0]["url"].split("/o/")[0])}
        for one in talk["answer"]["citations"]
    ]
    question, answer = read(dana, share)
    assert question["content"] == QUESTION
    assert (answer["content"], answer["citations"], answer["sources"]) == ("", [], [])
    assert (answer["is_withheld"], answer["model"]) == (True, None)
    page = dana.client.get(f"/o/acme/s/{share['id']}/").content.decode()
    assert "not available to you, so it is not shown" in page
    assert HOLIDAY not in page
    assert talk["shelf"].document not in page
    assert HOLIDAY in alice.client.get(f"/o/acme/s/{share['id']}/").content.decode()

    talk["shelf"].open_to(bob, dana)
    assert [one["is_withheld"] for one in read(dana, share)] == [False, False]
    assert HOLIDAY in read(dana, share)[1]["content"]
    talk["shelf"].open_to(bob)
    assert [one["is_withheld"] for one in read(dana, share)] == [False, True]


def test_I9_an_answer_that_was_told_a_hidden_one_is_hidden_too(
    bob: Person, dana: Person, talk: dict[str, Any], ollama: OllamaStandIn
) -> None:
    ollama.script(Reply(text="Good morning."), Reply(text="You were told of twenty-eight days."))
    first = talk_of(bob, title="Open", mode=Mode.OPEN)
    ask(talk["api"], str(first.id), "Good morning, how are you today?")
    share = shared(bob, str(first.id), people=[str(dana.user.pk)], follows=True)
    assert [one["is_withheld"] for one in read(dana, share)] == [False, False]
    told = talk_of(bob, title="Open", mode=Mode.OPEN)
    told.say(QUESTION, HOLIDAY, document=talk["shelf"].document)
    again = ask(talk["api"], str(told.id), "What was I told?")
    assert again["sources"] == []
    share = shared(bob, str(told.id), people=[str(dana.user.pk)])
    assert [one["id"] for one in read(dana, share) if one["is_withheld"]] == [str(told.answers[0]), again["id"]]


def test_a_limited_token_reads_no_more_of_a_share(alice: Person, bob: Person, talk: dict[str, Any]) -> None:
    share = shared(bob, talk["conversation"], people=[str(alice.user.pk)])
    [default, _] = alice.api.get("/api/v1/collections/").json()["results"]
    limited = create_token(access=alice.access, name="some", collections=[UUID(default["id"])]).value
    assert [one["is_withheld"] for one in read(ApiClient(limited), share)] == [False, True]
    response = ApiClient(limited).post(f"{SHARES}{share['id']}/copy/")
    assert (response.status_code, response.json()["code"]) == (409, "nothing_to_copy")


def test_A8_a_share_is_for_those_whom_it_names(
    alice: Person, adam: Person, bob: Person, dana: Person, talk: dict[str, Any]
) -> None:
    talk["shelf"].open_to(bob, dana)
    group = create_group(access=alice.access, name="Board")
    by_name = shared(bob, talk["conversation"], people=[str(dana.user.pk)])
    by_group = shared(bob, talk["conversation"], groups=[str(group.id)])
    by_link = shared(bob, talk["conversation"], link=True)
    assert by_name["url"].endswith(f"/o/acme/s/{by_name['id']}/")

    def readers(share: dict[str, Any]) -> set[str]:
        return {one.user.name for one in (alice, adam, bob, dana) if opens(one, share)}

    assert readers(by_name) == {"Bob", "Dana"}
    assert readers(by_group) == {"Bob"}
    assert readers(by_link) == {"Alice", "Adam", "Bob", "Dana"}
    add_to_group(access=alice.access, group=group, user_id=adam.user.pk)
    assert readers(by_group) == {"Adam", "Bob"}
    listed = {
        one.user.name: {share["id"] for share in one.api.get(f"{SHARES}?of=others").json()["results"]}
        for one in (alice, adam, bob, dana)
    }
    assert listed == {
        "Alice": {by_link["id"]},
        "Adam": {by_group["id"], by_link["id"]},
        "Bob": set(),
        "Dana": {by_name["id"], by_link["id"]},
    }
    remove_from_group(access=alice.access, group=group, user_id=adam.user.pk)
    assert readers(by_group) == {"Bob"}
    own = bob.api.get(SHARES).json()["results"]
    assert [one["id"] for one in own] == [by_link["id"], by_group["id"], by_name["id"]]
    assert (own[2]["people"], own[1]["groups"]) == ([str(dana.user.pk)], [str(group.id)])
    theirs = dana.api.get(f"{SHARES}{by_name['id']}/").json()
    assert (theirs["people"], theirs["conversation"]) == ([], None)
    assert theirs["author"] == {"id": str(bob.user.pk), "name": "Bob"}


def test_it_ends_at_once(alice: Person, adam: Person, bob: Person, dana: Person, talk: dict[str, Any]) -> None:
    talk["shelf"].open_to(bob, dana)
    named = {"people": [str(dana.user.pk)]}
    share = shared(bob, talk["conversation"], **named)
    for person, code in ((dana, 403), (alice, 404)):
        assert person.api.delete(f"{SHARES}{share['id']}/").status_code == code
    assert opens(dana, share)
    assert bob.api.delete(f"{SHARES}{share['id']}/").status_code == 204
    assert not opens(dana, share)
    assert not opens(bob, share)
    soon = (timezone.now() + timedelta(seconds=30)).isoformat()
    share = shared(bob, talk["conversation"], expires_at=soon, **named)
    assert opens(dana, share)
    with tenant_atomic(bob.access.tenant_id):
        Share.objects.filter(id=share["id"]).update(expires_at=timezone.now())
    assert not opens(dana, share)
    assert bob.api.get(SHARES).json()["results"] == []

    share = shared(bob, talk["conversation"], **named)
    Tenant.objects.filter(slug="acme").update(members_may_share=False)
    assert not opens(dana, share)
    assert dana.api.get(f"{SHARES}?of=others").json()["results"] == []
    response = bob.api.post(SHARES, {"conversation": talk["conversation"], **named})
    assert (response.status_code, response.json()["code"]) == (403, "sharing_is_off")
    Tenant.objects.filter(slug="acme").update(members_may_share=True)
    assert opens(dana, share)
    assert bob.api.delete(f"/api/v1/conversations/{talk['conversation']}/").status_code == 204
    assert not opens(dana, share)


def test_it_ends_with_its_author(alice: Person, bob: Person, dana: Person, talk: dict[str, Any]) -> None:
    share = shared(bob, talk["conversation"], people=[str(dana.user.pk)])
    other = shared(bob, talk["conversation"], people=[str(alice.user.pk)])
    remove_member(access=alice.access, user_id=dana.user.pk)
    assert bob.api.get(f"{SHARES}{share['id']}/").json()["people"] == []
    remove_member(access=alice.access, user_id=bob.user.pk)
    assert not opens(alice, other)
    order = erase_person(access=alice.access, user_id=bob.user.pk)
    assert order.removed["conversations_share"] == 2
    with tenant_atomic(alice.access.tenant_id):
        assert Share.objects.count() == 0


def test_what_is_wrong_with_a_share_is_pointed_at(
    bob: Person, dana: Person, charlie: Person, talk: dict[str, Any]
) -> None:
    conversation = talk["conversation"]
    empty = bob.api.post("/api/v1/conversations/", {}).json()["id"]
    foreign = charlie.api.post("/api/v1/conversations/", {}).json()["id"]
    danas = dana.api.post("/api/v1/conversations/", {}).json()["id"]
    past = (timezone.now() - timedelta(minutes=1)).isoformat()
    for fields, wrong in (
        ({"conversation": str(uuid4()), "link": True}, ("/conversation", "unknown_id")),
        ({"conversation": foreign, "link": True}, ("/conversation", "unknown_id")),
        ({"conversation": danas, "link": True}, ("/conversation", "unknown_id")),
        ({"conversation": conversation}, ("", "required")),
        ({"conversation": conversation, "people": [str(uuid4())]}, ("/people/0", "unknown_id")),
        ({"conversation": conversation, "people": [str(charlie.user.pk)]}, ("/people/0", "unknown_id")),
        ({"conversation": conversation, "people": [str(bob.user.pk)]}, ("/people/0", "own")),
        ({"conversation": conversation, "groups": [str(uuid4())]}, ("/groups/0", "unknown_id")),
        ({"conversation": conversation, "link": True, "expires_at": past}, ("/expires_at", "past")),
        ({"conversation": conversation, "link": True, "colour": "red"}, ("/colour", "unknown_field")),
    ):
        assert pointers(bob.api.post(SHARES, fields)) == [wrong]
    assert pointers(bob.api.get(f"{SHARES}?conversation={danas}")) == [("/conversation", "unknown_id")]
    response = bob.api.post(SHARES, {"conversation": empty, "link": True})
    assert (response.status_code, response.json()["code"]) == (409, "conversation_empty")
    assert dana.api.post(SHARES, {"conversation": danas, "link": True}).status_code == 403
    assert bob.api.get(SHARES).json()["results"] == []


def test_a_share_stands_still_unless_it_follows(alice: Person, bob: Person, talk: dict[str, Any]) -> None:
    still = shared(bob, talk["conversation"], people=[str(alice.user.pk)])
    living = shared(bob, talk["conversation"], people=[str(alice.user.pk)], follows=True)
    before = read(alice, still)
    assert read(alice, living) == before
    more = ask(talk["api"], talk["conversation"], "Are night trains refunded?", parent=talk["answer"]["id"])
    assert read(alice, still) == before
    assert [one["id"] for one in read(alice, living)] == [
        *(one["id"] for one in before),
        more["parent"],
        more["id"],
    ]


def test_going_on_in_a_copy(alice: Person, bob: Person, dana: Person, talk: dict[str, Any]) -> None:
    more = ask(talk["api"], talk["conversation"], "Are night trains refunded?", parent=talk["answer"]["id"])
    share = shared(bob, talk["conversation"], people=[str(dana.user.pk)])
    talk["shelf"].open_to(bob, dana)
    response = dana.api.post(f"{SHARES}{share['id']}/copy/")
    assert response.status_code == 201, response.content
    copy = response.json()
    assert (copy["title"], copy["left_out"], copy["collections"]) == ("Leave", 0, [])
    path = f"/api/v1/conversations/{copy['id']}/messages/"
    copied = dana.api.get(path).json()["results"]
    original = read(dana, share)
    assert [one["content"] for one in copied] == [one["content"] for one in original]
    assert [one["citations"] for one in copied] == [one["citations"] for one in original]
    ids = [one["id"] for one in copied]
    assert [one["parent"] for one in copied] == [None, *ids[:-1]]
    assert not set(ids) & {one["id"] for one in original}
    assert more["id"] not in ids
    # It is hers, and bob's is as it was; ending the share takes nothing back.
    bob.api.delete(f"{SHARES}{share['id']}/")
    assert dana.api.get(path).json()["results"] == copied
    assert bob.api.get(path).status_code == 404
    # The copy knows what it rests on: out of her sight it is not found by its words, nor told to a model.
    found = dana.api.get(path, {"search": "paid holiday"}).json()["results"]
    assert HOLIDAY in str(found)
    talk["shelf"].open_to(bob)
    assert HOLIDAY not in str(dana.api.get(path, {"search": "paid holiday"}).json()["results"])


def test_each_look_of_somebody_else_is_recorded(
    alice: Person, bob: Person, dana: Person, talk: dict[str, Any]
) -> None:
    share = shared(bob, talk["conversation"], people=[str(dana.user.pk)], link=True, follows=True)
    read(bob, share)
    read(dana, share)
    assert dana.client.get(f"/o/acme/s/{share['id']}/").status_code == 200
    assert alice.api.get(f"{SHARES}{share['id']}/").status_code == 200
    bob.api.delete(f"{SHARES}{share['id']}/")
    with tenant_atomic(alice.access.tenant_id):
        events = AuditEvent.objects.filter(target_kind="share").order_by("at")
        told = list(events.values_list("action", "actor_id"))
        data = events.get(action="share.created").data
    assert told == [
        ("share.created", bob.user.pk),
        ("share.opened", dana.user.pk),
        ("share.opened", dana.user.pk),
        ("share.opened", alice.user.pk),
        ("share.revoked", bob.user.pk),
    ]
    assert data == {
        "conversation": talk["conversation"],
        "people": [str(dana.user.pk)],
        "groups": [],
        "link": True,
        "follows": True,
    }


def test_a_refusal_names_nothing_that_its_reader_may_not_know(
    alice: Person, bob: Person, dana: Person, shelf: Shelf, live_server: LiveServer
) -> None:
    api = Api(live_server, bob)
    conversation = api.conversation(title="Volcanoes")
    answer = ask(api, conversation, "Which volcano erupted on Krakatoa in 1883?")
    assert answer["status"] == "refused"
    assert "Salaries" in answer["content"]
    share = shared(bob, conversation, people=[str(dana.user.pk)])
    assert "Salaries" not in str(read(dana, share))
    assert "Salaries" not in dana.client.get(f"/o/acme/s/{share['id']}/").content.decode()
    copy = dana.api.post(f"{SHARES}{share['id']}/copy/").json()["id"]
    assert "Salaries" not in str(dana.api.get(f"/api/v1/conversations/{copy}/messages/").json())


def test_a_title_that_was_not_given_says_no_more_than_the_first_question(
    bob: Person, dana: Person, shelf: Shelf, live_server: LiveServer
) -> None:
    api = Api(live_server, bob)
    conversation = api.conversation()
    ask(api, conversation)
    share = shared(bob, conversation, people=[str(dana.user.pk)])
    with tenant_atomic(bob.access.tenant_id):
        # As a model names it after the first answer.
        Conversation.objects.filter(id=conversation).update(title="Twenty-eight days off")
    assert bob.api.get(f"{SHARES}{share['id']}/").json()["title"] == "Twenty-eight days off"
    [listed] = dana.api.get(f"{SHARES}?of=others").json()["results"]
    assert listed["title"] == QUESTION[:59].rstrip() + "…"
    bob.api.patch(f"/api/v1/conversations/{conversation}/", {"title": "About leave"})
    [listed] = dana.api.get(f"{SHARES}?of=others").json()["results"]
    assert listed["title"] == "About leave"


def test_the_portal_shares_and_ends_it(bob: Person, dana: Person, talk: dict[str, Any]) -> None:
    path = f"/o/acme/c/{talk['conversation']}/share/"
    talk["shelf"].open_to(bob, dana)
    page = bob.client.get(path).content.decode()
    assert "Let others read it" in page
    assert dana.client.get(path).status_code == 403
    for form in ({}, {"people": "x"}, {"people": str(uuid4())}, {"link": "on", "days": "9"}):
        response = bob.client.post(path, form)
        assert response.status_code == 400
        assert 'role="alert"' in response.content.decode()
    assert bob.api.get(SHARES).json()["results"] == []
    response = bob.client.post(path, {"people": str(dana.user.pk), "days": "7"})
    assert (response.status_code, response.headers["Location"]) == (302, path)
    [share] = bob.api.get(SHARES).json()["results"]
    assert (share["people"], share["follows"], share["link"]) == ([str(dana.user.pk)], False, False)
    assert share["expires_at"] > (timezone.now() + timedelta(days=6)).isoformat()
    assert "Dana" in bob.client.get(path).content.decode()
    assert opens(dana, share)
    revoke = f"/o/acme/s/{share['id']}/revoke/"
    assert dana.client.post(revoke).status_code == 403
    assert bob.client.post(revoke).headers["Location"] == path
    assert not opens(dana, share)
