"""Erasing people and organisations: nothing of them is left, all of the others is, and it is written down."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from allauth.socialaccount.models import SocialAccount
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from config.embedded import PROJECT
from conversations.models import Conversation
from documents.models import Collection, Document
from tenants.db import tenant_atomic
from tenants.erasure.tombstones import Tombstone, list_tombstones, path_of
from tenants.errors import Conflict, NotFound, PermissionRefused
from tenants.models import AuditEvent, Export, GroupMember, Membership, Revocation, Tenant, User
from tenants.permissions import Role
from tenants.services.erasure import (
    erase_person,
    erase_person_everywhere,
    erase_tenant,
    finish_erasures,
    replay_erasures,
)
from tenants.services.invitations import create_invitation
from tenants.services.members import add_member, remove_member
from tests.config.polling import wait_for
from tests.environment import Environment
from tests.people import Person
from tests.processes import Running
from tests.tenants.accounts import reauthenticate
from tests.tenants.belongings import backed_up, checksum_of, handbook_of, live, places_of, remains_outside, settle

pytestmark = pytest.mark.django_db(transaction=True)

NOW = timedelta(0)
AUDIT = {"tenants_auditevent"}


@pytest.fixture(autouse=True)
def no_orders() -> None:
    """What earlier tests ordered has no database any more."""
    for one in list(list_tombstones()):
        path_of(one).unlink()


@pytest.fixture
def owner_url(settings: Settings, run_environment: Environment) -> str:
    """This process is the platform's."""
    settings.DOCENT_OWNER_URL = run_environment.owner_url
    return run_environment.owner_url


def tenant_of(person: Person) -> UUID:
    return UUID(str(Tenant.objects.get(slug=person.slug).id))


def order() -> Tombstone:
    [found] = list_tombstones()
    return found


def test_P3_an_organisation_goes_without_a_trace_and_no_other_changes(  # noqa: PLR0917 - fixtures
    alice: Person,
    charlie: Person,
    worker: Running,
    admin_connection: psycopg.Connection[Any],
    owner_url: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for person in (alice, charlie):
        settle(person, document=handbook_of(person))
    acme, globex = tenant_of(alice), tenant_of(charlie)
    before = checksum_of(admin_connection, globex)
    outside = remains_outside(str(globex))
    assert len(places_of(admin_connection, str(acme))) > 20
    assert remains_outside(str(acme))
    with backed_up(admin_connection):
        call_command("erase_tenant", "acme", yes_erase="acme")
        assert places_of(admin_connection, str(acme)) == {}
        assert remains_outside(str(acme)) == set()
        assert checksum_of(admin_connection, globex) == before
        certificate = json.loads(path_of(order()).read_text())
        assert certificate["residue"] == []
        assert {"documents_chunkembedding": 3, "files": 3, "keys": 1, "tasks": 1, "tenants_tenant": 1}.items() <= (
            certificate["removed"].items()
        )
        assert stat.S_IMODE(path_of(order()).stat().st_mode) == 0o600
        assert f"Nothing is left of Acme ({acme})." in capsys.readouterr().out
        assert User.objects.filter(pk=alice.user.pk).exists(), "people are nobody's property"
        assert alice.client.get("/o/acme/").status_code == 404
        assert replay_erasures() == ()
    assert len(places_of(admin_connection, str(acme))) > 20, "a backup was restored"
    call_command("replay_erasures")
    assert places_of(admin_connection, str(acme)) == {}
    assert checksum_of(admin_connection, globex) == before
    assert remains_outside(str(globex)) == outside
    assert erase_tenant(acme).is_finished, "erasing twice changes nothing"
    assert replay_erasures() == ()


def test_P3_killed_half_way_it_goes_on(  # noqa: PLR0917 - fixtures
    alice: Person,
    charlie: Person,
    worker: Running,
    run_environment: Environment,
    admin_connection: psycopg.Connection[Any],
    owner_url: str,
) -> None:
    document = handbook_of(alice)
    settle(alice, document=document)
    acme, globex = tenant_of(alice), tenant_of(charlie)
    before = checksum_of(admin_connection, globex)
    with admin_connection.transaction():
        admin_connection.execute("SELECT FROM documents_document WHERE id = %s FOR UPDATE", [document])
        command = [sys.executable, "manage.py", "erase_tenant", "acme", "--yes-erase", "acme"]
        variables = {**os.environ, **run_environment.variables, "DATABASE_OWNER_URL": owner_url}
        process = subprocess.Popen(command, cwd=PROJECT, env=variables)
        with psycopg.connect(run_environment.admin_url, autocommit=True) as other:
            waiting = (
                "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
                " AND usename = 'docent_app'"
            )
            wait_for("it waits for the row", lambda: other.execute(waiting).fetchone(), within=30)
        process.send_signal(signal.SIGKILL)
        process.wait()
    left = places_of(admin_connection, str(acme))
    assert "documents_document" in left
    assert "conversations_message" not in left
    assert not order().is_finished
    assert not Tenant.objects.get(id=acme).is_active
    again = subprocess.run(command, check=False, cwd=PROJECT, env=variables, capture_output=True, text=True)
    assert (again.returncode, again.stdout.splitlines()[-1]) == (0, f"Nothing is left of Acme ({acme})."), again
    assert (places_of(admin_connection, str(acme)), remains_outside(str(acme))) == ({}, set())
    assert order().is_finished
    assert checksum_of(admin_connection, globex) == before


def test_P3_what_only_the_owner_may_remove_is_left_for_the_platform(alice: Person, settings: Settings) -> None:
    acme = tenant_of(alice)
    settings.DOCENT_OWNER_URL = ""
    with pytest.raises(CommandError, match=r"Left: tenants_auditevent: 3; tenants_tenant: 1\."):
        call_command("erase_tenant", "acme", yes_erase="acme")
    assert not order().is_finished
    assert order().residue == ("tenants_auditevent: 3", "tenants_tenant: 1")
    assert finish_erasures(settled=NOW) == 0
    assert Tenant.objects.filter(id=acme).exists()


def test_a_slip_of_the_hand_erases_nothing(alice: Person, charlie: Person) -> None:
    for slug, again in (("acme", None), ("acme", "globex"), ("umbrella", "umbrella")):
        with pytest.raises(CommandError):
            call_command("erase_tenant", slug, yes_erase=again)
    assert set(Tenant.objects.filter(is_active=True).values_list("slug", flat=True)) == {"acme", "globex"}
    assert list(list_tombstones()) == []


def send(person: Person, path: str, slug: str = "", **form: Any) -> Any:
    headers = {"Accept": "text/html"}
    return person.client.post(f"/o/{slug or person.slug}/settings/data/{path}/", form, headers=headers)


def test_P3_the_owner_deletes_the_organisation_in_the_portal(  # noqa: PLR0917 - fixtures
    alice: Person, adam: Person, bob: Person, dana: Person, charlie: Person, owner_url: str
) -> None:
    assert [send(one, "erase-organisation", slug="acme").status_code for one in (adam, bob, dana)] == [403] * 3
    foreign, missing = (send(charlie, "erase-organisation", where) for where in ("acme", "umbrella"))
    assert (foreign.status_code, missing.status_code) == (404, 404)
    asked = send(alice, "erase-organisation")
    assert asked["Location"] == "/accounts/reauthenticate/?next=%2Fo%2Facme%2Fsettings%2Fdata%2F"
    page = alice.client.get("/o/acme/settings/data/").content.decode()
    assert "First confirm that it is you" in page
    reauthenticate(alice.client)
    page = alice.client.get("/o/acme/settings/data/").content.decode()
    assert ("Type acme to confirm" in page, "First confirm" in page) == (True, False)
    for wrong in ("", "globex", "Acme"):
        assert send(alice, "erase-organisation", confirmation=wrong).status_code == 302
    assert "Type “acme” to confirm." in alice.client.get("/o/acme/settings/data/").content.decode()
    assert (Tenant.objects.get(slug="acme").is_active, list(list_tombstones())) == (True, [])
    done = send(alice, "erase-organisation", confirmation="acme")
    assert (done.status_code, done["Location"]) == (302, "/")
    assert [one.client.get("/o/acme/").status_code for one in (alice, bob)] == [404, 404]
    assert [one.api.get("/api/v1/me/").status_code for one in (alice, bob, charlie)] == [401, 401, 200]
    assert finish_erasures(settled=NOW) == 1
    assert set(Tenant.objects.values_list("slug", flat=True)) == {"globex"}


def test_P2_an_account_goes_with_everything_of_the_person(
    alice: Person, bob: Person, charlie: Person, worker: Running, admin_connection: psycopg.Connection[Any]
) -> None:
    add_member(access=charlie.access, user=bob.user, role=Role.MEMBER)
    add_member(access=charlie.access, user=alice.user, role=Role.MEMBER)
    acme, globex = tenant_of(alice), tenant_of(charlie)
    document = handbook_of(bob)
    settle(alice, document=document)
    live(bob, document=document)
    with tenant_atomic(globex):
        Membership.objects.filter(user=bob.user).delete()
    create_invitation(access=charlie.access, email="Bob@Example.org", role=Role.VIEWER)
    person = str(bob.user.pk)
    with backed_up(admin_connection):
        reauthenticate(bob.client)
        assert bob.client.post("/accounts/delete/").status_code == 302
        places = places_of(admin_connection, person, "bob@example.org")
        assert places == {"tenants_auditevent": places["tenants_auditevent"]}
        assert remains_outside(person) == set()
        assert not order().is_finished, "what was open in their name may still close"
        assert (finish_erasures(), finish_erasures(settled=NOW)) == (0, 1)
        _only_bob_has_gone(acme, document)
        with tenant_atomic(acme):
            [failed] = Export.objects.filter(subject_id=None)
            assert (failed.status, failed.storage_key) == ("failed", ""), "it held what bob wrote"
    assert order().residue == ()
    assert order().removed["conversations_message"] == 2
    text = path_of(order()).read_text()
    assert "bob" not in text.lower()
    assert places_of(admin_connection, "bob@example.org"), "a backup was restored"
    assert [one.subject for one in replay_erasures()] == [bob.user.pk]
    assert "tenants_user" not in places_of(admin_connection, person, "bob@example.org")
    _only_bob_has_gone(acme, document)
    assert replay_erasures() == ()


def test_P2_exports_of_the_organisation_that_hold_the_erased_are_withdrawn(alice: Person, dana: Person) -> None:
    """A former member with traces, and members of whom there is nothing but their name."""
    acme = tenant_of(alice)
    remove_member(access=alice.access, user_id=dana.user.pk)
    people = [User.objects.create_user(email=f"{name}@example.org") for name in ("erin", "fay")]
    for user in people:
        add_member(access=alice.access, user=user, role=Role.VIEWER)

    def withdrawn() -> bool:
        """Whether there is none but failed ones; makes a new one."""
        with tenant_atomic(acme):
            found = not Export.objects.exclude(status="failed").exists()
            Export.objects.create(
                requested_by_id=alice.user.pk, status="ready", expires_at=timezone.now() + timedelta(days=1)
            )
        return found

    withdrawn()
    erase_person(access=alice.access, user_id=dana.user.pk)
    assert withdrawn()
    erase_person(access=alice.access, user_id=people[0].pk)
    assert withdrawn()
    erase_person_everywhere(people[1])
    assert withdrawn()
    assert not withdrawn()


def test_P2_the_operator_erases_on_request(alice: Person, bob: Person, capsys: pytest.CaptureFixture[str]) -> None:
    for email, options in (
        ("bob@example.org", {}),
        ("bob@example.org", {"yes_erase": "alice@example.org"}),
        ("alice@example.org", {"yes_erase": "alice@example.org"}),
        ("alice@example.org", {"yes_erase": "alice@example.org", "tenant": "acme"}),
        ("nobody@example.org", {"yes_erase": "nobody@example.org"}),
        ("bob@example.org", {"yes_erase": "bob@example.org", "tenant": "umbrella"}),
    ):
        with pytest.raises(CommandError):
            call_command("erase_person", email, **options)
    assert list(list_tombstones()) == []
    call_command("erase_person", "Bob@example.org", tenant="acme", yes_erase="Bob@example.org")
    assert str(path_of(order())) in capsys.readouterr().out
    assert bob.client.get("/o/acme/").status_code == 404
    call_command("erase_person", "bob@example.org", yes_erase="bob@example.org")
    assert not User.objects.filter(email="bob@example.org").exists()
    assert finish_erasures(settled=NOW) == 2


def test_P2_whoever_signs_up_anew_with_the_address_is_somebody_else(alice: Person, bob: Person) -> None:
    erase_person_everywhere(bob.user)
    again = User.objects.create_user(email="bob@example.org")
    create_invitation(access=alice.access, email="bob@example.org", role=Role.VIEWER)
    assert finish_erasures(settled=NOW) == 1
    assert replay_erasures() == ()
    assert User.objects.filter(pk=again.pk).exists()
    assert len(alice.full_api.get("/api/v1/invitations/").json()["results"]) == 1


def _only_bob_has_gone(acme: UUID, document: str) -> None:
    with tenant_atomic(acme):
        assert set(Conversation.objects.values_list("title", flat=True)) == {"Leave, asked by Alice"}
        assert Document.objects.get(id=document).uploaded_by_id is None
        assert set(Collection.objects.filter(name="Of Bob").values_list("created_by_id", flat=True)) == {None}
        assert GroupMember.objects.count() == 1
        assert Membership.objects.get().user.name == "Alice"


def test_P2_somebody_is_erased_from_one_organisation_alone(
    alice: Person, bob: Person, charlie: Person, worker: Running, admin_connection: psycopg.Connection[Any]
) -> None:
    add_member(access=charlie.access, user=bob.user, role=Role.MEMBER)
    acme, globex = tenant_of(alice), tenant_of(charlie)
    live(bob, document=handbook_of(alice))
    before = checksum_of(admin_connection, globex)
    erase_person(access=alice.access, user_id=bob.user.pk)
    assert finish_erasures(settled=NOW) == 1
    assert checksum_of(admin_connection, globex) == before
    assert bob.client.get("/o/globex/").status_code == 200
    assert bob.client.get("/o/acme/").status_code == 404
    with tenant_atomic(acme):
        assert Conversation.objects.count() == 0
        [event] = AuditEvent.objects.filter(action="person.erased")
        assert (event.actor_id, event.target_id) == (alice.user.pk, bob.user.pk)
    # Who comes back by an invitation is not erased again by the old order.
    create_invitation(access=alice.access, email="bob@example.org", role=Role.VIEWER)
    assert replay_erasures() == ()
    add_member(access=alice.access, user=bob.user, role=Role.VIEWER)
    assert (replay_erasures(), bob.client.get("/o/acme/").status_code) == ((), 200)
    erase_person(access=alice.access, user_id=bob.user.pk)
    assert len(list(list_tombstones())) == 2
    assert finish_erasures(settled=NOW) == 1
    assert bob.client.get("/o/acme/").status_code == 404


def test_P2_what_the_organisations_provider_said_of_them_goes_too(alice: Person, bob: Person) -> None:
    for user, provider in ((bob.user, "acme"), (bob.user, "globex"), (alice.user, "acme")):
        SocialAccount.objects.create(user=user, provider=provider, uid=str(uuid4()), extra_data={"name": "B."})
    order = erase_person(access=alice.access, user_id=bob.user.pk)
    left = SocialAccount.objects.values_list("user_id", "provider")
    assert set(left) == {(bob.user.pk, "globex"), (alice.user.pk, "acme")}
    assert order.removed["socialaccount_socialaccount"] == 1


def test_P2_one_erases_oneself_in_the_portal(alice: Person, bob: Person, charlie: Person) -> None:
    assert send(bob, "erase-own")["Location"].startswith("/accounts/reauthenticate/")
    assert bob.client.get("/o/acme/").status_code == 200
    for person in (alice, bob):
        reauthenticate(person.client)
    assert send(bob, "erase-own")["Location"] == "/"
    assert bob.client.get("/o/acme/").status_code == 404
    assert User.objects.filter(pk=bob.user.pk, is_active=True).exists()
    send(alice, "erase-own")
    assert "An organisation needs an owner" in alice.client.get("/o/acme/settings/data/").content.decode()
    assert send(charlie, "erase-own", slug="acme").status_code == 404


def test_who_may_erase_whom(alice: Person, adam: Person, bob: Person, dana: Person, charlie: Person) -> None:
    for actor, target in ((bob, dana), (dana, bob), (adam, alice)):
        with pytest.raises(PermissionRefused):
            erase_person(access=actor.access, user_id=target.user.pk)
    for nobody in (charlie.user.pk, uuid4()):
        with pytest.raises(NotFound) as refused:
            erase_person(access=alice.access, user_id=nobody)
        assert refused.value.detail == "There is nothing of such a person here."
    assert list(list_tombstones()) == []
    assert charlie.client.get("/o/globex/").status_code == 200


def test_P2_the_last_owner_of_several_is_told_of_each_and_nothing_changes(
    alice: Person, bob: Person, charlie: Person, admin_connection: psycopg.Connection[Any]
) -> None:
    add_member(access=charlie.access, user=alice.user, role=Role.OWNER)
    User.objects.filter(pk=charlie.user.pk).update(is_active=False)
    before = [checksum_of(admin_connection, tenant_of(one)) for one in (alice, charlie)]
    with pytest.raises(Conflict, match="You are the last owner of Acme, Globex"):
        erase_person_everywhere(alice.user)
    assert [checksum_of(admin_connection, tenant_of(one)) for one in (alice, charlie)] == before
    assert (list(list_tombstones()), Revocation.objects.count()) == ([], 0)
    assert User.objects.get(pk=alice.user.pk).is_active


def test_an_erasure_that_fails_holds_up_no_other(alice: Person, bob: Person, dana: Person, owner_url: str) -> None:
    erase_person(access=bob.access, user_id=bob.user.pk)
    broken = path_of(order())
    erase_person(access=dana.access, user_id=dana.user.pk)
    content = json.loads(broken.read_text())
    broken.write_text(json.dumps({**content, "addresses": [1]}))  # no text: the database refuses to compare
    assert finish_erasures(settled=NOW) == 1
    broken.write_text(json.dumps(content))
    assert finish_erasures(settled=NOW) == 1
