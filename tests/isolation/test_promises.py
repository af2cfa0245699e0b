"""Twenty cells of the matrix written by hand: what is dearest, whatever tables and generators say."""

from __future__ import annotations

import json
from uuid import UUID

import pytest

from conversations.services.conversations import create_conversation
from documents.services.collections import create_collection, set_collection_access
from tenants.db import tenant_atomic
from tenants.permissions import Scope
from tenants.services.tokens import create_token
from tests.factories import uploaded
from tests.people import ApiClient, Browser, Person

pytestmark = pytest.mark.django_db(transaction=True)

# Promise, who, method, path, body, status. In this order: what deletes comes last.
CELLS: tuple[tuple[str, str, str, str, dict[str, str] | None, int], ...] = (
    (
        "a conversation is its author's alone",
        "bob's token",
        "GET",
        "/api/v1/conversations/{alices_chat}/",
        None,
        404,
    ),
    ("even before an owner", "alice", "GET", "/o/acme/c/{bobs_chat}/", None, 404),
    ("but to its author it opens", "bob", "GET", "/o/acme/c/{bobs_chat}/", None, 200),
    ("a document is its organisation's", "charlie's token", "GET", "/api/v1/documents/{alices_file}/", None, 404),
    ("whose viewers read it", "dana's token", "GET", "/api/v1/documents/{alices_file}/", None, 200),
    ("a stranger learns of no organisation", "charlie", "GET", "/o/acme/", None, 404),
    ("and nobody sees a page of it", "nobody", "GET", "/o/acme/documents/", None, 302),
    ("a cookie opens no API", "alice", "GET", "/api/v1/me/", None, 401),
    ("a viewer writes nothing", "dana", "POST", "/o/acme/collections/", {"name": "Mine"}, 403),
    ("a token does what its scopes say", "alice's reading token", "GET", "/api/v1/conversations/", None, 403),
    ("and makes no other", "alice's token", "POST", "/api/v1/tokens/", {"name": "Another"}, 403),
    ("a restricted collection is not there", "bob's token", "GET", "/api/v1/collections/{hidden}/", None, 404),
    ("but for admins", "adam's token", "GET", "/api/v1/collections/{hidden}/", None, 200),
    ("members administer nothing", "bob", "GET", "/o/acme/admin/", None, 403),
    ("nobody makes owners but owners", "adam's token", "PATCH", "/api/v1/members/{bob}/", {"role": "owner"}, 403),
    ("or removes one", "adam's token", "DELETE", "/api/v1/members/{alice}/", None, 403),
    ("the last owner stays", "alice's full token", "DELETE", "/api/v1/members/{alice}/", None, 409),
    (
        "the organisation's data is its owners' to take",
        "adam",
        "POST",
        "/o/acme/settings/data/export-organisation/",
        {},
        403,
    ),
    (
        "a member deletes no colleague's",
        "bob's token",
        "DELETE",
        "/api/v1/documents/{alices_file}/",
        None,
        403,
    ),
    ("an admin does", "adam's token", "DELETE", "/api/v1/documents/{alices_file}/", None, 204),
)


def _chat(person: Person) -> UUID:
    with tenant_atomic(person.access.tenant_id):
        return create_conversation(access=person.access, title="Between us").id


def _hidden(person: Person) -> UUID:
    with tenant_atomic(person.access.tenant_id):
        collection = create_collection(access=person.access, name="Salaries")
        set_collection_access(access=person.access, collection=collection, everyone=False)
    return collection.id


def test_A3_twenty_promises(alice: Person, adam: Person, bob: Person, dana: Person, charlie: Person) -> None:
    reading = create_token(access=alice.access, name="reader", scopes=frozenset({Scope.DOCUMENTS_READ}))
    askers = {
        "nobody": Browser(),
        "alice": alice.client,
        "alice's token": alice.api,
        "alice's reading token": ApiClient(reading.value),
        "alice's full token": alice.full_api,
        "adam": adam.client,
        "adam's token": adam.full_api,
        "bob": bob.client,
        "bob's token": bob.full_api,
        "dana": dana.client,
        "dana's token": dana.full_api,
        "charlie": charlie.client,
        "charlie's token": charlie.full_api,
    }
    names = {
        "alice": alice.user.pk,
        "bob": bob.user.pk,
        "alices_chat": _chat(alice),
        "bobs_chat": _chat(bob),
        "alices_file": uploaded(alice, "plan.txt", b"Bicycles are kept in the yard behind the mill.")["id"],
        "hidden": _hidden(alice),
    }
    assert len(CELLS) == 20
    broken = []
    for promise, who, method, path, body, status in CELLS:
        sent = "" if body is None else json.dumps(body)
        answer = askers[who].generic(method, path.format(**names), sent, "application/json")
        if answer.status_code != status:
            broken.append(f"{promise}: {who}, {method} {path} is {answer.status_code}, not {status}")
    assert broken == []
