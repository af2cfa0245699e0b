"""`/jobs/`: background work that failed is seen, with its reason, and tried again, by whoever's it is."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.utils import timezone

from documents.models import Collection, Document, DocumentVersion, Status
from documents.services.documents import INGEST
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
    with tenant_atomic(person.access.tenant_id):
        document = Document.objects.create(
            collection=Collection.objects.get(is_default=True),
            name="notes.txt",
            title="Notes",
            status=Status.FAILED,
            error_code="processing_failed",
            error_detail=DETAIL,
            **file,
        )
        version = DocumentVersion.objects.create(document=document, number=1, storage_key="t/none", **file)
    now = timezone.now()
    job: Job = Job.objects.create(
        tenant_id=person.access.tenant_id, kind=INGEST, target_id=version.id, run_at=now, dead_at=now, attempts=3
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
        "id", "kind", "target", "status", "attempts", "error", "created_at", "run_at", "dead_at",
    }  # fmt: skip
    assert (listed[1]["kind"], listed[1]["target"], listed[1]["attempts"]) == (INGEST, str(dead.target_id), 3)
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
    # It waits now: there is nothing to try again.
    again = _api(alice).post(f"{JOBS}{job.id}/retry/")
    assert (again.status_code, again.json()["code"]) == (409, "not_dead")
    with tenant_atomic(alice.access.tenant_id):
        assert AuditEvent.objects.filter(action="job.retried", target_id=job.id).count() == 1


def test_a_job_whose_document_is_gone_cannot_be_tried_again(alice: Person) -> None:
    now = timezone.now()
    job = Job.objects.create(
        tenant_id=alice.access.tenant_id, kind=INGEST, target_id=uuid4(), run_at=now, dead_at=now
    )
    assert _api(alice).post(f"{JOBS}{job.id}/retry/").status_code == 404
    job.refresh_from_db()
    assert job.dead_at is not None


def test_I1_a_foreign_job_is_a_missing_one(alice: Person, charlie: Person) -> None:
    foreign = _dead(charlie)

    def refusal(job_id: UUID) -> tuple[int, dict[str, Any]]:
        answer = _api(alice).post(f"{JOBS}{job_id}/retry/")
        return answer.status_code, {**answer.json(), "request_id": None}

    def retries() -> int:
        with tenant_atomic(charlie.access.tenant_id):
            count: int = AuditEvent.objects.filter(action="document.reprocessed").count()
        return count

    assert refusal(foreign.id) == refusal(uuid4())
    assert refusal(foreign.id)[0] == 404
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
    for person in (bob, dana):
        assert person.api.get(JOBS).status_code == 403
        assert person.api.post(f"{JOBS}{dead.id}/retry/").status_code == 403
    without = _api(alice, Scope.CHAT, Scope.DOCUMENTS_WRITE)
    assert without.get(JOBS).status_code == 403
    assert without.post(f"{JOBS}{dead.id}/retry/").status_code == 403
    assert _api(alice).get(f"{JOBS}?limit=0").status_code == 400


def test_T3_a_token_that_reaches_some_collections_has_no_jobs(alice: Person) -> None:
    dead = _dead(alice)
    narrow = ApiClient(
        create_token(access=alice.access, name="narrow", scopes=frozenset(Scope), collections=[]).value
    )
    assert narrow.get(JOBS).status_code == 403
    assert narrow.post(f"{JOBS}{dead.id}/retry/").status_code == 403
    assert Job.objects.get(id=dead.id).dead_at == dead.dead_at
