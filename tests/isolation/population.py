"""Everybody whom the matrix asks for, of each role, a colleague and a stranger, and what they own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from uuid import UUID, uuid4

import psycopg

from documents.models import Collection, Document
from documents.services.collections import create_collection, set_collection_access
from documents.services.documents import update_document
from tenants.db import tenant_atomic
from tenants.isolation.catalog import tenant_models
from tenants.models import User
from tenants.permissions import Role, Scope, scopes_of_role
from tenants.services.members import add_member, change_role
from tenants.services.organisations import create_tenant
from tenants.services.tokens import create_token
from tests.documents.pdfs import text_pdf
from tests.factories import HANDBOOK_PAGES, processed, uploaded
from tests.fixtures import HURRIED
from tests.isolation.estates import Estate, estate_of, unfetched_page
from tests.isolation.matrix import Authority, Whose
from tests.people import ApiClient, Person, person_of

ROLES = {"alice": Role.OWNER, "adam": Role.ADMIN, "bob": Role.MEMBER, "dana": Role.VIEWER}
# A member, who has made what is a colleague's to everyone else.
COLLEAGUE = "erin"


@dataclass(frozen=True)
class Program:
    """Somebody's token with these scopes."""

    name: str
    estate: Estate
    authority: Authority
    token: str

    @cached_property
    def client(self) -> ApiClient:
        return ApiClient(self.token)


@dataclass(frozen=True, slots=True)
class Population:
    """Estates by name; `hidden` is in a restricted collection of the colleague's."""

    people: Mapping[str, Estate]
    colleague: Estate
    hidden: Estate
    stranger: Estate
    programs: tuple[Program, ...]

    def ids(self, own: Estate, whose: Whose, kinds: Iterable[str]) -> dict[str, UUID]:
        """By kind, what is somebody's own, a colleague's, hidden, foreign, or nothing at all."""
        others = {Whose.COLLEAGUES: self.colleague, Whose.HIDDEN: self.hidden, Whose.FOREIGN: self.stranger}
        estate = others.get(whose, own)
        return {kind: uuid4() if whose is Whose.MISSING else getattr(estate, kind) for kind in kinds}


def populate() -> Population:
    """Needs the `worker`. All of acme are owners while they make what they own, and get their role afterwards."""
    alice, charlie = _founder("alice", "acme"), _founder("charlie", "globex")
    others = (*(ROLES.keys() - {"alice"}), COLLEAGUE)
    people = {"alice": alice} | {name: _owner(alice, name) for name in others}
    owners = {**people, "charlie": charlie}
    for name, person in owners.items():
        uploaded(person, "handbook.pdf", _handbook(name))  # all are processed while the first is waited for
    uploaded(people[COLLEAGUE], "handbook.pdf", _handbook("hidden"))
    estates = {
        name: estate_of(person, _handbook(name), inviter=None if person is charlie else alice.access)
        for name, person in owners.items()
    }
    hidden = _hidden(estates[COLLEAGUE])
    for name, role in (ROLES | {COLLEAGUE: Role.MEMBER}).items():
        if role is not Role.OWNER:
            change_role(access=alice.access, user_id=people[name].user.pk, role=role)
    stranger, colleague = estates.pop("charlie"), estates.pop(COLLEAGUE)
    programs = tuple(one for name, estate in estates.items() for one in _programs(name, estate))
    return Population(estates, colleague, hidden, stranger, programs)


def _user(name: str) -> User:
    return User.objects.create_user(email=f"{name}@example.org", password="a-long-password", name=name.title())


def _founder(name: str, slug: str) -> Person:
    user = _user(name)
    create_tenant(name=slug.title(), slug=slug, owner=user, rate_limit=HURRIED)
    return person_of(user, slug)


def _owner(alice: Person, name: str) -> Person:
    user = _user(name)
    add_member(access=alice.access, user=user, role=Role.OWNER)
    return person_of(user, alice.slug)


def _handbook(name: str) -> bytes:
    """The same for everybody, but other bytes: what is the same file twice is one document."""
    return text_pdf(HANDBOOK_PAGES, title=f"The handbook of {name}")


def _hidden(estate: Estate) -> Estate:
    """A document like the others in a collection that only its maker and admins see."""
    person = estate.person
    access = person.access
    document = UUID(uploaded(person, "handbook.pdf", _handbook("hidden"))["id"])
    with tenant_atomic(access.tenant_id):
        collection: Collection = create_collection(access=access, name="Salaries")
        set_collection_access(access=access, collection=collection, everyone=False)
        source = unfetched_page(access, collection)
    processed(person, str(document))
    with tenant_atomic(access.tenant_id):
        update_document(access=access, document=Document.objects.get(id=document), collection=collection)
    return replace(estate, document=document, collection=collection.id, source=source.id)


def _programs(name: str, estate: Estate) -> list[Program]:
    """Tokens of every scope that the role has, and of each alone."""
    access = estate.person.access
    full = scopes_of_role(access.role)
    made = []
    for scopes in (full, *(frozenset({scope}) for scope in Scope if scope in full)):
        words = "every scope" if scopes == full else " ".join(scopes)
        token = create_token(access=access, name=words, scopes=scopes).value
        made.append(Program(f"{name} with {words}", estate, Authority(access.role, scopes), token))
    return made


def fingerprints(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """Of every row of every tenant, by table, but for the times when tokens were last used."""
    row = "(to_jsonb(rows) - 'last_used_at' - 'last_login')::text"
    tables = [*tenant_models(), "tenants_tenant", "tenants_user", "tenants_job"]
    queries = [f"SELECT '{one}', md5(string_agg({row}, '' ORDER BY id)) FROM {one} rows" for one in tables]
    return dict(connection.execute(" UNION ALL ".join(queries).encode()).fetchall())
