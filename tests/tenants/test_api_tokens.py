"""`/tokens/` over HTTP: made with what their maker has and no more, shown once, ended at once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from tenants.db import tenant_atomic
from tenants.errors import InvalidInput
from tenants.models import ApiToken, AuditEvent, Revocation
from tenants.permissions import Scope
from tenants.services.tokens import create_token
from tests.people import ApiClient, Person
from tests.refusals import pointers, refusal

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/api/v1/tokens/"
COLLECTIONS = "/api/v1/collections/"


def made(api: ApiClient, **body: Any) -> dict[str, Any]:
    answer = api.post(PATH, {"name": "Crawler", **body})
    assert answer.status_code == 201, answer.content
    return dict(answer.json())


def listed(api: ApiClient, query: str = "") -> set[str]:
    return {one["name"] for one in api.get(f"{PATH}{query}").json()["results"]}


def rows(person: Person) -> int:
    with tenant_atomic(person.access.tenant_id):
        return int(ApiToken.objects.count())


def test_a_token_is_shown_once_and_works_until_it_is_revoked(alice: Person) -> None:
    token = made(alice.full_api, scopes=["chat"])
    value = token.pop("token")
    assert token == {
        "id": token["id"],
        "name": "Crawler",
        "user": {"id": str(alice.user.pk), "email": "alice@example.org"},
        "scopes": ["chat"],
        "collections": None,
        "created_at": token["created_at"],
        "expires_at": None,
        "last_used_at": None,
    }
    place = f"{PATH}{token['id']}/"
    assert alice.full_api.get(place).json() == token
    assert value not in alice.full_api.get(PATH).content.decode()
    own = ApiClient(value)
    assert own.get("/api/v1/me/").json()["scopes"] == ["chat"]
    assert alice.full_api.delete(place).status_code == 204
    assert own.get("/api/v1/me/").status_code == 401
    assert alice.full_api.get(place).status_code == 404
    assert alice.full_api.delete(place).status_code == 404
    assert listed(alice.full_api) == {"tests", "full"}
    [revocation] = Revocation.objects.all()
    assert str(revocation.token_id) == token["id"]
    with tenant_atomic(alice.access.tenant_id):
        events = AuditEvent.objects.filter(target_id=token["id"]).order_by("at")
        assert [one.action for one in events] == ["token.created", "token.revoked"]


def test_a_use_is_noted_to_the_minute(alice: Person) -> None:
    token = made(alice.full_api)
    place, own = f"{PATH}{token['id']}/", ApiClient(token["token"])

    def noted() -> datetime:
        return datetime.fromisoformat(alice.full_api.get(place).json()["last_used_at"])

    own.get("/api/v1/me/")
    first = noted()
    assert abs(timezone.now() - first) < timedelta(minutes=1)
    own.get("/api/v1/me/")
    assert noted() == first
    with tenant_atomic(alice.access.tenant_id):
        ApiToken.objects.filter(id=token["id"]).update(last_used_at=first - timedelta(minutes=1))
    own.get("/api/v1/me/")
    assert noted() > first


def test_A8_one_sees_and_ends_ones_own_and_admins_everybodys(
    alice: Person, adam: Person, bob: Person, dana: Person
) -> None:
    with tenant_atomic(alice.access.tenant_id):
        of_bob = ApiToken.objects.get(user=bob.user)
    place = f"{PATH}{of_bob.id}/"
    assert bob.api.get(PATH).json()["results"][0]["id"] == str(of_bob.id)
    assert [one.api.get(place).status_code for one in (bob, dana)] == [200, 404]
    # Without the scope an admin's token sees its person's own alone.
    assert (alice.api.get(place).status_code, alice.full_api.get(place).status_code) == (404, 200)
    assert listed(alice.full_api) == {"tests", "full"}
    everybody = alice.full_api.get(f"{PATH}?of=tenant").json()["results"]
    assert {one["user"]["email"][0] for one in everybody} == {"a", "b", "d"}
    refused = [one.api.get(f"{PATH}?of=tenant").status_code for one in (alice, bob, dana)]
    assert refused == [403, 403, 403]
    assert pointers(alice.full_api.get(f"{PATH}?of=world")) == [("/of", "invalid_choice")]
    assert dana.full_api.delete(place).status_code == 403
    assert adam.full_api.delete(place).status_code == 204
    assert bob.api.get(PATH).status_code == 401


def test_only_tokens_with_the_admin_scope_make_or_end_any(alice: Person, bob: Person, dana: Person) -> None:
    for api in (alice.api, bob.full_api, dana.full_api):
        assert api.post(PATH, {"name": "More"}).status_code == 403
        own = api.get(PATH).json()["results"][0]["id"]
        assert api.delete(f"{PATH}{own}/").status_code == 403
    assert ApiClient("none").post(PATH, {"name": "More"}).status_code == 401
    assert alice.client.post(PATH, {"name": "More"}, content_type="application/json").status_code == 401


WRONG: list[tuple[Any, list[tuple[str, str]]]] = [
    ({"name": ""}, [("/name", "blank")]),
    ({"name": "n" * 121}, [("/name", "max_length")]),
    ({"scopes": []}, [("/scopes", "empty")]),
    ({"scopes": ["chat", "root"]}, [("/scopes/1", "invalid_choice")]),
    ({"scopes": "chat"}, [("/scopes", "not_a_list")]),
    ({"collections": []}, [("/collections", "empty")]),
    ({"collections": ["x"]}, [("/collections/0", "invalid")]),
    ({"expires_at": "2001-01-01T00:00:00Z"}, [("/expires_at", "past")]),
    ({"expires_at": "soon"}, [("/expires_at", "invalid")]),
    ({"user": "bob"}, [("/user", "unknown_field")]),
    ({"tenant": "globex", "secret": "x"}, [("/secret", "unknown_field"), ("/tenant", "unknown_field")]),
]


def test_a_wrong_body_is_refused_with_a_pointer(alice: Person) -> None:
    api = alice.full_api
    before = rows(alice)
    for body, expected in WRONG:
        assert pointers(api.post(PATH, {"name": "Crawler", **body})) == expected, body
    assert pointers(api.post(PATH, {})) == [("/name", "required")]
    assert rows(alice) == before


def test_T3_a_scope_beyond_the_role_or_the_token_is_refused(adam: Person, bob: Person, dana: Person) -> None:
    for person, beyond in [(bob, Scope.ADMIN), (dana, Scope.DOCUMENTS_WRITE)]:
        with pytest.raises(InvalidInput) as raised:
            create_token(access=person.access, name="More", scopes=frozenset({Scope.CHAT, beyond}))
        assert [(one.pointer, one.code) for one in raised.value.errors] == [("/scopes", "forbidden_scope")]
    narrow = ApiClient(made(adam.full_api, scopes=["admin", "chat"])["token"])
    assert pointers(narrow.post(PATH, {"name": "More", "scopes": ["documents:write"]})) == [
        ("/scopes", "forbidden_scope")
    ]
    assert made(narrow)["scopes"] == ["chat"], "without being told: what it has, but admin"


def test_T3_a_token_makes_none_that_sees_more_or_lives_longer(alice: Person, charlie: Person) -> None:
    collections = [alice.api.post(COLLECTIONS, {"name": name}).json()["id"] for name in ("Plans", "Minutes")]
    foreign = charlie.api.get(COLLECTIONS).json()["results"][0]["id"]
    later = timezone.now() + timedelta(days=9)
    for unseen in (foreign, str(uuid4())):
        refused = alice.full_api.post(PATH, {"name": "More", "collections": [collections[0], unseen]})
        assert pointers(refused) == [("/collections/1", "unknown_id")]

    limited = made(
        alice.full_api,
        scopes=["admin", "documents:read"],
        collections=[collections[0], collections[0]],
        expires_at=later.isoformat(),
    )
    assert limited["collections"] == [collections[0]]
    api = ApiClient(limited["token"])
    assert [one["id"] for one in api.get(COLLECTIONS).json()["results"]] == [collections[0]]
    assert pointers(api.post(PATH, {"name": "More", "collections": [collections[1]]})) == [
        ("/collections/0", "unknown_id")
    ]
    longer = (later + timedelta(seconds=1)).isoformat()
    assert pointers(api.post(PATH, {"name": "More", "expires_at": longer})) == [
        ("/expires_at", "forbidden_expiry")
    ]
    child = made(api)
    assert (child["collections"], child["expires_at"]) == (limited["collections"], limited["expires_at"])
    sooner = (later - timedelta(days=1)).isoformat()
    assert datetime.fromisoformat(made(api, expires_at=sooner)["expires_at"]) < later


def test_a_foreign_token_answers_as_a_missing_one(alice: Person, charlie: Person) -> None:
    with tenant_atomic(alice.access.tenant_id):
        token = ApiToken.objects.get().id
    for method in ("get", "delete"):
        answers = [refusal(getattr(charlie.full_api, method)(f"{PATH}{one}/")) for one in (token, uuid4())]
        assert answers[0] == answers[1]
        assert answers[0][0] == 404
    assert alice.api.get("/api/v1/me/").status_code == 200
