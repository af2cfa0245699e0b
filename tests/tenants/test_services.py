"""Organisations, members and tokens are made, or refused with their reason."""

from __future__ import annotations

import pytest
from django.core import mail
from django.test import Client

from documents.models import Collection
from tenants.access import access_by_membership
from tenants.db import tenant_atomic
from tenants.errors import InvalidInput, NotFound
from tenants.models import AuditEvent, Membership, Tenant, User
from tenants.permissions import Role, Scope
from tenants.services.accounts import password_link
from tenants.services.members import add_member
from tenants.services.organisations import create_tenant
from tenants.services.tokens import create_token
from tests.people import Person

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def owner() -> User:
    return User.objects.create_user(email="Olga@Example.org", password="a-long-password")


def _events(person_or_tenant: Tenant) -> list[str]:
    with tenant_atomic(person_or_tenant.id):
        return list(AuditEvent.objects.order_by("at").values_list("action", flat=True))


def test_a_tenant_comes_with_its_owner_a_collection_and_its_record(owner: User) -> None:
    tenant = create_tenant(name="  Initech ", owner=owner)
    assert (tenant.name, tenant.slug) == ("Initech", "initech")
    assert access_by_membership(owner, "initech").role is Role.OWNER
    with tenant_atomic(tenant.id):
        assert [(one.slug, one.is_default) for one in Collection.objects.all()] == [("documents", True)]
    assert _events(tenant) == ["tenant.created"]


def test_I10_a_taken_slug_gets_a_suffix_when_none_was_chosen(owner: User) -> None:
    slugs = [create_tenant(name=name, owner=owner).slug for name in ("Initech", "Initech", "initech!", "API", "!")]
    assert slugs == ["initech", "initech-2", "initech-3", "api-2", "organisation"]


def test_a_slug_is_one_that_the_portal_serves(owner: User) -> None:
    assert create_tenant(name="_Blue_Lighthouse 2_", owner=owner).slug == "blue-lighthouse-2"
    client = Client()
    client.force_login(owner)
    assert client.get("/o/blue-lighthouse-2/").status_code == 200


@pytest.mark.parametrize(
    ("slug", "code"),
    [
        ("initech", "taken"),
        ("admin", "invalid_slug"),
        ("Two Words", "invalid_slug"),
        ("two_words", "invalid_slug"),
        ("x" * 51, "invalid_slug"),
    ],
)
def test_a_chosen_slug_may_be_refused(owner: User, slug: str, code: str) -> None:
    create_tenant(name="Initech", owner=owner)
    with pytest.raises(InvalidInput) as refusal:
        create_tenant(name="Other", slug=slug, owner=owner)
    assert [(one.pointer, one.code) for one in refusal.value.errors] == [("/slug", code)]
    assert Tenant.objects.count() == 1


def test_a_tenant_needs_a_name(owner: User) -> None:
    with pytest.raises(InvalidInput):
        create_tenant(name="   ", owner=owner)


def test_a_tenant_that_cannot_be_made_whole_is_not_made(owner: User) -> None:
    owner.delete()
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever the database says
        create_tenant(name="Initech", owner=owner)
    assert not Tenant.objects.exists()


def test_a_person_is_a_member_once(alice: Person, bob: Person) -> None:
    with pytest.raises(InvalidInput) as refusal:
        add_member(access=alice.access, user=bob.user, role=Role.ADMIN)
    assert refusal.value.code == "taken"
    with tenant_atomic(alice.access.tenant_id):
        assert Membership.objects.get(user=bob.user).role == Role.MEMBER


def test_what_a_token_may_do_without_being_told(alice: Person, dana: Person) -> None:
    assert set(create_token(access=alice.access, name="a").token.scopes) == {
        Scope.CHAT,
        Scope.DOCUMENTS_READ,
        Scope.DOCUMENTS_WRITE,
    }
    assert set(create_token(access=dana.access, name="a").token.scopes) == {Scope.CHAT, Scope.DOCUMENTS_READ}


def test_a_link_to_set_a_password_is_good_once(alice: Person) -> None:
    link = password_link(alice.user)
    client = Client()
    form = client.get(link, follow=True)
    place = form.redirect_chain[-1][0]
    done = client.post(place, {"password1": "entirely-new-words", "password2": "entirely-new-words"})
    assert done.status_code == 302
    alice.user.refresh_from_db()
    assert alice.user.check_password("entirely-new-words")
    again = Client().get(link, follow=True)
    assert again.redirect_chain == []


def test_signing_up_makes_person_and_organisation_and_logs_in() -> None:
    client = Client()
    form = {"organisation": "Hooli", "email": "gavin@example.org", "password1": "a-very-long-password"}
    answer = client.post("/accounts/signup/", form)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/o/hooli/")
    assert client.get("/o/hooli/").status_code == 200
    assert access_by_membership(User.objects.get(email="gavin@example.org"), "hooli").role is Role.OWNER


def test_A4_signing_up_with_a_known_address_makes_nothing_and_says_nothing(alice: Person) -> None:
    client = Client()
    form = {"organisation": "Hooli", "email": "alice@example.org", "password1": "a-very-long-password"}
    client.post("/accounts/signup/", form)
    assert User.objects.count() == 1
    assert not Tenant.objects.filter(slug="hooli").exists()
    with pytest.raises(NotFound):
        access_by_membership(alice.user, "hooli")
    assert client.get("/o/acme/").status_code == 302, "nobody is logged in"
    assert len(mail.outbox) <= 1
