"""Conversations over REST: made, listed, renamed, ended, deleted, and seen by nobody else."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.conversations.doors import Api
from tests.people import Person
from tests.processes import LiveServer
from tests.refusals import pointers, refusal

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/api/v1/conversations/"


def created(person: Person, **fields: Any) -> dict[str, Any]:
    response = person.api.post(PATH, fields)
    assert response.status_code == 201, response.content
    return dict(response.json())


def test_a_conversation_has_this_shape(alice: Person) -> None:
    plain = created(alice)
    assert plain == {
        "id": plain["id"],
        "title": "",
        "mode": "grounded",
        "persona": None,
        "status": "active",
        "origin": "chat",
        "collections": [],
        "documents": [],
        "memory": "window",
        "memory_turns": None,
        "metadata": {},
        "leaf": None,
        "pinned": False,
        "temporary": False,
        "created_at": plain["created_at"],
        "updated_at": plain["updated_at"],
        "ended_at": None,
        "archived_at": None,
    }
    [collection] = [one["id"] for one in alice.api.get("/api/v1/collections/").json()["results"]]
    full = created(alice, title=" Leave ", mode="open", collections=[collection], metadata={"ticket": 7})
    assert (full["title"], full["mode"], full["collections"], full["metadata"]) == (
        "Leave",
        "open",
        [collection],
        {"ticket": 7},
    )
    assert alice.api.get(f"{PATH}{full['id']}/").json() == full


def test_what_is_wrong_is_pointed_at(alice: Person, charlie: Person) -> None:
    [foreign] = [one["id"] for one in charlie.api.get("/api/v1/collections/").json()["results"]]
    for body, wrong in (
        ({"mode": "wild"}, ("/mode", "invalid_choice")),
        ({"persona": "p"}, ("/persona", "unknown_id")),
        ({"memory": "all"}, ("/memory", "invalid_choice")),
        ({"memory_turns": 0}, ("/memory_turns", "min_value")),
        ({"memory_turns": 51}, ("/memory_turns", "max_value")),
        ({"title": "x" * 201}, ("/title", "max_length")),
        ({"collections": [str(uuid4())]}, ("/collections/0", "unknown_id")),
        ({"collections": [foreign]}, ("/collections/0", "unknown_id")),
        ({"documents": [str(uuid4())]}, ("/documents/0", "unknown_id")),
    ):
        assert pointers(alice.api.post(PATH, body)) == [wrong]
    assert alice.api.get(PATH).json()["results"] == []


def test_the_list_is_ones_own_latest_first_by_page_status_and_words(alice: Person, bob: Person) -> None:
    first, second, third = (created(alice, title=title) for title in ("Leave", "Lunch", "Trains"))
    created(bob, title="Leave of Bob")
    assert alice.api.post(f"{PATH}{first['id']}/end/").json()["status"] == "ended"

    def listed(query: str = "") -> list[str]:
        response = alice.api.get(f"{PATH}{query}")
        assert response.status_code == 200, response.content
        assert set(response.json()) == {"results", "next", "previous"}
        return [one["id"] for one in response.json()["results"]]

    assert listed() == [first["id"], third["id"], second["id"]]
    assert listed("?status=active") == [third["id"], second["id"]]
    assert listed("?status=ended") == [first["id"]]
    assert listed("?status=archived") == []
    assert listed("?search=l") == [first["id"], second["id"]]
    assert listed("?search=rain") == [third["id"]]
    page = alice.api.get(f"{PATH}?limit=2").json()
    rest = alice.api.get(page["next"]).json()
    assert [one["id"] for one in page["results"] + rest["results"]] == listed()
    assert (page["previous"], rest["next"]) == (None, None)
    assert pointers(alice.api.get(f"{PATH}?status=wild")) == [("/status", "invalid_choice")]
    assert [pointer for pointer, _ in pointers(alice.api.get(f"{PATH}?colour=red"))] == ["/colour"]
    assert pointers(alice.api.get(f"{PATH}?search=%00")) == [("/search", "null_characters_not_allowed")]


@pytest.mark.parametrize(
    ("size", "status", "said"),
    [
        (15_000, 201, None),
        (16_000, 400, "Metadata may have at most 16,000 characters."),
        (1_000_000, 400, "Metadata may have at most 16,000 characters."),
        (1_100_000, 413, None),
    ],
)
def test_P9_metadata_of_a_megabyte_is_refused_with_words(
    alice: Person, live_server: LiveServer, size: int, status: int, said: str | None
) -> None:
    """What is more than any request may hold is cut before it is read."""
    api = Api(live_server, alice)
    response = api.post("/conversations/", json={"metadata": {"note": "x" * size}})
    assert response.status_code == status, response.text[:200]
    if said is not None:
        [error] = response.json()["errors"]
        assert (error["pointer"], error["code"], error["detail"]) == ("/metadata", "too_large", said)
    found = alice.api.get(PATH).json()["results"]
    assert len(found) == (status == 201)


def test_it_can_be_renamed_and_given_other_metadata(alice: Person) -> None:
    conversation = created(alice, title="Leave", metadata={"a": 1})
    path = f"{PATH}{conversation['id']}/"
    changed = alice.api.patch(path, {"title": " Days  off ", "metadata": {"b": 2}}).json()
    assert (changed["title"], changed["metadata"]) == ("Days off", {"b": 2})
    assert alice.api.patch(path, {}).json()["title"] == "Days off"
    assert [pointer for pointer, _ in pointers(alice.api.patch(path, {"title": " "}))] == ["/title"]
    assert pointers(alice.api.patch(path, {"status": "ended"})) == [("/status", "unknown_field")]
    for wrong, code in (([], "not_object"), ({"a": "\0"}, "unstorable"), ({"\0": 1}, "unstorable")):
        assert pointers(alice.api.patch(path, {"metadata": wrong})) == [("/metadata", code)]
        assert pointers(alice.api.post(PATH, {"metadata": wrong})) == [("/metadata", code)]
    assert alice.api.get(path).json() == changed | {"updated_at": alice.api.get(path).json()["updated_at"]}


@pytest.mark.parametrize(
    "sent", ["[" * 20_000, "{", '{"title": "\\ud800"}', '{"title": "a\\u0000"}', '{"title": " "}']
)
def test_the_portal_keeps_the_title_that_a_wrong_one_was_to_replace(alice: Person, sent: str) -> None:
    conversation = created(alice, title="Leave")
    rename = f"/o/acme/c/{conversation['id']}/rename/"
    answer = alice.client.post(
        rename, sent, content_type="application/json", headers={"Accept": "application/json"}
    )
    assert refusal(answer)[0] == 400
    assert alice.api.get(f"{PATH}{conversation['id']}/").json() == conversation


def test_it_ends_and_opens_again_once(alice: Person) -> None:
    path = f"{PATH}{created(alice)['id']}/"
    ended = alice.api.post(f"{path}end/").json()
    assert (ended["status"], ended["ended_at"] is None) == ("ended", False)
    assert alice.api.post(f"{path}end/").json() == ended
    assert alice.api.post(f"{path}reopen/").json()["status"] == "active"


def test_deleting_it_leaves_nothing(alice: Person) -> None:
    path = f"{PATH}{created(alice)['id']}/"
    assert alice.api.delete(path).status_code == 204
    assert refusal(alice.api.get(path)) == refusal(alice.api.get(f"{PATH}{uuid4()}/"))


def test_nobody_else_sees_or_changes_it(alice: Person, bob: Person, charlie: Person) -> None:
    conversation = created(bob, title="Bob's own")
    own, missing = f"{PATH}{conversation['id']}/", f"{PATH}{uuid4()}/"
    for person in (alice, charlie):
        for method, suffix, body in (
            ("get", "", None),
            ("patch", "", {"title": "Mine"}),
            ("delete", "", None),
            ("post", "end/", {}),
            ("post", "reopen/", {}),
            ("get", "messages/", None),
        ):
            options = [] if body is None else [body]
            foreign = refusal(getattr(person.api, method)(f"{own}{suffix}", *options))
            assert foreign == refusal(getattr(person.api, method)(f"{missing}{suffix}", *options))
            assert foreign[0] == 404
    assert bob.api.get(own).json() == conversation


def test_what_is_pinned_stays_where_it_was_in_the_list(alice: Person, bob: Person) -> None:
    first, second, third = (created(alice, title=title) for title in ("Leave", "Lunch", "Trains"))
    path = f"{PATH}{first['id']}/"

    def listed(query: str = "") -> list[str]:
        return [one["id"] for one in alice.api.get(f"{PATH}{query}").json()["results"]]

    before = listed()
    page = alice.api.get(f"{PATH}?limit=1").json()
    pinned = alice.api.patch(path, {"pinned": True}).json()
    assert pinned == {**first, "pinned": True}
    assert alice.api.patch(path, {"pinned": True}).json() == pinned
    assert (listed(), listed("?pinned=true")) == (before, [first["id"]])
    assert listed("?pinned=false") == [third["id"], second["id"]]
    assert [one["id"] for one in alice.api.get(page["next"]).json()["results"]] == before[1:2]
    assert bob.api.patch(path, {"pinned": False}).status_code == 404
    assert pointers(alice.api.patch(path, {"pinned": "perhaps"})) == [("/pinned", "invalid")]
    assert pointers(alice.api.get(f"{PATH}?pinned=perhaps")) == [("/pinned", "invalid_choice")]
    groups = alice.client.get("/o/acme/").context["conversations"]
    assert [[item["title"] for item in group["items"]] for group in groups] == [["Leave"], ["Trains", "Lunch"]]
    answer = alice.client.post(f"/o/acme/c/{first['id']}/pin/", {"pinned": "false"})
    assert answer.headers["Location"] == f"/o/acme/c/{first['id']}/"
    assert alice.api.get(path).json() == first
