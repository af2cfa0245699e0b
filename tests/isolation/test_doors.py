"""Ids that are another's, wherever an id may stand: in paths, in bodies: they look like missing ones."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.test.client import MULTIPART_CONTENT

from conversations.services.conversations import create_conversation
from retrieval.search import search
from retrieval.types import Mode, Scope
from tenants.db import tenant_atomic
from tenants.isolation.catalog import tenant_models
from tests.environment import Environment
from tests.isolation.estates import Estate, estate_of
from tests.people import Person
from tests.processes import Running

pytestmark = pytest.mark.django_db(transaction=True)

API = "/api/v1"


@pytest.fixture
def acme_estate(alice: Person, worker: Running) -> Estate:
    return estate_of(alice)


@pytest.fixture
def globex_estate(charlie: Person, worker: Running) -> Estate:
    return estate_of(charlie)


def _outcome(response: Any) -> tuple[int, str]:
    """All that an asker can tell answers apart by."""
    return response.status_code, re.sub(r'"request_id": ?"\w+"', "", response.content.decode())


def _upload(estate: Estate, collection: UUID) -> Any:
    file = SimpleUploadedFile("note.txt", f"A note, {uuid4()}".encode())
    return estate.person.api.post(
        f"{API}/documents/", {"files": file, "collection": str(collection)}, content_type=MULTIPART_CONTENT
    )


def _ask(estate: Estate, **body: Any) -> Any:
    return estate.person.api.post(f"{API}/query/", {"query": "How many days of paid holiday?", **body})


# What names an id in a body, a form or a query: the request, and which of an estate's ids it may name.
BODIES: dict[str, tuple[str, Any]] = {
    "collections of a conversation": (
        "collection",
        lambda own, one: own.person.api.post(f"{API}/conversations/", {"collections": [str(one)]}),
    ),
    "documents of a conversation": (
        "document",
        lambda own, one: own.person.api.post(f"{API}/conversations/", {"documents": [str(one)]}),
    ),
    "the second of several": (
        "document",
        lambda own, one: own.person.api.post(
            f"{API}/conversations/", {"documents": [str(own.document), str(one)]}
        ),
    ),
    "collections of a search": (
        "collection",
        lambda own, one: own.person.api.post(f"{API}/search/", {"query": "leave", "collections": [str(one)]}),
    ),
    "documents of a search": (
        "document",
        lambda own, one: own.person.api.post(f"{API}/search/", {"query": "leave", "documents": [str(one)]}),
    ),
    "the collection of a query": ("collection", lambda own, one: _ask(own, collection=str(one))),
    "the session of a query": ("conversation", lambda own, one: _ask(own, session_id=str(one))),
    "the collection of an upload": ("collection", _upload),
    "the collection of a document": (
        "collection",
        lambda own, one: own.person.api.patch(f"{API}/documents/{own.document}/", {"collection": str(one)}),
    ),
    "the collection of a list": (
        "collection",
        lambda own, one: own.person.api.get(f"{API}/documents/?collection={one}"),
    ),
    "the parent of a message": (
        "reply",
        lambda own, one: own.person.api.post(
            f"{API}/conversations/{own.conversation}/messages/", {"content": "And how much?", "parent": str(one)}
        ),
    ),
}


def test_I3_a_foreign_id_in_a_body_is_a_missing_one(acme_estate: Estate, globex_estate: Estate) -> None:
    for name, (kind, send) in BODIES.items():
        foreign = send(globex_estate, getattr(acme_estate, kind))
        missing = send(globex_estate, uuid4())
        assert foreign.status_code == 400, (name, foreign.content)
        assert _outcome(foreign) == _outcome(missing), name
        own = send(globex_estate, getattr(globex_estate, kind))
        assert own.status_code in {200, 201, 202}, (name, own.content)


def test_I2_a_message_of_another_conversation_is_no_parent(acme_estate: Estate) -> None:
    alice = acme_estate.person
    other = alice.api.post(f"{API}/conversations/", {}).json()["id"]
    body = {"content": "And how much?", "parent": str(acme_estate.reply)}
    refused = alice.api.post(f"{API}/conversations/{other}/messages/", body)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, "/parent")
    answered = alice.api.post(f"{API}/conversations/{acme_estate.conversation}/messages/", body)
    assert answered.status_code == 201


def test_I2_a_page_is_found_only_in_its_own_document(acme_estate: Estate, globex_estate: Estate) -> None:
    alice = acme_estate.person
    [note] = _upload(acme_estate, acme_estate.collection).json()["results"]
    own, other = acme_estate.document, note["id"]
    assert alice.api.get(f"{API}/documents/{own}/pages/3/").status_code == 200
    for path in (
        f"{other}/pages/3/",
        f"{own}/pages/4/",
        f"{own}/pages/3/?version=2",
        f"{globex_estate.document}/pages/3/",
        f"{globex_estate.document}/pages/3/?version=1",
    ):
        assert alice.api.get(f"{API}/documents/{path}").status_code == 404, path


def test_I4_search_finds_a_tenants_own_by_every_mode(acme_estate: Estate, globex_estate: Estate) -> None:
    for own, other in ((acme_estate, globex_estate), (globex_estate, acme_estate)):
        for mode in Mode:
            hits = search(own.person.access, "paid holiday for employees", top_k=50, mode=mode).hits
            assert {hit.document for hit in hits} == {own.document}, mode
        # Even a scope that names the other's ids, which no door lets through, finds nothing.
        for scope in (Scope(documents=(other.document,)), Scope(collections=(other.collection,))):
            assert search(own.person.access, "paid holiday", top_k=50, scope=scope).hits == []


def test_A8_a_conversation_is_its_authors_alone(acme_estate: Estate, bob: Person) -> None:
    alice, access = acme_estate.person, bob.access
    with tenant_atomic(access.tenant_id):
        own = create_conversation(access=access, title="Of bob's own")
    assert _ids(bob.api.get(f"{API}/conversations/")) == {str(own.id)}
    [put_away] = alice.api.get(f"{API}/conversations/archives/").json()["results"]
    ids = {str(acme_estate.conversation), put_away["conversation"]}
    assert _ids(alice.api.get(f"{API}/conversations/")) == ids
    assert _ids(bob.api.get(f"{API}/conversations/archives/")) == set()
    page = bob.client.get("/o/acme/").content.decode()
    assert "Of bob&#x27;s own" in page
    assert "Leave at acme" not in page
    assert "Leave at acme" in alice.client.get("/o/acme/").content.decode()
    # An owner has no sight of it either, by any door.
    for method, path in (("get", ""), ("patch", ""), ("delete", ""), ("get", "messages/"), ("post", "end/")):
        answer = getattr(alice.api, method)(f"{API}/conversations/{own.id}/{path}", {"title": "Mine"})
        assert answer.status_code == 404, (method, path)
    assert _outcome(_ask(acme_estate, session_id=str(own.id))) == _outcome(
        _ask(acme_estate, session_id=str(uuid4()))
    )


def _ids(response: Any) -> set[str]:
    return {one["id"] for one in response.json()["results"]}


def test_I16_nothing_but_the_url_and_the_token_names_the_tenant(
    acme_estate: Estate, globex_estate: Estate
) -> None:
    acme, globex = (str(one.person.access.tenant_id) for one in (acme_estate, globex_estate))
    charlie = globex_estate.person
    names = ("X-Tenant", "X-Tenant-Id", "X-Organisation", "Tenant", "X-Docent-Tenant", "docent-tenant")
    for value in (acme, "acme"):
        headers = dict.fromkeys(names, value) | {"X-Forwarded-Prefix": "/o/acme", "X-Original-URL": "/o/acme/"}
        own = charlie.api.get(f"{API}/documents/", headers=headers)
        assert _ids(own) == {str(globex_estate.document)}
        assert charlie.client.get("/o/globex/documents/", headers=headers).status_code == 200
        assert charlie.client.get("/o/acme/documents/", headers=headers).status_code == 404
        for name in names:
            charlie.api.cookies[name] = value
        assert charlie.api.get(f"{API}/me/").json()["tenant"]["id"] == globex
        assert charlie.api.get(f"{API}/documents/?tenant={value}").status_code == 400
        assert charlie.api.post(f"{API}/collections/", {"name": "Minutes", "tenant": value}).status_code == 400
        assert charlie.api.post(f"{API}/conversations/", {"tenant_id": value}).status_code == 400
    # The token's own tenant decides, in whatever portal's name the request is made.
    stranger = Client(headers={"Authorization": f"Bearer {charlie.token}"})
    stranger.force_login(acme_estate.person.user)
    assert _ids(stranger.get(f"{API}/documents/")) == {str(globex_estate.document)}


@pytest.mark.parametrize("before", ["", "SET app.tenant_id = ''", "SET app.user_id = ''"])
def test_I6_a_fresh_connection_sees_nothing(
    acme_estate: Estate, run_environment: Environment, admin_connection: psycopg.Connection, before: str
) -> None:
    filled = set()
    with psycopg.connect(run_environment.app_url, autocommit=True) as connection:
        if before:
            connection.execute(before.encode())
        for table in tenant_models():
            count = f"SELECT count(*) FROM {table}".encode()
            assert connection.execute(count).fetchone() == (0,), table
            if admin_connection.execute(count).fetchone() != (0,):
                filled.add(table)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"INSERT INTO {table} (id) VALUES (gen_random_uuid())".encode())
    assert filled >= {"documents_page", "documents_chunkembedding", "conversations_citation", "tenants_membership"}
