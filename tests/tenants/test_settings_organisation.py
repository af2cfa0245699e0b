"""The portal's settings of the organisation and of tokens, and the page for a further organisation."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from tenants.access import memberships_of
from tenants.db import tenant_atomic
from tenants.models import ApiToken, AuditEvent, Tenant
from tests.people import ApiClient, Person

pytestmark = pytest.mark.django_db(transaction=True)

COLLECTIONS = "/api/v1/collections/"
BROWSER = {"Accept": "text/html,application/xhtml+xml"}
TOKEN = re.compile(r"dct_\w{43}_[\w-]{43}")


def send(person: Person, path: str, **form: Any) -> Any:
    return person.client.post(f"/o/{person.slug}/settings/{path}", form, headers=BROWSER)


def page(person: Person, name: str) -> str:
    answer = person.client.get(f"/o/{person.slug}/settings/{name}/")
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_admins_decide_about_the_organisation_and_it_is_recorded(adam: Person, charlie: Person) -> None:
    form = {
        "name": " Acme  Trading ",
        "sample_questions": "Who pays?\n\n  When  is  it due? \n",
        "admins_read_conversations": "on",
    }
    assert send(adam, "organisation/change/", **form).status_code == 302
    tenant = Tenant.objects.get(slug="acme")
    assert tenant.name == "Acme Trading"
    assert tenant.sample_questions == ["Who pays?", "When is it due?"]
    assert tenant.admins_read_conversations
    send(adam, "organisation/change/", **form)  # the same again
    with tenant_atomic(tenant.id):
        [event] = AuditEvent.objects.filter(action="tenant.changed")
        assert event.data == {
            "fields": ["admins_read_conversations", "members_may_share", "name", "sample_questions"],
            "admins_read_conversations": True,
            "members_may_share": False,
        }
    assert "Who pays?\nWhen is it due?</textarea>" in page(adam, "organisation")
    send(adam, "organisation/change/", name="Acme", sample_questions="")
    tenant.refresh_from_db()
    assert (tenant.sample_questions, tenant.admins_read_conversations) == ([], False)
    assert Tenant.objects.get(slug="globex").name == "Globex"


@pytest.mark.parametrize("name", ["", "n" * 121])
def test_a_wrong_name_or_too_many_questions_change_nothing(adam: Person, name: str) -> None:
    send(adam, "organisation/change/", name=name)
    send(adam, "organisation/change/", name="New", sample_questions="\n".join(map(str, range(9))))
    send(adam, "organisation/change/", name="New", sample_questions="q" * 201)
    tenant = Tenant.objects.get(slug="acme")
    assert (tenant.name, tenant.sample_questions) == ("Acme", [])


def test_others_read_what_concerns_them_and_change_nothing(alice: Person, bob: Person, dana: Person) -> None:
    for person in (bob, dana):
        assert "You alone." in page(person, "organisation")
        assert "organisation/change/" not in page(person, "organisation")
        assert send(person, "organisation/change/", name="Mine").status_code == 403
    Tenant.objects.filter(slug="acme").update(admins_read_conversations=True)
    assert "may read members’ conversations; each look is recorded" in page(bob, "organisation")
    assert Tenant.objects.get(slug="acme").name == "Acme"


def test_a_token_is_shown_once(bob: Person) -> None:
    made = send(bob, "tokens/create/", name="Crawler", scopes=["chat"])
    assert made.status_code == 200
    [value] = TOKEN.findall(made.content.decode())
    assert ApiClient(value).get("/api/v1/me/").json()["scopes"] == ["chat"]
    shown = page(bob, "tokens")
    assert "Crawler" in shown
    assert TOKEN.findall(shown) == []
    assert re.findall(r'name="scopes" value="([\w:]+)"', shown) == ["chat", "documents:read", "documents:write"]


def test_a_token_ends_with_its_last_day(bob: Person) -> None:
    tomorrow = (timezone.now() + timedelta(days=1)).date()
    send(bob, "tokens/create/", name="Brief", scopes=["chat"], expires_on=tomorrow.isoformat())
    with tenant_atomic(bob.access.tenant_id):
        ends = ApiToken.objects.get(name="Brief").expires_at
    assert ends == datetime(tomorrow.year, tomorrow.month, tomorrow.day, 23, 59, 59, 999999, UTC)
    for wrong in ("2001-01-01", "soon"):
        assert send(bob, "tokens/create/", name="Wrong", scopes=["chat"], expires_on=wrong).status_code == 302
    assert send(bob, "tokens/create/", name="Wrong").status_code == 302, "no scope"
    assert send(bob, "tokens/create/", name="Wrong", scopes=["admin"]).status_code == 302
    with tenant_atomic(bob.access.tenant_id):
        assert not ApiToken.objects.filter(name="Wrong").exists()


def test_a_token_is_limited_to_the_collections_that_are_chosen(
    alice: Person, bob: Person, charlie: Person
) -> None:
    plans, minutes = (bob.api.post(COLLECTIONS, {"name": name}).json()["id"] for name in ("Plans", "Minutes"))
    hidden = alice.api.post(COLLECTIONS, {"name": "Board"}).json()["id"]
    assert alice.api.patch(f"{COLLECTIONS}{hidden}/", {"access": {"everyone": False}}).status_code == 200
    foreign = charlie.api.get(COLLECTIONS).json()["results"][0]["id"]
    offered = re.findall(r'name="collections" value="([-0-9a-f]+)"', page(bob, "tokens"))
    assert sorted(offered) == sorted(one["id"] for one in bob.api.get(COLLECTIONS).json()["results"])
    assert {plans, minutes} < set(offered)
    assert hidden not in offered

    def reached(**form: Any) -> set[str]:
        made = send(bob, "tokens/create/", name="Crawler", scopes=["documents:read"], **form)
        [value] = TOKEN.findall(made.content.decode())
        return {one["id"] for one in ApiClient(value).get(COLLECTIONS).json()["results"]}

    assert reached(reach="some", collections=[plans]) == {plans}
    assert reached(collections=[plans, minutes]) == {plans, minutes}
    assert reached(reach="all", collections=[plans]) == set(offered), "what “all” hides does not count"
    assert reached() == set(offered)
    with tenant_atomic(bob.access.tenant_id):
        before = ApiToken.objects.count()
    for chosen in ([], [hidden], [foreign], [str(uuid4())], ["x"]):
        wrong = {"name": "Wrong", "scopes": ["documents:read"], "reach": "some", "collections": chosen}
        assert send(bob, "tokens/create/", **wrong).status_code == 302, chosen
    with tenant_atomic(bob.access.tenant_id):
        assert ApiToken.objects.count() == before


def test_one_revokes_ones_own_and_admins_everybodys(
    alice: Person, adam: Person, bob: Person, dana: Person, charlie: Person
) -> None:
    with tenant_atomic(alice.access.tenant_id):
        tokens = {one.user_id: one.id for one in ApiToken.objects.all()}
    of_bob, of_dana = tokens[bob.user.pk], tokens[dana.user.pk]
    foreign, missing = (send(one, f"tokens/{of}/revoke/") for one, of in ((charlie, of_bob), (charlie, uuid4())))
    assert (foreign.status_code, foreign.content) == (404, missing.content)
    assert send(dana, f"tokens/{of_bob}/revoke/").status_code == 404
    assert bob.api.get("/api/v1/me/").status_code == 200
    assert str(of_bob) not in page(dana, "tokens")
    assert {str(of_bob), str(of_dana)} <= set(re.findall(r"tokens/([-0-9a-f]{36})/revoke", page(adam, "tokens")))
    assert send(bob, f"tokens/{of_bob}/revoke/").status_code == 302
    assert send(adam, f"tokens/{of_dana}/revoke/").status_code == 302
    assert [one.api.get("/api/v1/me/").status_code for one in (bob, dana, alice)] == [401, 401, 200]


def test_a_further_organisation(bob: Person) -> None:
    path = "/organisations/new/"
    assert Client().get(path).headers["Location"] == f"/accounts/login/?next={path}"
    assert bob.client.get(path).status_code == 200
    refused = bob.client.post(path, {"name": " "})
    assert refused.status_code == 400
    assert "An organisation needs a name." in refused.content.decode()
    assert bob.client.post(path, {"name": "Bob and Sons"}).headers["Location"] == "/o/bob-and-sons/"
    assert [(one.slug, one.role.value) for one in memberships_of(bob.user)] == [
        ("acme", "member"),
        ("bob-and-sons", "owner"),
    ]
    for slug in ("acme", "bob-and-sons"):
        shown = bob.client.get(f"/o/{slug}/").content.decode()
        assert 'href="/o/acme/"' in shown
        assert 'href="/o/bob-and-sons/"' in shown
        assert f'href="{path}"' in shown
    # Each stands for itself: an owner of one is no more than a member of the other.
    assert send(bob, "organisation/change/", name="Mine").status_code == 403


def test_no_further_organisation_where_sign_up_is_closed(bob: Person, settings: Any) -> None:
    settings.DOCENT_SIGNUP = "closed"
    assert bob.client.get("/organisations/new/").status_code == 403
    assert bob.client.post("/organisations/new/", {"name": "Bob and Sons"}).status_code == 403
    assert "/organisations/new/" not in bob.client.get("/o/acme/").content.decode()
    assert [one.slug for one in memberships_of(bob.user)] == ["acme"]
