"""Conversations over REST: made, listed, renamed, ended, deleted, and seen by nobody else."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.people import Person
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
        "status": "active",
        "collections": [],
        "documents": [],
        "metadata": {},
        "created_at": plain["created_at"],
        "updated_at": plain["updated_at"],
        "ended_at": None,
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
        ({"persona": "p"}, ("/persona", "unknown_field")),
        ({"memory": "buffer"}, ("/memory", "unknown_field")),
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


def test_it_can_be_renamed_and_given_other_metadata(alice: Person) -> None:
    conversation = created(alice, title="Leave", metadata={"a": 1})
    path = f"{PATH}{conversation['id']}/"
    changed = alice.api.patch(path, {"title": " Days  off ", "metadata": {"b": 2}}).json()
    assert (changed["title"], changed["metadata"]) == ("Days off", {"b": 2})
    assert alice.api.patch(path, {}).json()["title"] == "Days off"
    assert [pointer for pointer, _ in pointers(alice.api.patch(path, {"title": " "}))] == ["/title"]
    assert pointers(alice.api.patch(path, {"mode": "open"})) == [("/mode", "unknown_field")]
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
