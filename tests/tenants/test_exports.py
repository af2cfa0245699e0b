"""Exports: all of it and nothing of anybody else's, for whom it is, for a week."""

from __future__ import annotations

import io
import json
import re
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4
from zipfile import ZipFile

import psycopg
import pytest
from allauth.account.models import EmailAddress
from asgiref.sync import async_to_sync
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from psycopg import sql

from documents.models import Collection, Document, DocumentVersion
from tenants.db import tenant_atomic
from tenants.files.zip_archives import safe_name
from tenants.isolation.catalog import tenant_models
from tenants.jobs import leases, runner
from tenants.models import ApiToken, AuditEvent, Export, Invitation, Job, Revocation
from tenants.permissions import Role, Scope
from tenants.services.exports import EXPORT, key_of, run_export
from tenants.services.invitations import create_invitation
from tenants.services.members import remove_member
from tenants.services.tokens import create_token
from tests.config.polling import wait_for
from tests.factories import handbook, uploaded
from tests.people import ApiClient, Person
from tests.processes import Running
from tests.refusals import pointers, refusal
from tests.tenants.belongings import handbook_of, live, settle

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/api/v1/exports/"
BROWSER = {"Accept": "text/html"}
SECRETS = {"secret_sha256", "sealed_secret", "sealed_former_secret", "embedding", "words"}


def body_of(answer: Any) -> bytes:
    assert answer.status_code == 200, answer

    async def read() -> bytes:
        return b"".join([block async for block in answer])

    return async_to_sync(read)()


def entries(content: bytes) -> dict[str, bytes]:
    with ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def rows(content: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in content.decode().splitlines()]


def finished(api: ApiClient, export: str) -> dict[str, Any]:
    wait_for("the export is over", lambda: api.get(f"{PATH}{export}/").json()["status"] in {"ready", "failed"})
    return dict(api.get(f"{PATH}{export}/").json())


def waiting_export(person: Person, *, subject: UUID | None, **fields: Any) -> Export:
    """One of which no worker has heard."""
    tenant = person.access.tenant_id
    with tenant_atomic(tenant):
        week = timezone.now() + timedelta(days=7)
        export = Export.objects.create(
            **{"subject_id": subject, "requested_by_id": person.user.pk, "expires_at": week, **fields}
        )
        later = timezone.now() + timedelta(hours=1)
        Job.objects.create(tenant_id=tenant, kind=EXPORT, target_id=export.id, run_at=later)
    return Export(id=export.id, tenant_id=tenant)


def claimed(export: Export) -> leases.Lease:
    job = Job.objects.get(target_id=export.id)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE tenants_job SET run_at = now() WHERE id = %s", [job.id])
    lease = leases.claim(job.id, seconds=30)
    assert lease is not None
    return lease


def state_of(export: Export) -> tuple[str, str] | None:
    assert export.tenant_id is not None
    with tenant_atomic(export.tenant_id):
        found = Export.objects.filter(id=export.id).first()
        return found and (found.status, found.error_detail)


def test_P1_an_organisations_export_has_every_row_and_file_of_it_and_nothing_else(
    alice: Person, charlie: Person, worker: Running, admin_connection: psycopg.Connection[Any]
) -> None:
    for person in (alice, charlie):
        settle(person, document=handbook_of(person))
    acme, globex = alice.access.tenant_id, charlie.access.tenant_id
    asked = alice.full_api.post(PATH, {"of": "tenant"})
    assert asked.status_code == 202
    export = asked.json()
    done = finished(alice.full_api, export["id"])
    assert done == {
        "id": export["id"],
        "of": "tenant",
        "requested_by": str(alice.user.pk),
        "status": "ready",
        "progress": 1.0,
        "error": None,
        "size": done["size"],
        "created_at": export["created_at"],
        "expires_at": done["expires_at"],
    }
    answer = alice.full_api.get(f"{PATH}{export['id']}/file/")
    content = body_of(answer)
    assert len(content) == done["size"]
    date = f"{timezone.now():%Y-%m-%d}"
    assert {name: answer[name] for name in ("Content-Type", "Content-Disposition", "Content-Length")} == {
        "Content-Type": "application/zip",
        "Content-Disposition": f'attachment; filename="docent-acme-{date}.zip"',
        "Content-Length": str(len(content)),
    }
    assert answer["Content-Security-Policy"] == "sandbox"
    assert (answer["X-Content-Type-Options"], answer["Cache-Control"]) == ("nosniff", "private, no-cache")
    again = alice.full_api.get(f"{PATH}{export['id']}/file/", headers={"If-None-Match": answer["ETag"]})
    assert again.status_code == 304
    held = entries(content)
    tables = {f"rows/{table}.jsonl" for table in tenant_models()}
    [document] = rows(held["rows/documents_document.jsonl"])
    original = f"files/{document['id']}/1/handbook.pdf"
    assert set(held) == {"README.txt", "organisation.json", "people.jsonl", original, *tables}
    assert held[original] == handbook()
    for table in tenant_models():
        query = sql.SQL("SELECT one.id::text, one::text FROM {} AS one WHERE tenant_id = %s")
        there = admin_connection.execute(query.format(sql.Identifier(table)), [acme])
        found = rows(held[f"rows/{table}.jsonl"])
        # That it was read is recorded afterwards.
        assert {row["id"] for row in found} == {id_ for id_, row in there if "export.read" not in row}, table
        assert {row["tenant_id"] for row in found} == {str(acme)} or not found
        assert not SECRETS & {name for row in found for name in row}
    text = b"".join(part for name, part in held.items() if name != original).decode()
    assert str(globex) not in text
    assert "charlie" not in text
    with tenant_atomic(acme):
        for token in ApiToken.objects.all():
            assert bytes(token.secret_sha256).hex() not in text
        reads = AuditEvent.objects.filter(action="export.read", target_id=export["id"])
        assert reads.count() == 2, "each time, also when nothing had changed"
    chunks = len(rows(held["rows/documents_chunk.jsonl"]))
    assert f"{chunks:10} rows in rows/documents_chunk.jsonl\n" in held["README.txt"].decode()
    [owner] = rows(held["people.jsonl"])
    assert owner == {"id": str(alice.user.pk), "email": "alice@example.org", "name": "Alice"}


def test_P1_a_persons_export_has_what_is_theirs_and_nothing_of_their_colleagues(
    alice: Person, bob: Person, worker: Running
) -> None:
    acme = alice.access.tenant_id
    theirs = handbook_of(bob)
    hidden = uploaded(bob, "plan.txt", b"A plan of the yard and its gate.")["id"]
    hers = uploaded(alice, "pay.txt", b"What everybody earns.")["id"]
    settle(alice, document=theirs)
    conversation = live(bob, document=theirs)
    EmailAddress.objects.create(user=bob.user, email="bob@private.example", verified=True)
    with tenant_atomic(acme):
        closed = Collection.objects.create(name="Closed", slug="closed", is_restricted=True)
        Document.objects.filter(id=hidden).update(collection=closed)
    asked = bob.client.post("/o/acme/settings/data/export/", headers=BROWSER)
    assert (asked.status_code, asked["Location"]) == (302, "/o/acme/settings/data/")
    page = ""

    def is_linked() -> bool:
        nonlocal page
        page = bob.client.get("/o/acme/settings/data/").content.decode()
        return len(re.findall(r"exports/[-0-9a-f]{36}/\"", page)) == 2

    wait_for("both exports are there, the one that was made before too", is_linked)
    with tenant_atomic(acme):
        export = Export.objects.get(size__gt=100)
    held = entries(body_of(bob.client.get(f"/o/acme/settings/data/exports/{export.id}/")))
    names = "audit documents evaluation-questions personas prompts shares tokens usage".split()
    files = {f"files/{theirs}/1/handbook.pdf", f"conversations/{conversation}.json"}
    assert set(held) == {"README.txt", "profile.json", *files, *(f"{name}.jsonl" for name in names)}
    profile = json.loads(held["profile.json"])
    assert (profile["email"], profile["role"]) == ("bob@example.org", "member")
    assert profile["groups"] == ["Trustees of acme"]
    assert b"private.example" not in held["profile.json"], "what only the account is known by"
    whole = json.loads(held[f"conversations/{conversation}.json"])
    assert [one["content"] for one in whole["messages"]] == ["How much leave is there?", "[1]"]
    [citation] = whole["messages"][1]["citations"]
    assert citation["document"] == theirs
    assert citation["quote"]
    assert not any("why" in one for one in whole["messages"]), "members see no traces"
    assert [row["name"] for row in rows(held["documents.jsonl"])] == ["handbook.pdf"]
    assert [row["text"] for row in rows(held["evaluation-questions.jsonl"])] == ["Asked by Bob?"]
    assert len(rows(held["personas.jsonl"] + held["prompts.jsonl"])) == 3
    [share] = rows(held["shares.jsonl"])
    assert ({row["name"] for row in rows(held["tokens.jsonl"])}, share["is_by_link"]) == ({"tests"}, True)
    assert {row["actor_id"] for row in rows(held["audit.jsonl"])} == {str(bob.user.pk)}
    text = b"".join(held.values()).decode(errors="replace")
    assert "alice" not in text.lower()
    assert not any(one in text for one in (str(alice.user.pk), hers))


def test_P1_who_asks_for_what(  # noqa: PLR0917 - fixtures
    alice: Person, adam: Person, bob: Person, dana: Person, charlie: Person, worker: Running
) -> None:
    asked = [one.full_api.post(PATH, {"of": "me"}).status_code for one in (alice, adam, bob, dana)]
    assert asked == [202, 202, 403, 403]
    assert [one.full_api.post(PATH, {"of": "tenant"}).status_code for one in (adam, bob, dana)] == [403] * 3
    assert ApiClient("none").get(PATH).status_code == 401
    assert alice.client.get(PATH).status_code == 401
    organisation = alice.full_api.post(PATH, {"of": "tenant"}).json()["id"]
    own = {one: one.full_api.get(PATH).json()["results"] for one in (alice, adam, charlie)}
    assert [sorted(row["of"] for row in own[one]) for one in own] == [["me", "tenant"], ["me"], []]
    adams = own[adam][0]["id"]
    for person, export in ((alice, adams), (adam, organisation), (charlie, organisation), (charlie, adams)):
        for path in (f"{PATH}{{}}/", f"{PATH}{{}}/file/"):
            foreign, missing = (person.full_api.get(path.format(one)) for one in (export, uuid4()))
            assert refusal(foreign) == refusal(missing)
            assert foreign.status_code == 404
        assert person.full_api.delete(f"{PATH}{export}/").status_code == 404
        page = f"/o/{person.slug}/settings/data/exports"
        for ask, rest in ((person.client.get, ""), (person.client.post, "delete/")):
            foreign, missing = (ask(f"{page}/{one}/{rest}", headers=BROWSER) for one in (export, uuid4()))
            assert (foreign.status_code, foreign.content) == (404, missing.content)
    assert bob.client.get(f"/o/acme/settings/data/exports/{organisation}/").status_code == 404
    for person in (bob, dana, adam):
        sent = person.client.post("/o/acme/settings/data/export-organisation/", headers=BROWSER)
        assert sent.status_code == 403
    assert {finished(alice.full_api, one)["status"] for one in (organisation, own[alice][0]["id"])} == {"ready"}


def test_P1_a_token_that_reaches_some_collections_has_no_exports(alice: Person) -> None:
    export = waiting_export(alice, subject=None)
    narrow = create_token(access=alice.access, name="narrow", scopes=frozenset(Scope), collections=[]).value
    weak = create_token(access=alice.access, name="weak", scopes=frozenset(Scope) - {Scope.ADMIN}).value
    for api in map(ApiClient, (narrow, weak)):
        for path in (PATH, f"{PATH}{export.id}/", f"{PATH}{export.id}/file/"):
            assert api.get(path).status_code == 403
        assert [api.post(PATH, {"of": of}).status_code for of in ("me", "tenant")] == [403, 403]
        assert api.delete(f"{PATH}{export.id}/").status_code == 403


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, [("/of", "required")]),
        ({"of": "everybody"}, [("/of", "invalid_choice")]),
        ({"of": "me", "user": "x"}, [("/user", "unknown_field")]),
    ],
)
def test_wrong_requests(alice: Person, body: dict[str, str], expected: list[tuple[str, str]]) -> None:
    assert pointers(alice.full_api.post(PATH, body)) == expected


def test_one_at_a_time_and_five_in_all(alice: Person) -> None:
    waiting_export(alice, subject=alice.user.pk)
    refused = alice.full_api.post(PATH, {"of": "me"})
    assert (refused.status_code, refused.json()["code"]) == (409, "in_progress")
    with tenant_atomic(alice.access.tenant_id):
        Export.objects.update(status=Export.Status.FAILED)
    for _ in range(4):
        waiting_export(alice, subject=alice.user.pk, status=Export.Status.FAILED)
    refused = alice.full_api.post(PATH, {"of": "me"})
    assert (refused.status_code, refused.json()["code"]) == (409, "too_many")
    export = alice.full_api.get(PATH).json()["results"][0]["id"]
    assert alice.full_api.get(f"{PATH}{export}/file/").json()["code"] == "not_ready"
    alice.client.post("/o/acme/settings/data/export/", headers=BROWSER)
    assert "delete one first" in alice.client.get("/o/acme/settings/data/").content.decode()


def test_one_that_is_deleted_stops_and_leaves_no_file(alice: Person) -> None:
    export = waiting_export(alice, subject=None)
    lease = claimed(export)
    assert alice.full_api.delete(f"{PATH}{export.id}/").status_code == 204
    run_export(export.id, lease)
    assert not default_storage.exists(key_of(alice.access.tenant_id, export.id))
    assert not Job.objects.filter(target_id=export.id).exists()
    kept = waiting_export(alice, subject=None)
    run_export(kept.id, claimed(kept))
    assert state_of(kept) == ("ready", "")
    assert default_storage.exists(key_of(alice.access.tenant_id, kept.id))
    alice.full_api.delete(f"{PATH}{kept.id}/")
    assert not default_storage.exists(key_of(alice.access.tenant_id, kept.id))


def test_a_job_whose_export_is_gone_is_done(alice: Person) -> None:
    export = waiting_export(alice, subject=None)
    with tenant_atomic(alice.access.tenant_id):
        Export.objects.filter(id=export.id).delete()
    job = Job.objects.get(target_id=export.id)
    Job.objects.filter(id=job.id).update(run_at=timezone.now() - timedelta(seconds=1))
    assert runner.run_job(job.id)
    assert not Job.objects.filter(id=job.id).exists(), "neither tried again nor a dead letter"


def test_whose_authority_ended_meanwhile_gets_nothing(alice: Person, adam: Person, bob: Person) -> None:
    gone = waiting_export(bob, subject=bob.user.pk)
    demoted = waiting_export(adam, subject=None)
    remove_member(access=alice.access, user_id=bob.user.pk)
    for export in (gone, demoted):
        run_export(export.id, claimed(export))
        assert state_of(export) == ("failed", "Whoever asked for it may not have it any more.")
        assert not default_storage.exists(key_of(alice.access.tenant_id, export.id))


def test_what_fails_says_so_and_is_tried_again(alice: Person, worker: Running) -> None:
    export = waiting_export(alice, subject=alice.user.pk)
    job = Job.objects.get(target_id=export.id)
    key = key_of(alice.access.tenant_id, export.id)
    # A folder where the file has to go: writing fails each time.
    default_storage.save(f"{key}/obstacle", ContentFile(b"x"))
    for _ in range(3):
        Job.objects.filter(id=job.id).update(run_at=timezone.now() - timedelta(seconds=1))
        assert runner.run_job(job.id)
    assert state_of(export) == ("failed", "Processing failed several times. You can try it again.")
    assert alice.full_api.get(f"{PATH}{export.id}/").json()["error"].startswith("Processing failed")
    [listed] = alice.full_api.get("/api/v1/jobs/").json()["results"]
    assert (listed["status"], listed["error"]["code"]) == ("dead", "export_failed")
    default_storage.delete(f"{key}/obstacle")
    default_storage.delete(key)
    assert alice.full_api.post(f"/api/v1/jobs/{job.id}/retry/", {}).status_code == 202
    assert finished(alice.full_api, str(export.id))["status"] == "ready"
    assert state_of(export) == ("ready", "")


def test_what_has_had_its_time_goes(alice: Person, charlie: Person, capsys: pytest.CaptureFixture[str]) -> None:
    old, young = (waiting_export(alice, subject=alice.user.pk) for _ in range(2))
    for export in (old, young):
        run_export(export.id, claimed(export))
    stray = default_storage.save(key_of(charlie.access.tenant_id, uuid4()), ContentFile(b"x"))
    invitation = create_invitation(access=alice.access, email="frank@example.org", role=Role.VIEWER).invitation
    with tenant_atomic(alice.access.tenant_id):
        Export.objects.filter(id=old.id).update(expires_at=timezone.now() - timedelta(seconds=1))
        Invitation.objects.update(expires_at=timezone.now() - timedelta(days=29))
    Revocation.objects.create(tenant_id=uuid4(), reason="ended")
    assert alice.full_api.get(f"{PATH}{old.id}/file/").status_code == 404, "gone before it is purged"
    call_command("purge_expired", "--dry-run")
    call_command("purge_expired")
    assert (state_of(old), state_of(young)) == (None, ("ready", ""))
    keys = [key_of(alice.access.tenant_id, old.id), key_of(alice.access.tenant_id, young.id), stray]
    assert [default_storage.exists(key) for key in keys] == [False, True, False]
    with tenant_atomic(alice.access.tenant_id):
        Invitation.objects.update(expires_at=timezone.now() - timedelta(days=31))
    call_command("purge_expired")
    told = re.findall(r"(?m)^ *([1-9]\d* \w+)", capsys.readouterr().out)
    with tenant_atomic(alice.access.tenant_id):
        assert [*Invitation.objects.filter(id=invitation.id), *told] == ["1 exports"] * 2 + ["1 invitations"]


def test_the_command_writes_a_file_for_the_operator_alone(
    alice: Person, charlie: Person, worker: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settle(alice, document=handbook_of(alice))
    path = tmp_path / "acme.zip"
    call_command("export_tenant", "acme", output=path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    held = entries(path.read_bytes())
    assert json.loads(held["organisation.json"])["slug"] == "acme"
    total = sum(len(rows(content)) for name, content in held.items() if name.endswith(".jsonl"))
    assert f"{total} rows and 1 files in {path}" in capsys.readouterr().out
    with pytest.raises(CommandError, match="cannot be written: File exists"):
        call_command("export_tenant", "acme", output=path)
    with pytest.raises(CommandError, match="no tenant"):
        call_command("export_tenant", "umbrella", output=tmp_path / "umbrella.zip")
    assert not (tmp_path / "umbrella.zip").exists()
    with tenant_atomic(alice.access.tenant_id):
        # A folder where the file should be: it cannot be read, and is not lost either.
        DocumentVersion.objects.update(storage_key=f"t/{alice.access.tenant_id}")
    with pytest.raises(CommandError, match="cannot be written: Is a directory"):
        call_command("export_tenant", "acme", output=tmp_path / "half.zip")
    assert not (tmp_path / "half.zip").exists()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("a\\b:c\x00.txt", "a_b_c_.txt"),
        ("..", "file"),
        ("Büro 3.txt", "Büro 3.txt"),
        ("x" * 300 + ".pdf", "x" * 146 + ".pdf"),
        ("名" * 100 + ".pdf", "名" * 48 + ".pdf"),
    ],
)
def test_U5_a_files_name_stays_in_its_folder(name: str, expected: str) -> None:
    assert safe_name(name) == expected
