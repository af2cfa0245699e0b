"""Queries that are kept: what is kept of them is never one tenant's."""

from typing import Any
from uuid import uuid4

import pytest

from conversations.models import Conversation
from conversations.services.conversations import create_conversation
from tenants.context import NoActiveTenant
from tenants.database.prepared_queries import Prepared, PreparedModels, any_of
from tenants.db import tenant_atomic
from tests.people import Person

pytestmark = pytest.mark.django_db(transaction=True)


def by_title(title: str) -> Any:
    return Conversation.objects.filter(title=title).values_list("id")


def test_a_kept_query_is_each_tenants_own(alice: Person, charlie: Person) -> None:
    mine = create_conversation(access=alice.access, title="Same").id
    theirs = create_conversation(access=charlie.access, title="Same").id
    other = create_conversation(access=alice.access, title="Other").id
    query = Prepared(by_title)
    for person, title, wanted in (
        (alice, "Same", {mine}),
        (charlie, "Same", {theirs}),
        (alice, "Other", {other}),
        (charlie, "Other", set()),
    ):
        with tenant_atomic(person.access.tenant_id):
            assert {one for (one,) in query.rows(title=title)} == wanted


def test_a_kept_query_asks_nothing_outside_a_tenant(alice: Person) -> None:
    query = Prepared(by_title)
    with tenant_atomic(alice.access.tenant_id):
        assert query.rows(title="None") == []
    with pytest.raises(NoActiveTenant):
        query.rows(title="None")


def test_lists_of_any_length_are_one_query(alice: Person, charlie: Person) -> None:
    mine = [create_conversation(access=alice.access).id for _ in range(3)]
    theirs = create_conversation(access=charlie.access).id
    query = Prepared(lambda ids: Conversation.objects.filter(any_of("id", ids)).values_list("id"))
    with tenant_atomic(alice.access.tenant_id):
        assert query.rows(ids=[]) == []
        assert {one for (one,) in query.rows(ids=[*mine[:2], theirs])} == set(mine[:2])
        assert {one for (one,) in query.rows(ids=mine)} == set(mine)


def test_rows_are_read_as_django_reads_them(alice: Person) -> None:
    wanted = create_conversation(access=alice.access, title="Whole", metadata={"a": [1]}).id
    query = PreparedModels(Conversation, lambda one: Conversation.objects.filter(id=one))
    with tenant_atomic(alice.access.tenant_id):
        kept, usual = query.first(one=wanted), Conversation.objects.get(id=wanted)
        assert kept is not None
        assert (kept, {**vars(kept), "_state": 0}) == (usual, {**vars(usual), "_state": 0})
        kept.title = "Changed"
        kept.save()
        assert Conversation.objects.get(id=wanted).title == "Changed"
        assert query.first(one=uuid4()) is None


def test_a_value_without_a_place_is_refused(alice: Person) -> None:
    def careless(title: str) -> Any:
        return Conversation.objects.filter(title=title.upper()).values_list("id")

    with tenant_atomic(alice.access.tenant_id), pytest.raises(ValueError, match="a place"):
        Prepared(careless).rows(title="a value that is looked at")
