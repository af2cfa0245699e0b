"""The one resolver: who gets in by a token, a membership or the command line, and who does not."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import psycopg
import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from tenants.access import (
    Carrier,
    access_by_membership,
    access_by_token,
    access_of_cli,
    bearer_of,
    decode_token_id,
    encode_token_id,
    memberships_of,
)
from tenants.db import tenant_atomic
from tenants.errors import InvalidInput, NotAuthenticated, NotFound, PermissionRefused
from tenants.models import ApiToken, Membership, Tenant, User
from tenants.permissions import Action, Role, Scope
from tenants.services.members import add_member
from tenants.services.tokens import create_token
from tests.people import Person

_TOKEN = re.compile(r"dct_([0-9A-Za-z]{43})_([0-9A-Za-z_-]{43})")


def _parts(token: str) -> tuple[str, str]:
    match = _TOKEN.fullmatch(token)
    assert match
    return match[1], match[2]


@given(st.uuids(), st.uuids())
def test_a_tokens_id_is_its_tenant_and_row(tenant: UUID, row: UUID) -> None:
    text = encode_token_id(tenant, row)
    assert re.fullmatch(r"[0-9A-Za-z]{43}", text)
    assert decode_token_id(text) == (tenant, row)


@given(st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", min_size=43, max_size=43))
def test_no_other_text_is_a_tokens_id(text: str) -> None:
    ids = decode_token_id(text)
    assert ids is None or encode_token_id(*ids) == text


def test_the_largest_id_is_one_and_the_next_is_none() -> None:
    last = UUID(int=2**128 - 1)
    text = encode_token_id(last, last)
    assert decode_token_id(text) == (last, last)
    following = text[:-1] + chr(ord(text[-1]) + 1)
    assert following[-1].isalnum()
    assert decode_token_id(following) is None


@pytest.mark.parametrize(
    ("header", "token"),
    [
        (None, None),
        ("", None),
        ("Basic dXNlcjpwYXNz", None),
        ("Token abc", None),
        ("Bearer abc", "abc"),
        ("bearer abc", "abc"),
    ],
)
def test_T4_what_a_header_carries(header: str | None, token: str | None) -> None:
    assert bearer_of(header) == token


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Bearer  abc", "Bearer abc ", "Bearer abc def"])
def test_T4_a_malformed_bearer_is_refused(header: str) -> None:
    with pytest.raises(NotAuthenticated):
        bearer_of(header)


@pytest.mark.django_db(transaction=True)
class TestTokens:
    def test_T1_the_database_does_not_know_the_secret(
        self, alice: Person, admin_connection: psycopg.Connection
    ) -> None:
        _, secret = _parts(alice.token)
        [row] = admin_connection.execute("SELECT t::text, secret_sha256 FROM tenants_apitoken t").fetchall()
        assert row[1] == hashlib.sha256(secret.encode()).digest()
        assert secret not in row[0]
        [(events,)] = admin_connection.execute(
            "SELECT string_agg(e::text, '') FROM tenants_auditevent e"
        ).fetchall()
        assert "token.created" in events
        assert secret not in events

    def test_T1_each_secret_is_new(self, alice: Person) -> None:
        values = {create_token(access=alice.access, name="many").value for _ in range(20)}
        assert len({_parts(value)[1] for value in values}) == 20
        assert len({_parts(value)[0] for value in values}) == 20

    def test_T3_a_token_acts_for_its_own_tenant_and_person(self, alice: Person, charlie: Person) -> None:
        access = access_by_token(alice.token)
        assert access == replace(
            alice.access,
            carrier=Carrier.TOKEN,
            scopes=frozenset({Scope.CHAT, Scope.DOCUMENTS_READ, Scope.DOCUMENTS_WRITE}),
            token_id=access.token_id,
        )
        assert access_by_token(charlie.token).tenant_slug == "globex"

    def test_T2_whatever_is_wrong_is_the_same_refusal(self, alice: Person, charlie: Person) -> None:
        identity, secret = _parts(alice.token)
        foreign_identity, foreign_secret = _parts(charlie.token)
        tenant, row = decode_token_id(identity) or (uuid4(), uuid4())
        foreign_tenant, foreign_row = decode_token_id(foreign_identity) or (uuid4(), uuid4())
        wrong = [
            "",
            "abc",
            alice.token + "A",
            alice.token.removeprefix("dct_"),
            f"dct_{identity}_{foreign_secret}",
            f"dct_{foreign_identity}_{secret}",
            f"dct_{encode_token_id(foreign_tenant, row)}_{secret}",
            f"dct_{encode_token_id(tenant, foreign_row)}_{foreign_secret}",
            f"dct_{encode_token_id(uuid4(), row)}_{secret}",
            f"dct_{encode_token_id(tenant, uuid4())}_{secret}",
            f"dct_{'z' * 43}_{secret}",
            f"dct_{identity}_{secret.swapcase()}",
            f"DCT_{identity}_{secret}",
        ]
        said = set()
        for token in wrong:
            with pytest.raises(NotAuthenticated) as refusal:
                access_by_token(token)
            said.add((refusal.value.status, refusal.value.code, refusal.value.detail))
        assert len(said) == 1
        assert access_by_token(alice.token)

    @pytest.mark.parametrize(
        "end",
        [
            lambda: ApiToken.objects.update(revoked_at=timezone.now()),
            lambda: ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1)),
            lambda: User.objects.update(is_active=False),
            lambda: Tenant.objects.update(is_active=False),
            lambda: Membership.objects.all().delete(),
            lambda: ApiToken.objects.all().delete(),
        ],
        ids=["revoked", "expired", "person inactive", "tenant inactive", "member no more", "deleted"],
    )
    def test_T3_a_token_that_ended_is_refused(self, alice: Person, end: Callable[[], object]) -> None:
        tenant_id = alice.access.tenant_id
        with tenant_atomic(tenant_id):
            ApiToken.objects.update(expires_at=timezone.now() + timedelta(minutes=1))
        assert access_by_token(alice.token)
        with tenant_atomic(tenant_id):
            end()
        with pytest.raises(NotAuthenticated):
            access_by_token(alice.token)

    def test_T3_scopes_never_reach_beyond_the_role_of_today(self, alice: Person, bob: Person) -> None:
        assert access_by_token(bob.token).scopes == {Scope.CHAT, Scope.DOCUMENTS_READ, Scope.DOCUMENTS_WRITE}
        with tenant_atomic(alice.access.tenant_id):
            Membership.objects.filter(user=bob.user).update(role=Role.VIEWER)
        access = access_by_token(bob.token)
        assert access.scopes == {Scope.CHAT, Scope.DOCUMENTS_READ}
        assert not access.allows(Action.WRITE_DOCUMENTS)

    def test_T3_a_scope_bounds_even_an_owner(self, alice: Person) -> None:
        token = create_token(access=alice.access, name="reader", scopes=frozenset({Scope.DOCUMENTS_READ}))
        access = access_by_token(token.value)
        assert {action for action in Action if access.allows(action)} == {
            Action.READ_SELF,
            Action.READ_DOCUMENTS,
            Action.READ_OWN_TOKENS,
            Action.SEE_RESTRICTED,
        }
        with pytest.raises(PermissionRefused):
            access.require(Action.CHAT)

    def test_T3_no_token_has_a_scope_that_its_person_lacks(self, dana: Person) -> None:
        with pytest.raises(InvalidInput) as refusal:
            create_token(access=dana.access, name="more", scopes=frozenset({Scope.DOCUMENTS_WRITE}))
        assert refusal.value.code == "forbidden_scope"


@pytest.mark.django_db(transaction=True)
class TestMemberships:
    def test_I16_the_url_and_the_membership_decide(self, alice: Person, charlie: Person) -> None:
        erin = User.objects.create_user(email="erin@example.org", password="a-long-password")
        add_member(access=alice.access, user=erin, role=Role.ADMIN)
        add_member(access=charlie.access, user=erin, role=Role.VIEWER)
        assert access_by_membership(erin, "acme").role is Role.ADMIN
        assert access_by_membership(erin, "globex").role is Role.VIEWER
        assert [(one.slug, one.role) for one in memberships_of(erin)] == [
            ("acme", Role.ADMIN),
            ("globex", Role.VIEWER),
        ]
        assert [one.slug for one in memberships_of(alice.user)] == ["acme"]

    def test_I1_a_missing_and_a_foreign_organisation_are_the_same(self, alice: Person, charlie: Person) -> None:
        said = set()
        for slug in ("globex", "no-such-organisation"):
            with pytest.raises(NotFound) as refusal:
                access_by_membership(alice.user, slug)
            said.add(refusal.value.detail)
        assert len(said) == 1

    def test_whoever_is_inactive_enters_nowhere(self, alice: Person) -> None:
        alice.user.is_active = False
        alice.user.save()
        with pytest.raises(NotFound):
            access_by_membership(alice.user, "acme")

    def test_the_command_line_acts_as_the_first_owner_or_who_is_named(self, alice: Person, bob: Person) -> None:
        assert access_of_cli("acme").email == "alice@example.org"
        assert access_of_cli("acme").carrier is Carrier.CLI
        assert access_of_cli("acme", "BOB@example.org").role is Role.MEMBER
        with pytest.raises(NotFound):
            access_of_cli("acme", "charlie@example.org")
        with pytest.raises(NotFound):
            access_of_cli("globex")
