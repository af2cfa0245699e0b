"""Who sees a collection: people, groups and roles; and who says so."""

from __future__ import annotations

from threading import Thread
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.db import connections

from documents.models import (
    Chunk,
    ChunkEmbedding,
    Collection,
    CollectionGrant,
    Document,
    DocumentVersion,
    EmbeddingIndex,
)
from documents.services.documents import update_document
from tenants.db import tenant_atomic
from tenants.models import AuditEvent, User
from tenants.permissions import Role
from tenants.services.groups import add_to_group, create_group, delete_group, remove_from_group
from tenants.services.members import add_member, change_role, remove_member
from tests.config.polling import wait_for
from tests.documents.shelves import PATH, changed, made, names_seen
from tests.people import Person, person_of
from tests.refusals import pointers, refusal

pytestmark = pytest.mark.django_db(transaction=True)

PORTAL = "/o/acme/"
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
SCRIPT = {"Accept": "application/json"}
EVERYONE = {"everyone": True, "people": [], "groups": [], "roles": []}
NOBODY = {"everyone": False, "people": [], "groups": [], "roles": []}
_WAITING = (
    "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


@pytest.fixture
def mia(alice: Person) -> Person:
    """Another member of acme."""
    user = User.objects.create_user(email="mia@example.org", password="a-long-password", name="Mia")
    add_member(access=alice.access, user=user, role=Role.MEMBER)
    return person_of(user, "acme")


def who_sees(collection: str, *people: Person) -> set[str]:
    seers = set()
    for person in people:
        status = person.api.get(f"{PATH}{collection}/").status_code
        assert status in {200, 404}
        if status == 200:
            seers.add(str(person.user.name))
    return seers


@pytest.mark.parametrize(
    ("access", "seers"),
    [
        ({"everyone": True}, {"Alice", "Adam", "Bob", "Mia", "Dana"}),
        ({}, {"Alice", "Adam", "Bob"}),
        ({"people": ["Dana"]}, {"Alice", "Adam", "Bob", "Dana"}),
        ({"people": ["Mia", "Alice"]}, {"Alice", "Adam", "Bob", "Mia"}),
        ({"groups": ["Mia", "Dana"]}, {"Alice", "Adam", "Bob", "Mia", "Dana"}),
        ({"roles": ["viewer"]}, {"Alice", "Adam", "Bob", "Mia", "Dana"}),
        ({"roles": ["member"]}, {"Alice", "Adam", "Bob", "Mia"}),
        ({"roles": ["admin"]}, {"Alice", "Adam", "Bob"}),
        ({"people": ["Dana"], "roles": ["member"]}, {"Alice", "Adam", "Bob", "Mia", "Dana"}),
    ],
)
def test_its_creator_admins_and_whoever_is_named_see_it(  # noqa: PLR0917
    alice: Person,
    adam: Person,
    bob: Person,
    mia: Person,
    dana: Person,
    charlie: Person,
    access: dict[str, Any],
    seers: set[str],
) -> None:
    people = {"Alice": alice, "Mia": mia, "Dana": dana}
    access = {"everyone": False, **access}
    access["people"] = [str(people[name].user.pk) for name in access.get("people", [])]
    if "groups" in access:
        group = create_group(access=alice.access, name="Payroll")
        for name in access["groups"]:
            add_to_group(access=alice.access, group=group, user_id=people[name].user.pk)
        access["groups"] = [str(group.id)]
    collection = made(bob, **access)
    shown = {**NOBODY, **access, "people": sorted(access["people"])}
    assert collection["access"] == shown
    assert who_sees(collection["id"], alice, adam, bob, mia, dana, charlie) == seers
    for person in (alice, adam, bob, mia, dana):
        is_seen = person.user.name in seers
        assert names_seen(person.api) == ["Documents", *["Salaries"] * is_seen]
        # Who else sees it is told to whoever may change that.
        may_change = person in (alice, adam, bob)
        listed = {one["name"]: one["access"] for one in person.api.get(PATH).json()["results"]}
        if is_seen:
            assert listed["Salaries"] == (shown if may_change else None)
        assert listed["Documents"] == (EVERYONE if person in (alice, adam) else None)


def test_sight_comes_and_goes_at_once(alice: Person, bob: Person, mia: Person, dana: Person) -> None:
    admin = alice.access
    group = create_group(access=admin, name="Payroll")
    collection = made(alice, groups=[str(group.id)], people=[str(dana.user.pk)], roles=["admin"])["id"]
    people = (bob, mia, dana)
    assert who_sees(collection, *people) == {"Dana"}
    add_to_group(access=admin, group=group, user_id=mia.user.pk)
    assert who_sees(collection, *people) == {"Mia", "Dana"}
    change_role(access=admin, user_id=bob.user.pk, role=Role.ADMIN)
    assert who_sees(collection, *people) == {"Bob", "Mia", "Dana"}
    change_role(access=admin, user_id=bob.user.pk, role=Role.MEMBER)
    remove_from_group(access=admin, group=group, user_id=mia.user.pk)
    assert who_sees(collection, *people) == {"Dana"}
    add_to_group(access=admin, group=group, user_id=mia.user.pk)
    delete_group(access=admin, group=group)
    assert who_sees(collection, *people) == {"Dana"}
    # Nobody is left named, and that is not everyone.
    remove_member(access=admin, user_id=dana.user.pk)
    changed(alice, collection, roles=[])
    assert who_sees(collection, bob, mia) == set()
    add_member(access=admin, user=dana.user, role=Role.VIEWER)
    again = person_of(dana.user, "acme")
    assert who_sees(collection, again) == set()
    changed(alice, collection, everyone=True)
    assert who_sees(collection, bob, mia, again) == {"Bob", "Mia", "Dana"}


def test_it_is_changed_by_its_creator_and_admins_alone(  # noqa: PLR0917
    alice: Person, adam: Person, bob: Person, mia: Person, dana: Person, charlie: Person
) -> None:
    collection = made(bob, people=[str(dana.user.pk)])["id"]
    path, body = f"{PATH}{collection}/", {"access": {"everyone": True}}
    missing = f"{PATH}{uuid4()}/"
    for unseeing in (mia, charlie):
        assert refusal(unseeing.api.patch(path, body)) == refusal(unseeing.api.patch(missing, body))
        assert unseeing.api.patch(path, body).status_code == 404
    assert refusal(dana.api.patch(path, body))[0] == 403
    changed(bob, collection, people=[str(dana.user.pk), str(mia.user.pk)])
    assert refusal(mia.api.patch(path, body))[0] == 403
    assert who_sees(collection, mia, dana) == {"Mia", "Dana"}
    for admin in (alice, adam):
        changed(admin, collection, people=[str(mia.user.pk)])
        assert who_sees(collection, mia, dana) == {"Mia"}


def test_I3_whoever_is_named_must_be_of_this_organisation(
    alice: Person, bob: Person, dana: Person, charlie: Person
) -> None:
    foreign_group = create_group(access=charlie.access, name="Payroll")
    own_group = create_group(access=alice.access, name="Payroll")
    before = made(bob, people=[str(dana.user.pk)], groups=[str(own_group.id)])
    path = f"{PATH}{before['id']}/"
    own = {"people": dana.user.pk, "groups": own_group.id}
    with tenant_atomic(alice.access.tenant_id):
        events = AuditEvent.objects.count()
    for field, foreign in (("people", charlie.user.pk), ("groups", foreign_group.id)):
        answers = []
        for unknown in (foreign, uuid4()):
            access = {"everyone": False, field: [str(own[field]), str(unknown)]}
            # The name before it would have been changed first.
            answer = bob.api.patch(path, {"name": "Wages", "access": access})
            assert pointers(answer) == [(f"/access/{field}/1", "unknown_id")]
            answers.append(refusal(answer))
            new = bob.api.post(PATH, {"name": "Wages", "access": access})
            assert pointers(new) == [(f"/access/{field}/1", "unknown_id")]
        assert answers[0] == answers[1]
    for access, wrong in (
        ({}, ("/access/everyone", "required")),
        ({"everyone": False, "roles": ["emperor"]}, ("/access/roles/0", "invalid_choice")),
        ({"everyone": False, "people": ["dana"]}, ("/access/people/0", "invalid")),
        ({"everyone": False, "tenants": []}, ("/access/tenants", "unknown_field")),
        ({"everyone": True, "roles": ["member"]}, ("/access/everyone", "contradiction")),
    ):
        assert pointers(bob.api.patch(path, {"access": access})) == [wrong]
    assert bob.api.get(path).json() == before
    assert names_seen(bob.api) == ["Documents", "Salaries"]
    with tenant_atomic(alice.access.tenant_id):
        assert AuditEvent.objects.count() == events


def test_a_change_is_recorded_by_ids(alice: Person, bob: Person, dana: Person) -> None:
    group = create_group(access=alice.access, name="Payroll")
    collection = made(bob, people=[str(dana.user.pk)], groups=[str(group.id)], roles=["owner", "admin", "owner"])
    assert collection["access"]["roles"] == ["admin", "owner"]
    changed(alice, collection["id"], everyone=True)
    with tenant_atomic(alice.access.tenant_id):
        events = AuditEvent.objects.filter(action="collection.access_changed").order_by("at")
        assert [(one.actor_id, one.target_kind, str(one.target_id), one.data) for one in events] == [
            (
                bob.user.pk,
                "collection",
                collection["id"],
                {
                    "everyone": False,
                    "people": [str(dana.user.pk)],
                    "groups": [str(group.id)],
                    "roles": ["admin", "owner"],
                },
            ),
            (alice.user.pk, "collection", collection["id"], EVERYONE),
        ]
        assert not CollectionGrant.objects.exists()


def test_a_document_that_moves_while_it_is_embedded_takes_every_vector_along(
    alice: Person, admin_connection: psycopg.Connection
) -> None:
    access, hidden = alice.access, made(alice)["id"]
    with tenant_atomic(access.tenant_id):
        document = Document.objects.create(
            collection=Collection.objects.get(is_default=True), name="note.txt", title="note.txt", size=7
        )
        version = DocumentVersion.objects.create(document=document, number=1, size=7)
        place = {"document": document, "version": version, "page": 1, "start": 0, "end": 7}
        chunk = Chunk.objects.create(**place, number=0, text="A note.")
        index = EmbeddingIndex.objects.create(model="none", dimensions=2, status=EmbeddingIndex.Status.ACTIVE)

    def move() -> None:
        with tenant_atomic(access.tenant_id):
            moving, target = Document.objects.get(id=document.id), Collection.objects.get(id=hidden)
            update_document(access=access, document=moving, collection=target)
        connections.close_all()

    mover = Thread(target=move)
    with tenant_atomic(access.tenant_id):
        # As each unit of the worker's does: it holds the document, and adds a vector to where that stands.
        row = Document.objects.select_for_update().get(id=document.id)
        mover.start()
        wait_for("the mover waits", lambda: admin_connection.execute(_WAITING).fetchone() == (True,))
        ChunkEmbedding.objects.create(
            index=index, chunk=chunk, document=row, collection_id=row.collection_id, embedding=[0.6, 0.8]
        )
    mover.join(30)
    with tenant_atomic(access.tenant_id):
        assert [str(one.collection_id) for one in (Document.objects.get(), ChunkEmbedding.objects.get())] == [
            hidden,
            hidden,
        ]


def _form(person: Person, collection: str) -> Any:
    return person.client.get(f"{PORTAL}collections/{collection}/access/")


def test_the_portal_shows_and_changes_who_sees_it(alice: Person, bob: Person, mia: Person, dana: Person) -> None:
    group = create_group(access=alice.access, name="Payroll")
    collection = made(bob, people=[str(dana.user.pk)])["id"]
    path = f"{PORTAL}collections/{collection}/access/"
    listed = {one["name"]: one for one in bob.client.get(f"{PORTAL}documents/").context["collections"]}
    assert (listed["Salaries"]["is_restricted"], listed["Salaries"]["access_url"]) == (True, path)
    assert (listed["Documents"]["is_restricted"], listed["Documents"]["access_url"]) == (False, None)
    assert f'href="{path}"' in bob.client.get(f"{PORTAL}documents/").content.decode()
    assert path not in dana.client.get(f"{PORTAL}documents/").content.decode()

    shown = _form(bob, collection)
    assert shown.status_code == 200
    assert [one["label"] for one in shown.context["people"] if one["is_named"]] == ["Dana"]
    assert {one["label"] for one in shown.context["people"]} == {"Alice", "Bob", "Mia", "Dana"}
    assert [(one["label"], one["is_named"]) for one in shown.context["groups"]] == [("Payroll", False)]
    assert [one["is_named"] for one in shown.context["roles"]] == [False, False]

    # As a browser sends it: what is not ticked is not there.
    named = {"everyone": "false", "groups": [str(group.id)], "people": [str(mia.user.pk)], "roles": ["member"]}
    sent = bob.client.post(path, named, headers=BROWSER)
    assert (sent.status_code, sent.headers["Location"]) == (302, f"{PORTAL}documents/")
    assert bob.api.get(f"{PATH}{collection}/").json()["access"] == {**named, "everyone": False}
    # The boxes that are ticked when everyone is chosen no longer count.
    sent = bob.client.post(path, {**named, "everyone": "true"}, headers=BROWSER)
    assert sent.status_code == 302
    assert bob.api.get(f"{PATH}{collection}/").json()["access"] == EVERYONE
    sent = bob.client.post(path, NOBODY, "application/json", headers=SCRIPT)
    assert sent.status_code == 204
    assert bob.api.get(f"{PATH}{collection}/").json()["access"] == NOBODY
    assert pointers(bob.client.post(path, {"groups": [str(group.id)]}, headers=SCRIPT)) == [
        ("/everyone", "invalid")
    ]


def test_the_portals_form_is_for_whoever_may_change_it(
    alice: Person, bob: Person, mia: Person, dana: Person, charlie: Person
) -> None:
    collection = made(bob, people=[str(dana.user.pk)], roles=["member"])["id"]
    assert [_form(person, collection).status_code for person in (alice, bob)] == [200, 200]
    # Mia sees it but did not make it; dana is a viewer.
    for person in (mia, dana):
        assert _form(person, collection).status_code == 403
        assert person.client.post(f"{PORTAL}collections/{collection}/access/", NOBODY).status_code == 403
    own = charlie.client.get(f"/o/globex/collections/{collection}/access/", headers=SCRIPT)
    assert refusal(own) == refusal(charlie.client.get(f"/o/globex/collections/{uuid4()}/access/", headers=SCRIPT))
    assert who_sees(collection, mia, dana) == {"Mia", "Dana"}
