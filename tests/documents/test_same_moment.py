"""Collections and documents that several people change at one moment: no failure, nothing twice, nothing half."""

from __future__ import annotations

from functools import partial
from io import BytesIO

import pytest

from documents.models import Collection, CollectionGrant, Document
from documents.services.collections import (
    create_collection,
    delete_collection,
    rename_collection,
    set_collection_access,
)
from documents.services.documents import (
    cancel_document,
    delete_document,
    reprocess_document,
    update_document,
)
from documents.services.files import IncomingFile
from documents.services.uploads import UploadOptions, receive_files
from tenants.db import tenant_atomic
from tenants.models import AuditEvent, Group
from tenants.services.groups import create_group, delete_group
from tests.factories import uploaded
from tests.moments import at_once
from tests.people import Person

pytestmark = pytest.mark.django_db(transaction=True)

_ROUNDS = 4


def _recorded(person: Person, action: str) -> int:
    with tenant_atomic(person.access.tenant_id):
        return len(AuditEvent.objects.filter(action=action))


def test_collections_of_one_name_get_a_slug_each(alice: Person, bob: Person) -> None:
    calls = [partial(create_collection, access=one.access, name="Contracts") for one in (alice, bob) * 3]
    assert at_once(*calls) == ["done"] * 6
    with tenant_atomic(alice.access.tenant_id):
        slugs = set(Collection.objects.filter(name="Contracts").values_list("slug", flat=True))
    assert slugs == {"contracts", *(f"contracts-{number}" for number in range(2, 7))}


def test_F35_a_collection_that_is_deleted_stays_deleted(alice: Person) -> None:
    access = alice.access
    for number in range(_ROUNDS):
        made = create_collection(access=access, name="Contracts")
        files = [IncomingFile("a.txt", 5, BytesIO(b"hello"))]
        upload = partial(receive_files, access=access, files=files, options=UploadOptions())
        with tenant_atomic(access.tenant_id):
            same = [Collection.objects.get(id=made.id) for _ in range(5)]
        outcomes = at_once(
            partial(delete_collection, access=access, collection=same[0]),
            partial(delete_collection, access=access, collection=same[1]),
            partial(rename_collection, access=access, collection=same[2], name="Leases"),
            partial(set_collection_access, access=access, collection=same[3], everyone=False),
            partial(upload, collection=same[4]),
        )
        assert set(outcomes) <= {"done", "not_found", "unknown_id"}, outcomes
        assert _recorded(alice, "collection.deleted") == number + 1
        with tenant_atomic(access.tenant_id):
            assert not Collection.objects.filter(id=made.id).exists()
            assert not Document.objects.exists()


def test_whoever_goes_is_not_named(alice: Person) -> None:
    access = alice.access
    for _ in range(_ROUNDS):
        made = create_collection(access=access, name="Salaries")
        group = create_group(access=access, name="Board")
        named = partial(set_collection_access, access=access, collection=made, everyone=False, groups=[group.id])
        outcomes = at_once(named, partial(delete_group, access=access, group=Group(id=group.id)))
        assert set(outcomes) <= {"done", "unknown_id"}, outcomes
        with tenant_atomic(access.tenant_id):
            assert not CollectionGrant.objects.exists()


def test_F35_a_document_that_is_deleted_stays_deleted(alice: Person) -> None:
    access = alice.access
    for number in range(_ROUNDS):
        made = uploaded(alice, "lease.txt", b"The lease ends in May.")["id"]
        with tenant_atomic(access.tenant_id):
            same = [Document.objects.get(id=made) for _ in range(5)]
        outcomes = at_once(
            partial(delete_document, access=access, document=same[0]),
            partial(delete_document, access=access, document=same[1]),
            partial(update_document, access=access, document=same[2], title="The lease"),
            partial(cancel_document, access=access, document=same[3]),
            partial(reprocess_document, access=access, document=same[4]),
        )
        assert set(outcomes) <= {"done", "not_found", "in_progress", "already_over"}, outcomes
        assert _recorded(alice, "document.deleted") == number + 1
        with tenant_atomic(access.tenant_id):
            assert not Document.objects.exists()
