"""A started portal with three programs: alice's and bob's of acme, charlie's of globex, and what alice has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields

import pytest
from pytest_django import DjangoDbBlocker

from bench.fuzz.contract import Role
from tenants.permissions import Role as TenantRole
from tenants.services.members import add_member
from tests.isolation.estates import Estate, estate_of
from tests.isolation.population import _founder, _user
from tests.people import Person, person_of
from tests.processes import LiveServer, Running


@dataclass(frozen=True, slots=True)
class World:
    server: LiveServer
    estate: Estate
    alice: Person
    bob: Person
    charlie: Person

    @property
    def roles(self) -> list[Role]:
        """All three with alice's ids in their paths."""
        ids: dict[str, object] = {"number": 1}
        for one in fields(self.estate):
            value = getattr(self.estate, one.name)
            ids |= {one.name: str(value), f"{one.name}_id": str(value)}
        ids |= {"message": str(self.estate.reply), "model": "ollama:tiny"}
        people = {"alice": self.alice, "bob": self.bob, "charlie": self.charlie}
        return [Role(name, person.full_token, ids) for name, person in people.items()]


@pytest.fixture(scope="package")
def world(
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
    empty_tables: Callable[[], None],
    worker: Running,
    extractive_server: LiveServer,
) -> Iterator[World]:
    with django_db_blocker.unblock():
        try:
            alice, charlie = _founder("alice", "acme"), _founder("charlie", "globex")
            user = _user("bob")
            add_member(access=alice.access, user=user, role=TenantRole.MEMBER)
            yield World(extractive_server, estate_of(alice), alice, person_of(user, "acme"), charlie)
        finally:
            empty_tables()
