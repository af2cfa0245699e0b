"""`/jobs/`: background work that failed is seen, with its reason, and tried again, by whoever's it is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from documents.models import Collection, Document, DocumentVersion, Status
from documents.services.files import ERASE_FILES
from documents.services.processing import READ
from tenants.db import tenant_atomic
from tenants.models import AuditEvent, Job
from tenants.permissions import Scope
from tenants.services.tokens import create_token
from tests.people import ApiClient, Person

pytestmark = pytest.mark.django_db(transaction=True)

JOBS = "/api/v1/jobs/"
DETAIL = "Processing failed several times. You can try it again."


def _api(person: Person, *scopes: Scope) -> ApiClient:
    wanted = frozenset(scopes or (Scope.ADMIN, Scope.DOCUMENTS_WRITE))
    return ApiClient(create_token(access=person.access, name="jobs", scopes=wanted).value)


def _dead(person: Person) -> Job:
    """The job of a document that was given up, as a worker leaves both; none that lives takes it up."""
    file = {"sha256": uuid4().hex * 2, "size": 5, "media_type": "text/plain"}
    failed = {"status": Status.FAILED, "error_code": "processing_failed", "error_detail": DETAIL}
    with tenant_atomic(person.access.tenant_id):
        document = Document.objects.create(
            collection=Collection.objects.get(is_default=True),
            name="notes.txt",
            title="Notes",
            **failed,
            **file,
        )
        version = DocumentVersion.objects.create(
            document=document, number=1, storage_key="t/none", **failed, **file
        )
    now = timezone.now()
    job: Job = Job.objects.create(
        tenant_id=person.access.tenant_id, kind=READ, target_id=version.id, run_at=now, dead_at=now, attempts=3
    )
    return job


def test_dead_jobs_are_listed_with_their_reason(alice: Person, bob: Person, charlie: Person) -> None:
    dead, foreign = _dead(alice), _dead(charlie)
    waiting = Job.objects.create(
        tenant_id=alice.access.tenant_id, kind="none.known", target_id=uuid4(), run_at=timezone.now()
    )
    listed = _api(alice).get(JOBS).json()["results"]
    assert [(one["id"], one["status"], one["error"]) for one in listed] == [
        (str(waiting.id), "waiting", None),
        (str(dead.id), "dead", {"code": "processing_failed", "detail": DETAIL}),
    ]
    assert set(listed[1]) == {
        "id", "kind", "target", "queue", "status", "position", "stage", "progress", "eta_seconds", "attempts",
        "error", "created_at", "run_at", "started_at", "dead_at",
    }  # fmt: skip
    assert (listed[1]["kind"], listed[1]["target"], listed[1]["attempts"]) == (READ, str(dead.target_id), 3)
    assert [one["id"] for one in _api(charlie).get(JOBS).json()["results"]] == [str(foreign.id)]

    page = _api(alice).get(f"{JOBS}?limit=1").json()
    assert [one["id"] for one in page["results"]] == [str(waiting.id)]
    assert [one["id"] for one in _api(alice).get(page["next"]).json()["results"]] == [str(dead.id)]


def test_a_dead_job_is_started_afresh(alice: Person) -> None:
    dead = _dead(alice)
    answer = _api(alice).post(f"{JOBS}{dead.id}/retry/")
    assert answer.status_code == 202
    assert {"id": str(dead.id), "status": "waiting", "attempts": 0, "error": None}.items() <= answer.json().items()
    with tenant_atomic(alice.access.tenant_id):
        # What becomes of it now is for a worker to say, if one lives.
        document = Document.objects.get(versions=dead.target_id)
        assert AuditEvent.objects.filter(action="document.reprocessed", target_id=document.id).count() == 1


def test_a_job_of_a_kind_without_a_guide_is_put_back_in_line(alice: Person) -> None:
    now = timezone.now()
    job = Job.objects.create(
        tenant_id=alice.access.tenant_id, kind="none.known", target_id=uuid4(), run_at=now, dead_at=now, attempts=3
    )
    assert _api(alice).post(f"{JOBS}{job.id}/retry/").status_code == 202
    job.refresh_from_db()
    assert job.dead_at is None
    with tenant_atomic(alice.access.tenant_id):
        assert AuditEvent.objects.filter(action="job.retried", target_id=job.id).count() == 1


def test_a_job_whose_document_is_gone_cannot_be_tried_again(alice: Person) -> None:
    now = timezone.now()
    job = Job.objects.create(
        tenant_id=alice.access.tenant_id, kind=READ, target_id=uuid4(), run_at=now, dead_at=now
    )
    assert _api(alice).post(f"{JOBS}{job.id}/retry/").status_code == 404
    job.refresh_from_db()
    assert job.dead_at is not None


def test_I1_a_foreign_job_is_a_missing_one(alice: Person, charlie: Person) -> None:
    foreign = _dead(charlie)

    def refusal(job_id: UUID, act: str = "retry") -> tuple[int, dict[str, Any]]:
        answer = _api(alice).post(f"{JOBS}{job_id}/{act}/")
        return answer.status_code, {**answer.json(), "request_id": None}

    def retries() -> int:
        with tenant_atomic(charlie.access.tenant_id):
            count: int = AuditEvent.objects.filter(action="document.reprocessed").count()
        return count

    assert refusal(foreign.id) == refusal(uuid4())
    assert refusal(foreign.id, "cancel") == refusal(uuid4(), "cancel")
    assert refusal(foreign.id)[0] == refusal(foreign.id, "cancel")[0] == 404
    action = {"action": "retry", ACTION_CHECKBOX_NAME: str(foreign.id), "index": "0"}
    alice.client.post("/o/acme/admin/tenants/job/", action)
    foreign.refresh_from_db()
    assert foreign.dead_at is not None
    assert retries() == 0
    # The positive twin: charlie in his own administration.
    charlie.client.post("/o/globex/admin/tenants/job/", action)
    assert retries() == 1


def test_A3_jobs_are_for_admins(alice: Person, bob: Person, dana: Person) -> None:
    dead = _dead(alice)
    without = _api(alice, Scope.CHAT, Scope.DOCUMENTS_WRITE)
    for api in (bob.api, dana.api, without):
        assert api.get(JOBS).status_code == 403
        for act in ("retry", "cancel"):
            assert api.post(f"{JOBS}{dead.id}/{act}/").status_code == 403
    assert _api(alice).get(f"{JOBS}?limit=0").status_code == 400


def test_T3_a_token_that_reaches_some_collections_has_no_jobs(alice: Person) -> None:
    dead = _dead(alice)
    narrow = ApiClient(
        create_token(access=alice.access, name="narrow", scopes=frozenset(Scope), collections=[]).value
    )
    assert narrow.get(JOBS).status_code == 403
    assert narrow.post(f"{JOBS}{dead.id}/retry/").status_code == 403
    assert Job.objects.get(id=dead.id).dead_at == dead.dead_at


def _queued(person: Person, name: str, *, minutes_ago: int = 0, **state: Any) -> Job:
    """A job of a document under way, of which no worker hears."""
    state = {"status": Status.QUEUED, **state}
    file = {"sha256": uuid4().hex * 2, "size": 5, "media_type": "text/plain"}
    with tenant_atomic(person.access.tenant_id):
        document = Document.objects.create(
            collection=Collection.objects.get(is_default=True), name=name, title=name, **state, **file
        )
        version = DocumentVersion.objects.create(
            document=document, number=1, storage_key="t/none", **state, **file
        )
    later = timezone.now() + timedelta(hours=1)
    job: Job = Job.objects.create(
        tenant_id=person.access.tenant_id, kind=READ, target_id=version.id, run_at=later, attempts=1
    )
    Job.objects.filter(id=job.id).update(created_at=timezone.now() - timedelta(minutes=minutes_ago))
    return job


def _run(job: Job) -> None:
    """As if a worker held it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE tenants_job SET lease_id = gen_random_uuid(), started_at = now() - interval '1 minute',"
            " lease_expires_at = now() + interval '30 seconds' WHERE id = %s",
            [job.id],
        )


def test_the_queue_says_how_far_each_job_is_and_what_stands_before_it(alice: Person, charlie: Person) -> None:
    started = timezone.now() - timedelta(minutes=1)
    state = {"status": Status.EMBEDDING, "progress": 0.5, "started_at": started}
    running = _queued(alice, "a.txt", minutes_ago=9, **state)
    _run(running)
    first, second = _queued(alice, "b.txt", minutes_ago=8), _queued(alice, "c.txt", minutes_ago=7)
    _queued(charlie, "theirs.txt", minutes_ago=20)
    other = _queued(alice, "d.txt", minutes_ago=30)
    Job.objects.filter(id=other.id).update(queue="embed")
    shown = {one["id"]: one for one in _api(alice).get(JOBS).json()["results"]}
    assert [(shown[str(job.id)]["status"], shown[str(job.id)]["position"]) for job in (first, second, other)] == [
        ("waiting", 1),
        ("waiting", 2),
        ("waiting", 1),
    ]
    seen = shown[str(running.id)]
    assert (seen["status"], seen["position"], seen["queue"]) == ("running", None, "work")
    assert (seen["stage"], seen["progress"]) == ("embedding", 0.5)
    assert 55 < seen["eta_seconds"] < 70
    assert seen["started_at"] is not None
    # The same in the administration.
    page = alice.client.get("/o/acme/admin/tenants/job/").content.decode()
    for words in ("embedding", "50%", "0:01:0"):
        assert words in page
    assert 'name="action"' in page


def test_a_page_of_the_queue_takes_as_many_queries_however_long(alice: Person) -> None:
    api = _api(alice)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert api.get(JOBS).status_code == 200
        return len(captured)

    _queued(alice, "one.txt")
    queries()  # the token's first use is noted
    few = queries()
    for number in range(10):
        _queued(alice, f"{number}.txt")
    _dead(alice)
    # One more for the reasons of the dead.
    assert queries() == few + 1


@pytest.mark.parametrize("is_running", [False, True])
def test_what_waits_or_runs_is_cancelled_with_its_document(alice: Person, *, is_running: bool) -> None:
    job = _queued(alice, "a.txt")
    if is_running:
        _run(job)
    answer = _api(alice).post(f"{JOBS}{job.id}/cancel/")
    assert (answer.status_code, answer.content) == (204, b"")
    assert not Job.objects.filter(id=job.id).exists(), "whoever holds it has lost it"
    with tenant_atomic(alice.access.tenant_id):
        assert Document.objects.get().status == Status.CANCELLED
        assert AuditEvent.objects.filter(action="document.cancelled").count() == 1
    assert _api(alice).post(f"{JOBS}{job.id}/cancel/").status_code == 404


def test_what_is_dead_or_always_finished_is_not_cancelled(alice: Person) -> None:
    dead = _dead(alice)
    refused = _api(alice).post(f"{JOBS}{dead.id}/cancel/")
    assert (refused.status_code, refused.json()["code"]) == (409, "already_over")
    erasing = Job.objects.create(
        tenant_id=alice.access.tenant_id, kind=ERASE_FILES, target_id=uuid4(), run_at=timezone.now()
    )
    refused = _api(alice).post(f"{JOBS}{erasing.id}/cancel/")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_cancellable")
    assert Job.objects.filter(id=erasing.id).exists()


@pytest.mark.parametrize("is_running", [False, True])
def test_what_waits_or_runs_is_started_afresh(alice: Person, *, is_running: bool) -> None:
    job = _queued(alice, "a.txt")
    if is_running:
        _run(job)
    with transaction.atomic():  # so that no worker takes it at once
        answer = _api(alice).post(f"{JOBS}{job.id}/retry/")
        assert (answer.status_code, answer.json()["status"], answer.json()["attempts"]) == (202, "waiting", 0)
        job.refresh_from_db()
        assert (job.lease_id, job.started_at) == (None, None)
        assert job.run_at <= timezone.now() + timedelta(seconds=5)
        transaction.set_rollback(True)


def test_a_row_of_the_administration_is_cancelled_there(alice: Person, bob: Person) -> None:
    job = _queued(alice, "a.txt")
    action = {"action": "cancel", ACTION_CHECKBOX_NAME: str(job.id), "index": "0"}
    assert bob.client.post("/o/acme/admin/tenants/job/", action).status_code == 403
    assert Job.objects.filter(id=job.id).exists()
    page = alice.client.post("/o/acme/admin/tenants/job/", action, follow=True)
    assert "1 cancelled." in page.content.decode()
    assert not Job.objects.filter(id=job.id).exists()
