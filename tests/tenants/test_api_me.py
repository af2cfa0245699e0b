"""`/me/`: who a token is, and what is no token."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from tenants.db import tenant_atomic
from tenants.models import ApiToken
from tenants.services.tokens import create_token
from tests.fixtures import HURRIED
from tests.people import ApiClient, Person
from tests.refusals import refusal

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/api/v1/me/"


def test_says_tenant_person_role_scopes_and_limits(alice: Person) -> None:
    assert alice.api.get(PATH).json() == {
        "tenant": {"id": str(alice.access.tenant_id), "name": "Acme", "slug": "acme"},
        "user": {"id": str(alice.user.pk), "email": "alice@example.org"},
        "role": "owner",
        "scopes": ["chat", "documents:read", "documents:write"],
        "limits": {"requests_per_second": HURRIED, "quotas": []},
        "used": {
            "tokens_day": 0,
            "tokens_month": 0,
            "questions_day": 0,
            "documents": 0,
            "bytes": 0,
            "replies": 0,
        },
    }


def test_says_each_person_their_own(bob: Person, dana: Person, charlie: Person) -> None:
    expected = {
        bob: ("acme", "member", ["chat", "documents:read", "documents:write"]),
        dana: ("acme", "viewer", ["chat", "documents:read"]),
        charlie: ("globex", "owner", ["chat", "documents:read", "documents:write"]),
    }
    for person, (slug, role, scopes) in expected.items():
        body = person.api.get(PATH).json()
        assert (body["tenant"]["slug"], body["role"], body["scopes"]) == (slug, role, scopes)
        assert body["user"]["email"] == person.user.email


def test_every_wrong_token_is_refused_alike(alice: Person, charlie: Person) -> None:
    soon = timezone.now() + timedelta(hours=1)
    made = create_token(access=alice.access, name="old", expires_at=soon)
    with tenant_atomic(alice.access.tenant_id):
        ApiToken.objects.filter(id=made.token.id).update(expires_at=timezone.now() - timedelta(seconds=1))
    expired = made.value
    own_id, secret = alice.token.rsplit("_", 1)
    other_secret = charlie.token[-len(secret) :]
    wrong = ["", "dct_x_y", alice.token[:-1], f"{own_id}_{other_secret}", expired, "z" * 90]
    answers = [refusal(ApiClient(token).get(PATH)) for token in wrong[1:]]
    assert {status for status, _ in answers} == {401}
    assert len({repr(body) for _, body in answers}) == 1
    assert ApiClient(alice.token).get(PATH).status_code == 200


def test_only_the_header_carries_a_token(alice: Person) -> None:
    anonymous = Client()
    for response in [
        anonymous.get(PATH),
        anonymous.get(f"{PATH}?token={alice.token}&access_token={alice.token}"),
        anonymous.get(PATH, headers={"X-Api-Key": alice.token}),
        anonymous.get(PATH, headers={"Authorization": f"Token {alice.token}"}),
        alice.client.get(PATH),
    ]:
        assert refusal(response)[0] == 401
        assert response.headers["WWW-Authenticate"] == 'Bearer realm="docent"'


def test_answers_are_not_stored_on_the_way(alice: Person) -> None:
    assert alice.api.get(PATH).headers["Cache-Control"] == "no-store"
    assert alice.api.post(PATH).status_code == 405
    assert alice.api.head(PATH).status_code == 200
