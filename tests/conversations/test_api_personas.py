"""`/personas/`: made, changed, archived, brought back, and chosen for conversations."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from conversations.default_personas import default_personas
from tenants.db import tenant_atomic
from tenants.models import AuditEvent
from tests.people import ApiClient, Person
from tests.refusals import pointers, refusal

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/api/v1/personas/"
CONVERSATIONS = "/api/v1/conversations/"
DEFAULTS = {one.key for one in default_personas()}


def made(person: Person, name: str = "Adviser", **fields: Any) -> dict[str, Any]:
    answer = person.api.post(PATH, {"name": name, **fields})
    assert answer.status_code == 201, answer.content
    return dict(answer.json())


def slugs(api: ApiClient, query: str = "") -> set[str]:
    return {one["slug"] for one in api.get(PATH + query).json()["results"]}


def by_slug(api: ApiClient, slug: str) -> dict[str, Any]:
    [found] = [one for one in api.get(PATH).json()["results"] if one["slug"] == slug]
    return dict(found)


def begun(person: Person, **fields: Any) -> dict[str, Any]:
    answer = person.api.post(CONVERSATIONS, fields)
    assert answer.status_code == 201, answer.content
    return dict(answer.json())


def recorded(person: Person) -> list[str]:
    with tenant_atomic(person.access.tenant_id):
        events = AuditEvent.objects.filter(target_kind="persona").order_by("at")
        return [action.removeprefix("persona.") for action in events.values_list("action", flat=True)]


def test_a_persona_from_its_making_to_its_return(alice: Person, bob: Person) -> None:
    fields = {
        "description": "Says what the rules are.",
        "instructions": "Be brief.\nName the rule.",
        "mode": "open",
        "temperature": 0.5,
        "max_tokens": 300,
        "model": "llama3.2",
        "sample_questions": ["May I?"],
    }
    persona = made(bob, "  Adviser   on leave ", **fields)
    assert persona == fields | {
        "id": persona["id"],
        "slug": "adviser-on-leave",
        "name": "Adviser on leave",
        "collections": [],
        "is_default": False,
        "has_default": False,
        "created_by": str(bob.user.pk),
        "created_at": persona["created_at"],
        "updated_at": persona["updated_at"],
        "archived_at": None,
    }
    assert made(alice, "Adviser on leave")["slug"] == "adviser-on-leave-2"
    path = f"{PATH}{persona['id']}/"
    renamed = bob.api.patch(path, {"name": "Counsel", "temperature": None}).json()
    assert (renamed["name"], renamed["slug"]) == ("Counsel", "adviser-on-leave")
    assert (renamed["temperature"], renamed["instructions"]) == (None, fields["instructions"])
    assert bob.api.get(path).json() == renamed
    assert bob.api.delete(path).status_code == 204
    assert slugs(bob.api) == DEFAULTS | {"adviser-on-leave-2"}
    assert slugs(bob.api, "?archived=true") == {"adviser-on-leave"}
    assert refusal(bob.api.patch(path, {"name": "Late"}))[1]["code"] == "persona_archived"
    restored = bob.api.post(f"{path}restore/")
    assert (restored.status_code, restored.json()["archived_at"]) == (200, None)
    assert slugs(bob.api) == DEFAULTS | {"adviser-on-leave", "adviser-on-leave-2"}
    assert recorded(bob) == ["created", "created", "changed", "archived", "restored"]


def test_every_organisation_begins_with_those_of_the_file_and_changes_its_own(
    alice: Person, charlie: Person
) -> None:
    assert slugs(alice.api) == slugs(charlie.api) == DEFAULTS
    assert {one["slug"] for one in alice.api.get(PATH).json()["results"] if one["is_default"]} == {"docent"}
    before = by_slug(alice.api, "precise-quoter")
    assert (before["has_default"], before["created_by"], before["temperature"]) == (True, None, 0)
    path = f"{PATH}{before['id']}/"
    [collection] = [one["id"] for one in alice.api.get("/api/v1/collections/").json()["results"]]
    changed = alice.full_api.patch(
        path, {"name": "Quoter", "instructions": "", "collections": [collection]}
    ).json()
    assert (changed["name"], changed["slug"], changed["collections"]) == ("Quoter", "precise-quoter", [collection])
    assert by_slug(charlie.api, "precise-quoter")["name"] == before["name"]
    reset = alice.full_api.post(f"{path}reset/").json()
    assert reset | {"updated_at": None} == before | {"updated_at": None}
    own = made(alice)
    assert refusal(alice.api.post(f"{PATH}{own['id']}/reset/"))[1]["code"] == "no_default"
    assert recorded(alice) == ["changed", "reset", "created"]


def test_members_change_their_own_admins_all_and_viewers_none(
    alice: Person, bob: Person, dana: Person, charlie: Person
) -> None:
    persona = made(bob)
    path = f"{PATH}{persona['id']}/"
    others = made(alice, "Another")
    for answer in (
        dana.api.post(PATH, {"name": "Mine"}),
        dana.api.patch(path, {"name": "Mine"}),
        dana.api.delete(path),
        bob.api.patch(f"{PATH}{others['id']}/", {"name": "Mine"}),
        bob.api.delete(f"{PATH}{others['id']}/"),
        bob.api.post(f"{PATH}{by_slug(bob.api, 'docent')['id']}/reset/"),
        bob.api.patch(path, {"is_default": True}),
        # To change what everybody gets is an admin's, and a token's that says so.
        alice.api.patch(path, {"name": "Mine"}),
    ):
        assert refusal(answer)[0] == 403
    assert dana.api.get(path).json() == persona
    assert alice.full_api.patch(path, {"name": "Ours", "is_default": True}).json()["is_default"] is True
    assert {one["slug"] for one in dana.api.get(PATH).json()["results"] if one["is_default"]} == {"adviser"}
    foreign, missing = charlie.full_api, f"{PATH}{uuid4()}/"
    for method in ("get", "patch", "delete"):
        assert refusal(getattr(foreign, method)(path)) == refusal(getattr(foreign, method)(missing))
    assert slugs(charlie.api) == DEFAULTS


def test_what_is_wrong_is_pointed_at(bob: Person, charlie: Person) -> None:
    [foreign] = [one["id"] for one in charlie.api.get("/api/v1/collections/").json()["results"]]
    persona = made(bob)
    for body, pointer, code in (
        ({"name": " "}, "/name", "blank"),
        ({"name": "x" * 81}, "/name", "max_length"),
        ({"instructions": "x" * 8001}, "/instructions", "max_length"),
        ({"mode": "wild"}, "/mode", "invalid_choice"),
        ({"temperature": 9}, "/temperature", "max_value"),
        ({"temperature": -0.1}, "/temperature", "min_value"),
        ({"max_tokens": 0}, "/max_tokens", "min_value"),
        ({"max_tokens": 32_769}, "/max_tokens", "max_value"),
        ({"sample_questions": ["x"] * 9}, "/sample_questions", "max_length"),
        ({"collections": [foreign]}, "/collections/0", "unknown_id"),
        ({"collections": [str(uuid4())]}, "/collections/0", "unknown_id"),
        ({"slug": "mine"}, "/slug", "unknown_field"),
    ):
        assert pointers(bob.api.post(PATH, {"name": "New", **body})) == [(pointer, code)]
        assert pointers(bob.api.patch(f"{PATH}{persona['id']}/", body)) == [(pointer, code)]
    assert slugs(bob.api) == DEFAULTS | {"adviser"}


def test_a_conversation_has_a_persona_and_its_mode(bob: Person, charlie: Person) -> None:
    adviser, foreign = made(bob, mode="open"), made(charlie, "Stranger")
    shown = {"id": adviser["id"], "slug": "adviser", "name": "Adviser", "is_archived": False}
    for wanted in (adviser["id"], "adviser"):
        conversation = begun(bob, persona=wanted)
        assert (conversation["persona"], conversation["mode"]) == (shown, "open")
    assert begun(bob, persona="adviser", mode="grounded")["mode"] == "grounded"
    assert (begun(bob)["persona"], begun(bob, persona=None)["persona"]) == (None, None)
    path = f"{CONVERSATIONS}{conversation['id']}/"
    for wanted in ("nobody", str(uuid4()), foreign["id"], foreign["slug"], "\0"):
        expected = "null_characters_not_allowed" if wanted == "\0" else "unknown_id"
        assert pointers(bob.api.post(CONVERSATIONS, {"persona": wanted})) == [("/persona", expected)]
        assert pointers(bob.api.patch(path, {"persona": wanted})) == [("/persona", expected)]
    changed = bob.api.patch(path, {"persona": "precise-quoter"}).json()
    assert (changed["persona"]["slug"], changed["mode"]) == ("precise-quoter", "grounded")
    assert bob.api.patch(path, {"mode": "open"}).json()["mode"] == "open"
    assert bob.api.patch(path, {"persona": "docent", "mode": "open"}).json()["mode"] == "open"
    assert pointers(bob.api.patch(path, {"mode": "wild"})) == [("/mode", "invalid_choice")]
    without = bob.api.patch(path, {"persona": None}).json()
    assert (without["persona"], without["mode"]) == (None, "open")
    assert bob.api.get(path).json() == without


def test_an_archived_persona_stays_with_its_conversations_and_is_offered_to_no_other(bob: Person) -> None:
    adviser = made(bob)
    conversation = begun(bob, persona="adviser")
    assert bob.api.delete(f"{PATH}{adviser['id']}/").status_code == 204
    shown = bob.api.get(f"{CONVERSATIONS}{conversation['id']}/").json()["persona"]
    assert (shown["name"], shown["is_archived"]) == ("Adviser", True)
    assert pointers(bob.api.post(CONVERSATIONS, {"persona": "adviser"})) == [("/persona", "unknown_id")]


def test_collections_out_of_sight_are_neither_named_nor_taken_out(alice: Person, bob: Person) -> None:
    [shared] = [one["id"] for one in alice.api.get("/api/v1/collections/").json()["results"]]
    secret = alice.api.post("/api/v1/collections/", {"name": "Salaries", "access": {"everyone": False}}).json()[
        "id"
    ]
    persona = made(bob, collections=[shared])
    path = f"{PATH}{persona['id']}/"
    assert pointers(bob.api.patch(path, {"collections": [secret]})) == [("/collections/0", "unknown_id")]
    both = alice.full_api.patch(path, {"collections": [shared, secret]}).json()
    assert set(both["collections"]) == {shared, secret}
    assert bob.api.get(path).json()["collections"] == [shared]
    assert bob.api.patch(path, {"collections": []}).json()["collections"] == []
    assert alice.api.get(path).json()["collections"] == [secret]
