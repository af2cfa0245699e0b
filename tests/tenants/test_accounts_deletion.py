"""Deleting one's own account."""

from __future__ import annotations

import pytest

from tenants.db import tenant_atomic
from tenants.models import Membership, User
from tests.people import Browser, Person
from tests.tenants.accounts import PASSWORD, is_logged_in, log_in, reauthenticate

pytestmark = pytest.mark.django_db(transaction=True)


def test_it_asks_who_it_is_says_what_goes_and_does_it(alice: Person, bob: Person) -> None:
    elsewhere = Browser()
    log_in(elsewhere, bob.user.email)
    for ask in (bob.client.get, bob.client.post):
        assert ask("/accounts/delete/")["Location"].startswith("/accounts/reauthenticate/")
    reauthenticate(bob.client)
    page = bob.client.get("/accounts/delete/").content.decode()
    assert "your place in Acme" in " ".join(page.split())
    assert User.objects.filter(pk=bob.user.pk).exists()
    response = bob.client.post("/accounts/delete/")
    assert (response.status_code, response["Location"]) == (302, "/")
    assert "has been deleted" in bob.client.get("/accounts/login/").content.decode()
    assert not User.objects.filter(pk=bob.user.pk).exists()
    with tenant_atomic(alice.access.tenant_id):
        assert set(Membership.objects.values_list("user_id", flat=True)) == {alice.user.pk}
    assert not is_logged_in(bob.client)
    assert not is_logged_in(elsewhere)
    again = Browser()
    log_in(again, bob.user.email, PASSWORD)
    assert not is_logged_in(again)


def test_a_last_owner_is_told_where_and_stays(alice: Person) -> None:
    reauthenticate(alice.client)
    response = alice.client.post("/accounts/delete/")
    assert response.status_code == 409
    assert "You are the last owner of Acme." in response.content.decode()
    assert is_logged_in(alice.client)
    assert alice.client.get("/o/acme/").status_code == 200
