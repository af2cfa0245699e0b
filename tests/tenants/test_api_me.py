"""`/me/`: who a token is."""

import pytest

from tests.people import Person

pytestmark = pytest.mark.django_db(transaction=True)


def test_says_tenant_person_role_scopes_and_limits(alice: Person, dana: Person, charlie: Person) -> None:
    body = alice.api.get("/api/v1/me/").json()
    assert body == {
        "tenant": {"id": str(alice.access.tenant_id), "name": "Acme", "slug": "acme"},
        "user": {"id": str(alice.user.pk), "email": "alice@example.org"},
        "role": "owner",
        "scopes": ["chat", "documents:read", "documents:write"],
        "limits": {"requests_per_second": 5},
    }
    viewer = dana.api.get("/api/v1/me/").json()
    assert (viewer["role"], viewer["scopes"]) == ("viewer", ["chat", "documents:read"])
    assert charlie.api.get("/api/v1/me/").json()["tenant"]["slug"] == "globex"
