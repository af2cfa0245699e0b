"""Jobs: taken once, kept by a lease, counted, given up in the open, and sent fairly."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event, Thread
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.db import connection, connections, transaction

from config.embedded import PROJECT
from tenants.context import TenantConflict, find_tenant_id, tenant_context
from tenants.db import tenant_atomic
from tenants.jobs import leases, outbox, runner
from tenants.jobs.handlers import JobHandler, register_job
from tenants.jobs.leases import MAX_ATTEMPTS, Lease, LeaseLost
from tenants.jobs.models import Job
from tests.config.polling import wait_for
from tests.environment import Environment
from tests.people import Person
from tests.processes import Running

pytestmark = pytest.mark.django_db(transaction=True)

KIND = "tests.work"


class Work:
    """A kind of job whose runs are what the test makes of them."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.lease: Lease | None = None
        self.runs: list[tuple[UUID, int]] = []
        self.given_up: list[tuple[UUID, str, UUID | None]] = []
        self.began, self.may_end = Event(), Event()
        self.may_end.set()

    def run(self, target: UUID, lease: Lease) -> None:
        self.runs.append((target, lease.attempts))
        self.lease = lease
        self.began.set()
        assert self.may_end.wait(20)
        lease.check()
        if self.error is not None:
            raise self.error

    def give_up(self, target: UUID, code: str, _detail: str) -> None:
        self.given_up.append((target, code, find_tenant_id()))


@pytest.fixture
def work() -> Iterator[Work]:
    work = Work()
    register_job(KIND, JobHandler(run=work.run, give_up=work.give_up))
    yield work
    work.may_end.set()


def _job(tenant: UUID, *, kind: str = KIND, seconds_ago: float = 0) -> Job:
    """A job as the outbox writes it, of which no broker has heard."""
    identity = uuid4()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO tenants_job (id, tenant_id, kind, target_id, queue, attempts, run_at, created_at)"
            " SELECT %s, %s, %s, %s, 'work', 0, made, made"
            " FROM (SELECT now() - make_interval(secs => %s)) AS t (made)",
            [identity, tenant, kind, uuid4(), seconds_ago],
        )
    return Job.objects.get(id=identity)


def _make_due(job: Job) -> None:
    """Time passes: a lease ends, a back-off is over."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE tenants_job SET run_at = now(),"
            " lease_expires_at = CASE WHEN lease_id IS NULL THEN NULL ELSE now() - interval '1 second' END"
            " WHERE id = %s",
            [job.id],
        )


def test_of_many_who_claim_a_job_one_gets_it() -> None:
    job = _job(uuid4())
    # Fewer than the pool has connections: on a busy machine new ones may be long in coming.
    barrier = Barrier(4)

    def claim(_: int) -> Lease | None:
        try:
            with connection.cursor():
                barrier.wait(20)
            return leases.claim(job.id, seconds=30)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as threads:
        claimed = [lease for lease in threads.map(claim, range(4)) if lease is not None]
    [lease] = claimed
    assert (lease.tenant_id, lease.kind, lease.target_id, lease.attempts) == (
        job.tenant_id,
        KIND,
        job.target_id,
        1,
    )


def test_an_expired_lease_passes_to_the_next_and_is_lost_to_the_first() -> None:
    job = _job(uuid4())
    first = leases.claim(job.id, seconds=30)
    assert first is not None
    assert leases.claim(job.id, seconds=30) is None
    assert leases.renew(first, seconds=30)
    _make_due(job)
    second = leases.claim(job.id, seconds=30)
    assert second is not None
    assert second.attempts == 2
    assert not leases.renew(first, seconds=30)
    leases.finish(first)
    leases.release(first, delay_seconds=0)
    assert not leases.bury(first)
    job.refresh_from_db()
    assert (job.lease_id, job.dead_at) == (second.lease_id, None), "the first one can do nothing any more"
    leases.finish(second)
    assert not Job.objects.exists()


def test_a_released_job_waits_and_a_buried_one_stays() -> None:
    job = _job(uuid4())
    lease = leases.claim(job.id, seconds=30)
    assert lease is not None
    leases.release(lease, delay_seconds=60)
    assert leases.claim(job.id, seconds=30) is None
    _make_due(job)
    lease = leases.claim(job.id, seconds=30)
    assert lease is not None
    assert leases.bury(lease)
    _make_due(job)
    assert leases.claim(job.id, seconds=30) is None
    assert Job.objects.get().dead_at is not None


def test_a_heartbeat_keeps_a_lease_and_tells_of_its_loss() -> None:
    job = _job(uuid4())
    lease = leases.claim(job.id, seconds=0.6)
    assert lease is not None
    expires = Job.objects.get().lease_expires_at
    with leases.heartbeat(lease, seconds=0.6):
        wait_for("it is renewed twice", lambda: _is_later(expires, seconds=0.35))
        lease.check()
        outbox.cancel(KIND, job.target_id)
        assert lease.lost.wait(5)
        with pytest.raises(LeaseLost):
            lease.check()


def _is_later(moment: Any, *, seconds: float) -> bool:
    expires = Job.objects.get().lease_expires_at
    assert expires is not None
    return bool((expires - moment).total_seconds() > seconds)


def test_work_that_is_done_leaves_no_job(work: Work) -> None:
    job = _job(uuid4())
    assert runner.run_job(job.id)
    assert work.runs == [(job.target_id, 1)]
    assert not Job.objects.exists()
    assert not runner.run_job(job.id), "there is nothing left to run"


def test_F6_attempts_are_counted_and_end_as_a_dead_letter(alice: Person, work: Work) -> None:
    job = _job(alice.access.tenant_id)
    work.error = RuntimeError("the paper jams")
    for attempt in range(1, MAX_ATTEMPTS + 1):
        assert not work.given_up
        assert runner.run_job(job.id)
        assert not runner.run_job(job.id), "it waits, or is dead"
        assert work.runs[-1] == (job.target_id, attempt)
        _make_due(job)
    assert work.given_up == [(job.target_id, "processing_failed", alice.access.tenant_id)]
    assert not runner.run_job(job.id)
    dead = Job.objects.get()
    assert dead.dead_at is not None
    assert len(work.runs) == MAX_ATTEMPTS


def test_F6_a_job_that_kills_its_worker_is_counted_too(alice: Person, work: Work) -> None:
    job = _job(alice.access.tenant_id)
    for _ in range(MAX_ATTEMPTS):
        assert leases.claim(job.id, seconds=30) is not None  # and then the worker dies
        _make_due(job)
    assert runner.run_job(job.id)
    assert work.runs == []
    assert work.given_up == [(job.target_id, "worker_died", alice.access.tenant_id)]


def test_F6_a_job_that_cannot_even_be_given_up_becomes_a_dead_letter(alice: Person) -> None:
    job = _job(alice.access.tenant_id, kind="tests.of_an_app_that_is_gone")
    for _ in range(MAX_ATTEMPTS + 1):
        _make_due(job)
        runner.run_job(job.id)
    assert Job.objects.get(id=job.id).dead_at is not None


def test_a_dead_letter_asked_for_again_starts_afresh(alice: Person, work: Work) -> None:
    tenant = alice.access.tenant_id
    job = _job(tenant)
    lease = leases.claim(job.id, seconds=30)
    assert lease is not None
    leases.bury(lease)
    with transaction.atomic():
        with tenant_atomic(tenant):
            outbox.enqueue(KIND, job.target_id)
        again = Job.objects.get()
        assert (again.id, again.attempts, again.dead_at, again.lease_id) == (job.id, 0, None, None)
        transaction.set_rollback(True)
    assert Job.objects.get().dead_at is not None, "it was in the transaction of the thing it works on"


def test_a_holder_loses_a_job_that_is_asked_for_anew(alice: Person, work: Work) -> None:
    tenant = alice.access.tenant_id
    job = _job(tenant)
    work.may_end.clear()

    def run() -> None:
        try:
            runner.run_job(job.id)
        finally:
            connections.close_all()

    holder = Thread(target=run)
    holder.start()
    assert work.began.wait(20)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE tenants_job SET attempts = 0, lease_id = NULL, lease_expires_at = NULL")
    assert work.lease is not None
    assert work.lease.lost.wait(20), "the heartbeat notices"
    work.may_end.set()
    holder.join(20)
    assert Job.objects.values_list("attempts", "dead_at").get() == (0, None), "left for the next one"


def test_I6_a_job_of_another_tenant_is_not_run_for_this_one(work: Work) -> None:
    job = _job(uuid4())
    with tenant_context(uuid4()), pytest.raises(TenantConflict):
        runner.run_job(job.id)
    assert work.runs == []


def test_a_job_needs_a_tenant(work: Work) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        outbox.enqueue(KIND, uuid4())
    assert not Job.objects.exists()


def test_I11_a_tenant_with_much_work_does_not_hold_up_another(settings: Any) -> None:
    settings.DOCENT_JOBS_IN_FLIGHT = {"work": 8}
    busy, quiet = uuid4(), uuid4()
    with transaction.atomic():  # unseen by workers until it is rolled back
        for number in range(20):
            _job(busy, seconds_ago=100 - number)
        late = {_job(quiet).id, _job(quiet).id}
        assert outbox.dispatch() == 8
        sent = Job.objects.exclude(sent_at=None)
        assert set(sent.filter(tenant_id=quiet).values_list("id", flat=True)) == late
        assert sent.filter(tenant_id=busy).count() == 6
        first = Job.objects.filter(tenant_id=busy).order_by("created_at")[:6]
        assert {job.id for job in first} == set(sent.filter(tenant_id=busy).values_list("id", flat=True))
        assert outbox.dispatch() == 0, "no more than that at once"
        transaction.set_rollback(True)


def test_jobs_that_are_dead_held_or_not_due_are_not_sent(settings: Any) -> None:
    settings.DOCENT_JOBS_IN_FLIGHT = {"work": 8}
    with transaction.atomic():
        dead, held, _later = _job(uuid4()), _job(uuid4()), _job(uuid4(), seconds_ago=-60)
        for job in (dead, held):
            lease = leases.claim(job.id, seconds=30)
            assert lease is not None
            assert job is held or leases.bury(lease)
        due = _job(uuid4())
        assert outbox.dispatch() == 1
        assert list(Job.objects.exclude(sent_at=None).values_list("id", flat=True)) == [due.id]
        transaction.set_rollback(True)


def test_F33_a_job_whose_sender_died_after_the_commit_is_run(alice: Person, worker: Running) -> None:
    # Of a kind that the worker knows; its target is gone, so there is nothing to do but to be done.
    _job(alice.access.tenant_id, kind="documents.ingest")
    outbox.dispatch()  # as beat does
    wait_for("the worker has run it", lambda: not Job.objects.exists())


def test_F33_a_message_that_got_lost_is_sent_again(alice: Person, worker: Running) -> None:
    job = _job(alice.access.tenant_id, kind="documents.ingest")
    Job.objects.filter(id=job.id).update(sent_at=job.created_at)
    assert outbox.dispatch() == 0, "it may be on its way"
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE tenants_job SET sent_at = now() - make_interval(secs => %s)", [outbox.RESEND_SECONDS]
        )
    assert outbox.dispatch() == 1
    wait_for("the worker has run it", lambda: not Job.objects.exists())


AT_A_WRONG_CLOCK = """
import json, sys, time
from datetime import timedelta
from uuid import uuid4
import django
from django.utils import timezone
hours, held = float(sys.argv[1]), sys.argv[2]
now, seconds = timezone.now, time.time
timezone.now = lambda: now() + timedelta(hours=hours)
time.time = lambda: seconds() + hours * 3600
django.setup()
from django.db import transaction
from tenants.access import access_of_cli
from tenants.db import tenant_atomic
from tenants.jobs import leases, outbox
from tenants.models import Job
from tenants.services.jobs import describe_jobs
access = access_of_cli("acme")
seen = {"may take what is held": leases.claim(held, seconds=30) is not None}
with tenant_atomic(access.tenant_id):
    [view] = describe_jobs(access, [Job.objects.get(id=held)])
    seen["calls it"] = view.status
    outbox.enqueue("none.known", uuid4())
    lease = leases.claim(Job.objects.exclude(id=held).get().id, seconds=30)
    seen["takes what is due"] = lease is not None
    seen["keeps it"] = leases.renew(lease, seconds=30)
    leases.release(lease, delay_seconds=60)
    seen["takes what is not due"] = leases.claim(lease.job_id, seconds=30) is not None
    transaction.set_rollback(True)
print(json.dumps(seen))
"""


@pytest.mark.parametrize("hours", [-1, 1])
def test_F36_a_process_whose_clock_is_an_hour_wrong_does_all_by_the_databases(
    alice: Person, run_environment: Environment, hours: int
) -> None:
    held = _job(alice.access.tenant_id)
    lease = leases.claim(held.id, seconds=60)
    assert lease is not None
    ran = subprocess.run(
        [sys.executable, "-c", AT_A_WRONG_CLOCK, str(hours), str(held.id)],
        cwd=PROJECT,
        env={**os.environ, **run_environment.variables},
        check=True,
        stdout=subprocess.PIPE,
    )
    assert json.loads(ran.stdout) == {
        "may take what is held": False,
        "calls it": "running",
        "takes what is due": True,
        "keeps it": True,
        "takes what is not due": False,
    }
    assert leases.renew(lease, seconds=30), "it is still the first one's"


def test_I8_a_jobs_row_says_no_content(owner_connection: psycopg.Connection) -> None:
    rows = owner_connection.execute(
        "SELECT data_type FROM information_schema.columns"
        " WHERE table_name IN ('tenants_job', 'tenants_replylease')"
    )
    assert {kind for (kind,) in rows} <= {
        "uuid",
        "character varying",
        "smallint",
        "boolean",
        "timestamp with time zone",
    }
