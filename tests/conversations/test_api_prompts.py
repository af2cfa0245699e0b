"""`/prompts/`: one's own, and those that the organisation shares."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tenants.db import tenant_atomic
from tenants.models import AuditEvent
from tests.people import ApiClient, Person
from tests.refusals import pointers, refusal

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/api/v1/prompts/"
TEXT = "Summarise what is said on {{topic}}.\n\nIn {{language}}, please."


def kept(person: Person, title: str = "Summary", **fields: Any) -> dict[str, Any]:
    answer = person.api.post(PATH, {"title": title, "text": TEXT, **fields})
    assert answer.status_code == 201, answer.content
    return dict(answer.json())


def titles(api: ApiClient) -> set[str]:
    return {one["title"] for one in api.get(PATH).json()["results"]}


def test_a_prompt_from_its_keeping_to_its_end(bob: Person) -> None:
    prompt = kept(bob, "  Summary   of all ")
    assert prompt == {
        "id": prompt["id"],
        "title": "Summary of all",
        "text": TEXT,
        "is_shared": False,
        "author": str(bob.user.pk),
        "created_at": prompt["created_at"],
        "updated_at": prompt["updated_at"],
    }
    path = f"{PATH}{prompt['id']}/"
    changed = bob.api.patch(path, {"is_shared": True}).json()
    assert changed == prompt | {"is_shared": True, "updated_at": changed["updated_at"]}
    assert bob.api.get(path).json() == changed
    assert bob.api.delete(path).status_code == 204
    assert titles(bob.api) == set()
    with tenant_atomic(bob.access.tenant_id):
        events = AuditEvent.objects.filter(target_kind="prompt").order_by("at")
        assert list(events.values_list("action", flat=True)) == [
            "prompt.created",
            "prompt.changed",
            "prompt.deleted",
        ]


def test_who_sees_and_changes_which(alice: Person, bob: Person, dana: Person, charlie: Person) -> None:
    own, shared = kept(bob, "Own"), kept(bob, "Shared", is_shared=True)
    kept(dana, "Dana's"), kept(charlie, "Globex", is_shared=True)
    assert (titles(bob.api), titles(alice.api)) == ({"Own", "Shared"}, {"Shared"})
    assert (titles(dana.api), titles(charlie.api)) == ({"Dana's", "Shared"}, {"Globex"})
    missing = f"{PATH}{uuid4()}/"
    for method in ("get", "patch", "delete"):
        for api, unseen in ((alice.full_api, own), (dana.api, own), (charlie.full_api, shared)):
            path = f"{PATH}{unseen['id']}/"
            assert refusal(getattr(api, method)(path)) == refusal(getattr(api, method)(missing))
    path = f"{PATH}{shared['id']}/"
    assert dana.api.get(path).json() == shared
    for answer in (
        dana.api.patch(path, {"title": "Mine"}),
        dana.api.delete(path),
        alice.api.patch(path, {"title": "Mine"}),
        # Viewers keep prompts, and show them to nobody.
        dana.api.post(PATH, {"title": "For all", "text": "x", "is_shared": True}),
        dana.api.patch(f"{PATH}{dana.api.get(PATH).json()['results'][1]['id']}/", {"is_shared": True}),
    ):
        assert refusal(answer)[0] == 403
    assert alice.full_api.patch(path, {"title": "Ours"}).json()["title"] == "Ours"
    assert alice.full_api.patch(path, {"is_shared": False}).json()["is_shared"] is False
    assert (titles(alice.api), titles(bob.api)) == (set(), {"Own", "Ours"})


def test_what_is_wrong_is_pointed_at(bob: Person) -> None:
    prompt = kept(bob)
    for body, pointer, code in (
        ({"title": " "}, "/title", "blank"),
        ({"title": "x" * 121}, "/title", "max_length"),
        ({"text": ""}, "/text", "blank"),
        ({"text": "x" * 4001}, "/text", "max_length"),
        ({"text": "a\0b"}, "/text", "null_characters_not_allowed"),
        ({"is_shared": "perhaps"}, "/is_shared", "invalid"),
        ({"author": str(bob.user.pk)}, "/author", "unknown_field"),
    ):
        assert pointers(bob.api.post(PATH, {"title": "New", "text": "x", **body})) == [(pointer, code)]
        assert pointers(bob.api.patch(f"{PATH}{prompt['id']}/", body)) == [(pointer, code)]
    assert len(bob.api.get(PATH).json()["results"]) == 1
